/*
 * The life of an address space's tables, and what they add up to.
 *
 * A user's root has the kernel's half copied in when it is made: the kernel's
 * top-level entries are all filled at boot and never change, so all roots
 * agree for ever. A fresh address space is one table; each region that is
 * mapped brings the tables of its way down, and the last page of a region
 * takes them along. Figures of an address space are sums over its tables,
 * taken when they are asked for.
 */
#include <asm-generic/errno-base.h>
#include <kernel/core/thread.h>
#include <lib/string.h>
#include <mm/pt/huge.h>
#include <mm/pt/table.h>

pfn_t zero_pfn;

int aspace_init(struct aspace *as)
{
	const size_t half = PAGE_SIZE / 2;
	struct page *root = page_alloc(0, PAGE_TABLE, 0);
	char *to;

	if (!root)
		return -ENOMEM;
	to = page_to_virt(root);
	memset(to, 0, half);
	memcpy(to + half, (char *)phys_to_virt(kernel_aspace.root) + half, half);
	table_init(root, as, arch_levels, 0);
	*as = (struct aspace){ .root = page_to_phys(root), .id = arch_aspace_id() };
	return 0;
}

void aspace_destroy(struct aspace *as)
{
	struct page *root = aspace_root(as);

	while (__atomic_load_n(&as->pins, __ATOMIC_ACQUIRE))
		sched_yield();
	aspace_leave(as);
	for (unsigned i = 0; i < ARRAY_SIZE(as->active); i++)
		assert(__atomic_load_n(&as->active[i], __ATOMIC_ACQUIRE) == 0);
	assert(!as->kernel && root->used == 0 && as->table_bytes == 0);
	as->root = paddr(0);
	table_free(root);
	huge_zero_put(as);
}

/*
 * Without locks, as a reader inside a grace period: a table that dies
 * meanwhile has counts of 0 from then on.
 */
static void count_table(const struct page *t, unsigned end, struct aspace_counts *n)
{
	unsigned pages_shift = 9 * (t->level - 1u);
	const pte_t *tab = table_entries(t);

	n->table_pages++;
	n->anon += (uint64_t)t->anon << pages_shift;
	n->file += (uint64_t)t->file << pages_shift;
	n->shmem += (uint64_t)t->shmem << pages_shift;
	n->swap += (uint64_t)t->swap << pages_shift;
	if (t->level == 1)
		return;
	end = MIN(end, t->last + 1u);
	for (unsigned i = t->first; (i = table_next(tab, i, end)) < end; i++) {
		pte_t e = pte_read(&tab[i]);

		if (pte_kind(e, t->level) == PTE_TABLE)
			count_table(pfn_to_page(pte_pfn(e)), PT_ENTRIES, n);
	}
}

void aspace_count(struct aspace *as, struct aspace_counts *n)
{
	*n = (struct aspace_counts){ 0 };
	count_table(aspace_root(as), root_end(as), n);
	n->table_pages--;		/* the root: as table_bytes does not count it */
}
