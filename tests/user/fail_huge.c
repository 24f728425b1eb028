/* oracle: none */
/* mem: 96M */
/*
 * Huge pages without memory: faults that want one, what cuts one, what makes one of small pages,
 * and fork, each with its 1st, 2nd, 3rd … allocation failing (see fail.h). A huge page that
 * cannot be had is small ones; one that cannot be cut stays whole, and the call fails.
 */
#include "fail_memory.h"

#define COLLAPSE	25		/* MADV_COLLAPSE */
#define BLOCK		512ul		/* pages */

static unsigned long huge_kb(void)
{
	static char text[16384];
	unsigned long n = 0;

	read_file("/proc/self/smaps", text, sizeof(text));
	for (char *at = text; (at = strstr(at, "AnonHugePages:")); at++)
		n += strtoul(at + 14, NULL, 10);
	return n;
}

static void empty_huge(void)
{
	map_at(AREA, BLOCK, RW, ANON, -1);
	need(!madvise(AT(0), BLOCK * PAGE, MADV_HUGEPAGE));
}

/* One huge page, with words in all of its parts. */
static void huge(void)
{
	empty_huge();
	for (unsigned long i = 0; i < BLOCK; i++)
		*word_at(AREA, i) = AREA + i;
	need(huge_kb() == BLOCK * 4);
}

static void huge_held(void)
{
	huge();
	make_holder();
}

static void huge_left(void)
{
	huge_held();
	end_holder();
}

/* Another process has the huge page, too, and has cut it: its frames are pages, which one leaf names together. */
static void huge_mixed(void)
{
	int ends[2];
	char byte;

	huge();
	need(!pipe(ends));
	holder = fork();
	need(holder >= 0);
	if (holder == 0) {
		*word_at(AREA, 5) = 1;
		need(write(ends[1], "x", 1) == 1);
		for (;;)
			pause();
	}
	told->holder = holder;
	need(read(ends[0], &byte, 1) == 1 && !close(ends[0]) && !close(ends[1]));
	need(huge_kb() == BLOCK * 4);
}

static void huge_zeros(void)
{
	empty_huge();
	read_third();
}

static void huge_locked(void)
{
	huge();
	need(!mlock(AT(0), BLOCK * PAGE));
}

/* Small pages, but for some, where a huge one could be. */
static void small_pages(void)
{
	map_filled(AREA, BLOCK);
	need(!madvise(AT(100), 20 * PAGE, MADV_DONTNEED) && huge_kb() == 0);
}

static void small_held(void)
{
	small_pages();
	make_holder();
}

/* The same of shared memory, in which no two pages lie in a row. */
static void shared_pages(void)
{
	map_at(AREA, BLOCK, RW, MAP_SHARED | MAP_ANONYMOUS, -1);
	for (unsigned long i = BLOCK; i-- > 0; )
		if (i % 16 < 12)
			*word_at(AREA, i) = AREA + i;
	make_holder();
}

/* ---- acts ---- */

static long populate(void) { return madvise(AT(0), BLOCK * PAGE, MADV_POPULATE_WRITE); }
static long unmap_middle(void) { return munmap(AT(40), 4 * PAGE); }
static long unmap_all(void) { return munmap(AT(0), BLOCK * PAGE); }
static long protect_middle(void) { return mprotect(AT(40), 4 * PAGE, PROT_READ); }
static long protect_none(void) { return mprotect(AT(500), 12 * PAGE, PROT_NONE); }
static long protect_all(void) { return mprotect(AT(0), BLOCK * PAGE, PROT_READ); }
static long advise(int advice) { return madvise(AT(40), 4 * PAGE, advice); }
static long dontneed(void) { return advise(MADV_DONTNEED); }
static long free_middle(void) { return advise(MADV_FREE); }
static long cool_middle(void) { return advise(MADV_COLD); }
static long page_out_middle(void) { return advise(MADV_PAGEOUT); }
static long dontfork(void) { return advise(MADV_DONTFORK); }
static long lock_middle(void) { return mlock(AT(40), 4 * PAGE); }
static long unlock_middle(void) { return munlock(AT(40), 4 * PAGE); }
static long collapse(void) { return madvise(AT(0), BLOCK * PAGE, COLLAPSE); }

static long map_over(void)
{
	return from_map(mmap(AT(40), 4 * PAGE, PROT_READ, ANON | MAP_FIXED, -1, 0));
}

static long move_all(void) { return move(0, BLOCK, 0); }
static long move_part(void) { return move(40, 4, 40); }
static long move_askew(void) { return move(0, BLOCK, 7); }
static long shrink(void) { return from_map(mremap(AT(0), BLOCK * PAGE, 40 * PAGE, 0)); }

static const struct row rows[] = {
	{ "first write", empty_huge, write_third, DIES, 0 },
	{ "first read", empty_huge, read_third, DIES, 0 },
	{ "zeros written", huge_zeros, write_third, DIES, 0 },
	{ "populate", empty_huge, populate, 0, 0 },
	{ "copy", huge_held, write_third, DIES, 0 },
	{ "copy from a mixed block", huge_mixed, write_third, DIES, 0 },
	{ "taken back", huge_left, write_third, DIES, 0 },
	{ "munmap in the middle", huge, unmap_middle, 0, 0 },
	{ "munmap in the middle, shared", huge_held, unmap_middle, 0, 0 },
	{ "munmap in the middle, mixed", huge_mixed, unmap_middle, 0, 0 },
	{ "munmap of zeros in the middle", huge_zeros, unmap_middle, 0, 0 },
	{ "munmap of all, mixed", huge_mixed, unmap_all, 0, 0 },
	{ "mmap MAP_FIXED over the middle", huge, map_over, 0, 0 },
	{ "mmap MAP_FIXED over the middle, shared", huge_held, map_over, 0, 0 },
	{ "mprotect in the middle", huge, protect_middle, 0, 0 },
	{ "mprotect in the middle, shared", huge_held, protect_middle, 0, 0 },
	{ "mprotect PROT_NONE of the end", huge, protect_none, 0, 0 },
	{ "mprotect of all, shared", huge_held, protect_all, 0, 0 },
	{ "madvise DONTNEED in the middle", huge, dontneed, 0, 0 },
	{ "madvise DONTNEED in the middle, shared", huge_held, dontneed, 0, 0 },
	{ "madvise FREE in the middle", huge, free_middle, 0, 0 },
	{ "madvise COLD in the middle", huge, cool_middle, 0, 0 },
	{ "madvise PAGEOUT in the middle", huge, page_out_middle, 0, 0 },
	{ "madvise DONTFORK in the middle", huge, dontfork, 0, EAGAIN },
	{ "mlock in the middle", huge, lock_middle, PARTLY, EAGAIN },
	{ "mlock in the middle, shared", huge_held, lock_middle, PARTLY, EAGAIN },
	{ "munlock in the middle", huge_locked, unlock_middle, 0, 0 },
	{ "mremap of all", huge, move_all, 0, 0 },
	{ "mremap of all, shared", huge_held, move_all, 0, 0 },
	{ "mremap of a part", huge, move_part, 0, 0 },
	{ "mremap of a part, shared", huge_held, move_part, 0, 0 },
	{ "mremap off the borders", huge, move_askew, 0, 0 },
	{ "mremap off the borders, shared", huge_held, move_askew, 0, 0 },
	{ "mremap smaller", huge, shrink, 0, 0 },
	{ "collapse", small_pages, collapse, 0, 0 },
	{ "collapse of a shared table", small_held, collapse, 0, 0 },
	{ "collapse of shared memory", shared_pages, collapse, 0, 0 },
	{ "fork", huge, fork_it, DIES, EAGAIN },
	{ "fork of what is shared", huge_held, fork_it, DIES, EAGAIN },
	{ "fork of a mixed block", huge_mixed, fork_it, DIES, EAGAIN },
};

int main(int argc, char **argv)
{
	return SWEEP(rows, argc, argv);
}
