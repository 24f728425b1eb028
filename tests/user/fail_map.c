/* oracle: none */
/* mem: 96M */
/*
 * mmap, munmap, mprotect, mremap and brk without memory: each, in each of its forms, with its
 * 1st, 2nd, 3rd … allocation failing (see fail.h).
 */
#include "fail_memory.h"

/* ---- mmap ---- */

static long map_anonymous(void)
{
	return from_map(mmap(AT(0), 4 * PAGE, RW, ANON, -1, 0));
}

static long map_shared(void)
{
	return from_map(mmap(AT(0), 4 * PAGE, RW, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
}

static long map_fixed(void)
{
	return from_map(mmap(AT(4), 4 * PAGE, PROT_READ, ANON | MAP_FIXED, -1, 0));
}

static long map_noreplace(void)
{
	return from_map(mmap(AT(100), 4 * PAGE, RW, ANON | MAP_FIXED_NOREPLACE, -1, 0));
}

static long map_file(void)
{
	return from_map(mmap(AT(0), 4 * PAGE, RW, MAP_SHARED, mem_fd, 0));
}

static long map_private_file(void)
{
	return from_map(mmap(AT(0), 4 * PAGE, RW, MAP_PRIVATE, mem_fd, 0));
}

static long map_populate(void)
{
	return from_map(mmap(AT(0), 8 * PAGE, RW, ANON | MAP_POPULATE, -1, 0));
}

static long map_locked(void)
{
	return from_map(mmap(AT(0), 8 * PAGE, RW, ANON | MAP_LOCKED, -1, 0));
}

static long map_zero(void)
{
	int fd = open("/dev/zero", O_RDWR);
	long r = fd < 0 ? -1 : from_map(mmap(AT(0), 4 * PAGE, RW, MAP_SHARED, fd, 0));
	int e = errno;

	if (fd >= 0)
		close(fd);
	errno = e;
	return r;
}

/* ---- munmap, mprotect ---- */

static long unmap_end(void) { return munmap(AT(12), 4 * PAGE); }
static long unmap_middle(void) { return munmap(AT(4), 4 * PAGE); }
static long unmap_over_border(void) { return munmap(AT(500), 24 * PAGE); }
static long unmap_file_middle(void) { return munmap(AT(3), 3 * PAGE); }

static long protect_all(void) { return mprotect(AT(0), 16 * PAGE, PROT_READ); }
static long protect_middle(void) { return mprotect(AT(4), 4 * PAGE, PROT_READ); }
static long protect_none(void) { return mprotect(AT(4), 4 * PAGE, PROT_NONE); }
static long protect_over_border(void) { return mprotect(AT(500), 24 * PAGE, PROT_READ); }
static long protect_many(void) { return mprotect(AT(2), 12 * PAGE, PROT_READ); }
static long protect_joins(void) { return mprotect(AT(4), 8 * PAGE, RW); }

/* ---- mremap ---- */

static long remap(unsigned long from, unsigned long old, unsigned long new, int flags, void *to)
{
	return from_map(mremap(AT(from), old * PAGE, new * PAGE, flags, to));
}

static void no_room_behind(void)
{
	sixteen();
	map_at(AREA + 16 * PAGE, 1, PROT_READ, ANON, -1);
	make_holder();
}

static long remap_shrink(void) { return remap(0, 16, 4, 0, NULL); }
static long remap_shrink_within(void) { return remap(2, 8, 4, 0, NULL); }
static long remap_grow_in_place(void) { return remap(0, 16, 24, 0, NULL); }

/* To a place of the kernel's choice, where the pages must be the same. */
static long remap_grow_away(void)
{
	char *p = mremap(AT(0), 16 * PAGE, 32 * PAGE, MREMAP_MAYMOVE);

	if (p == MAP_FAILED)
		return -1;
	disarm();
	for (unsigned long i = 0; i < 32; i++)
		must(*word_at((unsigned long)p, i) == (i < 16 ? AREA + i : 0), "what was moved");
	return 0;
}

static long remap_fixed(void) { return move(0, 16, 0); }
static long remap_fixed_part(void) { return move(4, 4, 8); }
static long remap_fixed_over(void) { return move(0, 16, 20); }
static long remap_tables(void) { return move(0, 1024, 0); }
static long remap_unaligned(void) { return move(0, 1000, 7); }

static long remap_fixed_larger(void)
{
	return remap(0, 16, 32, MREMAP_MAYMOVE | MREMAP_FIXED, TO(0));
}

static long remap_fixed_smaller(void)
{
	return remap(0, 16, 8, MREMAP_MAYMOVE | MREMAP_FIXED, TO(0));
}

static long remap_dontunmap(void)
{
	return remap(0, 16, 16, MREMAP_MAYMOVE | MREMAP_FIXED | MREMAP_DONTUNMAP, TO(0));
}

static long remap_second(void)
{
	return remap(0, 0, 16, MREMAP_MAYMOVE | MREMAP_FIXED, TO(0));
}

/* ---- brk ---- */

static uintptr_t old_break;

static void know_break(void)
{
	old_break = (uintptr_t)syscall(SYS_brk, 0);
}

static long move_break(long by)
{
	uintptr_t to = old_break + by;

	if ((uintptr_t)syscall(SYS_brk, to) == to)
		return 0;
	errno = ENOMEM;
	return -1;
}

static long break_up(void) { return move_break(64 * PAGE); }

static void break_high(void)
{
	know_break();
	need(!break_up());
	old_break += 64 * PAGE;
	for (uintptr_t at = old_break - 64 * PAGE; at < old_break; at += PAGE)
		*(volatile char *)at = 1;
	make_holder();
}

static long break_down(void) { return move_break(-32 * (long)PAGE); }

/* ---- the rows ---- */

static const struct row rows[] = {
	{ "mmap anonymous", NULL, map_anonymous, 0, 0 },
	{ "mmap shared anonymous", NULL, map_shared, 0, 0 },
	{ "mmap MAP_FIXED over others", sixteen, map_fixed, 0, 0 },
	{ "mmap MAP_FIXED over a shared table", table_held, map_fixed, 0, 0 },
	{ "mmap MAP_FIXED_NOREPLACE", sixteen, map_noreplace, 0, 0 },
	{ "mmap MAP_SHARED of a file", file_made, map_file, 0, 0 },
	{ "mmap MAP_PRIVATE of a file", file_made, map_private_file, 0, 0 },
	{ "mmap MAP_POPULATE", NULL, map_populate, 0, 0 },
	{ "mmap MAP_LOCKED", NULL, map_locked, 0, 0 },
	{ "mmap /dev/zero", NULL, map_zero, 0, 0 },
	{ "munmap at the end", sixteen, unmap_end, 0, 0 },
	{ "munmap in the middle", sixteen, unmap_middle, 0, 0 },
	{ "munmap in the middle of a shared table", table_held, unmap_middle, 0, 0 },
	{ "munmap over two shared tables", tables_held, unmap_over_border, 0, 0 },
	{ "munmap in the middle of a file", file_mapped, unmap_file_middle, 0, 0 },
	{ "mprotect of all", sixteen, protect_all, 0, 0 },
	{ "mprotect splits", sixteen, protect_middle, 0, 0 },
	{ "mprotect splits, in a shared table", table_held, protect_middle, 0, 0 },
	{ "mprotect PROT_NONE", table_held, protect_none, 0, 0 },
	{ "mprotect over two shared tables", tables_held, protect_over_border, 0, 0 },
	{ "mprotect over several", three_kinds, protect_many, PARTLY, 0 },
	{ "mprotect joins", three_kinds, protect_joins, PARTLY, 0 },
	{ "mprotect of a copied file", file_copied, protect_middle, 0, 0 },
	{ "mremap smaller", sixteen_held, remap_shrink, 0, 0 },
	{ "mremap smaller, of a part", table_held, remap_shrink_within, 0, 0 },
	{ "mremap larger, in place", sixteen_held, remap_grow_in_place, 0, 0 },
	{ "mremap larger, elsewhere", no_room_behind, remap_grow_away, 0, 0 },
	{ "mremap FIXED", sixteen, remap_fixed, 0, 0 },
	{ "mremap FIXED of a part", table_held, remap_fixed_part, 0, 0 },
	{ "mremap FIXED, larger", sixteen, remap_fixed_larger, 0, 0 },
	{ "mremap FIXED, smaller", sixteen, remap_fixed_smaller, PARTLY | LOSES, 0 },
	{ "mremap FIXED over others, tables shared", both_held, remap_fixed_over, LOSES, 0 },
	{ "mremap FIXED of several", three_kinds, remap_fixed, PARTLY | LOSES, 0 },
	{ "mremap FIXED of a file", file_mapped, remap_fixed, 0, 0 },
	{ "mremap FIXED of a copied file", file_copied, remap_fixed, 0, 0 },
	{ "mremap DONTUNMAP", sixteen, remap_dontunmap, 0, 0 },
	{ "mremap DONTUNMAP, tables shared", both_held, remap_dontunmap, LOSES, 0 },
	{ "mremap DONTUNMAP of locked memory", locked, remap_dontunmap, 0, 0 },
	{ "mremap of whole tables", big, remap_tables, 0, 0 },
	{ "mremap of whole shared tables", big_held, remap_tables, 0, 0 },
	{ "mremap off the borders of tables", big, remap_unaligned, 0, 0 },
	{ "mremap off the borders of shared tables", big_held, remap_unaligned, 0, 0 },
	{ "mremap of nothing: a second mapping", file_mapped, remap_second, 0, 0 },
	{ "brk up", know_break, break_up, 0, 0 },
	{ "brk down", break_high, break_down, 0, 0 },
};

int main(int argc, char **argv)
{
	return SWEEP(rows, argc, argv);
}
