/*
 * What each mapping has in memory, and how much of that is its own: for
 * /proc/PID/smaps. And clear_refs: which pages are used, from now on.
 *
 * A page is mapped as often as there are ways to it: each of its slots counts
 * for each owner of the table that the slot lies in. A slot of a table shared
 * by a fork is one slot, so before the walk the shared tables of all address
 * spaces are gone through, each where its first owner has it: for the pages
 * that have other slots, too, `more` says how many ways there are besides the
 * slots. Likewise for slots of swap and the entries that name them. (Exact at rest; else as good as a sum over moving things can be.)
 *
 * Locks: one mm.lock for reading at a time, and one table.
 */
#include <mm/vm/map.h>
#include <kernel/core/thread.h>
#include <mm/obj/radix.h>
#include <mm/alloc/block.h>
#include <mm/alloc/slots.h>
#include <mm/pt/pt.h>
#include <mm/vm/mms.h>

#include <linux/errno.h>

#define PSS_SHIFT	12
#define BLOCK_KEYS	(1ul << 40)	/* above all frame numbers */

/* ---- tables with several owners ---- */

/* By page_key and block_key; by swp_t. */
struct ways { struct radix page, slot; };

/* Where the ways more to a page are noted, and those to a block by its huge leaves. */
static uint64_t page_key(const struct page *p)
{
	return page_to_pfn(p).v;
}

static uint64_t block_key(const struct page *p)
{
	return BLOCK_KEYS | page_to_pfn(p).v >> ORDER_HUGE;
}

/* n ways more to i. 0 or -ENOMEM. */
static int add_ways(struct radix *more, uint64_t i, uintptr_t n)
{
	n += (uintptr_t)radix_remove(more, i);
	return radix_insert(more, i, (void *)n);
}

/* The page of the leaf, or noaccess entry, e (a block's head at higher levels); NULL: it has none that counts. */
static struct page *leaf_page(pte_t e, unsigned level)
{
	enum pte_kind k = pte_kind(e, level);

	return (k == PTE_PRESENT || k == PTE_MIGRATING || k == PTE_NOACCESS || k == PTE_HUGE) &&
	       !(e.v & PTE_SPECIAL) ?
	       pfn_to_page(pte_pfn(e)) : NULL;
}

/* Entry e of a shared table of that level, with `others` besides the first owner. */
static int entry_ways(pte_t e, unsigned level, unsigned others, struct ways *more)
{
	const struct page *p = leaf_page(e, level);

	if (p && READ_ONCE(p->slots) > 1)
		return add_ways(&more->page, level == 1 ? page_key(p) : block_key(p), others);
	if (pte_kind(e, level) == PTE_SWAP && slot_count(pte_swp(e)) > 1)
		return add_ways(&more->slot, pte_swp(e).v, others);
	return 0;
}

/*
 * Of what as has for the 2 MB at va, if the table that it stands in is shared and as is its
 * first owner: of the pages of a last-level table, or of the block of a huge leaf.
 */
static int table_ways(struct aspace *as, vaddr_t va, struct ways *more)
{
	struct cursor c;
	int err = 0;

	cursor_find(&c, as, va, 1);
	if (c.level <= 2 && c.table->shared && c.table->as == as && (c.level == 2 || c.table->base == va)) {
		unsigned owners = pt_table_owners(c.table);

		do
			err = entry_ways(cursor_get(&c), c.level, owners - 1, more);
		while (!err && c.level == 1 && cursor_next(&c));
	}
	cursor_close(&c);
	return err;
}

static int aspace_ways(struct mm *mm, struct ways *more)
{
	vaddr_t done = 0;
	int err = 0;

	read_lock(&mm->lock);
	for (struct vma *v = vma_first(mm); v && !err && mm->as.shares; v = vma_next(v)) {
		vaddr_t va = MAX(ALIGN_DOWN(v->start, LEVEL_SIZE(2)), done);

		for (; va < v->end && !err; va += LEVEL_SIZE(2))
			err = table_ways(&mm->as, va, more);
		done = va;
	}
	read_unlock(&mm->lock);
	return err;
}

static int find_ways(struct ways *more)
{
	int err = 0;

	for (struct mm *mm = mm_next(NULL); mm; mm = mm_next(mm)) {
		if (!err)
			err = aspace_ways(mm, more);
		resched_point();
	}
	return err;
}

static void drop_ways(struct radix *more)
{
	for (uint64_t i = 0; radix_next(more, &i);)
		radix_remove(more, i);
}

/* ---- one mapping ---- */

/* How many ways there are to p, which an entry of a table with so many owners names. */
static uint64_t ways_to(const struct page *p, unsigned owners, const struct ways *more)
{
	uint64_t ways = READ_ONCE(p->slots);

	if (ways <= 1)
		return owners;
	ways += (uintptr_t)radix_get(&more->page, page_key(p));
	if (p->order || READ_ONCE(p->flags) & PG_MIXED)
		ways += (uintptr_t)radix_get(&more->page, block_key(p));
	return ways;
}

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
	uint64_t entries = slot_count(s);
	uint64_t ways = entries > 1 ? entries + (uintptr_t)radix_get(&more->slot, s.v) : owners;

	u->swap += PAGE_SIZE;
	u->swap_pss += (PAGE_SIZE << PSS_SHIFT) / ways;
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
			add_pages(u, p, PAGE_SIZE, e, ways_to(p, owners, more));
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
	if (p->kind == PAGE_ANON)
		u->anon_huge += LEVEL_SIZE(c->level);
	else if (p->flags & PG_SHMEM)
		u->shmem_huge += LEVEL_SIZE(c->level);
	if (block_is_whole(p)) {
		add_pages(u, p, LEVEL_SIZE(c->level), e, ways_to(p, owners, more));
		return;
	}
	for (unsigned i = 0; i < BLOCK_PAGES; i++)
		add_pages(u, p + i, PAGE_SIZE, e, ways_to(p + i, owners, more));
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
	struct ways more = { { NULL, 0 }, { NULL, 0 } };
	struct usage_walk w = { .mm = mm, .more = &more, .fn = fn, .arg = arg };
	int r = find_ways(&more);

	if (!r)
		r = mm_for_each_vma(mm, from, one_vma, &w);
	drop_ways(&more.page);
	drop_ways(&more.slot);
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
