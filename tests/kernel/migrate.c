/*
 * Pages get other frames: what they are, who has them and what may be done with them stays, whatever
 * comes by in the middle of it.
 */
#include <tests/kernel/forktest.h>
#include <tests/kernel/swaptest.h>
#include <mm/reclaim/migrate.h>

#define FEW	20u			/* entries: fork copies the table */
#define MANY	512u			/* fork shares it */
#define FAR	4096u

/* The page at `page` gets another frame; false: it was not moved. */
static bool move_page(struct page *p)
{
	struct page *to = page_alloc(0, PAGE_KERNEL, 0);
	unsigned moved, left;

	EXPECT(to);
	page_get(p);
	left = migrate_pages(&p, &to, 1, &moved);
	if (left)
		page_free(to, 0);
	return moved;
}

static void expect_moved(unsigned page)
{
	struct page *p = mt_page(page);

	EXPECT(move_page(p));
	EXPECT(mt_page(page) != p);
}

static int protect(unsigned page, unsigned n, int prot)
{
	return mm_mprotect(mt_mm, mt_va(page), n * PAGE_SIZE, prot);
}

KTEST(migrate, entry_stays_what_it_was)
{
	struct page *p;

	ft_begin(FEW);
	expect_moved(3);
	EXPECT(pte_writable(mt_entry(3)) && pte_dirty(mt_entry(3)));
	EXPECT_EQ(mt_read(3), 103);
	EXPECT_EQ(mt_write(3, 7), 0);
	EXPECT_EQ(protect(4, 1, PROT_READ), 0);
	expect_moved(4);
	EXPECT(!pte_writable(mt_entry(4)));
	EXPECT(mt_read(4) == 104 && mt_write(4, 1));
	EXPECT_EQ(protect(5, 1, PROT_NONE), 0);
	p = mt_page(5);
	EXPECT(move_page(p));
	EXPECT(mt_kind(5) == PTE_NOACCESS && mt_page(5) != p);
	EXPECT_EQ(protect(5, 1, RW), 0);
	EXPECT(mt_read(5) == 105 && mt_read(3) == 7);
	EXPECT(mt_page(5)->slots == 1 && mt_page(5)->refs == 1);
	ft_end();
}

KTEST(migrate, locked)
{
	struct page *p;

	ft_begin(FEW);
	EXPECT_EQ(mm_mlock(mt_mm, mt_va(2), PAGE_SIZE, false), 0);
	p = mt_page(2);
	EXPECT(p->nlocked == 1);
	EXPECT(move_page(p));
	EXPECT(mt_page(2) != p && mt_page(2)->nlocked == 1 && mt_entry(2).v & PTE_LOCKED);
	EXPECT_EQ(mm_munlock(mt_mm, mt_va(2), PAGE_SIZE), 0);
	EXPECT(mt_page(2)->nlocked == 0 && mt_read(2) == 102);
	ft_end();
}

/* A reference that nobody can explain may be a writer's. */
KTEST(migrate, held)
{
	struct page *p;

	ft_begin(FEW);
	p = mt_page(1);
	page_get(p);
	EXPECT(!move_page(p));
	EXPECT(mt_page(1) == p && p->refs == 2 && p->slots == 1 && pte_writable(mt_entry(1)));
	page_put(p);
	EXPECT(move_page(p));
	ft_end();
}

static void move_of_family(unsigned entries, unsigned children)
{
	struct mm *child[32];
	struct page *p;

	ft_begin(entries);
	for (unsigned i = 0; i < children; i++)
		child[i] = ft_fork(ft_parent);
	p = mt_page(9);
	EXPECT(move_page(p));
	EXPECT(mt_page(9) != p && ft_sound());
	for (unsigned i = 0; i < children; i++)
		ft_expect(child[i], 9, 109);
	ft_in(child[0]);
	EXPECT_EQ(mt_write(9, 1), 0);
	EXPECT(move_page(mt_page(9)));
	ft_in(ft_parent);
	EXPECT(ft_sound());
	EXPECT(move_page(mt_page(9)));
	for (unsigned i = 0; i < children; i++)
		ft_expect(child[i], 9, i ? 109 : 1);
	EXPECT_EQ(mt_read(9), 109);
	for (unsigned i = 0; i < children; i++)
		ft_put(child[i]);
	EXPECT(mt_page(9)->slots == 1);
	ft_end();
}

KTEST(migrate, copied_tables)
{
	move_of_family(FEW, 32);
}

KTEST(migrate, shared_tables)
{
	move_of_family(MANY, 32);
}

/* ---- caches ---- */

KTEST(migrate, swap_cache)
{
	struct page *p, *n;
	swp_t s;

	st_begin();
	ft_begin(FEW);
	p = mt_page(3);
	EXPECT(st_out(p));
	s = pte_swp(mt_entry(3));
	EXPECT(slot_cached(s) == p && p->refs == 2);
	page_put(p);
	EXPECT(move_page(p));
	n = slot_cached(s);
	EXPECT(n && n != p && n->swp.v == s.v && n->flags & PG_DIRTY && n->flags & PG_UPTODATE);
	EXPECT(!move_page(n));		/* held by this test */
	page_put(n);
	EXPECT(ft_sound());
	EXPECT_EQ(mt_read(3), 103);
	EXPECT(mt_page(3) == n && n->flags & PG_SWAPCACHE);
	EXPECT(move_page(n));
	EXPECT(mt_page(3) != n && mt_read(3) == 103);
	EXPECT_EQ(mt_write(3, 5), 0);
	ft_end();
	st_end();
}

KTEST(migrate, pages_of_objects)
{
	struct object *o = shm_create(4 * PAGE_SIZE);
	struct page *p, *n;
	struct mm *child;

	EXPECT(o);
	ft_begin(FEW);
	EXPECT(mt_map(FAR, 4, RW, MAP_SHARED, o, 0));
	EXPECT_EQ(mt_write(FAR + 1, 77), 0);
	EXPECT_EQ(mt_write(FAR + 2, 78), 0);
	child = ft_fork(ft_parent);
	ft_expect(child, FAR + 1, 77);
	p = mt_page(FAR + 1);
	EXPECT_EQ(p->slots, 2);
	EXPECT(move_page(p));
	n = object_cached(o, 1);
	EXPECT(n && n != p && n->slots == 2 && n->refs == 4 && n->flags & PG_SHMEM);
	page_put(n);
	EXPECT(mt_page(FAR + 1) == n && pte_writable(mt_entry(FAR + 1)));
	EXPECT_EQ(mt_write(FAR + 1, 79), 0);
	ft_expect(child, FAR + 1, 79);
	ft_put(child);
	EXPECT_EQ(mm_munmap(mt_mm, mt_va(FAR), PAGE_SIZE * 2), 0);
	EXPECT(move_page(n));		/* only the object has it */
	p = object_cached(o, 1);
	EXPECT(p && p != n && *(uint64_t *)page_to_virt(p) == 79);
	EXPECT(!move_page(p));
	page_put(p);
	EXPECT(ft_sound());
	EXPECT_EQ(object_truncate(o, PAGE_SIZE), 0);
	object_put(o);
	ft_end();
}

/* ---- in the middle of it ---- */

static struct page *old, *fresh;

/* The entries of `page` are migrating ones from here on. */
static void begin_moving(unsigned page)
{
	struct reclaim_gather r;

	old = mt_page(page);
	fresh = page_alloc(0, PAGE_ANON, 0);
	EXPECT(fresh);
	fresh->flags = PG_BUSY;
	page_get(old);
	EXPECT(page_trylock(old));
	reclaim_gather_init_for(&r, FLUSH_MIGRATE);
	rmap_move(old, fresh, false, &r);
	reclaim_gather_flush(&r);
	EXPECT(old->slots == 0 && old->refs == 1);
}

static void end_moving(bool moves)
{
	if (moves) {
		copy_page(page_to_virt(fresh), page_to_virt(old));
		rmap_arrive(fresh);
	} else {
		rmap_move(fresh, old, true, NULL);
	}
	page_unlock(fresh);
	page_unlock(old);
	page_put(fresh);
	page_put(old);
}

static void all_in_the_middle(bool moves, unsigned entries)
{
	struct mm *child;
	uint8_t there;

	ft_begin(entries);
	begin_moving(0);
	EXPECT(mt_kind(0) == PTE_MIGRATING && mt_page(0) == fresh && fresh->slots == 1);
	EXPECT(mm_mincore(mt_mm, mt_va(0), 1, &there) == 1 && there);
	EXPECT_EQ(mt_figures().anon, entries);
	child = ft_fork(ft_parent);
	EXPECT(ft_sound());
	EXPECT_EQ(protect(0, 1, PROT_NONE), 0);
	EXPECT(mt_kind(0) == PTE_MIGRATING && ft_sound());
	end_moving(moves);
	EXPECT(mt_kind(0) == PTE_NOACCESS && ft_sound());
	EXPECT_EQ(protect(0, 1, RW), 0);
	EXPECT_EQ(mt_read(0), 100);
	EXPECT_EQ(mt_write(0, 1), 0);
	ft_expect(child, 0, 100);
	begin_moving(1);
	EXPECT_EQ(protect(1, 1, PROT_READ), 0);
	EXPECT_EQ(mm_mremap(mt_mm, mt_va(1), PAGE_SIZE, PAGE_SIZE, MREMAP_MAYMOVE | MREMAP_FIXED,
			    mt_va(FAR + 1)), (long)mt_va(FAR + 1));
	EXPECT(mt_kind(FAR + 1) == PTE_MIGRATING && ft_sound());
	end_moving(moves);
	EXPECT(mt_read(FAR + 1) == 101 && mt_write(FAR + 1, 1) == -EFAULT);
	begin_moving(2);
	EXPECT_EQ(mm_munmap(mt_mm, mt_va(2), PAGE_SIZE), 0);
	EXPECT(ft_sound());
	end_moving(moves);
	EXPECT_EQ(mt_read(2), ~0ul);
	begin_moving(3);
	ft_expect(child, 1, 101);
	ft_put(child);
	end_moving(moves);
	EXPECT_EQ(mt_write(3, 9), 0);
	EXPECT_EQ(mt_read(3), 9);
	ft_end();
}

KTEST(migrate, others_in_the_middle)
{
	all_in_the_middle(true, FEW);
	all_in_the_middle(true, MANY);
}

KTEST(migrate, others_before_it_goes_back)
{
	all_in_the_middle(false, FEW);
	all_in_the_middle(false, MANY);
}

/* Passed over at the end: who needs it makes the entry what it was. */
KTEST(migrate, passed_over)
{
	ft_begin(FEW);
	begin_moving(0);
	copy_page(page_to_virt(fresh), page_to_virt(old));
	page_unlock(fresh);
	page_unlock(old);
	page_put(fresh);
	page_put(old);
	EXPECT(mt_kind(0) == PTE_MIGRATING && ft_sound());
	EXPECT(move_page(mt_page(0)));
	EXPECT_EQ(mt_kind(0), PTE_PRESENT);
	EXPECT_EQ(mt_read(0), 100);
	begin_moving(1);
	copy_page(page_to_virt(fresh), page_to_virt(old));
	page_unlock(fresh);
	page_unlock(old);
	page_put(fresh);
	page_put(old);
	EXPECT_EQ(mt_write(1, 5), 0);
	EXPECT(mt_kind(1) == PTE_PRESENT && mt_page(1) == fresh && mt_read(1) == 5);
	ft_end();
}

/* The same of an object's page, which a fault makes busy before it looks at the entry. */
KTEST(migrate, passed_over_of_an_object)
{
	struct object *o = shm_create(4 * PAGE_SIZE);
	struct reclaim_gather r;

	EXPECT(o);
	ft_begin(FEW);
	EXPECT(mt_map(FAR, 4, RW, MAP_SHARED, o, 0));
	EXPECT_EQ(mt_write(FAR + 1, 77), 0);
	old = mt_page(FAR + 1);
	fresh = page_alloc(0, PAGE_FILE, 0);
	EXPECT(fresh);
	fresh->flags = PG_BUSY | (old->flags & (PG_UPTODATE | PG_SHMEM | PG_DIRTY));
	fresh->owner = o;
	fresh->index = 1;
	page_get(old);
	EXPECT(page_trylock(old));
	reclaim_gather_init_for(&r, FLUSH_MIGRATE);
	object_move_entries(old, fresh, false, &r);
	reclaim_gather_flush(&r);
	EXPECT(object_move(old, fresh));
	page_unlock(fresh);
	page_unlock(old);
	page_put(fresh);
	page_put(old);
	EXPECT(mt_kind(FAR + 1) == PTE_MIGRATING && ft_sound());
	EXPECT_EQ(mt_read(FAR + 1), 77);
	EXPECT(mt_kind(FAR + 1) == PTE_PRESENT && mt_page(FAR + 1) == fresh && ft_sound());
	EXPECT_EQ(mt_write(FAR + 1, 78), 0);
	EXPECT_EQ(mm_munmap(mt_mm, mt_va(FAR), 4 * PAGE_SIZE), 0);
	object_put(o);
	ft_end();
}

/* A page in the swap cache that a relative's entry still names may not go to another index with its entry. */
KTEST(migrate, cached_page_that_a_relative_names)
{
	struct mm *child;
	struct page *p;

	st_begin();
	ft_begin(FEW);
	child = ft_fork(ft_parent);
	p = mt_page(3);
	EXPECT(st_out(p));
	EXPECT_EQ(mt_read(3), 103);
	EXPECT(mt_page(3) == p && p->slots == 1);
	EXPECT_EQ(mm_mremap(mt_mm, mt_va(3), PAGE_SIZE, PAGE_SIZE, MREMAP_MAYMOVE | MREMAP_FIXED,
			    mt_va(FAR + 7)), (long)mt_va(FAR + 7));
	ft_expect(child, 3, 103);
	EXPECT_EQ(mt_read(FAR + 7), 103);
	EXPECT(ft_sound());
	ft_put(child);
	ft_end();
	st_end();
}
