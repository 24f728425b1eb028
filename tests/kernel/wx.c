/*
 * The kernel's own tables, all of them, entry by entry: nothing is writable
 * and executable, nothing is the user's, the image's parts have the rights of
 * their sections (through every address they have), guard pages are holes,
 * and nothing is left of the boot code's identity map.
 */
#include <arch/layout.h>
#include <arch/machine.h>
#include <lib/ktest.h>
#include <mm/pt/pt.h>

/* Where the upper half of all addresses begins. */
static vaddr_t kernel_half(void)
{
	return arch_levels == 5 ? 0xff00000000000000ul : KERNEL_HALF;
}

static void walk_kernel(int (*visit)(void *, vaddr_t, unsigned, pte_t *, pte_t))
{
	EXPECT_EQ(pt_walk(&kernel_aspace, kernel_half(), 0, visit, NULL), 0);
}

static bool is_leaf(pte_t e, unsigned level)
{
	enum pte_kind k = pte_kind(e, level);

	return k == PTE_PRESENT || k == PTE_SPECIAL_LEAF || k == PTE_HUGE;
}

static uint64_t image_phys(const char *p)
{
	return (vaddr_t)p - KERNEL_BASE;
}

/* True if the page of that level at pa and [start, end) of the image have memory in common. */
static bool meets(uint64_t pa, unsigned level, const char *start, const char *end)
{
	return pa < image_phys(end) && pa + LEVEL_SIZE(level) > image_phys(start);
}

static uint64_t nleaves;

static int check_entry(void *arg, vaddr_t va, unsigned level, pte_t *slot, pte_t e)
{
	uint64_t pa = pfn_to_paddr(pte_pfn(e)).v;

	(void)arg;
	(void)slot;
	EXPECT(va >= KERNEL_HALF || level > 4 || va + LEVEL_SIZE(level) > KERNEL_HALF);
	EXPECT(!pte_user(e));
	if (!is_leaf(e, level)) {
		EXPECT_EQ(pte_kind(e, level), PTE_TABLE);
		return 0;
	}
	nleaves++;
	if (pte_writable(e) && pte_exec(e))
		ktest_fail(__FILE__, __LINE__, "%lx: entry %lx is W and X", va, e.v);
	if (pte_writable(e) && meets(pa, level, text_start, rodata_end))
		ktest_fail(__FILE__, __LINE__, "%lx: entry %lx writes to text or rodata", va, e.v);
	if (pte_exec(e) && !(va >= (vaddr_t)text_start && va < (vaddr_t)text_end))
		ktest_fail(__FILE__, __LINE__, "%lx: entry %lx is executable", va, e.v);
	EXPECT(e.v & PTE_G);
	return 0;
}

KTEST(wx, every_entry)
{
	const char *why = pt_verify(&kernel_aspace);

	nleaves = 0;
	walk_kernel(check_entry);
	EXPECT(nleaves > 100);
	ktest_note("%lu leaves, %lu KB of tables", nleaves, kernel_aspace.table_bytes >> 10);
	if (why)
		ktest_fail(__FILE__, __LINE__, "pt_verify: %s", why);
}

static void expect_rights(const char *start, const char *end, unsigned prot)
{
	EXPECT(start < end);
	for (vaddr_t va = (vaddr_t)start; va < (vaddr_t)end; va += PAGE_SIZE) {
		unsigned level;
		pte_t e = pt_lookup(&kernel_aspace, va, &level);

		EXPECT_EQ(level, 1);
		if (arch_image_guard(va)) {
			EXPECT(pte_is_none(e));
			continue;
		}
		EXPECT_EQ(pfn_to_paddr(pte_pfn(e)).v, va - KERNEL_BASE);
		EXPECT_EQ(pte_present(e), true);
		EXPECT_EQ(pte_writable(e), (prot & PROT_W) != 0);
		EXPECT_EQ(pte_exec(e), (prot & PROT_X) != 0);
	}
}

KTEST(wx, image)
{
	expect_rights(text_start, text_end, PROT_R | PROT_X);
	expect_rights(rodata_start, rodata_end, PROT_R);
	expect_rights(data_start, data_end, PROT_R | PROT_W);
	expect_rights(bss_start, bss_end, PROT_R | PROT_W);
}

/* The page below each stack in the image's bss is a hole; so is the one below a thread's stack. */
KTEST(wx, guard_pages)
{
	uint64_t bottom, top;
	unsigned n = 0, level;

	for (vaddr_t va = (vaddr_t)bss_start; va < (vaddr_t)bss_end; va += PAGE_SIZE)
		if (arch_image_guard(va)) {
			n++;
			EXPECT(pte_is_none(pt_lookup(&kernel_aspace, va, &level)));
		}
	EXPECT(n >= 1);
	EXPECT_EQ(kstack_alloc(&bottom, &top), 0);
	for (vaddr_t va = bottom - KSTACK_SIZE; va < bottom; va += PAGE_SIZE)
		EXPECT(pte_is_none(pt_lookup(&kernel_aspace, va, &level)) && kstack_is_guard(va));
	for (vaddr_t va = bottom; va < top; va += PAGE_SIZE)
		EXPECT(pte_writable(pt_lookup(&kernel_aspace, va, &level)));
	kstack_free(bottom);
}

/* Nothing at all in the lower half: the identity map of the boot code is gone. */
KTEST(wx, user_half_empty)
{
	const pte_t *root = phys_to_virt(kernel_aspace.root);
	unsigned n = 0, level;

	for (unsigned i = 0; i < PT_ENTRIES / 2; i++)
		n += !pte_is_none(root[i]);
	EXPECT_EQ(n, 0);
	EXPECT(pte_is_none(pt_lookup(&kernel_aspace, image_phys(text_start), &level)));
	if (arch_levels == 5)
		for (unsigned i = PT_ENTRIES / 2; i < PT_ENTRIES - 1; i++)
			EXPECT(pte_is_none(root[i]));
}

static int check_direct(void *arg, vaddr_t va, unsigned level, pte_t *slot, pte_t e)
{
	uint64_t *bytes = arg;

	(void)slot;
	if (!is_leaf(e, level))
		return 0;
	EXPECT_EQ(pfn_to_paddr(pte_pfn(e)).v, va - DIRECT_BASE);
	EXPECT(pfn_valid(pte_pfn(e)));
	EXPECT(pfn_valid(pfn(pte_pfn(e).v + (LEVEL_SIZE(level) >> PAGE_SHIFT) - 1)));
	*bytes += LEVEL_SIZE(level);
	return 0;
}

static void expect_struct_page(uint64_t pa)
{
	struct page *p = pfn_to_page(paddr_to_pfn(paddr(pa)));
	unsigned level;

	EXPECT(pte_writable(pt_lookup(&kernel_aspace, (vaddr_t)p, &level)));
}

static void check_range(uint64_t start, uint64_t end, void *arg)
{
	uint64_t *bytes = arg;

	*bytes += end - start;
	for (uint64_t pa = start; pa < end; pa += HUGE_SIZE)
		expect_struct_page(pa);
	expect_struct_page(end - 1);
}

/* The direct map shows all of RAM, each byte once, and nothing else; frames have struct pages. */
KTEST(wx, direct_map)
{
	uint64_t mapped = 0, ram = 0;

	EXPECT_EQ(pt_walk(&kernel_aspace, DIRECT_BASE, DIRECT_BASE + DIRECT_SIZE, check_direct,
			  &mapped), 0);
	early_for_each_ram(check_range, &ram);
	EXPECT_EQ(mapped, ram);
}

static int count_large(void *arg, vaddr_t va, unsigned level, pte_t *slot, pte_t e)
{
	(void)va;
	(void)slot;
	*(unsigned *)arg += level > 1 && is_leaf(e, level);
	return 0;
}

/* Option map4k: no page of the kernel is larger than 4 KB. */
KTEST(wx, map4k)
{
	unsigned large = 0;

	EXPECT_EQ(pt_walk(&kernel_aspace, kernel_half(), 0, count_large, &large), 0);
	EXPECT_EQ(large == 0, kmap_4k);
}
