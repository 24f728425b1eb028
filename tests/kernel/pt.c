/*
 * Page tables at the level count this kernel was booted with: tables appear
 * for the first page of a region and vanish with the last, pages of all three
 * sizes translate as they should, for the tables' own look-up and for the CPU.
 *
 * The random tests against a model are in tests/host.
 */
#include <arch/layout.h>
#include <arch/uaccess.h>
#include <kernel/core/grace.h>
#include <kernel/core/thread.h>
#include <lib/ktest.h>
#include <lib/string.h>
#include <linux/errno.h>
#include <mm/pt/pt.h>

#define RW	(PROT_R | PROT_W | PROT_U)
#define RO	(PROT_R | PROT_U)

static struct aspace as;
static struct gather g;

static void begin(void)
{
	EXPECT_EQ(aspace_init(&as), 0);
	thread_set_aspace(&as);
	gather_init(&g, &as);
}

static void expect_verified(void)
{
	const char *why = pt_verify(&as);

	if (why)
		ktest_fail(__FILE__, __LINE__, "pt_verify: %s", why);
}

static void zap(vaddr_t start, vaddr_t end)
{
	pt_zap(&as, start, end, &g);
	gather_finish(&g);
}

static vaddr_t user_end(void)
{
	return arch_levels == 5 ? USER_END_5 : USER_END_4;
}

static void end(void)
{
	zap(0, user_end());
	expect_verified();
	EXPECT_EQ(as.table_bytes, 0);
	thread_set_aspace(NULL);
	aspace_destroy(&as);
	grace_wait();
}

static struct page *map(vaddr_t va, unsigned level, unsigned prot)
{
	struct page *p = page_alloc(9 * (level - 1), PAGE_ANON, ALLOC_ZERO);
	struct cursor c;

	EXPECT(p);
	EXPECT_EQ(cursor_open(&c, &as, va, level), 0);
	cursor_map(&c, p, prot);
	cursor_close(&c);
	return p;
}

static uint64_t tables(void)
{
	struct aspace_counts n;

	aspace_count(&as, &n);
	EXPECT_EQ(n.table_pages * PAGE_SIZE, as.table_bytes);
	return n.table_pages;
}

static uint64_t __user *user(vaddr_t va)
{
	return (uint64_t __user *)va;
}

/* One page takes the root and one table of each level below: four in all, or five. */
KTEST(pt, one_page_four_tables)
{
	const vaddr_t va = 0x7654321ff000;
	uint64_t before = page_free_count();

	begin();
	EXPECT_EQ(before - page_free_count(), 1);
	map(va, 1, RW);
	EXPECT_EQ(tables(), arch_levels - 1);
	EXPECT_EQ(before - page_free_count(), arch_levels + 1);
	map(va + PAGE_SIZE, 1, RW);		/* behind the end of that PT */
	EXPECT_EQ(tables(), arch_levels);
	expect_verified();
	zap(va, va + PAGE_SIZE);
	EXPECT_EQ(tables(), arch_levels - 1);
	zap(va + PAGE_SIZE, va + 2 * PAGE_SIZE);
	EXPECT_EQ(tables(), 0);
	end();
	EXPECT_EQ(page_free_count(), before);
}

struct seen {
	unsigned n[6];
	vaddr_t va;
	unsigned level;
};

static int see(void *arg, vaddr_t va, unsigned level, pte_t *slot, pte_t e)
{
	struct seen *s = arg;

	s->n[level]++;
	EXPECT_EQ(pte_read(slot).v, e.v);
	/* in order, upper entries first */
	EXPECT(va > s->va || (va == s->va && level < s->level));
	s->va = va;
	s->level = level;
	return va == 0x40000000 ? 77 : 0;
}

KTEST(pt, walk)
{
	struct seen s = { .level = 6 };

	begin();
	map(0x10000, 1, RW);
	map(0x1ff000, 1, RW);
	map(0x200000, 1, RO);
	map(0x600000, 2, RW);
	EXPECT_EQ(pt_walk(&as, 0, user_end(), see, &s), 0);
	EXPECT_EQ(s.n[1], 3);
	EXPECT_EQ(s.n[2], 3);
	EXPECT_EQ(s.n[3], 1);
	EXPECT_EQ(s.n[4], 1);
	EXPECT_EQ(s.n[5], arch_levels - 4);
	s = (struct seen){ .level = 6 };
	EXPECT_EQ(pt_walk(&as, 0x200000, 0x201000, see, &s), 0);
	EXPECT(s.n[1] == 1 && s.n[2] == 1);
	map(0x40000000, 1, RW);
	s = (struct seen){ .level = 6 };
	EXPECT_EQ(pt_walk(&as, 0, user_end(), see, &s), 77);
	end();
}

/* A page of the given level at va, seen by the CPU and through the direct map. */
static void try_size(vaddr_t va, unsigned level)
{
	struct page *p = map(va, level, RW);
	uint64_t *at = page_to_virt(p), v;
	size_t last = LEVEL_SIZE(level) - 8;
	unsigned l;

	EXPECT_EQ(pte_pfn(pt_lookup(&as, va + last, &l)).v, page_to_pfn(p).v);
	EXPECT_EQ(l, level);
	EXPECT_EQ(put_user_u64(0x1234 + level, user(va + last)), 0);
	EXPECT_EQ(at[last / 8], 0x1234 + level);
	at[0] = 0x5678;
	EXPECT_EQ(get_user_u64(&v, user(va)), 0);
	EXPECT_EQ(v, 0x5678);
	EXPECT_EQ(get_user_u64(&v, user(va - 8)), -EFAULT);
	EXPECT_EQ(get_user_u64(&v, user(va + LEVEL_SIZE(level))), -EFAULT);
	expect_verified();
	zap(va, va + LEVEL_SIZE(level));
	EXPECT_EQ(get_user_u64(&v, user(va)), -EFAULT);
	EXPECT_EQ(tables(), 0);
}

KTEST(pt, size_4k)
{
	begin();
	try_size(3 * LEVEL_SIZE(4) - PAGE_SIZE, 1);
	end();
}

KTEST(pt, size_2m)
{
	begin();
	try_size(3 * LEVEL_SIZE(4) - HUGE_SIZE, 2);
	end();
}

/* There may be no free block of 1 GB: a leaf of 1 GB over memory where one page is ours. */
KTEST(pt, size_1g)
{
	const vaddr_t va = 3 * LEVEL_SIZE(4) - GIANT_SIZE;
	struct page *p = page_alloc(0, PAGE_KERNEL, ALLOC_ZERO);
	uint64_t pa = page_to_phys(p).v, v;
	struct cursor c;
	unsigned l;

	if (!arch_features.pdpe1gb) {
		page_free(p, 0);
		ktest_skip("this CPU has no 1 GB pages");
		return;
	}
	begin();
	EXPECT_EQ(cursor_open(&c, &as, va, 3), 0);
	cursor_map_special(&c, paddr_to_pfn(paddr(ALIGN_DOWN(pa, GIANT_SIZE))), RW);
	cursor_close(&c);
	EXPECT_EQ(pte_kind(pt_lookup(&as, va + 12345, &l), 3), PTE_HUGE);
	EXPECT_EQ(l, 3);
	EXPECT_EQ(put_user_u64(0xabcdef, user(va + pa % GIANT_SIZE + 16)), 0);
	EXPECT_EQ(((uint64_t *)page_to_virt(p))[2], 0xabcdef);
	expect_verified();
	zap(va, va + GIANT_SIZE);
	EXPECT_EQ(get_user_u64(&v, user(va + pa % GIANT_SIZE)), -EFAULT);
	end();
	page_free(p, 0);
}

/* With five levels there are addresses above 47 bits; with four they are nobody's. */
KTEST(pt, highest_page)
{
	const vaddr_t va = user_end() - PAGE_SIZE;
	uint64_t v = 1;

	begin();
	map(va, 1, RW);
	EXPECT_EQ(put_user_u64(99, user(va + PAGE_SIZE - 8)), 0);
	EXPECT_EQ(get_user_u64(&v, user(va + PAGE_SIZE - 8)), 0);
	EXPECT_EQ(v, 99);
	EXPECT_EQ(get_user_u64(&v, user(va + PAGE_SIZE)), -EFAULT);
	EXPECT_EQ(get_user_u64(&v, user(1ul << 62)), -EFAULT);
	end();
}

/* Each page gets its own number, read back through the CPU; then every other one goes. */
KTEST(pt, many_pages)
{
	const unsigned n = 600;
	const vaddr_t base = 0x3fff80000;	/* over the end of a PD */
	struct aspace_counts k;
	uint64_t v;

	begin();
	for (unsigned i = 0; i < n; i++)
		*(uint64_t *)page_to_virt(map(base + i * PAGE_SIZE, 1, i % 3 ? RW : RO)) = i;
	for (unsigned i = 0; i < n; i++) {
		EXPECT_EQ(get_user_u64(&v, user(base + i * PAGE_SIZE)), 0);
		EXPECT_EQ(v, i);
		EXPECT_EQ(put_user_u64(i, user(base + i * PAGE_SIZE)), i % 3 ? 0 : -EFAULT);
	}
	for (unsigned i = 0; i < n; i += 2)
		zap(base + i * PAGE_SIZE, base + (i + 1) * PAGE_SIZE);
	for (unsigned i = 0; i < n; i++)
		EXPECT_EQ(get_user_u64(&v, user(base + i * PAGE_SIZE)), i % 2 ? 0 : -EFAULT);
	aspace_count(&as, &k);
	EXPECT_EQ(k.anon, n / 2);
	expect_verified();
	end();
}

/* The allocation for each level fails in turn. */
KTEST(pt, no_memory)
{
	struct cursor c;

	begin();
	for (unsigned i = 1; i < arch_levels; i++) {
		page_fail_nth = i;
		EXPECT_EQ(cursor_open(&c, &as, 0x123456000, 1), -ENOMEM);
		EXPECT_EQ(tables(), 0);		/* all of them are hung in, or none */
		expect_verified();
	}
	end();
}

/* More stacks than a CPU keeps; all frames come back, and so do the tables. */
KTEST(pt, kernel_stacks)
{
	static uint64_t bottom[80], top;
	uint64_t before;
	unsigned l;

	kstack_drain();
	grace_wait();
	before = page_free_count();
	for (unsigned i = 0; i < ARRAY_SIZE(bottom); i++) {
		EXPECT_EQ(kstack_alloc(&bottom[i], &top), 0);
		EXPECT_EQ(top - bottom[i], KSTACK_SIZE);
		memset((void *)bottom[i], (int)i, KSTACK_SIZE);
		EXPECT(kstack_is_guard(bottom[i] - 1) && kstack_is_guard(bottom[i] - KSTACK_SIZE));
		EXPECT(!kstack_is_guard(bottom[i]) && !kstack_is_guard(top - 1));
		EXPECT(pte_is_none(pt_lookup(&kernel_aspace, bottom[i] - PAGE_SIZE, &l)));
	}
	for (unsigned i = 0; i < ARRAY_SIZE(bottom); i++) {
		EXPECT_EQ(*(uint8_t *)bottom[i], i);
		EXPECT_EQ(*(uint8_t *)(bottom[i] + KSTACK_SIZE - 1), i);
		kstack_free(bottom[i]);
	}
	kstack_drain();
	EXPECT(pte_is_none(pt_lookup(&kernel_aspace, bottom[40], &l)));
	grace_wait();
	EXPECT_EQ(page_free_count(), before);
}
