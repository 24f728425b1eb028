/*
 * The reverse map: from an anonymous page to all of its slots, however they
 * came about (fork, copies of tables, mremap), and back in from swap.
 */
#include <tests/kernel/forktest.h>
#include <tests/kernel/swaptest.h>

#define MAPPERS		1000u
#define FEW		20u		/* entries: fork copies the table */
#define PER_TABLE	512u
#define FAR		(8 * PER_TABLE)
#define MOVE		(MREMAP_MAYMOVE | MREMAP_FIXED)

/* The page of mm at `page` comes back from the cache. */
static void swap_in(struct mm *mm, unsigned page)
{
	struct page *p, *copy;
	struct gather g;
	struct cursor c;
	pte_t e;

	EXPECT_EQ(cursor_open(&c, mm_aspace(mm), mt_va(page), 1), 0);
	e = cursor_get(&c);
	cursor_close(&c);
	EXPECT_EQ(pte_kind(e, 1), PTE_SWAP);
	p = slot_cached(pte_swp(e));
	EXPECT(p);
	EXPECT(page_trylock(p));
	copy = page_alloc(0, PAGE_ANON, 0);
	EXPECT(copy);
	copy_page(page_to_virt(copy), page_to_virt(p));
	gather_init(&g, mm_aspace(mm));
	EXPECT_EQ(cursor_open(&c, mm_aspace(mm), mt_va(page), 1), 0);
	EXPECT_EQ(cursor_get(&c).v, e.v);
	if (cursor_swap_in(&c, p, PROT_R | PROT_U)) {
		page_get(p);
		slot_put(pte_swp(e));
		page_put(copy);
	} else {
		cursor_replace(&c, copy, PROT_R | PROT_U, &g);
	}
	cursor_close(&c);
	gather_finish(&g);
	page_unlock(p);
	page_put(p);
	slot_forsaken(pte_swp(e));
}

static pte_t entry_of(struct mm *mm, unsigned page)
{
	unsigned level;

	return pt_lookup(mm_aspace(mm), mt_va(page), &level);
}

static bool is_swapped(struct mm *mm, unsigned page)
{
	return pte_kind(entry_of(mm, page), 1) == PTE_SWAP;
}

static struct page *page_of(struct mm *mm, unsigned page)
{
	return pfn_to_page(pte_pfn(entry_of(mm, page)));
}

/* `page` of mm, in the parent's words, is what it shall be. */
static void expect_word(struct mm *mm, unsigned page, uint64_t word)
{
	ft_in(mm);
	EXPECT_EQ(mt_read(page), word);
	ft_in(ft_parent);
}

static long remap(struct mm *mm, unsigned from, unsigned n, unsigned to)
{
	return mm_mremap(mm, mt_va(from), n * PAGE_SIZE, n * PAGE_SIZE, MOVE, mt_va(to));
}

/* ---- many ---- */

static struct mm *child[MAPPERS - 1];

static void fork_many(unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		child[i] = mm_fork(ft_parent);
		EXPECT(child[i]);
	}
}

KTEST(rmap, thousand_mappers)
{
	struct page *p;
	swp_t s;

	st_begin();
	ft_begin(FEW);
	fork_many(MAPPERS - 1);
	p = mt_page(3);
	EXPECT(p->slots == MAPPERS && p->refs == MAPPERS);
	EXPECT(ft_sound());
	EXPECT_EQ(rmap_clear_young(p), MAPPERS);
	EXPECT_EQ(rmap_clear_young(p), 0);
	EXPECT(st_out(p));
	EXPECT(p->slots == 0 && p->refs == 1);
	EXPECT(ft_sound());
	s = pte_swp(mt_entry(3));
	EXPECT_EQ(slot_count(s), MAPPERS);
	for (unsigned i = 0; i < MAPPERS - 1; i++)
		swap_in(child[i], 3);
	EXPECT(page_of(child[0], 3) == p && p->slots == MAPPERS - 1);
	EXPECT(ft_sound());
	swap_in(ft_parent, 3);
	expect_word(child[7], 3, 103);
	for (unsigned i = 0; i < MAPPERS - 1; i++)
		ft_put(child[i]);
	EXPECT(p->slots == 1 && p->slot == mt_slot(3));
	ft_end();
	st_end();
}

/* The anchor is the parent's; its end leaves each page with another one, time and again. */
KTEST(rmap, anchor_exits_first)
{
	struct page *p[FEW];

	st_begin();
	ft_begin(FEW);
	for (unsigned i = 0; i < FEW; i++)
		p[i] = mt_page(i);
	fork_many(10);
	EXPECT(p[0]->slot == mt_slot(0));
	for (unsigned left = 10; left > 1; left--) {
		ft_in(child[left - 1]);
		mm_put(ft_parent);
		ft_parent = child[left - 1];
		for (unsigned i = 0; i < FEW; i++)
			EXPECT(p[i]->slots == left && p[i]->refs == left);
		EXPECT(ft_sound());
	}
	ft_in(child[0]);
	mm_put(ft_parent);
	ft_parent = child[0];
	EXPECT(p[5]->slot == mt_slot(5));
	EXPECT(st_out(p[5]));
	swap_in(ft_parent, 5);
	expect_word(ft_parent, 5, 105);
	ft_end();
	st_end();
}

/* ---- tables shared, copied, half copied ---- */

KTEST(rmap, shared_table)
{
	struct page *p;

	st_begin();
	ft_begin(100);
	fork_many(3);
	p = mt_page(50);
	EXPECT(ft_table(child[0], 0) == ft_table(ft_parent, 0) && p->slots == 1);
	EXPECT(st_out(p));			/* for all four, in place */
	EXPECT(is_swapped(child[2], 50) && is_swapped(ft_parent, 50));
	EXPECT_EQ(slot_count(pte_swp(mt_entry(50))), 1);
	EXPECT(ft_sound());
	ft_in(child[0]);
	EXPECT_EQ(mt_write(1, 7), 0);		/* its own table, a copy, swap entry and all */
	ft_in(ft_parent);
	EXPECT_EQ(slot_count(pte_swp(mt_entry(50))), 2);
	EXPECT(ft_sound());
	p = mt_page(60);
	EXPECT_EQ(p->slots, 2);
	EXPECT(st_out(p));
	EXPECT(is_swapped(child[0], 60) && is_swapped(child[1], 60));
	EXPECT(ft_sound());
	swap_in(child[0], 60);
	swap_in(child[1], 60);			/* copies the table for that */
	EXPECT(page_of(child[0], 60) == p && page_of(child[1], 60) == p && p->slots == 2);
	EXPECT(ft_sound());
	for (unsigned i = 0; i < 3; i++) {
		expect_word(child[i], 10, 110);
		ft_put(child[i]);
		EXPECT(ft_sound());
	}
	swap_in(ft_parent, 60);
	swap_in(ft_parent, 50);
	expect_word(ft_parent, 60, 160);
	expect_word(ft_parent, 50, 150);
	ft_end();
	st_end();
}

/* A table of which a fork copies one VMA and not the other, then a second time. */
KTEST(rmap, half_copied)
{
	struct page *p;

	st_begin();
	ft_begin(FEW);
	EXPECT_EQ(mm_madvise(mt_mm, mt_va(10), 10 * PAGE_SIZE, MADV_DONTFORK), 0);
	EXPECT_EQ(mm_mprotect(mt_mm, mt_va(4), 2 * PAGE_SIZE, PROT_NONE), 0);
	fork_many(2);
	EXPECT(mt_page(3)->slots == 3 && mt_page(4)->slots == 3 && mt_page(12)->slots == 1);
	EXPECT(ft_sound());
	p = mt_page(4);
	EXPECT(st_out(p));			/* noaccess entries, too */
	EXPECT(is_swapped(child[0], 4) && is_swapped(ft_parent, 4));
	EXPECT(st_out(mt_page(12)));
	EXPECT(pte_is_none(entry_of(child[0], 12)));
	ft_in(child[0]);
	EXPECT_EQ(mt_write(3, 9), 0);
	ft_in(ft_parent);
	EXPECT_EQ(mt_page(3)->slots, 2);
	EXPECT(st_out(mt_page(3)));
	EXPECT(is_swapped(child[1], 3) && !is_swapped(child[0], 3));
	EXPECT(ft_sound());
	ft_put(child[0]);
	ft_put(child[1]);
	EXPECT(mt_figures().swap == 3 && mt_figures().anon == FEW - 3);
	ft_end();
	st_end();
}

/* ---- moved ---- */

/* Whole tables, and entries that keep their index: relatives still find them. */
KTEST(rmap, moved_aligned)
{
	struct page *p;

	st_begin();
	ft_begin(FEW);
	fork_many(2);
	p = mt_page(3);
	EXPECT_EQ(remap(ft_parent, 0, 8, FAR), (long)mt_va(FAR));
	EXPECT(page_of(ft_parent, FAR + 3) == p && p->slots == 3);
	EXPECT(ft_sound());
	EXPECT_EQ(remap(child[0], 0, PER_TABLE, FAR), (long)mt_va(FAR));
	EXPECT(page_of(child[0], FAR + 3) == p && p->slots == 3);
	EXPECT(ft_sound());
	EXPECT(st_out(p));
	EXPECT(is_swapped(ft_parent, FAR + 3) && is_swapped(child[0], FAR + 3) &&
	       is_swapped(child[1], 3));
	EXPECT_EQ(remap(ft_parent, FAR, 8, 2 * FAR), (long)mt_va(2 * FAR));
	EXPECT(!pte_swap_is_stray(entry_of(ft_parent, 2 * FAR + 3)));
	EXPECT(ft_sound());
	swap_in(child[1], 3);
	swap_in(ft_parent, 2 * FAR + 3);
	EXPECT(page_of(ft_parent, 2 * FAR + 3) == p && p->slots == 2);
	EXPECT(ft_sound());
	ft_put(child[1]);
	EXPECT(p->slots == 1 && p->slot == mt_slot(2 * FAR + 3));
	ft_put(child[0]);
	expect_word(ft_parent, 2 * FAR + 3, 103);
	ft_end();
	st_end();
}

/* To another index: what relatives have is copied, in swap or not. */
KTEST(rmap, moved_unaligned)
{
	struct page *p;

	st_begin();
	ft_begin(FEW);
	fork_many(2);
	p = mt_page(3);
	EXPECT(st_out(mt_page(5)));
	EXPECT_EQ(remap(ft_parent, 0, 8, FAR + 100), (long)mt_va(FAR + 100));
	EXPECT(page_of(ft_parent, FAR + 103) != p && p->slots == 2);
	EXPECT(pte_swap_is_stray(entry_of(ft_parent, FAR + 105)));
	EXPECT(ft_sound());
	swap_in(child[0], 5);
	swap_in(ft_parent, FAR + 105);
	EXPECT(page_of(child[0], 5) != page_of(ft_parent, FAR + 105));
	EXPECT(page_of(ft_parent, FAR + 105)->slots == 1);
	EXPECT(ft_sound());
	EXPECT(st_out(p));
	EXPECT(is_swapped(child[1], 3) && !is_swapped(ft_parent, FAR + 103));
	expect_word(ft_parent, FAR + 103, 103);
	expect_word(ft_parent, FAR + 105, 105);
	expect_word(child[0], 5, 105);
	ft_put(child[0]);
	ft_put(child[1]);
	p = page_of(ft_parent, FAR + 103);	/* alone now: it moves as it is */
	EXPECT(st_out(page_of(ft_parent, FAR + 104)));
	EXPECT_EQ(remap(ft_parent, FAR + 100, 8, 300), (long)mt_va(300));
	EXPECT(page_of(ft_parent, 303) == p && p->slot == mt_slot(303));
	EXPECT(!pte_swap_is_stray(entry_of(ft_parent, 304)));
	swap_in(ft_parent, 304);
	expect_word(ft_parent, 304, 104);
	ft_end();
	st_end();
}

/* ---- what stays ---- */

KTEST(rmap, locked)
{
	struct page *p;

	st_begin();
	ft_begin(FEW);
	fork_many(1);
	EXPECT_EQ(mm_mlock(child[0], mt_va(3), PAGE_SIZE, false), 0);
	p = page_of(child[0], 3);
	EXPECT_EQ(p->nlocked, 1);
	EXPECT(!st_out(p));
	EXPECT(!is_swapped(child[0], 3));
	EXPECT(ft_sound());
	ft_put(child[0]);
	EXPECT(ft_sound());
	ft_end();
	st_end();
}

/* Pages of an object: out of every mapping, shared tables and all; dirty if one of them was. */
KTEST(rmap, object_pages)
{
	struct mt_file file;
	struct reclaim_gather r;
	struct page *p;

	mt_file_init(&file, 100 * PAGE_SIZE);
	ft_begin(FEW);
	EXPECT(mt_map(FAR, 100, PROT_READ, MAP_PRIVATE, &file.obj, 0));
	EXPECT(mt_map(FAR + 100, 100, PROT_READ, MAP_PRIVATE, &file.obj, 0));
	for (unsigned i = 0; i < 100; i++)
		EXPECT_EQ(mt_read(FAR + i), i + 1);
	EXPECT_EQ(mt_read(FAR + 107), 8);
	fork_many(2);
	p = mt_page(FAR + 7);
	EXPECT(p->slots >= 2);
	EXPECT(object_clear_young(p) >= 2);
	EXPECT_EQ(object_clear_young(p), 0);
	page_get(p);
	EXPECT(page_trylock(p));
	reclaim_gather_init(&r);
	EXPECT(object_unmap_page(p, &r));
	reclaim_gather_flush(&r);
	EXPECT(p->slots == 0 && p->refs == 2);
	page_unlock(p);
	page_put(p);
	EXPECT(pte_is_none(entry_of(child[1], FAR + 7)));
	EXPECT(ft_sound());
	expect_word(child[0], FAR + 7, 8);
	expect_word(ft_parent, FAR + 7, 8);
	ft_put(child[0]);
	ft_put(child[1]);
	EXPECT_EQ(mm_munmap(mt_mm, mt_va(FAR), 200 * PAGE_SIZE), 0);
	EXPECT(ft_sound());
	ft_end();
	object_put(&file.obj);
}
