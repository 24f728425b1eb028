/* mmap, munmap, mprotect, brk. */
#include "aspace.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#ifndef MAP_SYNC
#define MAP_SYNC	0x80000
#endif

struct mapping {
	struct range r;
	int prot, flags, fd;
	uint64_t offset;
	const char *kind;
};

static void say_flags(int flags)
{
	static const struct { int bit; const char *name; } names[] = {
		{ MAP_FIXED, "FIXED" }, { 0x100000, "NOREPLACE" }, { MAP_NORESERVE, "NORESERVE" },
		{ MAP_POPULATE, "POPULATE" }, { MAP_GROWSDOWN, "GROWSDOWN" },
		{ MAP_STACK, "STACK" }, { 0x40, "32BIT" }, { MAP_LOCKED, "LOCKED" },
		{ MAP_NONBLOCK, "NONBLOCK" }, { MAP_SYNC, "SYNC" },
	};
	static const char *const types[] = { "NOTYPE", "SHARED", "PRIVATE", "VALIDATE" };

	say("%s", types[flags & 3]);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (flags & names[i].bit)
			say("|%s", names[i].name);
}

static void pick_backing(struct mapping *m)
{
	m->fd = -1;
	m->offset = 0;
	m->kind = "anon";
	m->flags = chance(70) ? MAP_PRIVATE : MAP_SHARED;
	if (class_on("memfd") && chance(40))
		m->fd = pick_file(&m->kind);
	if (m->fd < 0) {
		m->flags |= MAP_ANONYMOUS;
		return;
	}
	m->offset = chance(60) ? 0 : rnd(24) * PAGE;
	/* A file sealed against writes is read by a shared mapping in Linux 6.7, in 6.1 not. */
	if (file_seals(m->fd) & F_SEAL_WRITE && !(m->prot & PROT_WRITE))
		m->flags = MAP_PRIVATE;
}

static void pick_more_flags(struct mapping *m)
{
	if (chance(5))
		m->flags |= MAP_NORESERVE;
	if (chance(5))
		m->flags |= MAP_STACK;
	if (class_on("populate") && chance(8))
		m->flags |= MAP_POPULATE | (chance(10) ? MAP_NONBLOCK : 0);
	if (class_on("growsdown") && chance(6))
		m->flags |= MAP_GROWSDOWN;
	if (class_on("mlock") && chance(3))
		m->flags |= MAP_LOCKED;
}

static long map(struct mapping *m)
{
	long at;

	say("mmap(");
	say_range(m->r);
	say(", ");
	say_prot(m->prot);
	say(", ");
	say_flags(m->flags);
	say(", %s", m->kind);
	if (m->fd >= 0)
		say(" %+ldp", (long)(m->offset / PAGE));
	if (m->offset % PAGE)
		say("+%#lx", (unsigned long)(m->offset % PAGE));
	say(")");
	at = SYS(mmap, m->r.addr, m->r.len, m->prot, m->flags, m->fd, m->offset);
	if (take_down(at, m->r.len))
		return at;
	if (in_universe(at)) {
		say(" = ");
		say_addr(at);
		taint(at, m->r.len, m->fd >= 0);
		return at;
	}
	say_result(at);
	return at;
}

static void pick_mapping(struct mapping *m)
{
	m->r = pick_pages();
	m->prot = pick_prot();
	pick_backing(m);
	pick_more_flags(m);
}

static void op_fixed(void)
{
	struct mapping m;

	pick_mapping(&m);
	/* Whether a mapping that a seal forbids leaves a hole depends on the kernel's version. */
	if (m.flags & MAP_SHARED && file_seals(m.fd) & (F_SEAL_WRITE | 0x10))
		m.flags |= 0x100000;
	else
		m.flags |= chance(85) ? MAP_FIXED : 0x100000;
	map(&m);
}

/* Back to what the arena was at first, so that it does not become all holes. */
static void op_reserve(void)
{
	struct mapping m = { pick_pages(), chance(50) ? PROT_NONE : PROT_READ | PROT_WRITE,
			     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1, 0,
			     "anon" };

	map(&m);
}

static void op_hint(void)
{
	struct mapping m;

	pick_mapping(&m);
	if (chance(20))
		m.r.addr += rnd(PAGE);
	map(&m);
}

/* Anywhere below 2 GB; used while it is there. */
static void op_low(void)
{
	int prot = PROT_READ | PROT_WRITE;
	uint64_t len = pick_count() * PAGE, hint = chance(50) ? 0 : page_addr(pick_page());
	long at = SYS(mmap, hint, len, prot, MAP_PRIVATE | MAP_ANONYMOUS | 0x40, -1, 0);
	uint8_t value = 1;

	say("mmap(32BIT)");
	if (at < 0 && at >= -4095) {
		say_result(at);
		return;
	}
	say(" = %s", (uint64_t)at + len <= 1ul << 31 ? "low" : "high");
	if (!try_write(at + len - 1, 7) || !try_read(at, &value))
		say_fault();
	say(" first byte %d, munmap %ld", value, SYS(munmap, at, len));
}

/* More than there is: a promise without a reserve. */
static void op_vast(void)
{
	static const uint64_t sizes[] = {
		1ul << 36, 1ul << 40, (1ul << 44) + PAGE, 1ul << 47, 1ul << 50,
	};
	uint64_t len = ONE_OF(sizes);
	long at = SYS(mmap, 0, len, chance(50) ? PROT_NONE : PROT_READ | PROT_WRITE,
		      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	say("mmap(vast %#lx)", (unsigned long)len);
	if (!take_down(at, len))
		say_result(at);
}

static void op_wrong(void)
{
	struct mapping m;

	pick_mapping(&m);
	m.flags |= MAP_FIXED;
	switch (rnd(9)) {
	case 0:
		m.r.len = 0;
		break;
	case 1:
		m.r.addr += 1 + rnd(PAGE - 1);
		break;
	case 2:
		m.r.len = chance(50) ? -1ul : -PAGE - rnd(2);
		break;
	case 3:
		m.r.len = 1ul << 47;
		break;
	case 4:
		m.offset = 1 + rnd(PAGE - 1);
		break;
	case 5:
		m.flags &= ~3;
		break;
	case 6:
		m.flags = (m.flags & ~3) | 3;
		/* The file system under the program itself may have use for it. */
		if (chance(50) && strcmp(m.kind, "self"))
			m.flags |= MAP_SYNC;
		break;
	case 7:
		m.flags &= ~MAP_ANONYMOUS;
		m.fd = chance(50) ? -1 : 900;
		m.kind = "badfd";
		break;
	case 8:
		/* How large the program's own file could be is its file system's affair. */
		if (strcmp(m.kind, "self"))
			m.offset = (1ul << (62 + rnd(2))) - rnd(3) * PAGE;
		break;
	}
	map(&m);
}

static void op_munmap(void)
{
	struct range r = pick_range();

	say("munmap(");
	say_range(r);
	say(")");
	say_result(SYS(munmap, r.addr, r.len));
}

static void op_mprotect(void)
{
	struct range r = pick_range();
	int prot = pick_prot();

	if (class_on("wild") && chance(2))
		prot |= chance(50) ? 0x10 : PROT_GROWSUP;
	say("mprotect(");
	say_range(r);
	say(", ");
	say_prot(prot);
	say(")");
	say_result(SYS(mprotect, r.addr, r.len, prot));
}

/* The break goes up and down; what it gives is zero, and goes when it goes. */
static void op_brk(void)
{
	uint64_t want = break_base + rnd(24) * PAGE + (chance(20) ? rnd(PAGE) : 0), now;
	uint8_t value = 0;

	if (chance(5))
		want = chance(50) ? 0 : PAGE;
	say("brk(");
	say_addr(want);
	say(") = ");
	now = SYS(brk, want);
	say_addr(now);
	if (now <= break_base)
		return;
	if (!try_read(now - 1, &value) || !try_write(now - 1, value + 1))
		say_fault();
	say(" last byte %d", value);
}

static void op_brk_inside(void)
{
	uint64_t addr = break_base + rnd(24) * PAGE + rnd(PAGE);
	uint8_t value = 0;

	say("break ");
	say_addr(addr);
	if (chance(10)) {
		say(" mprotect");
		say_result(SYS(mprotect, addr & -PAGE, PAGE,
			       chance(30) ? PROT_READ : PROT_READ | PROT_WRITE));
	}
	if (try_read(addr, &value))
		say(" reads %d", value);
	if (!try_write(addr, value + 3))
		say_fault();
}

const struct op map_ops[] = {
	{ "fixed", "mmap", 120, op_fixed },
	{ "reserve", "mmap", 30, op_reserve },
	{ "hint", "hint", 25, op_hint },
	{ "low", "32bit", 4, op_low },
	{ "vast", "vast", 3, op_vast },
	{ "wrong", "wild", 12, op_wrong },
	{ "munmap", "munmap", 60, op_munmap },
	{ "mprotect", "mprotect", 100, op_mprotect },
	{ "brk", "brk", 12, op_brk },
	{ "break", "brk", 12, op_brk_inside },
	{ 0 },
};
