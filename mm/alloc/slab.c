/*
 * The slab allocator: kernel objects of one size from blocks of 1 to 8 frames.
 *
 * A slab is such a block. Its struct page knows the cache, how many objects
 * are out, and the first free one; the free ones are chained through
 * themselves. A cache keeps its slabs on three lists: partial, full, empty,
 * and gives back all empty ones but one.
 *
 * In front of the slabs every CPU has a magazine for each cache, a stack of
 * free objects. It needs no lock: the kernel is not preemptible, and interrupt
 * handlers do not allocate. To the slabs an object in a magazine is out.
 *
 * The lock of a cache (RANK_SLAB) is held while a new slab is got from the
 * frame allocator, whose lock ranks above.
 *
 * Bonwick, "The Slab Allocator", USENIX 1994; Bonwick and Adams, "Magazines and
 * Vmem", USENIX 2001.
 */
#include <mm/alloc/slab_internal.h>
#include <lib/assert.h>
#include <lib/string.h>

struct kmem_cache caches[CACHES_MAX];
struct spinlock caches_lock = SPINLOCK_INIT(RANK_SLAB);
struct magazine *magazines[MAX_CPUS];

#define MAGAZINES_ORDER	1
_Static_assert(CACHES_MAX * sizeof(struct magazine) == PAGE_SIZE << MAGAZINES_ORDER,
	       "the magazines of a CPU");

/* ---- slabs; the cache's lock is held ---- */

static void slab_fill(struct kmem_cache *c, struct page *s)
{
	char *base = page_to_virt(s);
	void *next = NULL;

	for (uint32_t i = c->per_slab; i-- > 0; ) {
		void *obj = base + (size_t)i * c->stride;

		object_poison(c, obj);
		*object_link(c, obj) = next;
		next = obj;
	}
	s->free = next;
	s->inuse = 0;
	s->total = (uint16_t)c->per_slab;
	s->cache = c;
}

static struct page *slab_make(struct kmem_cache *c)
{
	struct page *s = page_alloc(c->order, PAGE_SLAB, 0);

	if (!s)
		return NULL;
	slab_fill(c, s);
	TAILQ_INSERT_HEAD(&c->empty, s, slab_link);
	c->nslabs++;
	c->nempty++;
	return s;
}

static void slab_destroy(struct kmem_cache *c, struct page *s)
{
	assert(s->inuse == 0);
	TAILQ_REMOVE(&c->empty, s, slab_link);
	c->nempty--;
	c->nslabs--;
	s->cache = NULL;
	page_free(s, c->order);
}

static void *slab_take(struct kmem_cache *c, struct page *s)
{
	void *obj = s->free;

	s->free = *object_link(c, obj);
	if (s->inuse++ == 0) {
		TAILQ_REMOVE(&c->empty, s, slab_link);
		TAILQ_INSERT_HEAD(&c->partial, s, slab_link);
		c->nempty--;
	}
	if (!s->free) {
		TAILQ_REMOVE(&c->partial, s, slab_link);
		TAILQ_INSERT_HEAD(&c->full, s, slab_link);
	}
	c->inuse++;
	return obj;
}

static void slab_give(struct kmem_cache *c, void *obj)
{
	struct page *s = slab_of(c, obj);

	assert(s->kind == PAGE_SLAB && s->cache == c && s->inuse);
	if (!s->free) {
		TAILQ_REMOVE(&c->full, s, slab_link);
		TAILQ_INSERT_HEAD(&c->partial, s, slab_link);
	}
	*object_link(c, obj) = s->free;
	s->free = obj;
	c->inuse--;
	if (--s->inuse)
		return;
	TAILQ_REMOVE(&c->partial, s, slab_link);
	TAILQ_INSERT_HEAD(&c->empty, s, slab_link);
	if (++c->nempty > EMPTY_MAX)
		slab_destroy(c, s);
}

/* ---- between slabs and magazines ---- */

/* Up to n objects, but a new slab only for the first; how many. */
static unsigned cache_take(struct kmem_cache *c, void **out, unsigned n)
{
	struct page *s;
	unsigned got;

	spin_lock(&c->lock);
	for (got = 0; got < n; got++) {
		s = TAILQ_FIRST(&c->partial);
		if (!s)
			s = TAILQ_FIRST(&c->empty);
		if (!s && !got)
			s = slab_make(c);
		if (!s)
			break;
		out[got] = slab_take(c, s);
	}
	spin_unlock(&c->lock);
	return got;
}

static void cache_give(struct kmem_cache *c, void *const *in, unsigned n)
{
	spin_lock(&c->lock);
	for (unsigned i = 0; i < n; i++)
		slab_give(c, in[i]);
	spin_unlock(&c->lock);
}

/* Gives back the n objects that lay in the magazine longest. */
static void magazine_drain(struct kmem_cache *c, struct magazine *m, unsigned n)
{
	cache_give(c, m->obj, n);
	m->count -= n;
	memmove(m->obj, m->obj + n, m->count * sizeof(m->obj[0]));
}

/* The magazines of a CPU, this one or one that allocates nothing yet, are made if they are missing. */
static void magazines_make(unsigned cpu)
{
	struct page *p;

	if (magazines[cpu])
		return;
	p = page_alloc(MAGAZINES_ORDER, PAGE_KERNEL, ALLOC_ZERO);
	if (p)
		magazines[cpu] = page_to_virt(p);
}

/* This CPU's magazine of c; NULL: no memory. */
static struct magazine *magazine_get(const struct kmem_cache *c)
{
	magazines_make(this_cpu()->id);
	return magazine_of(c, this_cpu()->id);
}

void slab_cpus(void)
{
	for (unsigned i = 0; i < arch_ncpus; i++)
		magazines_make(i);
}

/* ---- objects ---- */

static __attribute__((noinline)) void *alloc_slow(struct kmem_cache *c)
{
	struct magazine *m = magazine_get(c);
	void *obj;

	if (m) {
		m->count = cache_take(c, m->obj, MAGAZINE_BATCH);
		if (!m->count)
			return NULL;
		obj = m->obj[--m->count];
	} else if (!cache_take(c, &obj, 1)) {
		return NULL;
	}
	object_alloc(c, obj);
	return obj;
}

void *kmem_alloc(struct kmem_cache *c)
{
	struct magazine *m = magazine_of(c, this_cpu()->id);
	void *obj;

	debug_assert(c->exists && this_cpu()->irq_depth == 0);
	if (unlikely(page_fail_objects) && page_fail_now())
		return NULL;
	if (unlikely(!m || !m->count))
		return alloc_slow(c);
	obj = m->obj[--m->count];
	object_alloc(c, obj);
	return obj;
}

void *kmem_zalloc(struct kmem_cache *c)
{
	void *obj = kmem_alloc(c);

	if (obj)
		memset(obj, 0, c->size);
	return obj;
}

static __attribute__((noinline)) void free_slow(struct kmem_cache *c, void *obj)
{
	struct magazine *m = magazine_of(c, this_cpu()->id);

	if (!m) {
		cache_give(c, &obj, 1);
		return;
	}
	magazine_drain(c, m, MAGAZINE_BATCH);
	m->obj[m->count++] = obj;
}

void kmem_free(struct kmem_cache *c, void *obj)
{
	struct magazine *m = magazine_of(c, this_cpu()->id);

	debug_assert(this_cpu()->irq_depth == 0);
	if (!obj)
		return;
	object_free(c, obj);
	if (unlikely(!m || m->count == MAGAZINE_SIZE)) {
		free_slow(c, obj);
		return;
	}
	m->obj[m->count++] = obj;
}

/* ---- caches ---- */

static struct kmem_cache *cache_claim(const char *name)
{
	struct kmem_cache *c = NULL;

	spin_lock(&caches_lock);
	for (unsigned i = 0; i < CACHES_MAX && !c; i++)
		if (!caches[i].exists) {
			c = &caches[i];
			*c = (struct kmem_cache){ .name = name, .index = (uint16_t)i,
						  .exists = true };
		}
	spin_unlock(&caches_lock);
	if (!c)
		panic("kmem_cache_create: %s is one too many", name);
	return c;
}

/* Natural: the largest power of two that divides the size, 8 to 64. */
static size_t natural_align(size_t size)
{
	size_t align = size & -size;

	align = MAX(align, 8ul);
	return MIN(align, 64ul);
}

/* The smallest slab of 8 objects or more that wastes at most an eighth, else the largest. */
static void choose_order(struct kmem_cache *c)
{
	for (c->order = 0; ; c->order++) {
		size_t bytes = PAGE_SIZE << c->order;

		c->per_slab = (uint32_t)(bytes / c->stride);
		if (c->order == SLAB_ORDER_MAX ||
		    (c->per_slab >= 8 && bytes - c->per_slab * c->stride <= bytes / 8))
			return;
	}
}

struct kmem_cache *kmem_cache_create(const char *name, size_t size, size_t align)
{
	struct kmem_cache *c = cache_claim(name);

	if (!align)
		align = natural_align(size);
	assert(size && size <= PAGE_SIZE && align <= PAGE_SIZE && (align & (align - 1)) == 0);
	c->size = (uint32_t)size;
	object_layout(c, MAX(align, sizeof(void *)));
	choose_order(c);
	spin_init(&c->lock, RANK_SLAB);
	TAILQ_INIT(&c->partial);
	TAILQ_INIT(&c->full);
	TAILQ_INIT(&c->empty);
	return c;
}

static void cache_shrink(struct kmem_cache *c)
{
	spin_lock(&c->lock);
	while (c->nempty)
		slab_destroy(c, TAILQ_FIRST(&c->empty));
	spin_unlock(&c->lock);
}

/* Nobody uses the cache any more: the other CPUs' magazines are at rest. */
void kmem_cache_destroy(struct kmem_cache *c)
{
	assert(c->exists);
	for (unsigned i = 0; i < MAX_CPUS; i++) {
		struct magazine *m = magazine_of(c, i);

		if (m)
			magazine_drain(c, m, (unsigned)m->count);
	}
	if (c->inuse)
		panic("cache %s destroyed with %lu objects in use", c->name, c->inuse);
	cache_shrink(c);
	spin_lock(&caches_lock);
	c->exists = false;
	spin_unlock(&caches_lock);
}

void slab_shrink(void)
{
	for (unsigned i = 0; i < CACHES_MAX; i++) {
		struct kmem_cache *c = &caches[i];
		struct magazine *m;

		if (!c->exists)
			continue;
		m = magazine_of(c, this_cpu()->id);
		if (m)
			magazine_drain(c, m, (unsigned)m->count);
		cache_shrink(c);
	}
}

void slab_init(void)
{
	memset(caches, 0, sizeof(caches));
	memset(magazines, 0, sizeof(magazines));
	kmalloc_init();
}
