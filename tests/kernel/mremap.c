/*
 * mremap: every page is where it shall be, with the content it had, whatever
 * it was (own, shared, the zero page, of a file, without rights), and the
 * tables that can move whole do.
 */
#include <tests/kernel/forktest.h>

#define PER_TABLE	512u
#define FAR		(8 * PER_TABLE)	/* elsewhere: tables of its own */
#define MOVE		(MREMAP_MAYMOVE | MREMAP_FIXED)

/* Of pages, as mm_mremap. */
static long remap(unsigned from, unsigned old, unsigned new, unsigned flags, unsigned to)
{
	return mm_mremap(mt_mm, mt_va(from), old * PAGE_SIZE, new * PAGE_SIZE, flags, mt_va(to));
}

/* n pages are at `to` now, those that page i of ft_begin's was at `was`. */
static void expect_moved(unsigned was, unsigned to, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		if (mt_read(to + i) != 100 + was + i) {
			ktest_note("page %u holds %lu", to + i, mt_read(to + i));
			EXPECT_EQ(mt_read(to + i), 100 + was + i);
			return;
		}
	EXPECT(ft_sound());
}

static void expect_nothing(unsigned at, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		EXPECT_EQ(vm_fault(mt_mm, mt_va(at + i), ACCESS_READ), FAULT_SEGV_MAPERR);
}

/* ---- moving ---- */

KTEST(mremap, within_a_table)
{
	struct page *p, *t;

	ft_begin(20);
	p = mt_page(4);
	t = ft_table(mt_mm, 0);
	EXPECT_EQ(mm_munmap(mt_mm, mt_va(100), 412 * PAGE_SIZE), 0);
	EXPECT_EQ(remap(4, 8, 8, MOVE, 200), (long)mt_va(200));
	EXPECT(mt_page(200) == p && p->slots == 1 && p->refs == 1 && p->slot == mt_slot(200));
	EXPECT(pte_writable(mt_entry(200)));
	EXPECT(ft_table(mt_mm, 0) == t && t->anon == 20);
	expect_moved(4, 200, 8);
	expect_moved(0, 0, 4);
	expect_moved(12, 12, 8);
	expect_nothing(4, 8);
	ft_end();
}

KTEST(mremap, over_the_border_of_a_table)
{
	ft_begin(PER_TABLE + 40);
	EXPECT_EQ(remap(PER_TABLE - 20, 40, 40, MOVE, FAR + PER_TABLE - 7),
		  (long)mt_va(FAR + PER_TABLE - 7));
	expect_moved(PER_TABLE - 20, FAR + PER_TABLE - 7, 40);
	expect_moved(0, 0, PER_TABLE - 20);
	expect_moved(PER_TABLE + 20, PER_TABLE + 20, 20);
	expect_nothing(PER_TABLE - 20, 40);
	/* and back, to where it was, beside what stayed: one mapping again */
	EXPECT_EQ(remap(FAR + PER_TABLE - 7, 40, 40, MOVE, PER_TABLE - 20), (long)mt_va(PER_TABLE - 20));
	expect_moved(0, 0, PER_TABLE + 40);
	EXPECT_EQ(mt_mm->nvmas, 1);
	ft_end();
}

/* Where both places allow, the table itself goes. */
KTEST(mremap, whole_tables)
{
	struct page *t0, *t1;

	ft_begin(2 * PER_TABLE + 8);
	t0 = ft_table(mt_mm, 0);
	t1 = ft_table(mt_mm, PER_TABLE);
	EXPECT_EQ(remap(0, 2 * PER_TABLE + 8, 2 * PER_TABLE + 8, MOVE, FAR), (long)mt_va(FAR));
	EXPECT(ft_table(mt_mm, FAR) == t0 && ft_table(mt_mm, FAR + PER_TABLE) == t1);
	EXPECT(t0->base == mt_va(FAR) && !ft_table(mt_mm, 0));
	expect_moved(0, FAR, 2 * PER_TABLE + 8);
	EXPECT_EQ(remap(FAR, 2 * PER_TABLE + 8, 2 * PER_TABLE + 8, MOVE, 3 * PER_TABLE + 1),
		  (long)mt_va(3 * PER_TABLE + 1));
	EXPECT(ft_table(mt_mm, 3 * PER_TABLE) != t0);
	expect_moved(0, 3 * PER_TABLE + 1, 2 * PER_TABLE + 8);
	ft_end();
}

/* What is not an own page: zero page, page without rights, file pages, copies of them. */
KTEST(mremap, every_kind_of_entry)
{
	static struct mt_file file;
	struct object *shm = shm_create(16 * PAGE_SIZE);

	mt_file_init(&file, 16 * PAGE_SIZE);
	ft_begin(8);
	EXPECT(shm && mt_map(16, 16, RW, MAP_PRIVATE, &file.obj, 0));
	EXPECT(mt_map(32, 16, RW, MAP_SHARED, shm, 0));
	EXPECT_EQ(mt_read(10), 0);
	EXPECT_EQ(mm_mprotect(mt_mm, mt_va(2), PAGE_SIZE, PROT_NONE), 0);
	EXPECT_EQ(mt_write(20, 500), 0);
	EXPECT_EQ(mt_write(40, 600), 0);
	EXPECT_EQ(mt_read(21), 6);
	EXPECT_EQ(remap(0, 48, 48, MOVE, FAR + 5), (long)mt_va(FAR + 5));
	EXPECT(ft_sound());
	EXPECT_EQ(mt_kind(FAR + 7), PTE_NOACCESS);
	EXPECT_EQ(mt_kind(FAR + 15), PTE_SPECIAL_LEAF);
	EXPECT_EQ(mt_read(FAR + 25), 500);
	EXPECT_EQ(mt_read(FAR + 26), 6);
	EXPECT_EQ(mt_read(FAR + 45), 600);
	EXPECT_EQ(mm_mprotect(mt_mm, mt_va(FAR + 7), PAGE_SIZE, RW), 0);
	expect_moved(0, FAR + 5, 8);
	expect_nothing(0, 48);
	/* the reverse map of the objects has moved as well */
	EXPECT_EQ(object_truncate(shm, 0), 0);
	EXPECT_EQ(mt_kind(FAR + 45), PTE_NONE);
	EXPECT_EQ(vm_fault(mt_mm, mt_va(FAR + 45), ACCESS_READ), FAULT_BUS);
	ft_end();
	object_put(shm);
	object_put(&file.obj);
}

/* ---- tables that others have, too ---- */

KTEST(mremap, shared_tables)
{
	static const unsigned to[] = { FAR, FAR + 3, 3 * PER_TABLE - 50 };

	for (unsigned i = 0; i < ARRAY_SIZE(to); i++) {
		struct mm *child;
		struct page *t;

		ft_begin(2 * PER_TABLE);
		child = ft_fork(ft_parent);
		t = ft_table(ft_parent, 0);
		EXPECT(t->shared && ft_table(child, 0) == t);
		EXPECT_EQ(remap(0, 2 * PER_TABLE, 2 * PER_TABLE, MOVE, to[i]), (long)mt_va(to[i]));
		EXPECT(!t->shared && ft_table(child, 0) == t);
		expect_moved(0, to[i], 2 * PER_TABLE);
		EXPECT_EQ(mt_write(to[i] + 3, 7), 0);
		ft_in(child);
		expect_moved(0, 0, 2 * PER_TABLE);
		ft_put(child);
		EXPECT_EQ(mt_read(to[i] + 3), 7);
		ft_end();
	}
}

/* A part, of and to shared tables; and the child moves, too. */
KTEST(mremap, parts_of_shared_tables)
{
	struct mm *child;

	ft_begin(100);
	EXPECT(mt_anon(FAR, 100, RW));
	for (unsigned i = 0; i < 100; i++)
		EXPECT_EQ(mt_write(FAR + i, 900 + i), 0);
	child = ft_fork(ft_parent);
	EXPECT_EQ(remap(10, 20, 20, MOVE, FAR + 50), (long)mt_va(FAR + 50));
	expect_moved(10, FAR + 50, 20);
	ft_in(child);
	EXPECT_EQ(remap(FAR + 10, 30, 30, MOVE, 60), (long)mt_va(60));
	EXPECT_EQ(mt_read(60), 910);
	EXPECT_EQ(mt_read(FAR + 50), 950);
	expect_moved(0, 0, 60);
	EXPECT(ft_sound());
	ft_expect(ft_parent, 60, 160);
	ft_put(child);
	expect_moved(60, 60, 40);
	ft_end();
}

/* Pages that both still have are copied after the move as before it. */
KTEST(mremap, pages_to_be_copied)
{
	struct mm *child;

	ft_begin(20);			/* few: fork copies the entries */
	child = ft_fork(ft_parent);
	EXPECT_EQ(remap(0, 20, 20, MOVE, FAR), (long)mt_va(FAR));
	EXPECT_EQ(mt_page(FAR + 1)->slots, 2);
	EXPECT_EQ(mt_write(FAR + 1, 1), 0);
	ft_expect(child, 1, 101);
	ft_put(child);
	EXPECT_EQ(mt_read(FAR + 1), 1);
	ft_end();
}

/* ---- sizes ---- */

KTEST(mremap, grows_and_shrinks)
{
	static struct mt_file file;
	long at;

	mt_file_init(&file, 64 * PAGE_SIZE);
	ft_begin(10);
	EXPECT_EQ(mm_munmap(mt_mm, mt_va(10), 502 * PAGE_SIZE), 0);
	EXPECT_EQ(remap(0, 10, 30, 0, 0), (long)mt_va(0));		/* in place */
	EXPECT_EQ(mt_read(29), 0);
	EXPECT(mt_map(30, 4, RW, MAP_PRIVATE, &file.obj, 8));
	EXPECT_EQ(remap(0, 30, 31, 0, 0), -ENOMEM);			/* no room, and may not move */
	at = remap(0, 30, 600, MREMAP_MAYMOVE, 0);
	EXPECT(at > 0 && (vaddr_t)at != mt_va(0));
	at = mm_mremap(mt_mm, (vaddr_t)at, 600 * PAGE_SIZE, 8 * PAGE_SIZE, MOVE, mt_va(FAR));
	EXPECT_EQ(at, (long)mt_va(FAR));
	expect_moved(0, FAR, 8);
	expect_nothing(FAR + 8, 2);
	EXPECT_EQ(remap(30, 4, 20, MOVE, FAR + 100), (long)mt_va(FAR + 100));
	EXPECT_EQ(mt_read(FAR + 119), 28);	/* page 8 + 19 of the file */
	EXPECT_EQ(remap(FAR + 100, 20, 1, 0, 0), (long)mt_va(FAR + 100));
	expect_nothing(FAR + 101, 19);
	EXPECT(ft_sound());
	ft_end();
	object_put(&file.obj);
}

KTEST(mremap, overlapping_is_refused)
{
	unsigned n;

	ft_begin(40);
	n = mt_mm->nvmas;
	EXPECT_EQ(remap(0, 20, 20, MOVE, 10), -EINVAL);
	EXPECT_EQ(remap(10, 20, 20, MOVE, 0), -EINVAL);
	EXPECT_EQ(remap(10, 20, 20, MOVE, 10), -EINVAL);
	EXPECT_EQ(remap(10, 5, 15, MOVE, 0), -EINVAL);
	EXPECT_EQ(remap(0, 20, 20, MREMAP_FIXED, 100), -EINVAL);
	EXPECT_EQ(mt_mm->nvmas, n);
	expect_moved(0, 0, 40);
	EXPECT_EQ(remap(0, 20, 20, MOVE, 20), (long)mt_va(20));		/* side by side */
	expect_moved(0, 20, 20);
	ft_end();
}

KTEST(mremap, replaces_what_was_there)
{
	struct page *p;

	ft_begin(60);
	p = mt_page(40);
	page_get(p);
	EXPECT_EQ(remap(0, 20, 20, MOVE, 30), (long)mt_va(30));
	EXPECT(p->slots == 0 && p->refs == 1);
	page_put(p);
	expect_moved(0, 30, 20);
	expect_moved(20, 20, 10);
	expect_moved(50, 50, 10);
	ft_end();
}

/* ---- DONTUNMAP, and nothing at all ---- */

KTEST(mremap, dontunmap)
{
	static struct mt_file file;
	struct object *shm = shm_create(4 * PAGE_SIZE);
	unsigned n;

	mt_file_init(&file, 4 * PAGE_SIZE);
	ft_begin(20);
	EXPECT(shm && mt_map(FAR, 4, RW, MAP_PRIVATE, &file.obj, 0));
	EXPECT(mt_map(FAR + 4, 4, RW, MAP_SHARED, shm, 0));
	EXPECT_EQ(mt_write(FAR + 1, 77), 0);
	EXPECT_EQ(mt_write(FAR + 5, 88), 0);
	EXPECT_EQ(remap(4, 8, 8, MOVE | MREMAP_DONTUNMAP, 2 * FAR), (long)mt_va(2 * FAR));
	expect_moved(4, 2 * FAR, 8);
	EXPECT_EQ(mt_read(4), 0);
	EXPECT_EQ(mt_write(4, 9), 0);
	EXPECT_EQ(mt_read(2 * FAR), 104);
	expect_moved(12, 12, 8);
	EXPECT_EQ(remap(FAR, 4, 4, MOVE | MREMAP_DONTUNMAP, 2 * FAR + 20), (long)mt_va(2 * FAR + 20));
	EXPECT_EQ(mt_read(2 * FAR + 21), 77);
	EXPECT_EQ(mt_read(FAR + 1), 2);		/* as in the file */
	EXPECT_EQ(remap(FAR + 4, 4, 4, MOVE | MREMAP_DONTUNMAP, 2 * FAR + 40), (long)mt_va(2 * FAR + 40));
	EXPECT_EQ(mt_kind(FAR + 5), PTE_NONE);
	EXPECT_EQ(mt_write(2 * FAR + 41, 89), 0);
	EXPECT_EQ(mt_read(FAR + 5), 89);
	n = mt_mm->nvmas;
	EXPECT_EQ(remap(4, 8, 9, MOVE | MREMAP_DONTUNMAP, 3 * FAR), -EINVAL);
	EXPECT_EQ(mt_mm->nvmas, n);
	ft_end();
	object_put(shm);
	object_put(&file.obj);
}

/* The lock goes with the pages: also where old and new place become neighbours. */
KTEST(mremap, dontunmap_of_locked_memory)
{
	ft_begin(8);
	EXPECT_EQ(mm_munmap(mt_mm, mt_va(8), 504 * PAGE_SIZE), 0);
	EXPECT_EQ(mm_mlock(mt_mm, mt_va(0), 8 * PAGE_SIZE, false), 0);
	EXPECT_EQ(mt_figures().locked, 8);
	EXPECT_EQ(remap(0, 8, 8, MOVE | MREMAP_DONTUNMAP, 8), (long)mt_va(8));
	expect_moved(0, 8, 8);
	EXPECT_EQ(mt_figures().locked, 8);
	EXPECT_EQ(mm_madvise(mt_mm, mt_va(0), 8 * PAGE_SIZE, MADV_DONTNEED), 0);
	EXPECT_EQ(mm_madvise(mt_mm, mt_va(8), 8 * PAGE_SIZE, MADV_DONTNEED), -EINVAL);
	expect_moved(0, 8, 8);
	ft_end();
}

/* Old size 0: a second mapping of shared memory; of private memory there is none. */
KTEST(mremap, of_nothing)
{
	struct object *shm = shm_create(4 * PAGE_SIZE);

	ft_begin(4);
	EXPECT(shm && mt_map(FAR, 4, RW, MAP_SHARED, shm, 0));
	EXPECT_EQ(mt_write(FAR + 2, 5), 0);
	EXPECT_EQ(remap(FAR, 0, 4, MOVE, FAR + 100), (long)mt_va(FAR + 100));
	EXPECT_EQ(mt_read(FAR + 102), 5);
	EXPECT(mt_page(FAR + 102) == mt_page(FAR + 2));
	EXPECT_EQ(remap(0, 0, 4, MREMAP_MAYMOVE, 0), -EINVAL);
	EXPECT(ft_sound());
	ft_end();
	object_put(shm);
}

/* ---- without memory ---- */

/* All free frames, as a list through themselves. */
static void **take_all(void)
{
	void **list = NULL;
	struct page *p;

	while ((p = page_alloc(0, PAGE_KERNEL, 0)) != NULL) {
		void **at = page_to_virt(p);

		*at = list;
		list = at;
	}
	return list;
}

static void give_all(void **list)
{
	while (list) {
		void **next = *list;

		page_free(virt_to_page(list), 0);
		list = next;
	}
}

/*
 * Not one frame is left: the call fails, and can undo what it began. From and
 * to tables that others have, to a gap within such a table too.
 */
KTEST(mremap, no_memory_at_all)
{
	struct mm *child;
	void **hoard;
	unsigned n;

	ft_begin(100);
	EXPECT(mt_anon(FAR, 200, RW));
	for (unsigned i = 0; i < 200; i++)
		EXPECT_EQ(mt_write(FAR + i, 900 + i), 0);
	EXPECT_EQ(mm_munmap(mt_mm, mt_va(FAR + 80), 40 * PAGE_SIZE), 0);
	EXPECT_EQ(mm_munmap(mt_mm, mt_va(20), 20 * PAGE_SIZE), 0);
	child = ft_fork(ft_parent);
	n = mt_mm->nvmas;
	hoard = take_all();
	EXPECT_EQ(remap(0, 20, 20, MOVE, FAR + 90), -ENOMEM);
	EXPECT_EQ(remap(0, 20, 20, MOVE, FAR + 10), -ENOMEM);
	EXPECT_EQ(remap(0, 20, 20, MOVE | MREMAP_DONTUNMAP, FAR + 90), -ENOMEM);
	EXPECT_EQ(remap(40, 20, 20, MOVE, 2 * FAR), -ENOMEM);
	EXPECT_EQ(remap(0, 20, 40, MREMAP_MAYMOVE, 0), (long)mt_va(0));	/* needs none */
	EXPECT_EQ(remap(0, 20, 10, 0, 0), -ENOMEM);
	give_all(hoard);
	EXPECT_EQ(mt_mm->nvmas, n - 1);		/* the one that grew has met its neighbour */
	expect_moved(0, 0, 20);
	expect_moved(40, 40, 60);
	EXPECT_EQ(mt_read(FAR + 10), 910);
	EXPECT_EQ(mt_read(FAR + 150), 1050);
	expect_nothing(FAR + 80, 40);
	ft_put(child);
	ft_end();
}

/* ---- at random ---- */

#define SPACE		(4 * PER_TABLE)

static uint16_t model[SPACE];		/* what a page holds: 0 not written, NOTHING not mapped */
#define NOTHING		0xffffu

static void model_move(unsigned from, unsigned to, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		model[to + i] = model[from + i];
		model[from + i] = NOTHING;
	}
}

static bool model_mapped(unsigned from, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		if (model[from + i] == NOTHING)
			return false;
	return true;
}

static void model_compare(void)
{
	for (unsigned i = 0; i < SPACE; i++) {
		uint64_t want = model[i] == NOTHING ? ~0ul : model[i];

		if (mt_read(i) == want)
			continue;
		ktest_note("page %u holds %lu, not %lu", i, mt_read(i), want);
		EXPECT_EQ(mt_read(i), want);
		return;
	}
}

static uint64_t seed = 1;

static unsigned below(unsigned n)
{
	seed = seed * 6364136223846793005ul + 1442695040888963407ul;
	return (unsigned)(seed >> 33) % n;
}

/* Ranges and places now and then on the borders of tables. */
static unsigned place(void)
{
	return below(3) ? below(SPACE) : below(SPACE / PER_TABLE) * PER_TABLE;
}

static void random_step(void)
{
	unsigned from = place(), to = place();
	unsigned n = below(4) ? 1 + below(40) : PER_TABLE * (1 + below(2));
	bool apart;

	n = MIN(n, SPACE - MAX(from, to));
	apart = from + n <= to || to + n <= from;
	if (below(3) == 0) {
		EXPECT(mt_anon(from, n, RW));
		memset(&model[from], 0, n * sizeof(model[0]));
	} else if (below(2)) {
		for (unsigned i = from; i < from + n; i++)
			if (model[i] != NOTHING && below(2)) {
				model[i] = (uint16_t)below(60000);
				EXPECT_EQ(mt_write(i, model[i]), 0);
			}
	} else if (apart && model_mapped(from, n)) {
		EXPECT_EQ(remap(from, n, n, MOVE, to), (long)mt_va(to));
		model_move(from, to, n);
	}
}

KTEST(mremap, random_against_an_array)
{
	struct mm *child = NULL;

	ft_begin(SPACE);
	for (unsigned i = 0; i < SPACE; i++)
		model[i] = (uint16_t)(100 + i);
	for (unsigned step = 0; step < 2000; step++) {
		random_step();
		if (step % 50)
			continue;
		model_compare();
		EXPECT(ft_sound());
		if (child)
			ft_put(child);
		child = below(2) ? ft_fork(ft_parent) : NULL;	/* shares tables for a while */
	}
	model_compare();
	if (child)
		ft_put(child);
	ft_end();
}
