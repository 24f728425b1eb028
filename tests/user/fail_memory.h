/* Memory that calls and faults without memory (fail_*.c) work on, and what several of them do to it. */
#ifndef TESTS_USER_FAIL_MEMORY_H
#define TESTS_USER_FAIL_MEMORY_H

#include "fail.h"

#define AT(page)	((void *)(AREA + (page) * PAGE))
#define TO(page)	((void *)(DEST + (page) * PAGE))

static inline long from_map(const void *p)
{
	return p == MAP_FAILED ? -1 : 0;
}

static inline void need(bool good) { must(good, "prepare"); }

static inline void sixteen(void) { map_filled(AREA, 16); }

static inline void sixteen_held(void)
{
	sixteen();
	make_holder();
}

/* Its table is shared with another process. */
static inline void table_held(void)
{
	map_filled(AREA, SHARED_PAGES);
	make_holder();
}

/* Two of them, and the border is in the midst of it. */
static inline void tables_held(void)
{
	map_filled(AREA, 512 + SHARED_PAGES);
	make_holder();
}

static inline void both_held(void)
{
	map_filled(AREA, SHARED_PAGES);
	map_filled(DEST, SHARED_PAGES);
	make_holder();
}

static inline void file_mapped(void)
{
	make_mem_fd(16, 8);
	map_at(AREA, 16, RW, MAP_SHARED, mem_fd);
}

static inline void file_copied(void)
{
	make_mem_fd(16, 16);
	map_at(AREA, 16, RW, MAP_PRIVATE, mem_fd);
	for (int i = 0; i < 16; i += 2)
		*word_at(AREA, i) = 5;
	make_holder();
}

static inline void file_made(void) { make_mem_fd(16, 16); }

static inline void empty_pages(void) { map_at(AREA, 16, RW, ANON, -1); }

static inline void three_kinds(void)
{
	empty_pages();
	need(!mprotect(AT(4), 4 * PAGE, PROT_READ) && !mprotect(AT(8), 4 * PAGE, RW | PROT_EXEC));
}

static inline void locked(void)
{
	sixteen();
	need(!mlock(AT(0), 16 * PAGE));
}

static inline void big(void) { map_filled(AREA, 1024); }

static inline void big_held(void)
{
	big();
	make_holder();
}

/* ---- acts ---- */

static inline long read_word(unsigned long page)
{
	(void)*word_at(AREA, page);
	return 0;
}

static inline long read_third(void) { return read_word(3); }

static inline long write_third(void)
{
	*word_at(AREA, 3) = 99;
	return 0;
}

/* n pages from `from` on in AREA go to `to` on in DEST. */
static inline long move(unsigned long from, unsigned long n, unsigned long to)
{
	return from_map(mremap(AT(from), n * PAGE, n * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, TO(to)));
}

/* Whether the child could be made, and ended well. */
static inline long reap(pid_t pid)
{
	int status, e = errno;

	if (pid < 0)
		return -1;
	if (waitpid(pid, &status, 0) != pid)
		return -1;
	return keep_errno(status ? -1 : 0, e);
}

/* The child has that word in that page, too. */
static inline long fork_that_sees(unsigned long page, uint64_t word)
{
	pid_t pid = (pid_t)syscall(SYS_fork);

	if (pid == 0)
		syscall(SYS_exit_group, *word_at(AREA, page) == word ? 0 : 1);
	return reap(pid);
}

static inline long fork_it(void) { return fork_that_sees(1, AREA + 1); }

#endif
