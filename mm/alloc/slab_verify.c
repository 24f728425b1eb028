/*
 * Figures of the caches, and the check of the slab allocator against itself,
 * with all other CPUs at rest.
 */
#include <mm/alloc/differ.h>
#include <mm/alloc/slab_internal.h>

static uint64_t in_magazines(const struct kmem_cache *c)
{
	uint64_t n = 0;

	for (unsigned i = 0; i < MAX_CPUS; i++) {
		const struct magazine *m = magazine_of(c, i);

		if (m)
			n += READ_ONCE(m->count);
	}
	return n;
}

/* True if obj is the place of an object of slab s. */
static bool is_object(const struct kmem_cache *c, const struct page *s, const void *obj)
{
	uintptr_t offset = (uintptr_t)obj - (uintptr_t)page_to_virt(s);

	return offset % c->stride == 0 && offset / c->stride < c->per_slab;
}

static const char *check_free(const struct kmem_cache *c, const struct page *s)
{
	void *obj = s->free;
	unsigned n = 0;

	for (; obj; obj = *object_link(c, obj), n++) {
		if (!is_object(c, s, obj))
			return differ("cache %s: %p on the free list of slab %p", c->name, obj,
				      page_to_virt(s));
		if (object_wrong(c, obj, true))
			return differ("cache %s: %p %s", c->name, obj, object_wrong(c, obj, true));
		if (n > s->total)
			break;
	}
	if (n + s->inuse != s->total)
		return differ("cache %s: slab %p has %u free, %u out, %u in all", c->name,
			      page_to_virt(s), n, s->inuse, s->total);
	return NULL;
}

static const char *check_slab(const struct kmem_cache *c, const struct page *s, bool fits)
{
	if (s->kind != PAGE_SLAB || s->cache != c || s->order != c->order ||
	    s->total != c->per_slab)
		return differ("cache %s: frame 0x%lx is none of its slabs", c->name,
			      page_to_pfn(s).v);
	if (!fits)
		return differ("cache %s: slab %p with %u of %u out is on the wrong list", c->name,
			      page_to_virt(s), s->inuse, s->total);
	return check_free(c, s);
}

static const char *check_slabs(const struct kmem_cache *c)
{
	uint64_t slabs = 0, empty = 0, inuse = 0;
	const char *bad = NULL;
	struct page *s;

	TAILQ_FOREACH(s, &c->empty, slab_link) {
		bad = bad ? bad : check_slab(c, s, !s->inuse);
		empty++;
	}
	TAILQ_FOREACH(s, &c->partial, slab_link) {
		bad = bad ? bad : check_slab(c, s, s->inuse && s->inuse < s->total);
		inuse += s->inuse;
		slabs++;
	}
	TAILQ_FOREACH(s, &c->full, slab_link) {
		bad = bad ? bad : check_slab(c, s, s->inuse == s->total);
		inuse += s->inuse;
		slabs++;
	}
	if (bad)
		return bad;
	if (empty != c->nempty || slabs + empty != c->nslabs || inuse != c->inuse)
		return differ("cache %s: %lu slabs, %lu empty, %lu objects out; not %lu, %lu, %lu",
			      c->name, slabs + empty, empty, inuse, c->nslabs, c->nempty, c->inuse);
	if (in_magazines(c) > c->inuse)
		return differ("cache %s: %lu objects in magazines, %lu out", c->name,
			      in_magazines(c), c->inuse);
	return NULL;
}

static const char *check_magazine(const struct kmem_cache *c, unsigned cpu)
{
	const struct magazine *m = magazine_of(c, cpu);

	if (!m)
		return NULL;
	if (m->count > MAGAZINE_SIZE)
		return differ("cache %s: %lu objects in the magazine of CPU %u", c->name,
			      m->count, cpu);
	for (uint64_t i = 0; i < m->count; i++) {
		const struct page *s = slab_of(c, m->obj[i]);

		if (s->kind != PAGE_SLAB || s->cache != c || !is_object(c, s, m->obj[i]))
			return differ("cache %s: %p in the magazine of CPU %u is not of it",
				      c->name, m->obj[i], cpu);
		if (object_wrong(c, m->obj[i], true))
			return differ("cache %s: %p %s", c->name, m->obj[i],
				      object_wrong(c, m->obj[i], true));
	}
	return NULL;
}

static const char *check_cache(struct kmem_cache *c)
{
	const char *bad;

	spin_lock(&c->lock);
	bad = check_slabs(c);
	for (unsigned i = 0; i < MAX_CPUS && !bad; i++)
		bad = check_magazine(c, i);
	spin_unlock(&c->lock);
	return bad;
}

const char *slab_verify(void)
{
	const char *bad = NULL;

	for (unsigned i = 0; i < CACHES_MAX && !bad; i++)
		if (caches[i].exists)
			bad = check_cache(&caches[i]);
	return bad;
}

bool slab_stats(unsigned i, struct slab_stats *s)
{
	struct kmem_cache *c = NULL;

	for (unsigned k = 0; k < CACHES_MAX && !c; k++)
		if (caches[k].exists && i-- == 0)
			c = &caches[k];
	if (!c)
		return false;
	spin_lock(&c->lock);
	*s = (struct slab_stats){
		.name = c->name, .size = c->size, .total = c->nslabs * c->per_slab,
		.active = c->inuse - MIN(in_magazines(c), c->inuse), .pages = c->nslabs << c->order,
		.per_slab = c->per_slab, .slab_pages = 1u << c->order,
	};
	spin_unlock(&c->lock);
	return true;
}
