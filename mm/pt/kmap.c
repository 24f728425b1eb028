/*
 * The kernel's own half of virtual memory, made once at boot:
 *
 *	DIRECT_BASE	all RAM (firmware's tables among it)  RW NX, largest pages
 *	VMEMMAP_BASE	struct page of each frame of RAM      RW NX
 *	KMAP_BASE	kernel stacks, then device memory     RW NX, filled later
 *	KERNEL_BASE	the image: text RX, rodata R NX, data and bss RW NX; 4 KB
 *
 * All of it global, nothing of it reachable from ring 3, nothing writable and
 * executable; text and rodata are read-only in the direct map as well. Under
 * LA57 it all hangs under the root's last entry.
 *
 * The top-level entries are filled here and never change, so every address
 * space copies them once. Tables come from early_alloc and lie where the
 * tables of the boot loader's door show them at the same direct-map address.
 * Every leaf here is PTE_SPECIAL: the frames are not counted by slots.
 *
 * One CPU, no locks, until kmap_init; from then on cursors, as everywhere.
 */
#include <arch/machine.h>
#include <boot/bootinfo.h>
#include <lib/log.h>
#include <lib/option.h>
#include <mm/pt/table.h>

bool kmap_4k;
option_flag(map4k, &kmap_4k,
	    "all that the kernel maps by 4 KB pages, so that QEMU's invlpg drops no more than its page");

#define MMIO_BASE	(KMAP_BASE + (KMAP_END - KMAP_BASE) / 2)
#define KERNEL_RW	(PROT_R | PROT_W | PROT_G)
#define KERNEL_RO	(PROT_R | PROT_G)
#define KERNEL_RX	(PROT_R | PROT_X | PROT_G)

static unsigned largest = 2;		/* level of the largest page to use */
static uint64_t leaves[4];		/* of the direct map, by level */
static vaddr_t mmio_next = MMIO_BASE;	/* kmap_mmio, at boot */

/* va's slot in its table of `level`, with all the tables above. */
static pte_t *early_slot(vaddr_t va, unsigned level)
{
	paddr_t tab = kernel_aspace.root;

	for (unsigned l = arch_levels; ; l--) {
		pte_t *slot = (pte_t *)phys_to_virt(tab) + LEVEL_INDEX(va, l);

		if (l == level)
			return slot;
		if (pte_is_none(*slot))
			*slot = pte_table(paddr_to_pfn(early_alloc(PAGE_SIZE, PAGE_SIZE)), false);
		assert(pte_kind(*slot, l) == PTE_TABLE);
		tab = pfn_to_paddr(pte_pfn(*slot));
	}
}

static void early_map(vaddr_t va, paddr_t pa, unsigned level, unsigned prot)
{
	pte_t *slot = early_slot(va, level);

	assert(pte_is_none(*slot));
	slot->v = pte_leaf(paddr_to_pfn(pa), level, prot).v | PTE_SPECIAL;
}

static void map_image_part(const char *start, const char *end, unsigned prot)
{
	for (vaddr_t va = (vaddr_t)start; va < (vaddr_t)end; va += PAGE_SIZE)
		if (!arch_image_guard(va))
			early_map(va, paddr(va - KERNEL_BASE), 1, prot);
}

/* [start, end) of physical memory by the largest pages that fit. */
static void map_direct(uint64_t start, uint64_t end, unsigned prot)
{
	while (start < end) {
		unsigned l = largest;

		while (!IS_ALIGNED(start, LEVEL_SIZE(l)) || start + LEVEL_SIZE(l) > end)
			l--;
		early_map((vaddr_t)phys_to_virt(paddr(start)), paddr(start), l, prot);
		leaves[l]++;
		start += LEVEL_SIZE(l);
	}
}

/* A range of RAM: what of it is the image's text and rodata is not to be written here either. */
static void map_ram(uint64_t start, uint64_t end, void *arg)
{
	uint64_t ro = (vaddr_t)text_start - KERNEL_BASE, ro_end = (vaddr_t)rodata_end - KERNEL_BASE;

	(void)arg;
	ro = MIN(MAX(ro, start), end);
	ro_end = MIN(MAX(ro_end, start), end);
	map_direct(start, ro, KERNEL_RW);
	map_direct(ro, ro_end, KERNEL_RO);
	map_direct(ro_end, end, KERNEL_RW);
}

/* Struct pages of a range of RAM; the range before may share the first page of them. */
static void map_vmemmap(uint64_t start, uint64_t end, void *arg)
{
	vaddr_t va = ALIGN_DOWN((vaddr_t)pfn_to_page(paddr_to_pfn(paddr(start))), PAGE_SIZE);
	vaddr_t stop = ALIGN_UP((vaddr_t)pfn_to_page(paddr_to_pfn(paddr(end))), PAGE_SIZE);
	unsigned l;

	(void)arg;
	for (; va < stop; va += LEVEL_SIZE(l)) {
		pte_t *pd = early_slot(va, 2);

		l = largest > 1 && IS_ALIGNED(va, HUGE_SIZE) && va + HUGE_SIZE <= stop &&
		    pte_is_none(*pd) ? 2 : 1;
		if (pte_kind(*pd, 2) == PTE_HUGE || (l == 1 && !pte_is_none(*early_slot(va, 1))))
			continue;
		early_map(va, early_alloc(LEVEL_SIZE(l), LEVEL_SIZE(l)), l, KERNEL_RW);
	}
}

void kmap_build(const struct bootinfo *bi)
{
	(void)bi;
	largest = kmap_4k ? 1 : arch_features.pdpe1gb ? 3 : 2;
	kernel_aspace.root = early_alloc(PAGE_SIZE, PAGE_SIZE);
	map_image_part(text_start, text_end, KERNEL_RX);
	map_image_part(rodata_start, rodata_end, KERNEL_RO);
	map_image_part(data_start, data_end, KERNEL_RW);
	map_image_part(bss_start, bss_end, KERNEL_RW);
	early_for_each_ram(map_ram, NULL);
	early_for_each_ram(map_vmemmap, NULL);
	early_slot(KMAP_BASE, 3);
	arch_paging_switch(kernel_aspace.root);
	early_limit_lift();
	log_info("page tables: %u levels, direct map of %lu x 1 GB, %lu x 2 MB, %lu x 4 KB",
		 arch_levels, leaves[3], leaves[2], leaves[1]);
}

/* Makes a table of early_alloc, and those below it, tables in the eyes of their struct pages. */
static void adopt(struct page *t, unsigned level, vaddr_t base, pte_t *owner_slot)
{
	pte_t *tab = table_entries(t);

	assert(t->kind == PAGE_KERNEL);
	table_init(t, &kernel_aspace, level, base);
	t->owner_slot = owner_slot;
	kernel_aspace.table_bytes += owner_slot ? PAGE_SIZE : 0;
	for (unsigned i = 0; i < PT_ENTRIES; i++) {
		if (pte_is_none(tab[i]))
			continue;
		table_entry_added(t, i);
		if (pte_kind(tab[i], level) == PTE_TABLE)
			adopt(pfn_to_page(pte_pfn(tab[i])), level - 1, base + i * LEVEL_SIZE(level),
			      &tab[i]);
	}
}

void kmap_init(void)
{
	struct page *zero = page_alloc(0, PAGE_KERNEL, ALLOC_ZERO);

	if (!zero)
		panic("no memory for the page of zeros");
	zero_pfn = page_to_pfn(zero);
	adopt(aspace_root(&kernel_aspace), arch_levels, -LEVEL_SIZE(arch_levels + 1), NULL);
	arch_guard_probe = kstack_is_guard;
}

void *kmap_mmio(paddr_t pa, size_t bytes)
{
	uint64_t start = ALIGN_DOWN(pa.v, PAGE_SIZE), end = ALIGN_UP(pa.v + bytes, PAGE_SIZE);
	vaddr_t va = mmio_next;
	struct cursor c;

	for (uint64_t p = start; p < end; p += PAGE_SIZE, mmio_next += PAGE_SIZE) {
		if (cursor_open(&c, &kernel_aspace, mmio_next, 1))
			panic("no memory to map %lu bytes of device memory at 0x%lx", bytes, pa.v);
		cursor_map_special(&c, paddr_to_pfn(paddr(p)), PROT_R | PROT_W | PROT_G | PROT_UC);
		cursor_close(&c);
	}
	mmio_next += PAGE_SIZE;		/* a hole behind each */
	assert(mmio_next < KMAP_END);
	return (char *)va + (pa.v - start);
}
