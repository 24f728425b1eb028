/* Reads, writes and execution, with and without faults, one by one and by pages. */
#include "aspace.h"

#include <sys/syscall.h>

static void op_read(void)
{
	uint64_t addr = page_addr(pick_page()) + rnd(PAGE);
	uint8_t value;

	say("read ");
	say_addr(addr);
	if (try_read(addr, &value))
		say(" = %#x", value);
	else
		say_fault();
}

static void op_write(void)
{
	uint64_t addr = page_addr(pick_page()) + rnd(PAGE);
	uint8_t value = rnd(256);

	say("write ");
	say_addr(addr);
	say(" %#x", value);
	if (try_write(addr, value))
		say(" done");
	else
		say_fault();
}

/* Eight bytes in two pages: all or nothing, and the fault is at the page that is not there. */
static void op_straddle(void)
{
	uint64_t addr = page_addr(pick_page()) - 1 - rnd(7), value = random_bits();
	uint8_t byte;
	bool write = chance(50);
	bool low = write ? try_write(addr, value) : try_read(addr, &byte);
	bool high = write ? try_write(addr + 7, value >> 56) : try_read(addr + 7, &byte);

	say("%s of 8 at ", write ? "write" : "read");
	say_addr(addr);
	if (write ? try_write_word(addr, value) : try_read_word(addr, &value))
		say(" = %#lx", (unsigned long)value);
	else if (low || high)
		say_fault();
	else
		say(" = denied");
	value = 0;
	if (try_read_word(addr & -8, &value))
		say(" before the border %#lx", (unsigned long)value);
}

static void op_fill(void)
{
	struct range r = pick_pages();
	uint32_t value = random_bits();

	if (r.len > 64 * PAGE && !chance(20))
		r.len = 64 * PAGE;
	say("fill ");
	say_range(r);
	for (uint64_t at = r.addr; at < r.addr + r.len; at += PAGE)
		if (!try_fill(at, value + at / PAGE)) {
			say_fault();
			return;
		}
	say(" done");
}

/* Runs the page's code, if there is code. */
static void op_exec(void)
{
	uint64_t addr = page_addr(pick_page());
	uint8_t first = 0xb8, last = 0xc3;
	uint32_t value = 0;

	say("exec ");
	say_addr(addr);
	if (chance(30))
		try_fill(addr, random_bits());
	if (try_read(addr, &first) && try_read(addr + 5, &last) &&
	    (first != 0xb8 || last != 0xc3)) {
		say(" no code");
		return;
	}
	if (try_exec(addr, &value))
		say(" = %#x", value);
	else
		say_fault();
}

static void op_repair(void)
{
	uint64_t addr = page_addr(pick_page()) + rnd(PAGE);

	say("repair ");
	say_addr(addr);
	fault_repairs = true;
	if (try_write(addr, rnd(256)))
		say(" %s", fault_repairs ? "needless" : "done");
	else
		say_fault();
	fault_repairs = false;
}

static void op_far(void)
{
	static const uint64_t places[] = {
		0, 8, 0x200000000000, USER_END, 0x800000000000, 0xffff800000000000,
		0xffff888000001000, 0xffffc00000000000, 0xffffffff80100000, -1ul,
	};
	uint64_t addr = ONE_OF(places);
	uint8_t value;
	bool write = chance(40);

	say("%s ", write ? "write" : "read");
	say_addr(addr);
	if (write ? try_write(addr, 1) : try_read(addr, &value))
		say(" done");
	else
		say_fault();
}

static void op_digest(void)
{
	long page = pick_page(), end = page + 24;

	say("pages");
	hash_range(page, end > END_PAGE ? END_PAGE : end);
}

const struct op touch_ops[] = {
	{ "read", "touch", 80, op_read },
	{ "write", "touch", 100, op_write },
	{ "straddle", "touch", 20, op_straddle },
	{ "fill", "touch", 80, op_fill },
	{ "exec", "touch", 20, op_exec },
	{ "repair", "repair", 20, op_repair },
	{ "far", "far", 5, op_far },
	{ "digest", "touch", 30, op_digest },
	{ 0 },
};
