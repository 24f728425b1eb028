/*
 * Kernel objects: each size of kmalloc with a pattern to its last byte, caches
 * made and unmade, every frame given back, failures at each frame.
 */
#include <lib/ktest.h>
#include <lib/string.h>
#include <mm/alloc/slab_internal.h>

#define MANY	400

static void expect_sound(void)
{
	const char *bad = slab_verify();

	if (bad)
		ktest_fail(__FILE__, __LINE__, "%s", bad);
}

static bool filled(const uint8_t *p, size_t n, uint8_t with)
{
	for (size_t i = 0; i < n; i++)
		if (p[i] != with)
			return false;
	return true;
}

static size_t size_of(unsigned i)
{
	return i % 16 == 15 ? 2049 + i * 37u : 1 + i * 29u % 2048;
}

KTEST(slab, kmalloc_of_every_size)
{
	static uint8_t *p[MANY];
	unsigned bad = 0;

	for (unsigned i = 0; i < MANY; i++) {
		p[i] = i & 1 ? kzalloc(size_of(i)) : kmalloc(size_of(i));
		EXPECT(p[i]);
		if (!p[i])
			continue;
		EXPECT(IS_ALIGNED((uintptr_t)p[i], 8));
		bad += (i & 1) && !filled(p[i], size_of(i), 0);
		memset(p[i], (int)i & 0xff, size_of(i));
	}
	EXPECT_EQ(bad, 0);
	expect_sound();
	for (unsigned i = 0; i < MANY; i++) {
		unsigned k = i * 7 % MANY;

		if (p[k])
			bad += !filled(p[k], size_of(k), k & 0xff);
		kfree(p[k]);
	}
	EXPECT_EQ(bad, 0);
	expect_sound();
}

KTEST(slab, odd_sizes)
{
	void *p = kmalloc(0), *q = kmalloc(0);

	EXPECT(p && q && p != q);
	kfree(p);
	kfree(q);
	kfree(NULL);
	EXPECT(!kmalloc(~0ul));
	EXPECT(!kmalloc((PAGE_SIZE << ORDER_MAX) + 1));
	p = kmalloc(5 * PAGE_SIZE);
	EXPECT(p && IS_ALIGNED((uintptr_t)p, PAGE_SIZE));
	EXPECT_EQ(virt_to_page(p)->order, 3);
	kfree(p);
	p = kmalloc(2048);
	EXPECT(p && IS_ALIGNED((uintptr_t)p, 64));
	kfree(p);
}

static bool find_stats(const char *name, struct slab_stats *s)
{
	for (unsigned i = 0; slab_stats(i, s); i++)
		if (!strcmp(s->name, name))
			return true;
	return false;
}

KTEST(slab, cache_from_birth_to_death)
{
	struct kmem_cache *c = kmem_cache_create("ktest", 120, 32);
	uint64_t before = page_free_count();
	static void *p[MANY];
	struct slab_stats s;

	EXPECT(find_stats("ktest", &s) && s.size == 120 && s.active == 0 && s.pages == 0);
	for (unsigned i = 0; i < MANY; i++) {
		p[i] = kmem_alloc(c);
		EXPECT(p[i] && IS_ALIGNED((uintptr_t)p[i], 32));
	}
	EXPECT(find_stats("ktest", &s) && s.active == MANY && s.total >= MANY);
	EXPECT(s.pages * PAGE_SIZE >= MANY * 120 && s.pages * PAGE_SIZE <= 2 * MANY * 160);
	EXPECT(before - page_free_count() >= s.pages);
	expect_sound();
	for (unsigned i = 0; i < MANY; i++)
		kmem_free(c, p[i]);
	EXPECT(find_stats("ktest", &s) && s.active == 0);
	expect_sound();
	kmem_cache_destroy(c);
	EXPECT(!find_stats("ktest", &s));
	EXPECT_EQ(page_free_count(), before);
}

/* The last object freed is the next one: from the magazine, without a lock. */
KTEST(slab, last_freed_is_next)
{
	struct kmem_cache *c = kmem_cache_create("ktest", 64, 0);
	void *p = kmem_alloc(c), *q = kmem_alloc(c);

	kmem_free(c, p);
	kmem_free(c, q);
	EXPECT(kmem_alloc(c) == q);
	EXPECT(kmem_alloc(c) == p);
	kmem_free(c, q);
	kmem_free(c, p);
	kmem_cache_destroy(c);
}

KTEST(slab, zalloc_of_used_memory)
{
	struct kmem_cache *c = kmem_cache_create("ktest", 200, 0);
	uint8_t *p = kmem_alloc(c);

	memset(p, 0xff, 200);
	kmem_free(c, p);
	p = kmem_zalloc(c);
	EXPECT(filled(p, 200, 0));
	kmem_free(c, p);
	kmem_cache_destroy(c);
}

KTEST(slab, no_frame_no_object)
{
	struct kmem_cache *c = kmem_cache_create("ktest", 1024, 0);
	uint64_t before = page_free_count();
	static void *p[64];
	unsigned n = 0;

	page_fail_nth = 3;
	while (n < ARRAY_SIZE(p) && (p[n] = kmem_alloc(c)))
		n++;
	EXPECT_EQ(page_fail_nth, 0);
	EXPECT(n >= 2 && n < ARRAY_SIZE(p));
	expect_sound();
	p[n] = kmem_alloc(c);
	EXPECT(p[n]);
	for (unsigned i = 0; i <= n; i++)
		kmem_free(c, p[i]);
	kmem_cache_destroy(c);
	EXPECT_EQ(page_free_count(), before);
	page_fail_nth = 1;
	EXPECT(!kmalloc(3 * PAGE_SIZE));
	page_fail_nth = 0;
}

KTEST(slab, shrink_gives_all_back)
{
	struct kmem_cache *c = kmem_cache_create("ktest", 2048, 0);
	static void *p[64];
	struct slab_stats s;

	for (unsigned i = 0; i < 64; i++)
		p[i] = kmem_alloc(c);
	for (unsigned i = 0; i < 63; i++)
		kmem_free(c, p[i]);
	slab_shrink();
	EXPECT(find_stats("ktest", &s) && s.active == 1 && s.total == c->per_slab);
	kmem_free(c, p[63]);
	slab_shrink();
	EXPECT(find_stats("ktest", &s) && s.active == 0 && s.pages == 0);
	kmem_cache_destroy(c);
}

/* Debug builds: a freed object is poison, and so it must stay. */
KTEST(slab, freed_is_poison)
{
#ifdef DEBUG
	struct kmem_cache *c = kmem_cache_create("ktest", 96, 0);
	uint8_t *p = kmem_alloc(c);

	memset(p, 1, 96);
	EXPECT(!object_wrong(c, p, false));
	p[96] ^= 1;
	EXPECT(object_wrong(c, p, false));
	p[96] ^= 1;
	kmem_free(c, p);
	EXPECT(filled(p, 96, 0x6b));
	EXPECT(!object_wrong(c, p, true));
	p[95] ^= 1;
	EXPECT(object_wrong(c, p, true));
	EXPECT(slab_verify());
	p[95] ^= 1;
	expect_sound();
	kmem_cache_destroy(c);
#else
	ktest_skip("objects are guarded in debug builds only");
#endif
}
