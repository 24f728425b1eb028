/* oracle: none */
/* mem: 96M */
/*
 * Explicit huge pages without memory: what maps, makes, copies, moves or gives up such pages, private ones and those of
 * memfds, and fork, each with its 1st, 2nd, 3rd … allocation failing (see fail.h).
 */
#include "fail_memory.h"

#ifndef MFD_HUGETLB
#define MFD_HUGETLB	4u
#endif
#define HUGE		(512 * PAGE)
#define POOL		6
#define PRIVATE		(MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB)
#define SHARED		(MAP_SHARED | MAP_ANONYMOUS | MAP_HUGETLB)
#define PUNCH		3		/* FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE */

static void store(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY);

	must(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text) && !close(fd), path);
}

static void map_huge(unsigned long n, int flags) { map_at(AREA, 512 * n, RW, flags, mem_fd); }

static void empty(void) { map_huge(1, PRIVATE); }
static void empty_shared(void) { map_huge(1, SHARED); }

static void filled(void)
{
	map_huge(2, PRIVATE);
	*word_at(AREA, 3) = 3;
	*word_at(AREA, 515) = 4;
}

static void held(void)
{
	filled();
	make_holder();
}

/* All of the pool is in use, and a child has it, too. */
static void held_by_all(void)
{
	held();
	map_at(DEST, (POOL - 2) * 512, RW, PRIVATE | MAP_POPULATE, -1);
}

static void file(void)
{
	mem_fd = memfd_create("huge", MFD_HUGETLB);
	need(mem_fd >= 0 && !ftruncate(mem_fd, 2 * HUGE));
}

static void file_shared(void)
{
	file();
	map_huge(2, MAP_SHARED);
}

static void file_filled(void)
{
	file_shared();
	*word_at(AREA, 3) = 3;
}

static void file_private(void)
{
	file_filled();
	need(!munmap(AT(0), 2 * HUGE));
	map_huge(2, MAP_PRIVATE);
}

/* ---- acts ---- */

static long map_anonymous(void) { return from_map(mmap(AT(0), 2 * HUGE, RW, PRIVATE | MAP_FIXED, -1, 0)); }
static long map_shared(void) { return from_map(mmap(AT(0), 2 * HUGE, RW, SHARED | MAP_FIXED, -1, 0)); }
static long map_file(void) { return from_map(mmap(AT(0), 2 * HUGE, RW, MAP_SHARED | MAP_FIXED, mem_fd, 0)); }
static long map_copy(void) { return from_map(mmap(AT(0), 2 * HUGE, RW, MAP_PRIVATE | MAP_FIXED, mem_fd, 0)); }
static long populate(void) { return madvise(AT(0), HUGE, MADV_POPULATE_WRITE); }
static long give_up(void) { return madvise(AT(0), HUGE, MADV_DONTNEED); }
static long protect_one(void) { return mprotect(AT(0), HUGE, PROT_READ); }
static long unmap_one(void) { return munmap(AT(0), HUGE); }
static long allocate(void) { return fallocate(mem_fd, 0, 0, 2 * HUGE); }
static long punch(void) { return fallocate(mem_fd, PUNCH, 0, HUGE); }
static long cut(void) { return ftruncate(mem_fd, 0); }

static long make_file(void)
{
	int fd = memfd_create("huge", MFD_HUGETLB);

	return fd < 0 ? -1 : close(fd);
}

static long move_one(void) { return move(0, 512, 0); }
static long fork_filled(void) { return fork_that_sees(3, 3); }

static const struct row rows[] = {
	{ "mmap", NULL, map_anonymous, 0, 0 },
	{ "mmap, shared", NULL, map_shared, 0, 0 },
	{ "mmap of a file, shared", file, map_file, 0, 0 },
	{ "mmap of a file, private", file, map_copy, 0, 0 },
	{ "mmap over others", filled, map_anonymous, LOSES, 0 },
	{ "first write", empty, write_third, DIES, 0 },
	{ "first read", empty, read_third, DIES, 0 },
	{ "first write, shared", empty_shared, write_third, DIES, 0 },
	{ "first write of a file, shared", file_shared, write_third, DIES, 0 },
	{ "read of a file, private", file_private, read_third, DIES, 0 },
	{ "write of a file, private", file_private, write_third, DIES, 0 },
	{ "populate", empty, populate, 0, 0 },
	{ "copy", held, write_third, DIES, 0 },
	{ "taken from a child", held_by_all, write_third, DIES, 0 },
	{ "fork", filled, fork_filled, DIES, EAGAIN },
	{ "fork of what is shared", held, fork_filled, DIES, EAGAIN },
	{ "madvise DONTNEED", filled, give_up, 0, 0 },
	{ "mprotect", filled, protect_one, 0, 0 },
	{ "munmap", held, unmap_one, 0, 0 },
	{ "mremap", filled, move_one, 0, 0 },
	{ "mremap of what is shared", held, move_one, 0, 0 },
	{ "memfd_create", NULL, make_file, 0, 0 },
	{ "fallocate", file_filled, allocate, PARTLY, ENOSPC },
	{ "a hole", file_filled, punch, 0, 0 },
	{ "ftruncate", file_filled, cut, 0, 0 },
};

/* Where no page is set aside, but may be made. */
static const struct row surplus_rows[] = {
	{ "surplus: mmap", NULL, map_anonymous, 0, 0 },
	{ "surplus: first write", empty, write_third, DIES, 0 },
	{ "surplus: mmap of a file", file, map_file, 0, 0 },
};

int main(int argc, char **argv)
{
	int failed;

	store("/proc/sys/vm/nr_hugepages", "6");
	failed = SWEEP(rows, argc, argv);
	store("/proc/sys/vm/nr_hugepages", "0");
	store("/proc/sys/vm/nr_overcommit_hugepages", "4");
	return SWEEP(surplus_rows, argc, argv) || failed;
}
