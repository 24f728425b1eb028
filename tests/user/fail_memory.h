/* Memory that calls without memory (fail_map.c, fail_calls.c) work on. */
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
	need(from_map(mmap(AT(0), 16 * PAGE, RW, MAP_SHARED | MAP_FIXED, mem_fd, 0)) == 0);
}

static inline void file_copied(void)
{
	make_mem_fd(16, 16);
	need(from_map(mmap(AT(0), 16 * PAGE, RW, MAP_PRIVATE | MAP_FIXED, mem_fd, 0)) == 0);
	for (int i = 0; i < 16; i += 2)
		*word_at(AREA, i) = 5;
	make_holder();
}

static inline void file_made(void) { make_mem_fd(16, 16); }

static inline void empty_pages(void)
{
	need(from_map(mmap(AT(0), 16 * PAGE, RW, ANON | MAP_FIXED, -1, 0)) == 0);
}

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

#endif
