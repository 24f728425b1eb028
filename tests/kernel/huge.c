/*
 * Huge leaves that become tables: at every one of 512 offsets, by each operation, of a block
 * that one leaf names and of one that two name (a child's); by reclaim. What the pages hold, who may
 * use them, and all counts (mm_verify, free frames) must be as if they had been small all along.
 */
#include <mm/alloc/lists.h>
#include <mm/pt/huge.h>
#include <mm/reclaim/shrink.h>
#include <tests/kernel/swapdisk.h>

#define SPAN		512u
#define AT		SPAN		/* the page at which the block lies */
#define OTHER		(4 * SPAN)	/* where pages are moved to */

static uint64_t word_of(unsigned i) { return 1000000 + i; }

/* A VMA of n blocks at page AT, mapped by huge leaves; page AT + i holds word_of(i). */
static void map_blocks(unsigned n)
{
	struct cursor c;

	EXPECT(mt_anon(AT, n * SPAN, RW));
	for (unsigned b = 0; b < n; b++) {
		struct page *head = page_alloc(ORDER_HUGE, PAGE_ANON, ALLOC_ZERO);

		EXPECT(head);
		for (unsigned i = 0; i < SPAN; i++)
			*(uint64_t *)page_to_virt(head + i) = word_of(b * SPAN + i);
		EXPECT_EQ(cursor_open(&c, mm_aspace(mt_mm), mt_va(AT + b * SPAN), 2), 0);
		cursor_map(&c, head, PROT_R | PROT_W | PROT_U);
		cursor_close(&c);
	}
}

static unsigned level_at(unsigned page)
{
	unsigned level;

	pt_lookup(mm_aspace(mt_mm), mt_va(page), &level);
	return level;
}

static void unmap_all(void)
{
	EXPECT_EQ(mm_munmap(mt_mm, mt_va(AT), 2 * SPAN * PAGE_SIZE), 0);
	EXPECT_EQ(mm_munmap(mt_mm, mt_va(OTHER), 2 * SPAN * PAGE_SIZE), 0);
}

/* ---- one operation on page AT + i ---- */

struct operation {
	void (*run)(unsigned i);
	uint64_t after;			/* what is read there then; ~0: nothing can be; 0 + keeps: as before */
	bool keeps;
};

static void op_unmap(unsigned i)
{
	EXPECT_EQ(mm_munmap(mt_mm, mt_va(AT + i), PAGE_SIZE), 0);
}

static void op_hide(unsigned i)
{
	EXPECT_EQ(mm_mprotect(mt_mm, mt_va(AT + i), PAGE_SIZE, PROT_NONE), 0);
}

static void op_read_only(unsigned i)
{
	EXPECT_EQ(mm_mprotect(mt_mm, mt_va(AT + i), PAGE_SIZE, PROT_READ), 0);
	EXPECT_EQ(mt_write(AT + i, 1), -EFAULT);
}

static void op_dontneed(unsigned i)
{
	EXPECT_EQ(mm_madvise(mt_mm, mt_va(AT + i), PAGE_SIZE, MADV_DONTNEED), 0);
}

static void op_lock(unsigned i)
{
	EXPECT_EQ(mm_mlock(mt_mm, mt_va(AT + i), PAGE_SIZE, false), 0);
	EXPECT_EQ(mt_page(AT + i)->nlocked, 1);
}

static void move(unsigned i, unsigned to)
{
	EXPECT_EQ(mm_mremap(mt_mm, mt_va(AT + i), PAGE_SIZE, PAGE_SIZE,
			    MREMAP_MAYMOVE | MREMAP_FIXED, mt_va(to)), mt_va(to));
	EXPECT_EQ(mt_read(to), word_of(i));
}

static void op_move(unsigned i)
{
	move(i, OTHER + i);
}

static void op_move_elsewhere(unsigned i)
{
	move(i, OTHER + (i + 77) % SPAN);
}

static void check(unsigned i, const struct operation *op)
{
	for (unsigned k = 0; k < SPAN; k++) {
		bool near = k + 1 == i || k == i || k == i + 1 || k % 64 == 0;
		uint64_t want = k != i || op->keeps ? word_of(k) : op->after;

		if (near)
			EXPECT_EQ(mt_read(AT + k), want);
		else
			EXPECT_EQ(*(uint64_t *)page_to_virt(mt_page(AT + k)), want);
	}
}

static void at_each_offset(const struct operation *op)
{
	mt_begin();
	for (unsigned i = 0; i < SPAN && !ktest_failed(); i++) {
		map_blocks(1);
		EXPECT_EQ(level_at(AT), 2);
		op->run(i);
		EXPECT_EQ(level_at(AT), 1);
		check(i, op);
		unmap_all();
	}
	mt_end();
}

KTEST(huge, unmap_at_each_offset)
{
	at_each_offset(&(struct operation){ .run = op_unmap, .after = ~0ul });
}

KTEST(huge, hide_at_each_offset)
{
	at_each_offset(&(struct operation){ .run = op_hide, .after = ~0ul });
}

KTEST(huge, protect_at_each_offset)
{
	at_each_offset(&(struct operation){ .run = op_read_only, .keeps = true });
}

KTEST(huge, dontneed_at_each_offset)
{
	at_each_offset(&(struct operation){ .run = op_dontneed, .after = 0 });
}

KTEST(huge, lock_at_each_offset)
{
	at_each_offset(&(struct operation){ .run = op_lock, .keeps = true });
}

KTEST(huge, move_at_each_offset)
{
	at_each_offset(&(struct operation){ .run = op_move, .after = ~0ul });
}

KTEST(huge, move_elsewhere_at_each_offset)
{
	at_each_offset(&(struct operation){ .run = op_move_elsewhere, .after = ~0ul });
}

/* ---- a child has it, too ---- */

/* The child's piece is of its own; the parent's leaf stays, and what it shows. */
KTEST(huge, child_splits_at_each_offset)
{
	struct mm *child;

	mt_begin();
	for (unsigned i = 0; i < SPAN && !ktest_failed(); i++) {
		map_blocks(1);
		child = mm_fork(mt_mm);
		EXPECT(child);
		EXPECT_EQ(mm_munmap(child, mt_va(AT + i), PAGE_SIZE), 0);
		EXPECT_EQ(level_at(AT), 2);
		EXPECT_EQ(mt_read(AT + i), word_of(i));
		EXPECT_EQ(mt_read(AT + (i + 1) % SPAN), word_of((i + 1) % SPAN));
		if (i % 2)
			mm_put(child);
		unmap_all();
		if (i % 2 == 0)
			mm_put(child);
	}
	mt_end();
}

static struct page *block_at(unsigned page)
{
	unsigned level;

	return pfn_to_page(pte_pfn(pt_lookup(mm_aspace(mt_mm), mt_va(page), &level)));
}

/* While both have leaves it is whole; mixed as long as one has; and whole again for the last. */
KTEST(huge, mixed_and_whole_again)
{
	struct mm *child;
	struct page *head;

	mt_begin();
	map_blocks(1);
	head = block_at(AT);
	child = mm_fork(mt_mm);
	EXPECT(block_is_whole(head) && head->slots == 2);
	EXPECT_EQ(mm_munmap(child, mt_va(AT + 5), PAGE_SIZE), 0);
	EXPECT(!block_is_whole(head) && head->flags & PG_MIXED && head->slots == 2);
	EXPECT_EQ((head + 5)->slots, 1);
	EXPECT(!block_is_own(head));
	mm_put(child);
	EXPECT(block_is_own(head));
	EXPECT(block_is_whole(head));
	mt_end();
}

/* A table of nothing but huge leaves is the child's, too; whoever changes something gets a copy. */
KTEST(huge, table_shared_by_fork)
{
	const uint64_t before = vm_event_sum(THP_SPLIT_PMD);
	struct mm *child, *third;
	struct cursor c;

	mt_begin();
	map_blocks(2);
	child = mm_fork(mt_mm);
	third = mm_fork(mt_mm);
	cursor_find(&c, mm_aspace(mt_mm), mt_va(AT), 2);
	EXPECT(c.table->shared);
	cursor_close(&c);
	EXPECT_EQ(block_at(AT)->slots, 1);
	EXPECT_EQ(mm_munmap(child, mt_va(AT + 9), PAGE_SIZE), 0);
	EXPECT_EQ(block_at(AT + SPAN)->slots, 2);
	EXPECT_EQ(vm_event_sum(THP_SPLIT_PMD), before + 1);
	mm_put(child);
	EXPECT_EQ(mt_read(AT + 9), word_of(9));
	EXPECT_EQ(mm_munmap(mt_mm, mt_va(AT), 2 * SPAN * PAGE_SIZE), 0);
	mm_put(third);
	mt_end();
}

/* ---- reclaim ---- */

/* Looked at once they are not used any more, and looked at again they go. */
KTEST(huge, reclaimed)
{
	uint64_t freed = 0;

	begin(&fast_ops);
	mt_begin();
	map_blocks(2);
	for (unsigned i = 0; i < 4; i++)
		freed += shrink_block(0, true);
	EXPECT_EQ(mt_figures().swap, freed);
	EXPECT(freed >= SPAN);
	for (unsigned i = 0; i < 2 * SPAN; i++)
		EXPECT_EQ(mt_read(AT + i), word_of(i));
	mt_end();
	end();
}

static uint64_t used_blocks(void)
{
	return block_figures().active;
}

/* What was used since the last look counts as such; a mixed block is in the queue as well, and goes in pieces. */
KTEST(huge, queue)
{
	struct block_figures before = block_figures();
	struct mm *child;
	struct page *head;

	begin(&fast_ops);
	mt_begin();
	map_blocks(1);
	head = block_at(AT);
	EXPECT_EQ(block_figures().listed, before.listed + 1);
	EXPECT_EQ(used_blocks(), before.active);
	shrink_block(0, true);
	EXPECT_EQ(used_blocks(), before.active + 1);
	child = mm_fork(mt_mm);
	EXPECT_EQ(mm_munmap(child, mt_va(AT + 9), PAGE_SIZE), 0);
	EXPECT(!block_is_whole(head) && head->flags & PG_MIXED);
	EXPECT_EQ(block_figures().listed, before.listed + 1);
	EXPECT_EQ(used_blocks(), before.active);
	for (unsigned i = 0; i < 4 && level_at(AT) == 2; i++)
		shrink_block(0, true);
	EXPECT_EQ(level_at(AT), 1);
	EXPECT_EQ(block_figures().listed, before.listed);
	EXPECT(reclaim_direct(SPAN) > 0);
	for (unsigned i = 0; i < SPAN; i++)
		EXPECT_EQ(mt_read(AT + i), word_of(i));
	mm_put(child);
	mt_end();
	end();
}

/* What is cool is looked at before what is older, and goes at once. */
KTEST(huge, cool_goes_first)
{
	begin(&fast_ops);
	mt_begin();
	map_blocks(2);
	EXPECT_EQ(mm_madvise(mt_mm, mt_va(AT + SPAN), HUGE_SIZE, MADV_COLD), 0);
	EXPECT(shrink_block(0, true) >= SPAN);
	EXPECT_EQ(level_at(AT), 2);
	EXPECT_EQ(level_at(AT + SPAN), 1);
	mt_end();
	end();
}

/* Without swap only what was given up goes, unless it was written since. */
KTEST(huge, given_up)
{
	uint64_t freed = vm_event_sum(PGLAZYFREED);

	mt_begin();
	map_blocks(2);
	EXPECT_EQ(mm_madvise(mt_mm, mt_va(AT), 2 * HUGE_SIZE, MADV_FREE), 0);
	EXPECT_EQ(mt_write(AT + 5, 1), 0);
	for (unsigned i = 0; i < 4; i++)
		shrink_block(0, true);
	EXPECT_EQ(vm_event_sum(PGLAZYFREED), freed + SPAN);
	EXPECT_EQ(mt_read(AT), word_of(0));
	EXPECT_EQ(mt_read(AT + 5), 1);
	EXPECT_EQ(level_at(AT), 2);
	EXPECT_EQ(mt_figures().anon, SPAN);
	EXPECT_EQ(mt_read(AT + SPAN + 5), 0);
	mt_end();
}

/* The table is a child's, too: it is copied, and then both have tables of small leaves. */
KTEST(huge, reclaimed_from_a_shared_table)
{
	struct mm *child;

	begin(&fast_ops);
	mt_begin();
	map_blocks(2);
	child = mm_fork(mt_mm);
	for (unsigned i = 0; i < 4; i++)
		shrink_block(0, true);
	EXPECT_EQ(level_at(AT), 1);
	EXPECT_EQ(level_at(AT + SPAN), 1);
	for (unsigned i = 0; i < 2 * SPAN; i++)
		EXPECT_EQ(mt_read(AT + i), word_of(i));
	mm_put(child);
	mt_end();
	end();
}
