/*
 * What each mapping has in memory, and how much of that is its own: for
 * /proc/PID/smaps. And clear_refs: which pages are used, from now on.
 *
 * A page is mapped as often as there are ways to it (ways.h). (Exact at rest; else as good as a sum over moving things can be.)
 *
 * Locks: one mm.lock for reading at a time, and one table.
 */
#include <mm/vm/map.h>
#include <mm/alloc/block.h>
#include <mm/alloc/slots.h>
#include <mm/pt/pt.h>
#include <mm/vm/ways.h>

#include <linux/errno.h>

#define PSS_SHIFT	12

/* ---- one mapping ---- */

/* size bytes, p the first page: `ways` map them. */
static void add_pages(struct vma_usage *u, const struct page *p, size_t size, pte_t e, uint64_t ways)
{
	bool dirty = pte_dirty(e) || p->flags & PG_DIRTY;
	uint64_t part = (size << PSS_SHIFT) / ways;

	u->rss += size;
	u->pss += part;
	if (pte_young(e) || p->flags & PG_REFERENCED)
		u->referenced += size;
	if (dirty)
		u->pss_dirty += part;
	if (p->kind == PAGE_ANON) {
		u->anon += size;
		u->pss_anon += part;
		if (!dirty && p->flags & PG_LAZYFREE)
			u->lazyfree += size;
	} else if (p->flags & PG_SHMEM) {
		u->pss_shmem += part;
	} else {
		u->pss_file += part;
	}
	if (ways > 1)
		*(dirty ? &u->shared_dirty : &u->shared_clean) += size;
	else
		*(dirty ? &u->private_dirty : &u->private_clean) += size;
}

/* A slot, named by an entry of a table with so many owners. */
static void add_slot(struct vma_usage *u, swp_t s, unsigned owners, const struct ways *more)
{
	u->swap += PAGE_SIZE;
	u->swap_pss += (PAGE_SIZE << PSS_SHIFT) / ways_to_slot(s, owners, more);
}

/* From the cursor to the end of its table, or of the mapping. Returns where to go on. */
static vaddr_t add_table(struct vma_usage *u, struct cursor *c, vaddr_t end,
			 const struct ways *more)
{
	unsigned owners = c->table->shared ? pt_table_owners(c->table) : 1;

	do {
		pte_t e = cursor_get(c);
		const struct page *p = leaf_page(e, 1);

		if (pte_kind(e, 1) == PTE_SWAP)
			add_slot(u, pte_swp(e), owners, more);
		if (p)
			add_pages(u, p, PAGE_SIZE, e, ways_to_page(p, owners, more));
	} while (c->va + PAGE_SIZE < end && cursor_next(c));
	return c->va + PAGE_SIZE;
}

/* The entry of a higher level under the cursor. */
static void add_leaf(struct vma_usage *u, const struct cursor *c, const struct ways *more)
{
	unsigned owners = c->table->shared ? pt_table_owners(c->table) : 1;
	pte_t e = cursor_get(c);
	const struct page *p = leaf_page(e, c->level);

	if (!p)
		return;
	if (p->kind == PAGE_HUGETLB) {
		*(READ_ONCE(p->slots) > 1 ? &u->shared_hugetlb : &u->private_hugetlb) += LEVEL_SIZE(c->level);
		return;
	}
	if (p->kind == PAGE_ANON)
		u->anon_huge += LEVEL_SIZE(c->level);
	else if (p->flags & PG_SHMEM)
		u->shmem_huge += LEVEL_SIZE(c->level);
	if (block_is_whole(p)) {
		add_pages(u, p, LEVEL_SIZE(c->level), e, ways_to_page(p, owners, more));
		return;
	}
	for (unsigned i = 0; i < BLOCK_PAGES; i++)
		add_pages(u, p + i, PAGE_SIZE, e, ways_to_page(p + i, owners, more));
}

static void add_range(struct vma_usage *u, struct mm *mm, vaddr_t va, vaddr_t end,
		      const struct ways *more)
{
	while (va < end) {
		struct cursor c;

		cursor_find(&c, &mm->as, va, 1);
		if (c.level > 1)
			add_leaf(u, &c, more);
		va = c.level == 1 ? add_table(u, &c, end, more) : c.va + LEVEL_SIZE(c.level);
		cursor_close(&c);
	}
}

struct usage_walk {
	struct mm *mm;
	const struct ways *more;
	int (*fn)(const struct vma_info *v, const struct vma_usage *u, void *arg);
	void *arg;
};

static int one_vma(const struct vma_info *v, void *arg)
{
	struct usage_walk *w = arg;
	struct vma_usage u = { 0 };

	add_range(&u, w->mm, v->start, v->end, w->more);
	return w->fn(v, &u, w->arg);
}

int mm_for_each_usage(struct mm *mm, vaddr_t from,
		      int (*fn)(const struct vma_info *v, const struct vma_usage *u, void *arg),
		      void *arg)
{
	struct ways more = { .all = false };
	struct usage_walk w = { .mm = mm, .more = &more, .fn = fn, .arg = arg };
	int r = ways_find(&more);

	if (!r)
		r = mm_for_each_vma(mm, from, one_vma, &w);
	ways_drop(&more);
	return r;
}

/* ---- clear_refs ---- */

static bool is_meant(const struct page *p, enum clear_refs what)
{
	return what == CLEAR_REFS_ALL || (p->kind == PAGE_ANON) == (what == CLEAR_REFS_ANON);
}

/* The entry under the cursor. */
static void clear_entry(struct cursor *c, enum clear_refs what, struct gather *g)
{
	struct page *p = leaf_page(cursor_get(c), c->level);

	if (!p || !is_meant(p, what))
		return;
	cursor_clear_young(c, g);
	__atomic_fetch_and(&p->flags, ~PG_REFERENCED, __ATOMIC_RELAXED);
}

static void clear_range(struct mm *mm, const struct vma *v, enum clear_refs what, struct gather *g)
{
	for (vaddr_t va = v->start; va < v->end;) {
		struct cursor c;

		cursor_find(&c, &mm->as, va, 1);
		do
			clear_entry(&c, what, g);
		while (c.level == 1 && c.va + PAGE_SIZE < v->end && cursor_next(&c));
		va = c.va + LEVEL_SIZE(c.level);
		cursor_close(&c);
	}
}

void mm_clear_refs(struct mm *mm, enum clear_refs what)
{
	struct gather g;

	gather_init_for(&g, &mm->as, FLUSH_AGE);
	read_lock(&mm->lock);
	if (what == CLEAR_REFS_MAX_RSS)
		WRITE_ONCE(mm->rss_max, 0);
	for (struct vma *v = vma_first(mm); v && what != CLEAR_REFS_MAX_RSS; v = vma_next(v))
		clear_range(mm, v, what, &g);
	gather_finish(&g);
	read_unlock(&mm->lock);
}
