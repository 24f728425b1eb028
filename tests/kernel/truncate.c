/*
 * Memory files that become shorter and longer under their mappings: what lay
 * behind the new end is gone from every one of them, private copies too, and
 * what is before it is untouched.
 */
#include <tests/kernel/forktest.h>

#define PAGES		16u
#define AT		512u		/* where the object is mapped: a table beside the parent's */

static struct object *shm;

static void begin(unsigned pages)
{
	ft_begin(pages);
	shm = shm_create(PAGES * PAGE_SIZE);
	EXPECT(shm);
}

static void end(void)
{
	ft_end();
	object_put(shm);
}

static bool map(unsigned at, unsigned pages, int type, unsigned first)
{
	return mt_map(at, pages, RW, type, shm, first);
}

static enum fault_result touch(unsigned page, unsigned access)
{
	return vm_fault(mt_mm, mt_va(page), access);
}

/* Nothing is there, and no access brings anything. */
static void expect_bus(unsigned page)
{
	EXPECT_EQ(mt_kind(page), PTE_NONE);
	EXPECT_EQ(touch(page, ACCESS_READ), FAULT_BUS);
	EXPECT_EQ(touch(page, ACCESS_WRITE), FAULT_BUS);
	EXPECT_EQ(mt_kind(page), PTE_NONE);
}

static void truncate_to(uint64_t bytes)
{
	EXPECT_EQ(object_truncate(shm, bytes), 0);
	EXPECT(ft_sound());
}

/* Two mappings that show it shifted, in two address spaces. */
KTEST(truncate, shared_mappings)
{
	struct mm *child;

	begin(8);
	EXPECT(map(AT, PAGES, MAP_SHARED, 0) && map(AT + 100, 8, MAP_SHARED, 8));
	for (unsigned i = 0; i < PAGES; i++)
		EXPECT_EQ(mt_write(AT + i, 100 + i), 0);
	EXPECT_EQ(mt_read(AT + 102), 110);
	child = ft_fork(ft_parent);
	ft_expect(child, AT + 11, 111);
	ft_expect(child, AT + 109 - 8, 109);
	truncate_to(9 * PAGE_SIZE);
	EXPECT_EQ(shm->npages, 9);
	for (unsigned pass = 0; pass < 2; pass++) {
		for (unsigned i = 0; i < 9; i++)
			EXPECT_EQ(mt_read(AT + i), 100 + i);
		for (unsigned i = 9; i < PAGES; i++)
			expect_bus(AT + i);
		EXPECT_EQ(mt_read(AT + 100), 108);
		expect_bus(AT + 101);
		expect_bus(AT + 107);
		ft_in(child);
	}
	EXPECT_EQ(mt_write(AT + 3, 1), 0);
	ft_put(child);
	EXPECT_EQ(mt_read(AT + 3), 1);
	end();
}

KTEST(truncate, private_copies_behind_the_end)
{
	struct page *copy;

	begin(8);
	EXPECT(map(AT, PAGES, MAP_PRIVATE, 0));
	for (unsigned i = 0; i < PAGES; i += 2)
		EXPECT_EQ(mt_write(AT + i, 200 + i), 0);
	copy = mt_page(AT + 8);
	page_get(copy);
	EXPECT_EQ(object_truncate(shm, 5 * PAGE_SIZE + 10), 0);
	EXPECT(copy->slots == 0 && copy->refs == 1);
	page_put(copy);
	for (unsigned i = 0; i < 6; i++)
		EXPECT_EQ(mt_read(AT + i), i & 1 ? 0 : 200 + i);
	for (unsigned i = 6; i < PAGES; i++)
		expect_bus(AT + i);
	truncate_to(PAGES * PAGE_SIZE);
	EXPECT_EQ(mt_read(AT + 8), 0);		/* the copy does not come back */
	EXPECT_EQ(mt_read(AT + 4), 204);
	end();
}

/* The rest of the last page is zeros in the file and its mappings; in a private copy it stays. */
KTEST(truncate, part_of_a_page)
{
	uint64_t word;

	begin(8);
	EXPECT(map(AT, 2, MAP_SHARED, 0) && map(AT + 10, 2, MAP_PRIVATE, 0));
	for (unsigned at = 0; at < PAGE_SIZE; at += 8)
		EXPECT_EQ(put_user_u64(7, UP(mt_va(AT) + at)), 0);
	EXPECT_EQ(put_user_u64(8, UP(mt_va(AT + 10))), 0);
	truncate_to(1000);
	for (unsigned at = 0; at < PAGE_SIZE; at += 8) {
		EXPECT_EQ(get_user_u64(&word, UP(mt_va(AT) + at)), 0);
		EXPECT_EQ(word, at < 1000 ? 7 : 0);
	}
	EXPECT_EQ(get_user_u64(&word, UP(mt_va(AT + 10) + 2000)), 0);
	EXPECT_EQ(word, 7);
	EXPECT_EQ(mt_read(AT + 10), 8);
	/* what is written behind the end is in memory, not in the file */
	EXPECT_EQ(put_user_u64(9, UP(mt_va(AT) + 2000)), 0);
	truncate_to(500);
	truncate_to(PAGE_SIZE);
	EXPECT_EQ(get_user_u64(&word, UP(mt_va(AT) + 2000)), 0);
	EXPECT_EQ(word, 0);
	EXPECT_EQ(get_user_u64(&word, UP(mt_va(AT) + 496)), 0);
	EXPECT_EQ(word, 7);
	end();
}

KTEST(truncate, grown_again_is_zeros)
{
	begin(8);
	EXPECT(map(AT, PAGES, MAP_SHARED, 0));
	for (unsigned i = 0; i < PAGES; i++)
		EXPECT_EQ(mt_write(AT + i, 100 + i), 0);
	truncate_to(0);
	EXPECT_EQ(shm->npages, 0);
	for (unsigned i = 0; i < PAGES; i++)
		expect_bus(AT + i);
	truncate_to(PAGES * PAGE_SIZE);
	for (unsigned i = 0; i < PAGES; i++)
		EXPECT_EQ(mt_read(AT + i), 0);
	EXPECT_EQ(mt_write(AT + 15, 1), 0);
	truncate_to(3 * PAGES * PAGE_SIZE);
	EXPECT_EQ(mt_read(AT + 15), 1);
	EXPECT_EQ(shm->size, 3 * PAGES * PAGE_SIZE);
	end();
}

/* A bus error leaves the mapping: it works as soon as the file reaches it. */
KTEST(truncate, mappings_stay)
{
	unsigned n;

	begin(8);
	EXPECT(map(AT, 2 * PAGES, MAP_SHARED, 0));
	n = mt_mm->nvmas;
	expect_bus(AT + PAGES);
	truncate_to(PAGE_SIZE);
	expect_bus(AT + 1);
	EXPECT_EQ(mt_mm->nvmas, n);
	EXPECT_EQ(mm_mprotect(mt_mm, mt_va(AT + 4), 4 * PAGE_SIZE, PROT_READ), 0);
	EXPECT_EQ(touch(AT + 4, ACCESS_WRITE), FAULT_SEGV_ACCERR);	/* the right counts first */
	EXPECT_EQ(touch(AT + 4, ACCESS_READ), FAULT_BUS);
	EXPECT_EQ(mm_munmap(mt_mm, mt_va(AT + 8), 4 * PAGE_SIZE), 0);
	truncate_to(2 * PAGES * PAGE_SIZE);
	EXPECT_EQ(mt_read(AT + 4), 0);
	EXPECT_EQ(mt_write(AT + 31, 4), 0);
	EXPECT_EQ(touch(AT + 9, ACCESS_READ), FAULT_SEGV_MAPERR);
	end();
}

/*
 * In spans beside it, and in the same one, lie tables and pages that fork
 * shares: they stay as they are, and what they hold.
 */
KTEST(truncate, between_tables_of_a_fork)
{
	struct mm *child;
	struct page *t;

	begin(512);
	EXPECT(mt_anon(AT + 40, 400, RW) && mt_anon(AT + 512, 512, RW));
	EXPECT(map(AT, 8, MAP_PRIVATE, 0) && map(AT + 500, 8, MAP_SHARED, 4));
	for (unsigned i = 0; i < 512; i++)
		EXPECT_EQ(mt_write(AT + 512 + i, i), 0);
	for (unsigned i = 40; i < 440; i++)
		EXPECT_EQ(mt_write(AT + i, i), 0);
	EXPECT_EQ(mt_write(AT + 7, 70), 0);
	EXPECT_EQ(mt_write(AT + 502, 60), 0);	/* page 6 */
	child = ft_fork(ft_parent);
	t = ft_table(ft_parent, 0);
	EXPECT(t->shared && ft_table(ft_parent, AT + 512)->shared);
	ft_expect(child, AT + 7, 70);
	ft_expect(child, AT + 502, 60);
	truncate_to(5 * PAGE_SIZE);
	EXPECT(ft_table(ft_parent, 0) == t && t->shared && ft_table(child, 0) == t);
	EXPECT(ft_table(ft_parent, AT + 512)->shared);
	for (unsigned pass = 0; pass < 2; pass++) {
		expect_bus(AT + 7);
		expect_bus(AT + 502);
		EXPECT_EQ(mt_read(AT + 500), 0);
		for (unsigned i = 40; i < 440; i += 13)
			EXPECT_EQ(mt_read(AT + i), i);
		EXPECT_EQ(mt_read(AT + 512 + 9), 9);
		EXPECT_EQ(mt_read(3), 103);
		ft_in(child);
	}
	ft_put(child);
	end();
}

/* Who holds a page keeps it; the file has another one there afterwards. */
KTEST(truncate, held_page)
{
	struct page *p;

	begin(8);
	EXPECT(map(AT, PAGES, MAP_SHARED, 0));
	EXPECT_EQ(mt_write(AT + 9, 5), 0);
	p = mt_page(AT + 9);
	page_get(p);
	EXPECT_EQ(object_truncate(shm, PAGE_SIZE), 0);
	EXPECT(p->refs == 1 && p->slots == 0 && p->owner == NULL);
	EXPECT_EQ(*(uint64_t *)page_to_virt(p), 5);
	EXPECT_EQ(object_truncate(shm, PAGES * PAGE_SIZE), 0);
	EXPECT_EQ(mt_read(AT + 9), 0);
	EXPECT(mt_page(AT + 9) != p);
	page_put(p);
	end();
}

KTEST(truncate, seals)
{
	begin(8);
	EXPECT(map(AT, PAGES, MAP_SHARED, 0));
	EXPECT_EQ(mt_write(AT + 9, 5), 0);
	EXPECT_EQ(object_seal(shm, OBJECT_SEAL_SHRINK), 0);
	EXPECT_EQ(object_truncate(shm, PAGE_SIZE), -EPERM);
	EXPECT_EQ(mt_read(AT + 9), 5);
	EXPECT_EQ(object_truncate(shm, 2 * PAGES * PAGE_SIZE), 0);
	EXPECT_EQ(object_seal(shm, OBJECT_SEAL_GROW), 0);
	EXPECT_EQ(object_truncate(shm, 3 * PAGES * PAGE_SIZE), -EPERM);
	EXPECT_EQ(object_truncate(shm, 2 * PAGES * PAGE_SIZE), 0);	/* as long as it is */
	EXPECT_EQ(shm->size, 2 * PAGES * PAGE_SIZE);
	EXPECT_EQ(object_seal(shm, OBJECT_SEAL_WRITE), -EBUSY);
	EXPECT_EQ(mm_munmap(mt_mm, mt_va(AT), PAGES * PAGE_SIZE), 0);
	EXPECT_EQ(object_seal(shm, OBJECT_SEAL_WRITE | OBJECT_SEAL_SEAL), 0);
	EXPECT_EQ(object_seal(shm, OBJECT_SEAL_SHRINK), -EPERM);
	EXPECT_EQ(mm_mmap(mt_mm, mt_va(AT), PAGE_SIZE, RW, MAP_SHARED | MAP_FIXED, shm, 0), -EPERM);
	EXPECT(map(AT, PAGES, MAP_PRIVATE, 0));
	EXPECT_EQ(mt_write(AT + 9, 6), 0);
	end();
}

/* It takes memory away, and needs none. */
KTEST(truncate, needs_no_memory)
{
	begin(8);
	EXPECT(map(AT, PAGES, MAP_SHARED, 0) && map(AT + 100, PAGES, MAP_PRIVATE, 0));
	for (unsigned i = 0; i < PAGES; i++)
		EXPECT(!mt_write(AT + i, i) && !mt_write(AT + 100 + i, 2 * i));
	page_fail_nth = 1;
	page_fail_objects = true;
	EXPECT_EQ(object_truncate(shm, 3 * PAGE_SIZE + 5), 0);
	EXPECT_EQ(object_truncate(shm, 8 * PAGE_SIZE), 0);
	page_fail_objects = false;
	EXPECT_EQ(page_fail_nth, 1);
	page_fail_nth = 0;
	EXPECT(mt_read(AT + 2) == 2 && mt_read(AT + 102) == 4 && mt_read(AT + 107) == 0);
	end();
}

/* ---- at random ---- */

#define MAPPINGS	6u
#define LONGEST		64u

static struct { uint64_t size, word[LONGEST]; } file;
static struct window {
	unsigned at, first, pages;
	bool private;
	uint64_t copy[LONGEST];
} windows[MAPPINGS];
#define NO_COPY		(~0ul - 1)

static uint64_t seed = 1;

static unsigned below(unsigned n)
{
	seed = seed * 6364136223846793005ul + 1442695040888963407ul;
	return (unsigned)(seed >> 33) % n;
}

static void window_map(struct window *w)
{
	w->first = below(LONGEST / 2);
	w->pages = 1 + below(LONGEST - w->first);
	w->private = below(2);
	for (unsigned i = 0; i < LONGEST; i++)
		w->copy[i] = NO_COPY;
	EXPECT(map(w->at, w->pages, w->private ? MAP_PRIVATE : MAP_SHARED, w->first));
}

static void resize(uint64_t pages)
{
	EXPECT_EQ(object_truncate(shm, pages * PAGE_SIZE), 0);
	for (uint64_t i = pages; i < LONGEST; i++) {
		file.word[i] = 0;
		for (unsigned k = 0; k < MAPPINGS; k++)
			windows[k].copy[i] = NO_COPY;
	}
	file.size = pages;
}

static void access(struct window *w)
{
	unsigned i = below(w->pages), index = w->first + i;
	uint64_t v = below(100000), want = file.word[index];

	if (below(2)) {
		EXPECT_EQ(mt_write(w->at + i, v), index < file.size ? 0 : -EFAULT);
		if (index < file.size)
			*(w->private ? &w->copy[index] : &file.word[index]) = v;
		return;
	}
	if (w->copy[index] != NO_COPY)
		want = w->copy[index];
	EXPECT_EQ(mt_read(w->at + i), index < file.size ? want : ~0ul);
}

KTEST(truncate, random_against_an_array)
{
	begin(8);
	memset(&file, 0, sizeof(file));
	resize(LONGEST / 2);
	for (unsigned i = 0; i < MAPPINGS; i++) {
		windows[i].at = AT + i * 70;
		window_map(&windows[i]);
	}
	for (unsigned step = 0; step < 20000; step++) {
		unsigned what = below(40);

		if (what == 0)
			resize(below(LONGEST + 1));
		else if (what == 1) {
			struct window *w = &windows[below(MAPPINGS)];

			EXPECT_EQ(mm_munmap(mt_mm, mt_va(w->at), w->pages * PAGE_SIZE), 0);
			window_map(w);
		} else {
			access(&windows[below(MAPPINGS)]);
		}
		if (step % 1000 == 0)
			EXPECT(ft_sound());
	}
	end();
}
