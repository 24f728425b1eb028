// sources: tests/host/fake.c tests/host/fake_ram.c lib/lock.c mm/alloc/early.c mm/alloc/rangeset.c
// sources: mm/alloc/buddy.c mm/alloc/pageblock.c mm/alloc/percpu.c mm/alloc/page.c mm/alloc/hugepool.c mm/alloc/limit.c mm/alloc/lists.c mm/alloc/slots.c mm/alloc/slot_kept.c mm/alloc/slot_area.c mm/alloc/zpool.c mm/alloc/junk.c mm/alloc/verify.c
// sources: mm/alloc/slab.c mm/alloc/slab_debug.c mm/alloc/slab_verify.c mm/alloc/kmalloc.c
/*
 * The slab allocator: random objects of many caches and sizes, each filled
 * with its own pattern to the last byte, on several CPUs; running out of
 * memory at any point; misuse that must panic.
 */
#include <tests/host/fake.h>
#include <tests/host/tap.h>
#include <mm/alloc/slab_internal.h>
#include <pthread.h>
#include <string.h>

#define CPUS		4
#define OBJECTS_MAX	6000

struct object { uint8_t *at; size_t size; struct kmem_cache *cache; uint8_t pattern; };
static struct object object[OBJECTS_MAX];
static unsigned nobjects;

static struct kmem_cache *cache[8];
static const struct { const char *name; size_t size, align; } made[8] = {
	{ "one", 1, 0 }, { "odd", 13, 0 }, { "vma", 120, 0 }, { "line", 64, 0 },
	{ "aligned", 40, 256 }, { "large", 1800, 0 }, { "page", 4096, 4096 }, { "fpu", 2696, 64 },
};

static void boot(uint64_t bytes)
{
	fake_set_cpus(CPUS);
	fake_boot_size(bytes);
	slab_init();
	kfree(kmalloc(1));		/* this CPU's magazines are there from now on */
	slab_shrink();
	nobjects = 0;
}

static void make_caches(void)
{
	for (unsigned i = 0; i < ARRAY_SIZE(made); i++)
		cache[i] = kmem_cache_create(made[i].name, made[i].size, made[i].align);
}

static void shrink_all(void)
{
	for (unsigned i = 0; i < CPUS; i++) {
		fake_on_cpu(i);
		slab_shrink();
	}
	fake_on_cpu(0);
}

static bool filled(const struct object *o)
{
	return o->at[0] == o->pattern && !memcmp(o->at, o->at + 1, o->size - 1);
}

static void keep(void *at, size_t size, struct kmem_cache *c)
{
	object[nobjects] = (struct object){ at, size, c, (uint8_t)tap_random() };
	memset(at, object[nobjects].pattern, size);
	nobjects++;
}

static bool all_zero(const uint8_t *p, size_t n)
{
	return !p[0] && !memcmp(p, p + 1, n - 1);
}

static void alloc_from_cache(void)
{
	unsigned i = (unsigned)tap_below(ARRAY_SIZE(made));
	bool zero = tap_below(2);
	void *p = zero ? kmem_zalloc(cache[i]) : kmem_alloc(cache[i]);

	if (!CHECK(p))
		return;
	CHECK(IS_ALIGNED((uintptr_t)p, made[i].align ? made[i].align : 8));
	CHECK(!zero || all_zero(p, made[i].size));
	keep(p, made[i].size, cache[i]);
}

static void alloc_by_size(void)
{
	size_t n = 1 + tap_below(tap_below(16) ? 2600 : 40000), align = n & -n;
	bool zero = tap_below(2);
	void *p = zero ? kzalloc(n) : kmalloc(n);

	if (!CHECK(p))
		return;
	CHECK(IS_ALIGNED((uintptr_t)p, n > 2048 ? PAGE_SIZE : n > 8 ? MIN(align, 16ul) : 8));
	CHECK(!zero || all_zero(p, n));
	keep(p, n, NULL);
}

static void free_one(unsigned i)
{
	CHECK(filled(&object[i]));
	if (object[i].cache)
		kmem_free(object[i].cache, object[i].at);
	else
		kfree(object[i].at);
	object[i] = object[--nobjects];
}

static void random_operations(void)
{
	struct slab_stats st;
	uint64_t before;

	boot(64ul << 20);
	make_caches();
	for (unsigned i = 0; i < CPUS; i++) {
		fake_on_cpu(i);
		kfree(kmalloc(1));
	}
	shrink_all();
	before = page_free_count();
	for (unsigned i = 0; i < 60000 && tap_fails < 20; i++) {
		bool grow = tap_below(100) < (i / 8192 % 2 ? 40 : 60) && nobjects < OBJECTS_MAX;

		if (i % 16 == 0)
			fake_on_cpu((unsigned)tap_below(CPUS));
		if (grow && tap_below(2))
			alloc_from_cache();
		else if (grow)
			alloc_by_size();
		else if (nobjects)
			free_one((unsigned)tap_below(nobjects));
		if (i % 4096 == 0)
			CHECK(!slab_verify() && !page_verify());
	}
	while (nobjects)
		free_one(nobjects - 1);
	for (unsigned i = 0; slab_stats(i, &st); i++)
		CHECK_EQ(st.active, 0);
	shrink_all();
	for (unsigned i = 0; slab_stats(i, &st); i++)
		CHECK(st.active == 0 && st.total == 0 && st.pages == 0);
	CHECK_EQ(page_free_count(), before);
	CHECK(!slab_verify() && !page_verify());
}

static void figures(void)
{
	struct slab_stats st;
	void *p[20];
	unsigned i;

	boot(64ul << 20);
	make_caches();
	for (i = 0; i < 20; i++)
		p[i] = kmem_alloc(cache[2]);
	for (i = 0; slab_stats(i, &st) && strcmp(st.name, "vma"); i++)
		;
	CHECK(slab_stats(i, &st));
	CHECK_EQ(st.active, 20);
	CHECK_EQ(st.size, 120);
	CHECK(st.total >= 20 && st.pages >= 1);
	for (i = 0; i < 20; i++)
		kmem_free(cache[2], p[i]);
	for (i = 0; i < 2000; i++)
		keep(kmem_alloc(cache[2]), 120, cache[2]);
	while (nobjects)
		free_one(nobjects - 1);
	for (i = 0; slab_stats(i, &st) && strcmp(st.name, "vma"); i++)
		;
	CHECK(st.active == 0 && st.pages <= MAGAZINE_SIZE + EMPTY_MAX);	/* without slab_shrink */
	kmem_free(cache[2], NULL);
	kfree(NULL);
	CHECK(!slab_stats(1000, &st));
}

static struct kmem_cache *cache_holding(const void *p)
{
	for (unsigned i = 0; i < CACHES_MAX; i++) {
		struct kmem_cache *c = &caches[i];

		if (c->exists && slab_of(c, p)->kind == PAGE_SLAB && slab_of(c, p)->cache == c)
			return c;
	}
	return NULL;
}

/* Every size has the smallest class that holds it, and zero is a size. */
static void sizes(void)
{
	static const size_t row[] = {
		16, 32, 48, 64, 96, 128, 192, 256, 384, 512, 768, 1024, 1536, 2048,
	};
	struct kmem_cache *c;
	uint8_t *p, *q;

	boot(64ul << 20);
	for (size_t n = 1, i = 0; n <= 2048; n++) {
		p = kmalloc(n);
		c = cache_holding(p);
		i += n > row[i];
		if (CHECK(c))
			CHECK_EQ(c->size, row[i]);
		memset(p, 1, n);
		kfree(p);
	}
	p = kmalloc(0);
	q = kmalloc(0);
	CHECK(p && q && p != q);
	kfree(p);
	kfree(q);
	p = kmalloc(3 * PAGE_SIZE);
	CHECK_EQ(virt_to_page(p)->order, 2);
	kfree(p);
	p = kmalloc(PAGE_SIZE);
	CHECK(virt_to_page(p)->order == 0 && virt_to_page(p)->kind == PAGE_KERNEL);
	kfree(p);
	CHECK(!kmalloc((PAGE_SIZE << ORDER_MAX) + 1) && !kmalloc(~0ul) && !kzalloc(1ul << 63));
}

/* Fails at the n-th frame, for each n, and nothing is lost. */
static void failing_frames(void)
{
	uint64_t before;

	boot(64ul << 20);
	make_caches();
	before = page_free_count();
	for (unsigned n = 1; n < 40; n++) {
		void *p;

		page_fail_nth = n;
		while ((p = kmem_alloc(cache[5])))
			keep(p, made[5].size, cache[5]);
		CHECK_EQ(page_fail_nth, 0);
		CHECK(nobjects >= n - 1);
		p = kmem_alloc(cache[5]);
		CHECK(p);
		kmem_free(cache[5], p);
		CHECK(!slab_verify());
		while (nobjects)
			free_one(nobjects - 1);
		slab_shrink();
		CHECK_EQ(page_free_count(), before);
	}
}

static void exhaustion(void)
{
	uint64_t before;
	void **first = NULL, **p;

	boot(8ul << 20);
	before = page_free_count();
	while ((p = kmalloc(500))) {
		*p = first;
		first = p;
	}
	CHECK(!kmalloc(100000));
	CHECK(!slab_verify() && !page_verify());
	for (; first; first = p) {
		p = *first;
		kfree(first);
	}
	slab_shrink();
	CHECK_EQ(page_free_count(), before);
	CHECK(!slab_verify() && !page_verify());
}

/* Without memory for magazines objects come straight from the slabs. */
static void without_magazines(void)
{
	void *p[100];

	fake_set_cpus(1);
	fake_boot_size(16ul << 20);
	slab_init();
	for (unsigned i = 0; i < 100; i++) {
		if (i % 7 == 0)
			page_fail_nth = 1;		/* magazines come first */
		p[i] = kmalloc(900);
		CHECK(p[i]);
		if (i == 0)
			CHECK(!magazines[0]);
		if (i == 1)
			break;
	}
	CHECK(magazines[0]);
	page_fail_nth = 0;
	kfree(p[0]);
	kfree(p[1]);
	fake_set_cpus(2);
	fake_on_cpu(1);
	p[0] = kmalloc(1);
	page_free(virt_to_page(magazines[1]), 1);
	magazines[1] = NULL;
	kfree(p[0]);
	CHECK(!slab_verify());
}

static void destroy(void)
{
	struct kmem_cache *c;
	uint64_t before;
	void *p;

	boot(64ul << 20);
	before = page_free_count();
	c = kmem_cache_create("short", 300, 0);
	fake_on_cpu(2);
	p = kmem_alloc(c);
	EXPECT_PANIC("cache short destroyed with 1 objects", kmem_cache_destroy(c));
	kmem_free(c, p);
	fake_on_cpu(0);
	kmem_cache_destroy(c);
	page_free(virt_to_page(magazines[2]), 1);
	magazines[2] = NULL;
	CHECK_EQ(page_free_count(), before);
	for (unsigned i = 0; i < 200; i++)
		kmem_cache_destroy(kmem_cache_create("again", 16 + i, 0));
	EXPECT_PANIC("one too many", for (;;) (void)kmem_cache_create("lots", 8, 0));
}

static void misuse(void)
{
	uint8_t *p, *q, *big;

	boot(64ul << 20);
	make_caches();
	p = kmalloc(100);
	q = kmem_alloc(cache[2]);
	big = kmalloc(9000);
	EXPECT_PANIC("freed twice", kfree(p); kfree(p));
	EXPECT_PANIC("freed twice", kfree(p); slab_shrink(); kfree(p));
	EXPECT_PANIC("freed twice", kfree(big); kfree(big));
	EXPECT_PANIC("past its end", p[128] = 0; kfree(p));
	EXPECT_PANIC("past its end", q[120] ^= 1; kmem_free(cache[2], q));
	EXPECT_PANIC("after it was freed", kfree(p); p[99] = 1; (void)kmalloc(100));
	EXPECT_PANIC("is of vma", kmem_free(cache[3], q));
	EXPECT_PANIC("is inside of an object", kfree(p + 8));
	EXPECT_PANIC("was not allocated", kfree(big + 8));
	EXPECT_PANIC("was not allocated", kfree(big + PAGE_SIZE));
	EXPECT_PANIC("was not allocated", kfree(page_to_virt(pfn_to_page(pfn(1)))));
	EXPECT_PANIC("irq_depth", this_cpu()->irq_depth = 1; (void)kmalloc(8));
	kfree(p);
	kmem_free(cache[2], q);
	kfree(big);
	CHECK(!slab_verify());
}

static void verify_finds(void)
{
	struct kmem_cache *c;
	uint8_t *p, *q;

	boot(64ul << 20);
	p = kmalloc(2048);
	q = kmalloc(2048);
	c = cache_holding(p);
	kfree(q);
	CHECK(!slab_verify());
	q[5] ^= 1;
	CHECK(slab_verify() && strstr(slab_verify(), "written after"));
	q[5] ^= 1;
	slab_shrink();
	CHECK(!slab_verify());
	q[5] ^= 1;
	CHECK(slab_verify() && strstr(slab_verify(), "written after"));
	q[5] ^= 1;
	slab_of(c, p)->inuse++;
	CHECK(slab_verify() && strstr(slab_verify(), "free, 2 out"));
	slab_of(c, p)->inuse--;
	CHECK(!slab_verify());
	c->inuse++;
	CHECK(slab_verify() && strstr(slab_verify(), "objects out; not"));
	c->inuse--;
	kfree(p);
}

static void *thread_ops(void *arg)
{
	unsigned cpu = (unsigned)(uintptr_t)arg;
	uint64_t x = cpu + 1, bad = 0;
	void *mine[64] = { NULL };

	fake_on_cpu(cpu);
	for (unsigned i = 0; i < 1000000; i++) {
		uint64_t *p = mine[i % 64];

		x = x * 6364136223846793005ul + 1442695040888963407ul;
		if (p) {
			bad += *p != ((uintptr_t)p ^ cpu);
			kfree(p);
		}
		p = NULL;
		if (x >> 63) {
			p = kmalloc(x >> 62 & 1 ? 64 : 8 + (x >> 30 & 0x3ff));
			*p = (uintptr_t)p ^ cpu;
		}
		mine[i % 64] = p;
	}
	for (unsigned i = 0; i < 64; i++)
		kfree(mine[i]);
	slab_shrink();
	return (void *)bad;
}

static void cpus_at_once(void)
{
	struct slab_stats st;
	pthread_t t[CPUS];
	void *bad;

	boot(64ul << 20);
	for (uintptr_t i = 0; i < CPUS; i++)
		pthread_create(&t[i], NULL, thread_ops, (void *)i);
	for (unsigned i = 0; i < CPUS; i++) {
		pthread_join(t[i], &bad);
		CHECK(!bad);
	}
	CHECK(!slab_verify() && !page_verify());
	for (unsigned i = 0; slab_stats(i, &st); i++)
		CHECK_EQ(st.active, 0);
}

int main(void)
{
	TAP_RUN(random_operations);
	TAP_RUN(figures);
	TAP_RUN(sizes);
	TAP_RUN(failing_frames);
	TAP_RUN(exhaustion);
	TAP_RUN(without_magazines);
	TAP_RUN(destroy);
	TAP_RUN(misuse);
	TAP_RUN(verify_finds);
	TAP_RUN(cpus_at_once);
	return tap_done();
}
