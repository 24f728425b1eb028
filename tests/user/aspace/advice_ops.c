/* madvise, mincore, msync, and memory that is locked. */
#include "aspace.h"

#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>

static const struct { int value; const char *name; } advice_names[] = {
	{ 0, "NORMAL" }, { 1, "RANDOM" }, { 2, "SEQUENTIAL" }, { 3, "WILLNEED" }, { 4, "DONTNEED" },
	{ 8, "FREE" }, { 10, "DONTFORK" }, { 11, "DOFORK" }, { 16, "DONTDUMP" }, { 17, "DODUMP" },
	{ 18, "WIPEONFORK" }, { 19, "KEEPONFORK" }, { 20, "COLD" },
	{ 22, "POPULATE_READ" }, { 23, "POPULATE_WRITE" }, { 24, "DONTNEED_LOCKED" },
};

static long advise(struct range r, int advice)
{
	const char *name = NULL;
	long result;

	for (size_t i = 0; i < sizeof(advice_names) / sizeof(advice_names[0]); i++)
		if (advice_names[i].value == advice)
			name = advice_names[i].name;
	/* It goes on behind holes, to the program's stack. */
	if (r.len >= 1ul << 47 && r.addr + r.len > r.addr)
		r.len = 1ul << 32;
	say("madvise(");
	say_range(r);
	if (name)
		say(", %s)", name);
	else
		say(", %d)", advice);
	result = SYS(madvise, r.addr, r.len, advice);
	say_result(result);
	return result;
}

static void op_dontneed(void)
{
	advise(pick_range(), chance(90) ? MADV_DONTNEED : 24);
}

static void op_note(void)
{
	static const int notes[] = { MADV_NORMAL, MADV_RANDOM, MADV_SEQUENTIAL, MADV_WILLNEED,
				     16, 17, 20 };

	advise(pick_range(), ONE_OF(notes));
}

static void op_fork_advice(void)
{
	static const int advices[] = { 10, 11, 18, 18, 19 };

	advise(pick_range(), ONE_OF(advices));
}

static void op_populate(void)
{
	struct range r = pick_range();

	/* The program's file is not there to be read in whole, and a long hole is not filled. */
	if (r.len > 2048 * PAGE && !(r.addr % PAGE) && r.addr + r.len > r.addr)
		r.len = 32 * PAGE;
	advise(r, chance(50) ? 22 : 23);
}

/*
 * Afterwards pages hold what they held, or zeros, as the kernel likes: so all are taken away. But
 * what is written afterwards stays.
 */
static void op_free(void)
{
	struct range r = pick_range();
	uint64_t at = in_universe(r.addr) ? r.addr & -PAGE : page_addr(0), hash = 1;

	advise(r, MADV_FREE);
	if (try_fill(at, random_bits()) && try_digest(at, &hash))
		say(" then %08x", (uint32_t)hash);
	say("; ");
	advise(r, MADV_DONTNEED);
}

static void op_wrong(void)
{
	static const int advices[] = { 5, 6, 7, 99, -1, 1000 };

	advise(pick_range(), ONE_OF(advices));
}

static char residence(uint64_t addr, const uint8_t *there, long i)
{
	return tainted(addr + i * PAGE) ? '?' : there[i] & 1 ? '#' : '.';
}

static void op_mincore(void)
{
	static uint8_t there[END_PAGE - FIRST_PAGE + 64];
	struct range r = pick_range();
	long result, pages = r.len / PAGE;

	memset(there, 0xee, sizeof(there));
	if (chance(3)) {
		say("mincore to nowhere ");
		say_range(r);
		say_result(SYS(mincore, r.addr, r.len, 8));
		return;
	}
	result = SYS(mincore, r.addr, r.len, there);
	say("mincore(");
	say_range(r);
	say(")");
	say_result(result);
	/* Whether a child has pages that only its parent read is up to the kernel. */
	if (result < 0 || pages > END_PAGE - FIRST_PAGE || depth || class_on("thp"))
		return;
	say(" ");
	for (long i = 0, same = 1; i < pages; i += same) {
		char c = residence(r.addr, there, i);

		for (same = 1; i + same < pages; same++) {
			if (residence(r.addr, there, i + same) != c)
				break;
		}
		say(same > 1 ? "%c%ld" : "%c", c, same);
	}
}

static void op_msync(void)
{
	static const int flags[] = { MS_ASYNC, MS_SYNC, MS_INVALIDATE, MS_ASYNC | MS_INVALIDATE, 0,
				     MS_ASYNC | MS_SYNC, 8 };
	struct range r = pick_range();
	int flag = ONE_OF(flags);

	say("msync(");
	say_range(r);
	say(", %d)", flag);
	say_result(SYS(msync, r.addr, r.len, flag));
}

static void op_mlock(void)
{
	struct range r = pick_range();

	say("mlock(");
	say_range(r);
	if (chance(30)) {
		int flags = chance(90) ? 1 : 2 * rnd(3);

		say(", %#x)", flags);
		say_result(SYS(mlock2, r.addr, r.len, flags));
		return;
	}
	say(")");
	say_result(SYS(mlock, r.addr, r.len));
}

static void op_munlock(void)
{
	struct range r = pick_range();

	say("munlock(");
	say_range(r);
	say(")");
	say_result(SYS(munlock, r.addr, r.len));
}

static void op_munlockall(void)
{
	say("munlockall()");
	say_result(SYS(munlockall));
	all_locked = false;
}

/* Which pages of new memory, at the address that a call gave, are there; or the call's error. */
static void say_new(long at, long pages)
{
	uint8_t there[4];

	if (at < 0 && at > -4096) {
		say_result(at);
		return;
	}
	SYS(mincore, at, pages * PAGE, there);
	say(" ");
	for (long i = 0; i < pages; i++)
		say("%d", there[i] & 1);
}

/*
 * What is new while MCL_FUTURE holds: a mapping, more of it, more of the break. Where a limit keeps the new mapping
 * out, what is in its place is as it was, and may be huge pages.
 */
static void try_future(uint64_t addr)
{
	uint64_t base = SYS(brk, 0), top = (base + PAGE - 1) & -PAGE;
	long at = SYS(mmap, addr, 2 * PAGE, PROT_READ | PROT_WRITE,
		      MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);

	say(", new at ");
	say_addr(addr);
	say_new(at, 2);
	if (at != (long)addr)
		return;
	taint(addr, 2 * PAGE, false);
	at = SYS(mremap, addr + PAGE, PAGE, 3 * PAGE, 1, 0);
	say(", larger");
	say_new(at, 3);
	if (at > 0)
		SYS(munmap, at, 3 * PAGE);
	if (SYS(brk, top + 2 * PAGE) != (long)(top + 2 * PAGE))
		return;
	say(", break");
	say_new(top, 2);
	SYS(brk, base);
}

/* MCL_FUTURE ends with the step: the vast mappings of later steps would be filled. */
static void op_mlockall(void)
{
	static const int flags[] = { 1, 2, 3, 4, 5, 6, 7, 0, 8 };
	uint64_t addr = page_addr(pick_page());
	int flag = ONE_OF(flags);
	long result = SYS(mlockall, flag);

	say("mlockall(%d)", flag);
	say_result(result);
	all_locked |= result == 0 && flag & 1;
	if (flag & 2 && addr < page_addr(END_PAGE - 1))
		try_future(addr);
	if (flag & 2 || chance(70)) {
		say(", munlockall");
		say_result(SYS(munlockall));
		all_locked = false;
	}
}

const struct op advice_ops[] = {
	{ "dontneed", "dontneed", 40, op_dontneed },
	{ "note", "advice", 15, op_note },
	{ "forkadvice", "forkadvice", 20, op_fork_advice },
	{ "populate", "populate", 20, op_populate },
	{ "free", "free", 8, op_free },
	{ "wrong", "wild", 3, op_wrong },
	{ "mincore", "mincore", 30, op_mincore },
	{ "msync", "msync", 15, op_msync },
	{ "mlock", "mlock", 15, op_mlock },
	{ "munlock", "mlock", 20, op_munlock },
	{ "munlockall", "mlock", 4, op_munlockall },
	{ "mlockall", "mlockall", 3, op_mlockall },
	{ 0 },
};
