/*
 * What the host tests of mm/pt share: a fake machine with a kernel's half, and
 * the checks that close every test: tables, TLBs, allocator, nothing lost.
 */
#ifndef TESTS_HOST_PT_MACHINE_H
#define TESTS_HOST_PT_MACHINE_H

#include <tests/host/fake.h>
#include <tests/host/fake_tlb.h>
#include <tests/host/tap.h>
#include <arch/cpu.h>
#include <mm/alloc/busy.h>
#include <mm/pt/table.h>

#define RWU	(PROT_R | PROT_W | PROT_U)
#define RU	(PROT_R | PROT_U)

static uint64_t free_at_start;

/* Where mm/alloc/busy.c is left out nobody has a page busy. */
__attribute__((weak)) void page_wait_busy(struct page *p)
{
	panic("somebody waits for frame 0x%lx", page_to_pfn(p).v);
}

/* ---- the machine, made anew for each test ---- */

static enum fake_pcid machine_pcid;	/* of the next machine's CPUs */

static inline void machine(unsigned levels, unsigned cpus, uint64_t bytes)
{
	struct page *root;
	struct cursor c;

	fake_set_cpus(cpus);
	fake_on_cpu(0);
	fake_boot_size(bytes);
	fake_tlb_reset(levels, machine_pcid);
	root = page_alloc(0, PAGE_TABLE, ALLOC_ZERO);
	table_init(root, &kernel_aspace, levels, -LEVEL_SIZE(levels + 1));
	kernel_aspace.root = page_to_phys(root);
	kernel_aspace.table_bytes = 0;
	CHECK_EQ(cursor_open(&c, &kernel_aspace, KMAP_BASE, 3), 0);
	cursor_close(&c);
	fake_tlb_start();
	zero_pfn = page_to_pfn(page_alloc(0, PAGE_KERNEL, ALLOC_ZERO));
	free_at_start = page_free_count();
}

static inline void check_verify(struct aspace *as)
{
	const char *why = pt_verify(as);

	if (why)
		printf("# pt_verify: %s\n", why);
	CHECK(!why);
}

static inline void check_tlb(void)
{
	const char *why = fake_tlb_check();

	if (why)
		printf("# %s\n", why);
	CHECK(!why);
}

static inline void machine_end(void)
{
	const char *why;

	fake_grace_run();
	CHECK_EQ(page_free_count(), free_at_start);
	check_verify(&kernel_aspace);
	why = page_verify();
	if (why)
		printf("# page_verify: %s\n", why);
	CHECK(!why);
}

/* On this CPU. */
static inline void aspace_load(struct aspace *as)
{
	uint64_t flags = irq_save();

	arch_aspace_switch(as);
	irq_restore(flags);
}

static inline void aspace_start(struct aspace *as)
{
	CHECK_EQ(aspace_init(as), 0);
}

static inline void zap(struct aspace *as, vaddr_t start, vaddr_t end)
{
	struct gather g;

	gather_init(&g, as);
	pt_zap(as, start, end, &g);
	gather_finish(&g);
	check_tlb();
}

static inline void aspace_end(struct aspace *as)
{
	aspace_load(&kernel_aspace);
	zap(as, 0, arch_levels == 5 ? USER_END_5 : USER_END_4);
	check_verify(as);
	CHECK_EQ(as->table_bytes, 0);
	aspace_destroy(as);
}

static inline struct page *map(struct aspace *as, vaddr_t va, unsigned level, enum page_kind kind,
			       unsigned prot)
{
	struct page *p = page_alloc(9 * (level - 1), kind, 0);
	struct cursor c;

	CHECK_EQ(cursor_open(&c, as, va, level), 0);
	cursor_map(&c, p, prot);
	cursor_close(&c);
	return p;
}

static inline uint64_t tables(struct aspace *as)
{
	struct aspace_counts n;

	aspace_count(as, &n);
	CHECK_EQ(n.table_pages * PAGE_SIZE, as->table_bytes);
	return n.table_pages;
}

/* A test of `levels`, as two tests. */
#define BOTH(name) \
	static void name##_4_levels(void) { name(4); } \
	static void name##_5_levels(void) { name(5); }

#endif
