/* Where things happen: mostly at few pages and at borders, so that mappings meet. */
#include "aspace.h"

#include <sys/mman.h>
#include <sys/syscall.h>

#define DENSE	640l			/* first page of the place where most happens */

long pick_page(void)
{
	static const long borders[] = { (BORDER - ARENA) / 4096 - 512, (BORDER - ARENA) / 4096,
					(BORDER - ARENA) / 4096 + 512 };

	switch (rnd(10)) {
	case 0 ... 4:
		return DENSE + rnd(32);
	case 5 ... 6:
		return ONE_OF(borders) - 8 + rnd(16);
	case 7:
		return -4 + (long)rnd(16);
	case 8:
		return ARENA_PAGES - 12 + rnd(16);
	default:
		return FIRST_PAGE + rnd(END_PAGE - FIRST_PAGE);
	}
}

long pick_count(void)
{
	switch (rnd(20)) {
	case 0 ... 9:
		return 1 + rnd(4);
	case 10 ... 15:
		return 1 + rnd(16);
	case 16 ... 18:
		return 1 + rnd(64);
	default:
		return 400 + rnd(800);
	}
}

struct range pick_pages(void)
{
	long page = pick_page(), count = pick_count();

	if (count > END_PAGE - page)
		count = END_PAGE - page;
	return (struct range){ page_addr(page), count * PAGE };
}

/* Unmapped, beyond the user's half, or not canonical. */
static const uint64_t far[] = {
	0, 0x200000000000, USER_END - PAGE, USER_END, 0x800000000000, 0xffff800000000000,
	0xffffffff80000000, -PAGE, -1ul,
};
/* None of these ends inside memory that the program lives in. */
static const uint64_t odd_lengths[] = {
	0, 0, 1, PAGE - 1, PAGE + 1, 3 * PAGE + 17, 1ul << 32, 1ul << 47, 1ul << 63, -PAGE,
	-PAGE + 1, -1ul,
};

struct range pick_range(void)
{
	struct range r = pick_pages();

	if (!class_on("wild") || !chance(12))
		return r;
	switch (rnd(4)) {
	case 0:
		r.addr += 1 + rnd(PAGE - 1);
		break;
	case 1:
		r.addr = ONE_OF(far);
		r.len = chance(70) ? (1 + rnd(3)) * PAGE : 0;
		break;
	default:
		r.len = ONE_OF(odd_lengths);
		break;
	}
	return r;
}

int pick_prot(void)
{
	/* PROT_EXEC alone would take a protection key where the CPU has them. */
	static const int prots[] = {
		PROT_READ | PROT_WRITE, PROT_READ | PROT_WRITE, PROT_READ | PROT_WRITE,
		PROT_READ | PROT_WRITE, PROT_READ, PROT_READ, PROT_NONE, PROT_WRITE,
		PROT_READ | PROT_EXEC, PROT_READ | PROT_WRITE | PROT_EXEC, PROT_WRITE | PROT_EXEC,
	};

	return ONE_OF(prots);
}

void say_range(struct range r)
{
	say_addr(r.addr);
	if (r.len % PAGE || !r.len || r.len > (4ul << 30))
		say(", %#lx", (unsigned long)r.len);
	else
		say(", %lup", (unsigned long)(r.len / PAGE));
}

bool take_down(long result, uint64_t len)
{
	if ((result < 0 && result >= -4095) || in_universe(result))
		return false;
	say(" = elsewhere%s", result % PAGE ? ", unaligned" : "");
	SYS(munmap, result, len);
	return true;
}
