/* oracle: none */
/* mem: 96M */
/*
 * Faults without memory: each case of the drawing in mm/vm/fault.c, with its 1st, 2nd, 3rd …
 * allocation failing (see fail.h). A fault that gets no memory ends the process; one that finds
 * some in a cache goes on.
 *
 *	case of the drawing			row
 *	none, read, anonymous		[z]	zero page
 *	none, write, anonymous		[a]	anonymous write; stack growth
 *	none, read, of an object	[f]	file read; fault-around; file read in; execution
 *	none, write, private of one	[c]	file copy; file copy of what is read in
 *	none, write, shared		[f]	shared write; shared anonymous write
 *	zero page, write		[a]	zero page written
 *	present, own page		[u]	reuse; table taken back
 *	present, not own		[c]	copy; file page copied
 *	present, shared			[u]	W back
 *	noaccess				rights back
 *	spurious			[s]	allocates nothing, and needs another CPU or mprotect
 *
 * and on the way to the entry: tables missing (zero page, anonymous write), a shared table left
 * by a write, by a read of none, by fault-around. From inside a system call: user copy to none,
 * to a page to be copied, to a shared table, from a file, to a stack; a signal's frame.
 */
#include "fail_memory.h"

static long read_first(void) { return read_word(0); }

static long write_first(void)
{
	*word_at(AREA, 0) = 77;
	return 0;
}

static void empty(void) { map_at(AREA, 4, RW, ANON, -1); }

static void zero_page_there(void)
{
	empty();
	read_first();
}

static void map_mem(unsigned long pages, unsigned long filled, int flags)
{
	make_mem_fd(pages, filled);
	map_at(AREA, pages, RW, flags, mem_fd);
}

static void file_cached(void) { map_mem(4, 4, MAP_PRIVATE); }
static void file_many(void) { map_mem(40, 40, MAP_PRIVATE); }
static void file_hole(void) { map_mem(4, 0, MAP_PRIVATE); }
static void shared_hole(void) { map_mem(4, 0, MAP_SHARED); }

static void shared_anonymous(void) { map_at(AREA, 4, RW, MAP_SHARED | MAP_ANONYMOUS, -1); }

/* A page of the program's own file, which nobody else has mapped there. */
static void program_file(void)
{
	map_at(AREA, 4, RW, MAP_PRIVATE, open("/proc/self/exe", O_RDONLY));
}

static void code(void)
{
	map_mem(1, 0, MAP_PRIVATE);
	must(pwrite(mem_fd, "\xc3", 1, 0) == 1 &&
	     !mprotect((void *)AREA, PAGE, PROT_READ | PROT_EXEC), "code");
}

static long execute(void)
{
	((void (*)(void))AREA)();
	return 0;
}

static void few_held(void)
{
	map_filled(AREA, 4);
	make_holder();
}

static void many_held(void)
{
	map_filled(AREA, SHARED_PAGES);
	map_at(AREA + SHARED_PAGES * PAGE, 8, RW, ANON, -1);
	make_holder();
}

static void few_left(void)
{
	few_held();
	end_holder();
}

static void many_left(void)
{
	many_held();
	end_holder();
}

static void file_read_before(void)
{
	file_cached();
	read_first();
}

static void shared_protected(void)
{
	map_mem(4, 4, MAP_SHARED);
	write_first();
	must(!mprotect((void *)AREA, 4 * PAGE, PROT_READ) && !mprotect((void *)AREA, 4 * PAGE, RW),
	     "mprotect");
}

static void noaccess_before(void)
{
	few_held();
	must(!mprotect((void *)AREA, 4 * PAGE, PROT_NONE) && !mprotect((void *)AREA, 4 * PAGE, RW),
	     "mprotect");
}

static void stack(void)
{
	map_at(AREA + TABLE, 1, RW, ANON | MAP_GROWSDOWN, -1);
	*word_at(AREA, 512) = 1;
}

static long grow(void)
{
	*word_at(AREA, 511) = 2;
	return 0;
}

static long read_none_of_shared(void) { return read_word(SHARED_PAGES + 2); }

/* Beside a table's worth of memory that is shared: a file. */
static void file_in_shared(void)
{
	map_filled(AREA, SHARED_PAGES);
	map_at(AREA + SHARED_PAGES * PAGE, 4, PROT_READ, MAP_PRIVATE, open("/proc/self/exe", O_RDONLY));
	make_holder();
}

/* ---- from inside a system call ---- */

static int ends[2];

static void word_in_pipe(void)
{
	must(!pipe(ends) && write(ends[1], "a word..", 8) == 8, "pipe");
}

static void copy_to_none(void) { empty(); word_in_pipe(); }
static void copy_to_few(void) { few_held(); word_in_pipe(); }
static void copy_to_many(void) { many_held(); word_in_pipe(); }
static void copy_to_hole(void) { shared_hole(); word_in_pipe(); }
static void copy_to_stack(void) { stack(); word_in_pipe(); }
static void copy_from_hole(void) { file_hole(); word_in_pipe(); }

static long read_into(unsigned long page)
{
	long n = read(ends[0], (void *)word_at(AREA, page), 8);

	return n == 8 ? 0 : -1;
}

static long copy_in_first(void) { return read_into(0); }
static long copy_in_below(void) { return read_into(511); }

static long copy_out_first(void)
{
	return write(ends[1], (void *)AREA, 8) == 8 ? 0 : -1;
}

static void on_signal(int sig) { (void)sig; }

static void handler_on_empty_stack(void)
{
	stack_t s = { .ss_sp = (void *)AREA, .ss_size = 8 * PAGE };
	struct sigaction a = { .sa_handler = on_signal, .sa_flags = SA_ONSTACK };

	map_at(AREA, 8, RW, ANON, -1);
	must(!sigaltstack(&s, NULL) && !sigaction(SIGUSR1, &a, NULL), "sigaltstack");
}

/* What the frame leaves on that stack is not compared: it holds times and addresses. */
static long take_signal(void)
{
	return raise(SIGUSR1) || madvise((void *)AREA, 8 * PAGE, MADV_DONTNEED) ? -1 : 0;
}

static const struct row rows[] = {
	{ "zero page", empty, read_first, DIES, 0 },
	{ "anonymous write", empty, write_first, DIES, 0 },
	{ "zero page written", zero_page_there, write_first, DIES, 0 },
	{ "file read", file_cached, read_first, DIES, 0 },
	{ "fault-around", file_many, read_first, DIES, 0 },
	{ "file read in", file_hole, read_first, DIES, 0 },
	{ "file read, the program's", program_file, read_first, DIES, 0 },
	{ "execution", code, execute, DIES, 0 },
	{ "file copy", file_cached, write_first, DIES, 0 },
	{ "file copy of what is read in", file_hole, write_first, DIES, 0 },
	{ "file copy, the program's", program_file, write_first, DIES, 0 },
	{ "shared write", shared_hole, write_first, DIES, 0 },
	{ "shared anonymous write", shared_anonymous, write_first, DIES, 0 },
	{ "reuse", few_left, write_first, DIES, 0 },
	{ "copy", few_held, write_first, DIES, 0 },
	{ "file page copied", file_read_before, write_first, DIES, 0 },
	{ "W back", shared_protected, write_first, DIES, 0 },
	{ "rights back", noaccess_before, write_first, DIES, 0 },
	{ "stack growth", stack, grow, DIES, 0 },
	{ "shared table left by a write", many_held, write_third, DIES, 0 },
	{ "shared table left by a read of none", many_held, read_none_of_shared, DIES, 0 },
	{ "shared table left by fault-around", file_in_shared, read_none_of_shared, DIES, 0 },
	{ "table taken back", many_left, write_third, DIES, 0 },
	{ "user copy to none", copy_to_none, copy_in_first, DIES, 0 },
	{ "user copy to a page to be copied", copy_to_few, copy_in_first, DIES, 0 },
	{ "user copy to a shared table", copy_to_many, copy_in_first, DIES, 0 },
	{ "user copy to a shared file", copy_to_hole, copy_in_first, DIES, 0 },
	{ "user copy to a stack", copy_to_stack, copy_in_below, DIES, 0 },
	{ "user copy from a file", copy_from_hole, copy_out_first, DIES, 0 },
	{ "signal's frame", handler_on_empty_stack, take_signal, DIES | SEGV_TOO, 0 },
};

int main(int argc, char **argv)
{
	return SWEEP(rows, argc, argv);
}
