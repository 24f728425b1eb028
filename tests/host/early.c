// sources: tests/host/fake.c tests/host/fake_ram.c lib/lock.c mm/alloc/early.c mm/alloc/rangeset.c
// sources: mm/alloc/buddy.c mm/alloc/pageblock.c mm/alloc/percpu.c mm/alloc/page.c mm/alloc/hugepool.c mm/alloc/limit.c mm/alloc/lists.c mm/alloc/slots.c mm/alloc/slot_kept.c mm/alloc/slot_area.c mm/alloc/zpool.c mm/alloc/junk.c mm/alloc/verify.c
/*
 * The memory map and the early allocator: maps that firmware should not make
 * but does, hundreds of random ones, each compared frame by frame with a model
 * that marks an array.
 */
#include <tests/host/fake.h>
#include <tests/host/tap.h>
#include <arch/layout.h>
#include <arch/machine.h>
#include <mm/alloc/internal.h>
#include <string.h>

/* ---- the model: the first 64 MB, a byte for each frame ---- */

#define FRAMES		16384ul
#define SPAN		(FRAMES * PAGE_SIZE)
#define FIRMWARE_FRAMES	(16ul << 20 >> PAGE_SHIFT)

static bool is_ram[FRAMES], is_usable[FRAMES], is_left[FRAMES];

static uint64_t frame_down(uint64_t a) { return MIN(a, SPAN) / PAGE_SIZE; }
static uint64_t frame_up(uint64_t a) { return (MIN(a, SPAN) + PAGE_SIZE - 1) / PAGE_SIZE; }

static void mark(bool *map, uint64_t from, uint64_t to, bool v)
{
	for (uint64_t f = from; f < to; f++)
		map[f] = v;
}

/* Touches, or lies next to, a frame that is RAM. */
static bool near_ram(uint64_t from, uint64_t to)
{
	for (uint64_t f = from ? from - 1 : 0; f <= to && f < FRAMES; f++)
		if (is_ram[f])
			return true;
	return false;
}

static void model_firmware(const struct bootinfo *bi)
{
	bool changed;

	do {
		changed = false;
		for (unsigned i = 0; i < bi->nranges; i++) {
			const struct boot_range *b = &bi->range[i];
			uint64_t from = frame_down(b->start), to = frame_up(b->end);

			if (b->start >= b->end || to - from > FIRMWARE_FRAMES ||
			    !near_ram(from, to))
				continue;
			for (uint64_t f = from; f < to; f++) {
				changed |= !is_ram[f];
				is_ram[f] = true;
			}
		}
	} while (changed);
}

static void model_map(const struct bootinfo *bi)
{
	uint64_t image = (uintptr_t)kernel_start - KERNEL_BASE;
	uint64_t image_end = (uintptr_t)kernel_end - KERNEL_BASE;

	mark(is_ram, 0, FRAMES, false);
	mark(is_usable, 0, FRAMES, false);
	for (unsigned i = 0; i < bi->nranges; i++) {
		const struct boot_range *b = &bi->range[i];

		if (b->kind == BOOT_RAM) {
			mark(is_ram, frame_up(b->start), frame_down(b->end), true);
			mark(is_usable, frame_up(b->start), frame_down(b->end), true);
		} else if (b->kind == BOOT_ACPI && b->start < b->end) {
			mark(is_ram, frame_down(b->start), frame_up(b->end), true);
		}
	}
	mark(is_ram, 0, 256, true);
	model_firmware(bi);
	for (unsigned i = 0; i < bi->nranges; i++)
		if (bi->range[i].kind != BOOT_RAM && bi->range[i].start < bi->range[i].end)
			mark(is_usable, frame_down(bi->range[i].start),
			     frame_up(bi->range[i].end), false);
	mark(is_usable, frame_down(image), frame_up(image_end), false);
	if (bi->initrd_start < bi->initrd_end)
		mark(is_usable, frame_down(bi->initrd_start), frame_up(bi->initrd_end), false);
	is_usable[0] = is_usable[8] = false;
	memcpy(is_left, is_usable, sizeof(is_left));
}

static bool any(const bool *map)
{
	return memchr(map, true, FRAMES);
}

/* ---- comparing ---- */

static bool in_set(const struct rangeset *s, uint64_t frame)
{
	for (unsigned i = 0; i < s->n; i++)
		if (s->r[i].start <= frame * PAGE_SIZE && (frame + 1) * PAGE_SIZE <= s->r[i].end)
			return true;
	return false;
}

static bool well_formed(const struct rangeset *s)
{
	for (unsigned i = 0; i < s->n; i++)
		if (s->r[i].start >= s->r[i].end || !IS_ALIGNED(s->r[i].start, PAGE_SIZE) ||
		    !IS_ALIGNED(s->r[i].end, PAGE_SIZE) || (i && s->r[i - 1].end >= s->r[i].start))
			return false;
	return true;
}

static bool set_is(const struct rangeset *s, const bool *map)
{
	for (uint64_t f = 0; f < FRAMES; f++)
		if (in_set(s, f) != map[f]) {
			printf("# frame 0x%lx: in the set %d, in the model %d\n", f,
			       in_set(s, f), map[f]);
			return false;
		}
	return true;
}

static void compare_sets(void)
{
	CHECK(well_formed(&early_ram) && well_formed(&early_usable) && well_formed(&early_left));
	CHECK(set_is(&early_ram, is_ram));
	CHECK(set_is(&early_usable, is_usable));
	CHECK(set_is(&early_left, is_left));
	for (uint64_t f = 0; f < FRAMES; f += 1 + tap_below(64))
		CHECK_EQ(pfn_valid(pfn(f)), is_ram[f]);
}

/* The allocator's own, for the types of pageblocks. */
static bool is_types(uint64_t f)
{
	return f == page_to_pfn(virt_to_page(pageblock_types)).v;
}

static void compare_pages(void)
{
	uint64_t left = 0;

	for (uint64_t f = 0; f < FRAMES; f++) {
		const struct page *p = pfn_to_page(pfn(f));

		if (!is_ram[f])
			continue;
		left += is_left[f] && !is_types(f);
		if (is_left[f] && !is_types(f))
			CHECK(p->kind == PAGE_FREE || p->kind == PAGE_TAIL);
		else if (is_usable[f])
			CHECK(p->kind == PAGE_KERNEL && p->order == 0 && p->refs == 1);
		else
			CHECK(p->kind == PAGE_HOLE && p->refs == 1);
	}
	CHECK_EQ(page_free_count(), left);
	CHECK_EQ(page_total_count(), left);
	CHECK(!page_verify());
}

/* ---- random maps ---- */

static void random_map(struct bootinfo *bi)
{
	unsigned n = 1 + (unsigned)tap_below(tap_below(4) ? 12 : BOOT_RANGES_MAX);
	unsigned grain = tap_below(2) ? 1 : PAGE_SIZE;

	memset(bi, 0, sizeof(*bi));
	bi->loader = "random";
	for (unsigned i = 0; i < n; i++) {
		uint64_t start = tap_below(SPAN);
		uint64_t size = tap_below(tap_below(3) ? SPAN / n : SPAN / 2);
		enum boot_range_kind kind = tap_below(4) ? BOOT_RAM :
					    tap_below(2) ? BOOT_ACPI : BOOT_RESERVED;

		if (tap_below(16) == 0)
			size = 0;
		fake_range(bi, ALIGN_DOWN(start, grain),
			   ALIGN_DOWN(MIN(start + size, SPAN), grain), kind);
	}
	if (tap_below(2)) {
		bi->initrd_start = tap_below(SPAN);
		bi->initrd_end = tap_below(SPAN);
	}
}

/* The place the early allocator should choose: lowest above 1 MB, else lowest; FRAMES: none. */
static uint64_t model_fit(uint64_t frames, uint64_t align)
{
	uint64_t low = FRAMES;

	for (uint64_t f = 0; f + frames <= FRAMES; f += align) {
		if (memchr(is_left + f, false, frames))
			continue;
		if (f * PAGE_SIZE >= 0x100000)
			return f;
		if (low == FRAMES)
			low = f;
	}
	return low;
}

static uint64_t *last_word(uint64_t f)
{
	return phys_to_virt(paddr((f + 1) * PAGE_SIZE - sizeof(uint64_t)));
}

static void dirty(void)
{
	for (uint64_t f = 0; f < FRAMES; f++)
		if (is_left[f])
			*last_word(f) = f;
}

static void random_allocs(void)
{
	for (unsigned i = (unsigned)tap_below(40); i; i--) {
		uint64_t bytes = 1 + tap_below(tap_below(4) ? 3 * PAGE_SIZE : SPAN / 16);
		uint64_t align = PAGE_SIZE << tap_below(tap_below(4) ? 1 : 10);
		uint64_t frames = (bytes + PAGE_SIZE - 1) / PAGE_SIZE;
		uint64_t want = model_fit(frames, align / PAGE_SIZE);
		paddr_t pa;

		if (want == FRAMES) {
			EXPECT_PANIC("early_alloc: no ", early_alloc(bytes, align));
			continue;
		}
		pa = early_alloc(bytes, align);
		CHECK_EQ(pa.v, want * PAGE_SIZE);
		mark(is_left, want, want + frames, false);
		for (uint64_t f = want; f < want + frames; f++)
			CHECK_EQ(*last_word(f), 0);
	}
}

static uint64_t lowest_aside, aside;

static void note_aside(uint64_t start, uint64_t end)
{
	CHECK(start < end && (!aside || end <= lowest_aside));	/* from the highest on down */
	lowest_aside = start;
	for (uint64_t f = start / PAGE_SIZE; f < end / PAGE_SIZE; f++) {
		CHECK(is_left[f]);
		is_left[f] = is_usable[f] = false;
		aside++;
	}
}

static void random_set_aside(void)
{
	uint64_t left = early_left_bytes() / PAGE_SIZE, frames = tap_below(left + 1);

	aside = 0;
	CHECK(!early_set_aside((left + 1) * PAGE_SIZE, note_aside));
	CHECK_EQ(aside, 0);
	CHECK(early_set_aside(frames * PAGE_SIZE, note_aside));
	CHECK_EQ(aside, frames);
	for (uint64_t f = lowest_aside / PAGE_SIZE; aside && f < FRAMES; f++)
		CHECK(!is_left[f]);
	CHECK_EQ(early_left_bytes() / PAGE_SIZE, left - frames);
}

static void random_maps(void)
{
	static struct bootinfo bi;

	for (unsigned round = 0; round < 200 && tap_fails < 20; round++) {
		random_map(&bi);
		model_map(&bi);
		fake_ram(&bi);
		if (!any(is_usable)) {
			EXPECT_PANIC("no usable memory", early_init(&bi));
			continue;
		}
		early_init(&bi);
		dirty();
		compare_sets();
		random_allocs();
		if (tap_below(2))
			random_set_aside();
		compare_sets();
		if (!early_left.n)		/* the allocator needs some itself */
			continue;
		fake_vmemmap();
		page_init();
		compare_pages();
		EXPECT_PANIC("early_closed", early_alloc(PAGE_SIZE, PAGE_SIZE));
	}
}

/* ---- particular maps ---- */

static void many_ranges(void)
{
	static struct bootinfo bi;

	memset(&bi, 0, sizeof(bi));
	for (unsigned i = 0; i < BOOT_RANGES_MAX; i++)
		fake_range(&bi, 0x300000 + i * 0x4000ul, 0x303000 + i * 0x4000ul, BOOT_RAM);
	model_map(&bi);
	fake_boot(&bi);
	CHECK_EQ(early_usable.n, BOOT_RANGES_MAX);
	CHECK_EQ(page_total_count(), 3 * BOOT_RANGES_MAX - 1);
	compare_pages();
}

/* The table of what is left can run full; then memory is lost, and said to be. */
static void table_full(void)
{
	static struct bootinfo bi;
	uint64_t frames;

	memset(&bi, 0, sizeof(bi));
	for (unsigned i = 0; i < BOOT_RANGES_MAX; i++)
		fake_range(&bi, 0x801000 + i * 0x10000ul, 0x80f000 + i * 0x10000ul, BOOT_RAM);
	fake_ram(&bi);
	early_init(&bi);
	fake_log_clear();
	for (unsigned i = 0; i < BOOT_RANGES_MAX; i++)
		CHECK_EQ(early_alloc(PAGE_SIZE, 0x8000).v, 0x808000 + i * 0x10000ul);
	CHECK_EQ(early_left.n, RANGES_MAX);
	CHECK(!fake_log_has("too many ranges"));
	CHECK_EQ(early_alloc(PAGE_SIZE, 0x4000).v, 0x804000);
	CHECK(fake_log_has("too many ranges"));
	CHECK_EQ(early_left.n, RANGES_MAX);
	frames = rangeset_bytes(&early_left) >> PAGE_SHIFT;
	fake_vmemmap();
	page_init();
	CHECK_EQ(page_free_count(), frames - 1);
	CHECK(!page_verify());
}

static void limit_of_4_gb(void)
{
	static struct bootinfo bi;
	uint64_t low = 0;

	memset(&bi, 0, sizeof(bi));
	fake_range(&bi, 0x100000, 0x900000, BOOT_RAM);
	fake_range(&bi, (1ul << 32) - 0x200000, (1ul << 32) + 0x800000, BOOT_RAM);
	fake_ram(&bi);
	early_init(&bi);
	CHECK_EQ(early_ram_end(), (1ul << 32) + 0x800000);
	EXPECT_PANIC("below 0x100000000", early_alloc(0x700000, PAGE_SIZE));
	for (; low < 4; low++)
		CHECK(early_alloc(0x200000, PAGE_SIZE).v + 0x200000 <= 1ul << 32);
	early_limit_lift();
	CHECK_EQ(early_alloc(0x700000, PAGE_SIZE).v, (1ul << 32));
	fake_vmemmap();
	page_init();
	CHECK(!page_verify());
	CHECK_EQ(page_free_count() << PAGE_SHIFT,
		 0x800000 - 0x101000 + 0xa00000 - 4 * 0x200000 - 0x700000 - PAGE_SIZE);
}

static void end_of_direct_map(void)
{
	static struct bootinfo bi;

	fake_map_pc(&bi, 64ul << 20);
	fake_range(&bi, DIRECT_SIZE - 0x5000, DIRECT_SIZE + 0x5000, BOOT_RAM);
	fake_range(&bi, DIRECT_SIZE + 0x100000, DIRECT_SIZE + 0x200000, BOOT_RAM);
	fake_range(&bi, ~0xffful, ~0ul, BOOT_RESERVED);
	fake_log_clear();
	early_init(&bi);
	CHECK_EQ(early_ram_end(), DIRECT_SIZE);
	CHECK(fake_log_has("is not used"));
	CHECK(pfn_valid(pfn((DIRECT_SIZE >> PAGE_SHIFT) - 5)));
	CHECK(!pfn_valid(pfn(DIRECT_SIZE >> PAGE_SHIFT)));
}

static void pfn_valid_of_any_number(void)
{
	fake_boot_size(5ul << 30);
	CHECK(pfn_valid(pfn(0)));
	CHECK(pfn_valid(pfn(0xbffff)));
	CHECK(!pfn_valid(pfn(0xc0000)));
	CHECK(!pfn_valid(pfn(0xfffff)));
	CHECK(pfn_valid(pfn(0x100000)));
	CHECK(!pfn_valid(pfn((6ul << 30) >> PAGE_SHIFT)));
	CHECK(!pfn_valid(pfn(1ul << 52)));
	CHECK(!pfn_valid(pfn((1ul << 52) + 0x100000)));
	CHECK(!pfn_valid(pfn(~0ul)));
}

/* Reserved ranges beside RAM are covered, room for devices is not. */
static void firmware_beside_ram(void)
{
	static struct bootinfo bi;

	fake_map_pc(&bi, 32ul << 20);
	bi.nranges--;
	fake_range(&bi, 31ul << 20, 32ul << 20, BOOT_RESERVED);		/* behind RAM */
	fake_range(&bi, 32ul << 20, 33ul << 20, BOOT_RESERVED);		/* behind that */
	fake_range(&bi, 33ul << 20, 57ul << 20, BOOT_RESERVED);		/* too large */
	fake_range(&bi, 60ul << 20, 61ul << 20, BOOT_RESERVED);		/* alone */
	early_init(&bi);
	CHECK_EQ(early_ram_end(), 33ul << 20);
	CHECK(pfn_valid(pfn(0xf0)) && pfn_valid(pfn(0xa0)));
	CHECK(!pfn_valid(pfn((60ul << 20) >> PAGE_SHIFT)));
}

int main(void)
{
	TAP_RUN(random_maps);
	TAP_RUN(many_ranges);
	TAP_RUN(table_full);
	TAP_RUN(limit_of_4_gb);
	TAP_RUN(end_of_direct_map);
	TAP_RUN(pfn_valid_of_any_number);
	TAP_RUN(firmware_beside_ram);
	return tap_done();
}
