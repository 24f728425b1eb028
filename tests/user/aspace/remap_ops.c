/*
 * mremap. Linux 6.17 moves ranges of several VMAs and checks before it unmaps the target; 6.1 does
 * neither. So moves to a fixed place take one page, or parts of a mapping made just before; wrong
 * arguments go to such a mapping, too, since 6.17 also looks for errors in another order.
 *
 * A range of two VMAs cannot grow. Whether anonymous memory from two places that came to lie side
 * by side is one VMA is the kernel's own affair (Linux 6.15 joins more of it than 6.1). So one page
 * grows, or a new mapping; or a range that cannot be one VMA.
 */
#include "aspace.h"

#include <sys/mman.h>
#include <sys/syscall.h>

#ifndef MREMAP_DONTUNMAP
#define MREMAP_DONTUNMAP	4
#endif

static void say_moved(uint64_t at, uint64_t len)
{
	uint64_t hash = 1;

	for (uint64_t page = at; page < at + len && page < at + 16 * PAGE; page += PAGE)
		if (!try_digest(page, &hash)) {
			say(" %s", last_fault.code == 1 ? "MAPERR" : "denied");
			break;
		}
	say(" moved, %08x", (uint32_t)hash);
}

void remap(struct range old, uint64_t new_len, int flags, uint64_t target)
{
	long at;

	say("mremap(");
	say_range(old);
	say(" -> ");
	say_range((struct range){ target, new_len });
	say("%s%s%s", flags & 1 ? ", MAYMOVE" : "", flags & 2 ? ", FIXED" : "",
	    flags & 4 ? ", DONTUNMAP" : "");
	if (flags & ~7)
		say(", %#x", flags);
	say(")");
	at = SYS(mremap, old.addr, old.len, new_len, flags, target);
	if (at < 0 && at >= -4095) {
		say_result(at);
		return;
	}
	taint_move(old.addr, at, old.len, new_len);
	if (in_universe(at)) {
		say(" = ");
		say_addr(at);
		return;
	}
	say_moved(at, new_len);
	take_down(at, new_len);
}

static uint64_t pick_target(uint64_t len)
{
	long page = pick_page(), pages = len / PAGE;

	if (chance(15))		/* aligned as tables are */
		page += ((BORDER - page_addr(page)) / PAGE) & 511;
	if (page + pages > END_PAGE)
		page = END_PAGE - pages;
	return page_addr(page);
}

/* A new mapping with something in it. */
static struct range fresh(void)
{
	struct range r = pick_pages();
	const char *kind = "anon";
	int prot = chance(80) ? PROT_READ | PROT_WRITE : pick_prot(), flags = MAP_FIXED, fd = -1;
	long at;

	if (class_on("memfd") && chance(25))
		fd = pick_file(&kind);
	flags |= fd < 0 ? MAP_ANONYMOUS : 0;
	flags |= chance(75) || (fd >= 0 && file_seals(fd) & 8) ? MAP_PRIVATE : MAP_SHARED;
	at = SYS(mmap, r.addr, r.len, prot, flags, fd, 0);
	say("map ");
	say_range(r);
	say(" ");
	say_prot(prot);
	say(" %s %s", flags & MAP_SHARED ? "shared" : "private", kind);
	if (at < 0) {
		say_result(at);
		r.len = 0;
		return r;
	}
	taint(at, r.len, fd >= 0);
	for (int i = 0; i < 6; i++)
		try_fill(r.addr + rnd(r.len / PAGE) * PAGE, random_bits());
	say("; ");
	return r;
}

static struct range part_of(struct range r)
{
	uint64_t pages = r.len / PAGE, first = chance(50) ? 0 : rnd(pages);
	uint64_t count = chance(50) ? pages - first : 1 + rnd(pages - first);

	return (struct range){ r.addr + first * PAGE, count * PAGE };
}

static void op_fresh(void)
{
	struct range r = fresh();
	int flags = MREMAP_MAYMOVE;
	uint64_t new_len;

	if (!r.len)
		return;
	r = part_of(r);
	new_len = chance(40) ? r.len : pick_count() * PAGE;
	if (chance(70))
		flags |= MREMAP_FIXED;
	if (chance(25)) {
		flags |= MREMAP_DONTUNMAP;
		new_len = chance(95) ? r.len : new_len;
	}
	remap(r, new_len, flags, pick_target(new_len));
}

static void op_one_page(void)
{
	struct range r = { page_addr(pick_page()), PAGE };
	uint64_t new_len = chance(60) ? PAGE : pick_count() * PAGE;

	remap(r, new_len, MREMAP_MAYMOVE | MREMAP_FIXED, pick_target(new_len));
}

/* Growing and shrinking where it is; moving elsewhere if that is allowed. */
static void op_resize(void)
{
	struct range r = pick_pages();
	uint64_t new_len = pick_count() * PAGE;
	int flags = chance(50) ? MREMAP_MAYMOVE : 0;

	if (new_len > r.len && chance(50))
		r.len = PAGE;
	if (new_len > r.len && r.len > PAGE) {
		r = fresh();
		if (!r.len)
			return;
		r = part_of(r);
	}
	remap(r, new_len, flags, 0);
}

/* Growing what is mapped throughout, but not alike. */
static void op_uneven(void)
{
	struct range r = fresh();
	uint64_t pages = r.len / PAGE, at;
	long result;

	if (pages < 2)
		return;
	at = r.addr + rnd(pages) * PAGE;
	result = chance(50) ? SYS(munmap, at, PAGE) : SYS(mprotect, at, PAGE, pick_prot());
	say("change ");
	say_addr(at);
	say_result(result);
	say("; ");
	remap(r, r.len + pick_count() * PAGE, chance(50) ? MREMAP_MAYMOVE : 0, 0);
}

static void op_duplicate(void)
{
	struct range r = fresh();
	uint64_t new_len = pick_count() * PAGE;

	if (!r.len)
		return;
	r.len = 0;
	remap(r, new_len, MREMAP_MAYMOVE | (chance(60) ? MREMAP_FIXED : 0), pick_target(new_len));
}

static void op_wrong(void)
{
	struct range r = fresh();
	uint64_t new_len, target;
	int flags = MREMAP_MAYMOVE | MREMAP_FIXED;

	if (!r.len)
		return;
	new_len = r.len;
	target = pick_target(new_len);
	switch (rnd(8)) {
	case 0:
		flags = MREMAP_FIXED;
		break;
	case 1:
		flags |= 8;
		break;
	case 2:
		new_len = 0;
		break;
	case 3:
		r.addr += 1 + rnd(PAGE - 1);
		break;
	case 4:
		target += 1 + rnd(PAGE - 1);
		break;
	case 5:
		target = r.addr + (chance(50) ? 0 : r.len - PAGE);
		break;
	case 6:
		flags = MREMAP_DONTUNMAP;
		break;
	case 7:
		new_len = 1ul << 47;
		break;
	}
	remap(r, new_len, flags, target);
}

const struct op remap_ops[] = {
	{ "remap", "mremap", 40, op_fresh },
	{ "page", "mremap", 25, op_one_page },
	{ "resize", "mremap", 30, op_resize },
	{ "uneven", "mremap", 6, op_uneven },
	{ "duplicate", "mremap", 6, op_duplicate },
	{ "wrong", "mremap", 6, op_wrong },
	{ 0 },
};
