/*
 * The end of an address space: all of its tables in one walk, each table's
 * entries first, then the table.
 *
 * Nobody else knows the address space any more: no process, no CPU, no mapping of
 * an object. So an upper table stays as it is until the walk takes it, and
 * none is looked up by address. The leaves are known to others: to the other
 * owners of a shared table, to whoever comes by way of the page. What is done
 * to them is what pt_zap does, under the same locks and through a gather.
 *
 * Locks: an upper table and one below it; none while the gather is flushed.
 */
#include <kernel/core/thread.h>
#include <lib/assert.h>
#include <mm/pt/table.h>

struct end {
	struct aspace *as;
	struct gather *g;
	uint64_t resident;		/* pages found so far */
};

/* No lock held. */
static void end_flush(struct end *e)
{
	if (!gather_full(e->g) && !gather_owners_full(e->g))
		return;
	gather_flush(e->g);
	resched_point();
}

/* True: the locked t is shared, and left to its other owners. */
static bool end_shared(struct end *e, struct page *upper, pte_t *slot, struct page *t, vaddr_t va)
{
	if (likely(!t->shared))
		return false;
	leave_table(slot, t, va, e->g);
	table_entries_gone(upper, 1);
	__atomic_fetch_sub(&e->as->table_bytes, PAGE_SIZE, __ATOMIC_RELAXED);
	return true;
}

/* Both locked. False: the gather is full before t is empty. */
static bool end_leaves(struct end *e, struct page *upper, pte_t *slot, struct page *t, vaddr_t va)
{
	struct cursor c = { .as = e->as, .va = va, .level = 1, .table = t,
			    .slot = table_entries(t) };

	if (end_shared(e, upper, slot, t, va))
		return true;
	zap_leaves(&c, va + LEVEL_SIZE(2), e->g);
	if (t->used)
		return false;
	table_unlink(e->as, upper, slot, t, e->g);
	return true;
}

static void end_last_level(struct end *e, struct page *upper, pte_t *slot, struct page *t,
			   vaddr_t va)
{
	bool done;

	e->resident += t->anon + t->file + t->shmem;
	do {
		spin_lock(&upper->lock);
		spin_lock(&t->lock);
		done = end_leaves(e, upper, slot, t, va);
		spin_unlock(&t->lock);
		spin_unlock(&upper->lock);
		end_flush(e);
	} while (!done);
}

static void end_huge_leaf(struct end *e, struct page *t, pte_t *slot, vaddr_t va)
{
	struct cursor c = { .as = e->as, .va = va, .level = t->level, .table = t, .slot = slot };
	bool full;

	spin_lock(&t->lock);
	e->resident += entry_page(cursor_get(&c)) ? LEVEL_SIZE(t->level) >> PAGE_SHIFT : 0;
	cursor_clear(&c, e->g, &full);
	spin_unlock(&t->lock);
	end_flush(e);
}

/* A table of huge leaves that others have, too. False: not any more. */
static bool end_shared_upper(struct end *e, struct page *upper, pte_t *slot, struct page *t,
			     vaddr_t va)
{
	uint64_t pages = ((uint64_t)t->anon + t->file + t->shmem) << (LEVEL_SHIFT(2) - PAGE_SHIFT);
	bool done;

	spin_lock(&upper->lock);
	spin_lock(&t->lock);
	done = end_shared(e, upper, slot, t, va);
	spin_unlock(&t->lock);
	spin_unlock(&upper->lock);
	e->resident += done ? pages : 0;
	end_flush(e);
	return done;
}

static void end_entries(struct end *e, struct page *t, vaddr_t base);

/* t, to which *slot of `upper` points, and all below it. */
static void end_table(struct end *e, struct page *upper, pte_t *slot, struct page *t, vaddr_t va)
{
	if (t->level == 1) {
		end_last_level(e, upper, slot, t, va);
		return;
	}
	if (t->shared && end_shared_upper(e, upper, slot, t, va))
		return;
	end_entries(e, t, va);
	spin_lock(&upper->lock);
	if (!spin_trylock(&t->lock))
		panic("somebody works in a table of an address space that ends");
	table_unlink(e->as, upper, slot, t, e->g);
	spin_unlock(&t->lock);
	spin_unlock(&upper->lock);
}

/* Of the upper table t, whose index 0 translates base. */
static void end_entries(struct end *e, struct page *t, vaddr_t base)
{
	pte_t *tab = table_entries(t);
	unsigned end = t->last + 1u, level = t->level;

	for (unsigned i = t->first; t->used && (i = table_next(tab, i, end)) < end; i++) {
		vaddr_t va = base + i * LEVEL_SIZE(level);
		pte_t entry = pte_read(&tab[i]);

		if (pte_kind(entry, level) == PTE_TABLE)
			end_table(e, t, &tab[i], pfn_to_page(pte_pfn(entry)), va);
		else
			end_huge_leaf(e, t, &tab[i], va);
	}
}

uint64_t pt_end(struct aspace *as, struct gather *g)
{
	struct end e = { .as = as, .g = g };

	assert(g->stale.as == as && !as->kernel);
	aspace_leave(as);
	end_entries(&e, aspace_root(as), 0);
	return e.resident;
}
