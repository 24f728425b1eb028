/* Mappings that grow down under accesses, places that the kernel chooses, a break in the way. */
#include "aspace.h"

#include <sys/mman.h>
#include <sys/syscall.h>

/*
 * Rights from an address down to where the mapping begins. What lies below is of another kind, for
 * where a mapping begins among others like it is the kernel's own affair.
 */
static void protect_down(uint64_t bottom, uint64_t end)
{
	uint64_t addr = bottom + rnd((end - bottom) / PAGE) * PAGE;
	uint64_t len = (1 + rnd((end - addr) / PAGE)) * PAGE;
	int prot = pick_prot() | PROT_GROWSDOWN;

	SYS(mmap, bottom - PAGE, PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
	taint(bottom - PAGE, PAGE, false);
	if (chance(15))
		addr = bottom - PAGE;
	say("; mprotect(");
	say_range((struct range){ addr, len });
	say(", ");
	say_prot(prot);
	say(")");
	say_result(SYS(mprotect, addr, len, prot));
}

/* A mapping that grows into what was taken away below it, towards what is further down. */
static void op_growsdown(void)
{
	long top = pick_page(), size = 1 + rnd(4), room = chance(80) ? rnd(14) : 250 + rnd(80);
	uint64_t addr;

	if (top + size > END_PAGE)
		top = END_PAGE - size;
	if (top - room < FIRST_PAGE)
		room = top - FIRST_PAGE;
	addr = page_addr(top);
	say("growsdown ");
	say_addr(addr);
	say(", %ldp, room %ldp", size, room);
	say_result(SYS(munmap, addr - room * PAGE, (room + size) * PAGE));
	SYS(mmap, addr, size * PAGE, pick_prot(),
	    MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | MAP_GROWSDOWN, -1, 0);
	taint(addr - room * PAGE, (room + size) * PAGE, false);
	for (int i = 0; i < 4; i++) {
		uint64_t at = addr - rnd((room + 3) * PAGE);
		uint8_t value;

		if (!in_universe(at))
			break;
		say("; ");
		say_addr(at);
		if (chance(60) ? try_write(at, i + 1) : try_read(at, &value))
			say(" good");
		else
			say_fault();
	}
	if (room && chance(40))
		protect_down(addr - (room - 1) * PAGE, addr + size * PAGE);
}

static long anywhere(uint64_t hint, uint64_t len)
{
	return SYS(mmap, hint, len, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

/* From the top down, and what was free is found again. */
static void op_place(void)
{
	uint64_t len = (1 + rnd(200)) * PAGE, hint;
	long first = anywhere(0, len), second = anywhere(0, len), again;

	say("two of %lup: the second %s", (unsigned long)(len / PAGE),
	    second < first ? "below" : "above");
	SYS(munmap, first, len);
	again = anywhere(0, len);
	say(", again at %s", again == first ? "the first" : "another place");
	hint = second + rnd(PAGE);
	SYS(munmap, second, len);
	second = anywhere(hint, len);
	say(", by a hint %s", (uint64_t)second == (hint & -PAGE) ? "there" : "elsewhere");
	SYS(munmap, again, len);
	SYS(munmap, second, len);
}

/* The break cannot go through a mapping. */
static void op_brk_blocked(void)
{
	uint64_t now = SYS(brk, 0), stone = (now & -PAGE) + (2 + rnd(20)) * PAGE;
	uint64_t want = stone - PAGE + rnd(4 * PAGE);

	if (SYS(mmap, stone, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | 0x100000, -1, 0) !=
	    (long)stone) {
		say("break: no stone");
		return;
	}
	say("break at ");
	say_addr(now);
	say(", stone at ");
	say_addr(stone);
	say(", brk(");
	say_addr(want);
	say(") = ");
	say_addr(SYS(brk, want));
	say(", munmap");
	say_result(SYS(munmap, stone, PAGE));
	say(", back to ");
	say_addr(SYS(brk, now));
}

const struct op grow_ops[] = {
	{ "growsdown", "growsdown", 12, op_growsdown },
	{ "place", "hint", 5, op_place },
	{ "blocked", "brk", 5, op_brk_blocked },
	{ 0 },
};
