/*
 * The memory map. Firmware may report ranges in any order, overlapping, and
 * of types yet unknown. The result is sorted and without overlaps: where two
 * ranges claim an address, the more careful claim wins (reserved over ACPI
 * over RAM). What nobody claims is not RAM.
 */
#include <boot/boot.h>

#define RAW_MAX		256
#define E820_RAM	1
#define E820_ACPI	3

static struct boot_range raw[RAW_MAX];
static unsigned nraw;

void ranges_add(uint64_t start, uint64_t len, uint32_t type)
{
	uint64_t end = start + len < start ? UINT64_MAX : start + len;

	if (start == end || nraw == RAW_MAX)
		return;
	raw[nraw++] = (struct boot_range){
		.start = start, .end = end,
		.kind = type == E820_RAM ? BOOT_RAM : type == E820_ACPI ? BOOT_ACPI : BOOT_RESERVED,
	};
}

/* The lowest border of any range above pos; pos if there is none. */
static uint64_t border_after(uint64_t pos)
{
	uint64_t best = UINT64_MAX;
	bool found = false;

	for (unsigned i = 0; i < nraw; i++) {
		uint64_t b = raw[i].start > pos ? raw[i].start : raw[i].end;

		if (b > pos && b <= best) {
			best = b;
			found = true;
		}
	}
	return found ? best : pos;
}

/* What holds from pos to the next border; -1: nothing. */
static int kind_at(uint64_t pos)
{
	int kind = -1;

	for (unsigned i = 0; i < nraw; i++)
		if (raw[i].start <= pos && pos < raw[i].end && (int)raw[i].kind > kind)
			kind = (int)raw[i].kind;
	return kind;
}

/* False: no room. */
static bool append(struct bootinfo *bi, uint64_t start, uint64_t end, enum boot_range_kind kind)
{
	struct boot_range *last = bi->nranges ? &bi->range[bi->nranges - 1] : NULL;

	if (last && last->end == start && last->kind == kind) {
		last->end = end;
		return true;
	}
	if (bi->nranges == BOOT_RANGES_MAX)
		return false;
	bi->range[bi->nranges++] = (struct boot_range){ start, end, kind };
	return true;
}

void ranges_finish(struct bootinfo *bi)
{
	uint64_t pos = 0, next;

	for (; (next = border_after(pos)) != pos; pos = next) {
		int kind = kind_at(pos);

		if (kind >= 0 && !append(bi, pos, next, (enum boot_range_kind)kind))
			break;
	}
	nraw = 0;
}
