/*
 * Memory that may have huge pages: advised, touched, moved, cut, aged, and had by a child, too. What is printed is the same whether it
 * has them or not; so with this class mincore says nothing of what is there, and without it there are none.
 */
#include "aspace.h"

#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#define BLOCK_PAGES	512l
#define BLOCK		(BLOCK_PAGES * PAGE)
#define COLLAPSE	25
#ifndef MADV_COLD
#define MADV_COLD	20
#define MADV_PAGEOUT	21
#endif
#ifndef MREMAP_DONTUNMAP
#define MREMAP_DONTUNMAP 4
#endif

/* One of the places in the arena where a huge page can be, or two of them. */
static struct range pick_block(void)
{
	const long first = ((BORDER - ARENA) / PAGE) % BLOCK_PAGES;
	const long count = (ARENA_PAGES - first) / BLOCK_PAGES;
	long i = rnd(count), n = chance(20) && i + 1 < count ? 2 : 1;

	return (struct range){ page_addr(first + i * BLOCK_PAGES), n * BLOCK };
}

static void touch_some(struct range r)
{
	for (int i = 1 + rnd(4); i > 0; i--) {
		uint64_t addr = r.addr + rnd(r.len / PAGE) * PAGE;
		uint8_t value;

		if (chance(30))
			try_read(addr, &value);
		else
			try_fill(addr, random_bits());
	}
}

/* A new mapping of whole blocks, which most times wants huge pages, with something in it. */
static void map_blocks(struct range r)
{
	say("map blocks ");
	say_range(r);
	SYS(mmap, r.addr, r.len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
	taint(r.addr, r.len, false);
	if (chance(80))
		SYS(madvise, r.addr, r.len, MADV_HUGEPAGE);
	touch_some(r);
}

static void op_blocks(void)
{
	map_blocks(pick_block());
}

static void op_advise(void)
{
	struct range r = chance(50) ? pick_block() : pick_range();
	bool want = chance(75);

	if (r.len >= 1ul << 47 && r.addr + r.len > r.addr)
		r.len = 1ul << 32;
	say("madvise(");
	say_range(r);
	say(", %sHUGEPAGE)", want ? "" : "NO");
	say_result(SYS(madvise, r.addr, r.len, want ? MADV_HUGEPAGE : MADV_NOHUGEPAGE));
}

/*
 * Whether it can be done depends on what is there, and so is not told. What lies behind a file's end can be read once
 * a huge page shows the end, so this must not come about.
 */
static void op_collapse(void)
{
	struct range r = chance(80) ? pick_block() : pick_pages();

	say("collapse ");
	say_range(r);
	if (!hides_file_pages(r))
		SYS(madvise, r.addr, r.len, COLLAPSE);
	hash_range((long)(r.addr - ARENA) / (long)PAGE, (long)(r.addr - ARENA) / (long)PAGE + 16);
}

/* To another place, aligned as it is or not; what is there goes. */
static void op_move_block(void)
{
	struct range r = pick_block(), to = pick_block();
	uint64_t len = chance(70) ? BLOCK : (1 + rnd(BLOCK_PAGES)) * PAGE, new_len = len;
	int flags = MREMAP_MAYMOVE | MREMAP_FIXED;

	r.len = BLOCK;
	to.addr += chance(70) ? 0 : (rnd(40) - 20) * PAGE;
	map_blocks(r);
	say("; ");
	if (chance(15))
		flags |= MREMAP_DONTUNMAP;
	else if (chance(25))
		new_len = (1 + rnd(BLOCK_PAGES + 100)) * PAGE;
	if (to.addr + new_len > page_addr(END_PAGE))
		new_len = len;
	remap((struct range){ r.addr, len }, new_len, flags, to.addr);
}

/* Some of a block, or all. */
static struct range pick_part(void)
{
	struct range r = pick_block();
	uint64_t first = rnd(BLOCK_PAGES);

	r.len = BLOCK;
	if (chance(40))
		return r;
	return (struct range){ r.addr + first * PAGE, (1 + rnd(chance(50) ? 8 : BLOCK_PAGES - first)) * PAGE };
}

static void advise(struct range r, int advice, const char *name)
{
	say("%s ", name);
	say_range(r);
	say_result(SYS(madvise, r.addr, r.len, advice));
}

static void op_age(void)
{
	struct range r = pick_part();

	if (chance(50))
		advise(r, MADV_COLD, "cold");
	else
		advise(r, MADV_PAGEOUT, "pageout");
	hash_range((long)(r.addr - ARENA) / (long)PAGE - 2, (long)(r.addr - ARENA) / (long)PAGE + 8);
}

/* What is given up holds what it did, or zeros, as the kernel likes; but what is written then stays. */
static void op_give_up(void)
{
	struct range r = pick_part();
	uint64_t at = r.addr + rnd(r.len / PAGE) * PAGE + rnd(PAGE / 8) * 8, value = random_bits(), word;
	bool wrote;

	advise(r, MADV_FREE, "free");
	wrote = try_write_word(at, value);
	if (chance(30))
		SYS(madvise, r.addr, r.len, MADV_PAGEOUT);
	if (wrote)
		say(" %s", try_read_word(at, &word) && word == value ? "stays" : "is lost");
	advise(r, MADV_DONTNEED, "; dontneed");
}

/* Some of a block is changed. */
static void op_cut(void)
{
	struct range r = pick_block();
	uint64_t first = rnd(BLOCK_PAGES), count = 1 + rnd(chance(50) ? 8 : BLOCK_PAGES - first);

	if (first + count > BLOCK_PAGES)
		count = BLOCK_PAGES - first;
	r = (struct range){ r.addr + first * PAGE, count * PAGE };
	switch (rnd(4)) {
	case 0:
		say("cut: munmap ");
		say_range(r);
		say_result(SYS(munmap, r.addr, r.len));
		SYS(mmap, r.addr, r.len, PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
		taint(r.addr, r.len, false);
		break;
	case 1:
		say("cut: protect ");
		say_range(r);
		say_result(SYS(mprotect, r.addr, r.len, chance(50) ? PROT_READ : PROT_NONE));
		break;
	default:
		say("cut: dontneed ");
		say_range(r);
		say_result(SYS(madvise, r.addr, r.len, MADV_DONTNEED));
		break;
	}
	hash_range((long)(r.addr - ARENA) / (long)PAGE - 2, (long)(r.addr - ARENA) / (long)PAGE + 8);
}

static void child_acts(long first)
{
	static void (*const acts[])(void) = {
		op_cut, op_cut, op_age, op_give_up, op_collapse, op_move_block, op_advise,
	};

	depth++;
	for (int i = 1 + rnd(4); i > 0; i--) {
		say("%*s", depth * 2, "");
		ONE_OF(acts)();
		end_line();
	}
	say("%*shas", depth * 2, "");
	hash_range(first, first + BLOCK_PAGES);
	end_line();
	_exit(0);
}

/* A child that has blocks, too, and changes its own, while the parent writes if the memory is not shared. */
static void op_family(void)
{
	struct range r = pick_block();
	long first = (long)(r.addr - ARENA) / (long)PAGE, pid;
	bool own = chance(70);

	r.len = BLOCK;
	say("family at %ld ", first);
	if (own)
		map_blocks(r);
	end_line();
	pid = depth < DEPTH ? SYS(fork) : -1;
	if (pid == 0)
		child_acts(first);
	for (int i = own ? rnd(4) : 0; i > 0; i--)
		try_fill(r.addr + rnd(BLOCK_PAGES) * PAGE, random_bits());
	if (pid > 0)
		say_end(pid);
	hash_range(first, first + BLOCK_PAGES);
}

const struct op huge_ops[] = {
	{ "blocks", "thp", 15, op_blocks },
	{ "advise", "thp", 15, op_advise },
	{ "collapse", "thp", 12, op_collapse },
	{ "moveblock", "thp", 10, op_move_block },
	{ "cut", "thp", 20, op_cut },
	{ "age", "thp", 12, op_age },
	{ "giveup", "thp", 8, op_give_up },
	{ "family", "thp", 12, op_family },
	{ 0 },
};
