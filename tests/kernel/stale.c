/*
 * No CPU uses a translation that another has taken away. A thread on each CPU
 * but one touches a page without end and nothing else; on the one that is left
 * an operation takes the page, its rights or its place away; the next touches
 * of all of them must show that. One suite for each kind of operation.
 *
 * That these tests would find a missing flush is shown by option skipflush
 * (debug build), which makes one kind of operation forget it: then its suite
 * fails, and the notes say how many touches were stale, the operating CPU's own
 * and the others'. QEMU needs `map4k` for that. Neither QEMU nor Bochs keeps
 * upper entries, and the leaves of a copied table are those of the old one, so a
 * missing flush in stale_unshare cannot be seen there.
 */
#include <mm/reclaim/migrate.h>
#include <tests/kernel/staletest.h>
#include <tests/kernel/swaptest.h>

#define OTHER	(1024u + 9)		/* another place */

static struct mm *child;

static void one_page(void)
{
	EXPECT(mt_anon(AT, 1, RW));
	fill(AT);
}

/* So many that they are not flushed one by one. */
static void many_pages(void)
{
	EXPECT(mt_anon(AT, 64, RW));
	for (unsigned i = 0; i < 64; i++)
		fill(AT + i);
}

static void whole_table(void)
{
	EXPECT(mt_anon(SPAN, SPAN, RW));
	for (unsigned i = 0; i < SPAN; i += 4)
		EXPECT_EQ(mt_write(SPAN + i, i), 0);
	fill(AT);
}

static void fork_child(void)
{
	child = mm_fork(mt_mm);
	EXPECT(child);
}

static void put_child(void)
{
	mm_put(child);
}

static void one_page_and_child(void)
{
	one_page();
	fork_child();
}

static void whole_table_and_child(void)
{
	whole_table();
	fork_child();
}

static void memory_file(void)
{
	shm = shm_create(4 * PAGE_SIZE);
	EXPECT(shm);
	EXPECT(mt_map(AT, 4, RW, MAP_SHARED, shm, 0));
	fill(AT);
}

static void put_file(void)
{
	object_put(shm);
}

/* ---- unmap ---- */

static void unmap_page(void)
{
	EXPECT_EQ(mm_munmap(mt_mm, mt_va(AT), PAGE_SIZE), 0);
}

static void unmap_many(void)
{
	EXPECT_EQ(mm_munmap(mt_mm, mt_va(AT), 64 * PAGE_SIZE), 0);
}

static void unmap_table(void)
{
	EXPECT_EQ(mm_munmap(mt_mm, mt_va(SPAN), SPAN * PAGE_SIZE), 0);
}

static void map_over(void)
{
	EXPECT(mt_anon(AT, 1, RW));
}

KTEST(stale_unmap, page)
{
	run(&(struct operation){ .prepare = one_page, .run = unmap_page, .after = REFUSED });
}

KTEST(stale_unmap, many)
{
	run(&(struct operation){ .prepare = many_pages, .run = unmap_many, .after = REFUSED });
}

KTEST(stale_unmap, shared_table)
{
	run(&(struct operation){ .prepare = whole_table_and_child, .run = unmap_table,
				 .undo = put_child, .after = REFUSED });
}

KTEST(stale_unmap, by_another)
{
	run(&(struct operation){ .prepare = one_page, .run = map_over, .after = 0 });
}

/* ---- protect ---- */

static void protect_none(void)
{
	EXPECT_EQ(mm_mprotect(mt_mm, mt_va(AT), PAGE_SIZE, PROT_NONE), 0);
}

static void protect_read(void)
{
	EXPECT_EQ(mm_mprotect(mt_mm, mt_va(AT), PAGE_SIZE, PROT_READ), 0);
}

static bool write_was_taken(unsigned cpu, uint64_t saw)
{
	(void)cpu;
	return saw != REFUSED;
}

KTEST(stale_protect, none)
{
	run(&(struct operation){ .prepare = one_page, .run = protect_none, .after = REFUSED });
}

KTEST(stale_protect, read_only)
{
	run(&(struct operation){ .prepare = one_page, .run = protect_read, .writes = true,
				 .is_stale = write_was_taken, .after = 1 });
}

/* ---- cow: the kernel writes, so that this CPU's own entry does not fall by a fault ---- */

static void write_by_kernel(void)
{
	uint64_t words[TOUCHERS];

	for (unsigned i = 0; i < TOUCHERS; i++)
		words[i] = 7;
	EXPECT(mm_remote_write(mt_mm, mt_va(AT), words, sizeof(words)));
}

KTEST(stale_cow, page)
{
	run(&(struct operation){ .prepare = one_page_and_child, .run = write_by_kernel,
				 .undo = put_child, .after = 7 });
}

static void zero_page(void)
{
	before = 0;
	EXPECT(mt_anon(AT, 1, RW));
}

KTEST(stale_cow, zero_page)
{
	run(&(struct operation){ .prepare = zero_page, .run = write_by_kernel, .after = 7 });
}

/* ---- fork: what is written afterwards is not the child's ---- */

static bool child_has_it(unsigned cpu, uint64_t saw)
{
	uint64_t words[TOUCHERS];

	EXPECT_EQ(saw, 7);
	EXPECT_EQ(mm_peek(child, mt_va(AT), words, sizeof(words)), sizeof(words));
	return words[cpu] != before;
}

KTEST(stale_fork, page)
{
	run(&(struct operation){ .prepare = one_page, .run = fork_child, .undo = put_child,
				 .writes = true, .is_stale = child_has_it, .after = 7 });
}

KTEST(stale_fork, shared_table)
{
	run(&(struct operation){ .prepare = whole_table, .run = fork_child, .undo = put_child,
				 .writes = true, .is_stale = child_has_it, .after = 7 });
}

/* ---- unshare: the table is copied; then the child writes to a page untouched so far ---- */

#define UNTOUCHED	(AT + 1)

static void shared_table_and_child(void)
{
	whole_table();
	fill(UNTOUCHED);
	fork_child();
}

static void copy_table(void)
{
	uint64_t words[TOUCHERS] = { 0 };

	EXPECT_EQ(mt_write(AT + 2, 1), 0);
	EXPECT(mm_remote_write(child, mt_va(UNTOUCHED), words, sizeof(words)));
}

static bool not_before(unsigned cpu, uint64_t saw)
{
	(void)cpu;
	return saw != before;
}

KTEST(stale_unshare, table)
{
	run(&(struct operation){ .prepare = shared_table_and_child, .run = copy_table,
				 .undo = put_child, .is_stale = not_before, .page_after = UNTOUCHED });
}

/* ---- mremap ---- */

static void move(unsigned from, unsigned to, unsigned pages)
{
	EXPECT_EQ(mm_mremap(mt_mm, mt_va(from), pages * PAGE_SIZE, pages * PAGE_SIZE,
			    MREMAP_MAYMOVE | MREMAP_FIXED, mt_va(to)), mt_va(to));
}

static void move_page(void)
{
	move(AT, OTHER, 1);
}

static void move_table(void)
{
	move(SPAN, 2 * SPAN, SPAN);
}

KTEST(stale_mremap, page)
{
	run(&(struct operation){ .prepare = one_page, .run = move_page, .after = REFUSED });
}

KTEST(stale_mremap, table)
{
	run(&(struct operation){ .prepare = whole_table, .run = move_table, .after = REFUSED });
}

/* ---- collapse ---- */

/* The pages' content is in a block then, and changes there: who knows the pages still reads what was. */
static void collapse_and_change(void)
{
	unsigned level;
	uint64_t *word;

	EXPECT_EQ(mm_madvise(mt_mm, mt_va(SPAN), SPAN * PAGE_SIZE, 25 /* MADV_COLLAPSE */), 0);
	word = phys_to_virt(pfn_to_paddr(pfn(pte_pfn(pt_lookup(mm_aspace(mt_mm), mt_va(AT), &level)).v +
					     AT % SPAN)));
	EXPECT_EQ(level, 2);
	EXPECT_EQ(word[0], before);
	for (unsigned i = 0; i < TOUCHERS; i++)
		word[i] = before + 1;
}

KTEST(stale_collapse, table)
{
	run(&(struct operation){ .prepare = whole_table, .run = collapse_and_change, .after = 1001 });
}

/* ---- dontneed, truncate, age, lazyfree, reclaim ---- */

static void dontneed(void)
{
	EXPECT_EQ(mm_madvise(mt_mm, mt_va(AT), PAGE_SIZE, MADV_DONTNEED), 0);
}

KTEST(stale_dontneed, page)
{
	run(&(struct operation){ .prepare = one_page, .run = dontneed, .after = 0 });
}

static void truncate(void)
{
	EXPECT_EQ(object_truncate(shm, 0), 0);
}

KTEST(stale_truncate, page)
{
	run(&(struct operation){ .prepare = memory_file, .run = truncate, .undo = put_file,
				 .after = REFUSED });
}

static void age(void)
{
	mm_clear_refs(mt_mm, CLEAR_REFS_ALL);
}

/* Whoever still knows it as used does not say so again. */
static bool use_is_not_seen(unsigned cpu, uint64_t saw)
{
	(void)cpu;
	EXPECT_EQ(saw, before);
	return !pte_young(mt_entry(AT));
}

KTEST(stale_age, page)
{
	run(&(struct operation){ .prepare = one_page, .run = age, .is_stale = use_is_not_seen });
}

static void give_up(void)
{
	EXPECT_EQ(mm_madvise(mt_mm, mt_va(AT), PAGE_SIZE, MADV_FREE), 0);
}

/* Whoever still knows it as written does not say so again: what he writes would be lost. */
static bool write_is_not_seen(unsigned cpu, uint64_t saw)
{
	(void)cpu;
	EXPECT_EQ(saw, 7);
	return !pte_dirty(mt_entry(AT));
}

KTEST(stale_lazyfree, page)
{
	run(&(struct operation){ .prepare = one_page, .run = give_up, .writes = true,
				 .is_stale = write_is_not_seen, .after = 7 });
}

/* Its table stays. */
static void page_to_reclaim(void)
{
	st_begin();
	EXPECT(mt_anon(AT, 2, RW));
	EXPECT_EQ(mt_write(AT + 1, 1), 0);
	fill(AT);
}

static void page_to_reclaim_and_child(void)
{
	page_to_reclaim();
	fork_child();
}

/* An entry of swap that goes takes nothing away that a CPU could know. */
static void reclaim(void)
{
	EXPECT(st_out(mt_page(AT)));
	EXPECT_EQ(mm_munmap(mt_mm, mt_va(AT), PAGE_SIZE), 0);
}

static void put_child_and_swap(void)
{
	put_child();
	st_end();
}

/* The new frame says something else than the old one did. */
static void give_frame(void)
{
	struct page *p = mt_page(AT), *to = page_alloc(0, PAGE_KERNEL, 0);
	unsigned moved;

	EXPECT(to);
	page_get(p);
	EXPECT_EQ(migrate_pages(&p, &to, 1, &moved), 0);
	EXPECT(moved == 1 && mt_page(AT) == to);
	for (unsigned i = 0; i < TOUCHERS; i++)
		((uint64_t *)page_to_virt(to))[i] = 7;
}

/* What was written is in the old frame. */
static bool is_elsewhere(unsigned cpu, uint64_t saw)
{
	(void)saw;
	return ((uint64_t *)page_to_virt(mt_page(AT)))[cpu] != 8;
}

KTEST(stale_migrate, page)
{
	run(&(struct operation){ .prepare = one_page, .run = give_frame, .after = 7 });
}

KTEST(stale_migrate, page_written)
{
	run(&(struct operation){ .prepare = one_page, .run = give_frame, .writes = true,
				 .is_stale = is_elsewhere, .after = 8 });
}

KTEST(stale_reclaim, page)
{
	run(&(struct operation){ .prepare = page_to_reclaim, .run = reclaim, .undo = st_end,
				 .after = REFUSED });
}

/* Given up, known once more, hidden: an entry without access that goes takes nothing away, either. */
static void hide(void)
{
	struct reclaim_gather r;
	struct page *p = mt_page(AT);

	give_up();
	EXPECT_EQ(touch(own), before);
	page_get(p);
	EXPECT(page_trylock(p));
	reclaim_gather_init(&r);
	EXPECT(rmap_hide(p, &r));
	reclaim_gather_flush(&r);
	page_unlock(p);
	EXPECT_EQ(mm_munmap(mt_mm, mt_va(AT), PAGE_SIZE), 0);
	page_put(p);
}

KTEST(stale_reclaim, given_up)
{
	run(&(struct operation){ .prepare = page_to_reclaim, .run = hide, .undo = st_end, .after = REFUSED });
}

KTEST(stale_reclaim, relatives)
{
	run(&(struct operation){ .prepare = page_to_reclaim_and_child, .run = reclaim,
				 .undo = put_child_and_swap, .after = REFUSED });
}
