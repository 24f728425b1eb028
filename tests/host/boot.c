// sources: boot/multiboot2.c boot/pvh.c boot/ranges.c boot/cmdline.c
/*
 * What boot loaders tell, read from a fake memory of exact size (so that ASan
 * sees every byte read too far): sound information of both kinds, each
 * length that lies, and noise; the memory map against a model.
 */
#include <arch/layout.h>
#include <boot/boot.h>
#include <string.h>

#include "tap.h"

#define INFO	0x1000u		/* where the fake memory lies */

static uint8_t *mem;		/* mem_size bytes, allocated exactly */
static size_t mem_size;
static struct bootinfo bi;

uint64_t fake_kernel_base;	/* 0: the copy of the RSDP lies at its own address */

const void *boot_ptr(uint64_t pa, uint64_t n)
{
	if (pa < INFO || pa - INFO > mem_size || n > mem_size - (pa - INFO))
		return NULL;
	return mem + (pa - INFO);
}

static void mem_new(const void *content, size_t n)
{
	free(mem);
	mem = malloc(n + !n);
	mem_size = n;
	memcpy(mem, content, n);
	memset(&bi, 0, sizeof(bi));
}

/* -- building multiboot2 information -- */

static struct { uint64_t align; uint8_t b[4096]; } mb;
static uint32_t mb_len;

static void put32(uint32_t v)
{
	memcpy(mb.b + mb_len, &v, 4);
	mb_len += 4;
}

static void put_tag(uint32_t type, const void *data, uint32_t n)
{
	put32(type);
	put32(8 + n);
	memcpy(mb.b + mb_len, data, n);
	mb_len = (mb_len + n + 7) & ~7u;
}

static void mb_begin(void)
{
	memset(&mb, 0, sizeof(mb));
	mb_len = 8;
}

static void mb_end(void)
{
	put_tag(0, "", 0);
	memcpy(mb.b, &mb_len, 4);
}

struct mmap_entry { uint64_t addr, len; uint32_t type, zero; };

static void put_mmap(const struct mmap_entry *e, unsigned n)
{
	uint8_t buf[8 + 32 * sizeof(*e)];
	uint32_t head[2] = { sizeof(*e), 0 };

	memcpy(buf, head, 8);
	memcpy(buf + 8, e, n * sizeof(*e));
	put_tag(6, buf, 8 + n * (uint32_t)sizeof(*e));
}

static void mb_sound(void)
{
	static const struct mmap_entry map[] = {
		{ 0, 0x9fc00, 1, 0 }, { 0x100000, 0x7f00000, 1, 0 }, { 0x8000000, 0x1000, 3, 0 },
		{ 0x8001000, 0x1000, 4, 0 }, { 0x1000000, 0x1000, 2, 0 },
	};
	static const uint8_t module[] = { 0, 0, 0x20, 0, 0x34, 0x12, 0x21, 0, 'i', 0 };

	mb_begin();
	put_tag(1, "test=all quiet", 15);
	put_tag(2, "GRUB 2.06", 10);
	put_tag(3, module, sizeof(module));
	put_tag(3, "\1\0\0\0\2\0\0\0", 9);
	put_mmap(map, 5);
	put_tag(14, "RSD PTR 1234567890..", 20);
	put_tag(15, "RSD PTR 1234567890..2222222222222222", 36);
	put_tag(99, "a tag of the future", 19);
	mb_end();
}

static void multiboot2_sound(void)
{
	mb_sound();
	mem_new(mb.b, mb_len);
	CHECK(multiboot2_read(&bi, INFO));
	ranges_finish(&bi);
	CHECK(strcmp(bi.cmdline, "test=all quiet") == 0);
	CHECK(strcmp(bi.loader, "multiboot2: GRUB 2.06") == 0);
	CHECK_EQ(bi.initrd_start, 0x200000);
	CHECK_EQ(bi.initrd_end, 0x211234);
	CHECK(bi.rsdp && memcmp((void *)bi.rsdp, "RSD PTR 1234567890..2222222222222222", 36) == 0);
	CHECK_EQ(bi.nranges, 6);
	CHECK_EQ(bi.range[2].start, 0x1000000);
	CHECK_EQ(bi.range[2].kind, BOOT_RESERVED);
	CHECK_EQ(bi.range[4].kind, BOOT_ACPI);
	CHECK_EQ(bi.range[5].end, 0x8002000);
}

/* The information ends anywhere: nothing is read behind its end. */
static void multiboot2_cut_short(void)
{
	mb_sound();
	for (uint32_t n = 0; n <= mb_len; n++) {
		mem_new(mb.b, n);
		CHECK_EQ(multiboot2_read(&bi, INFO), n == mb_len);
		if (n >= 4) {	/* and with a total size that knows it */
			memcpy(mem, &n, 4);
			CHECK_EQ(multiboot2_read(&bi, INFO), n >= 8);
		}
		ranges_finish(&bi);
	}
}

static void multiboot2_damaged(void)
{
	for (unsigned round = 0; round < 20000; round++) {
		mb_sound();
		for (uint64_t hits = 1 + tap_below(8); hits; hits--)
			mb.b[8 + tap_below(mb_len - 8)] = (uint8_t)tap_random();
		mem_new(mb.b, mb_len);
		CHECK(multiboot2_read(&bi, INFO));
		ranges_finish(&bi);
		CHECK(strlen(bi.cmdline) < BOOT_CMDLINE_MAX);
		CHECK(bi.initrd_start <= bi.initrd_end);
	}
}

static void multiboot2_noise(void)
{
	for (unsigned round = 0; round < 20000; round++) {
		mb_len = 8 + 8 * (uint32_t)tap_below(64);
		for (unsigned i = 8; i < mb_len; i++)
			mb.b[i] = (uint8_t)(tap_below(3) ? 0 : tap_below(20));
		memcpy(mb.b, &mb_len, 4);
		mem_new(mb.b, mb_len);
		CHECK(multiboot2_read(&bi, INFO));
		ranges_finish(&bi);
	}
}

/* -- PVH -- */

struct start_info {
	uint32_t magic, version, flags, nr_modules;
	uint64_t modlist, cmdline, rsdp, memmap;
	uint32_t memmap_entries, reserved;
};

static struct {
	struct start_info si;
	uint64_t module[4];
	struct mmap_entry map[2];
	char cmdline[BOOT_CMDLINE_MAX];
} pvh;

static void pvh_sound(void)
{
	pvh.si = (struct start_info){
		.magic = BOOT_PVH, .version = 1, .nr_modules = 1, .rsdp = 0xf5000,
		.modlist = INFO + offsetof(__typeof__(pvh), module),
		.cmdline = INFO + offsetof(__typeof__(pvh), cmdline),
		.memmap = INFO + offsetof(__typeof__(pvh), map), .memmap_entries = 2,
	};
	memcpy(pvh.module, (uint64_t[4]){ 0x4000000, 0x123, 0, 0 }, sizeof(pvh.module));
	pvh.map[0] = (struct mmap_entry){ 0, 0xa0000, 1, 0 };
	pvh.map[1] = (struct mmap_entry){ 0x100000, 0x7f00000, 1, 0 };
	strcpy(pvh.cmdline, "log=debugcon\tinit=/x");
}

static void pvh_is_read(void)
{
	pvh_sound();
	mem_new(&pvh, sizeof(pvh));
	CHECK(pvh_read(&bi, INFO));
	ranges_finish(&bi);
	CHECK(strcmp(bi.cmdline, "log=debugcon init=/x") == 0);
	CHECK_EQ(bi.rsdp, 0xf5000);
	CHECK_EQ(bi.initrd_start, 0x4000000);
	CHECK_EQ(bi.initrd_end, 0x4000123);
	CHECK_EQ(bi.nranges, 2);
	CHECK(!bi.cmdline_cut);
}

static void pvh_damaged(void)
{
	for (unsigned round = 0; round < 20000; round++) {
		pvh_sound();
		for (uint64_t hits = 1 + tap_below(6); hits; hits--)
			((uint8_t *)&pvh)[4 + tap_below(offsetof(__typeof__(pvh), cmdline) + 8)] =
				(uint8_t)tap_random();
		mem_new(&pvh, tap_below(4) ? sizeof(pvh) : tap_below(sizeof(pvh)));
		if (pvh_read(&bi, INFO))
			CHECK(bi.initrd_start <= bi.initrd_end);
		ranges_finish(&bi);
	}
}

/* -- the command line -- */

static void cmdline_parts_are_joined(void)
{
	memset(&bi, 0, sizeof(bi));
	boot_cmdline_add(&bi, "", 10);
	boot_cmdline_add(&bi, "one\n", 100);
	boot_cmdline_add(&bi, "twothree", 3);
	CHECK(strcmp(bi.cmdline, "one  two") == 0);
	CHECK(!bi.cmdline_cut);
}

static void cmdline_is_cut(void)
{
	char x[BOOT_CMDLINE_MAX + 1];

	memset(x, 'x', sizeof(x));
	for (size_t first = 0; first <= sizeof(x); first += first < 2000 ? 1999 : 1) {
		memset(&bi, 0, sizeof(bi));
		boot_cmdline_add(&bi, x, first);
		CHECK_EQ(bi.cmdline_cut, first >= BOOT_CMDLINE_MAX);
		boot_cmdline_add(&bi, x, 100);
		CHECK_EQ(strlen(bi.cmdline), first + 100 + !!first < BOOT_CMDLINE_MAX ?
			 first + 100 + !!first : BOOT_CMDLINE_MAX - 1);
		CHECK_EQ(bi.cmdline_cut, first + 100 + !!first >= BOOT_CMDLINE_MAX);
	}
}

static void flags_are_whole_words(void)
{
	static const struct { const char *line; bool on; } row[] = {
		{ "", false }, { "la57", true }, { "a la57 b", true }, { "la57=1", true },
		{ "la57=0", false }, { "la57 la57=0", false }, { "la57=0 la57", true },
		{ "la5", false }, { "la578", false }, { "xla57", false }, { "la57=", false },
		{ "la57=11", false }, { "-- la57", false }, { "la57 -- la57=0", true },
		{ "  la57  ", true }, { "x=la57", false }, { "-la57", false },
	};

	for (size_t i = 0; i < ARRAY_SIZE(row); i++)
		if (!CHECK_EQ(boot_cmdline_flag(row[i].line, "la57"), row[i].on))
			printf("# line: %s\n", row[i].line);
}

/* -- the memory map -- */

#define SPACE	64u

static int map_kind(unsigned pos)
{
	for (unsigned i = 0; i < bi.nranges; i++)
		if (bi.range[i].start <= pos && pos < bi.range[i].end)
			return (int)bi.range[i].kind;
	return -1;
}

static void ranges_against_a_model(void)
{
	static const int kind_of_type[] = { BOOT_RESERVED, BOOT_RAM, BOOT_RESERVED, BOOT_ACPI,
					    BOOT_RESERVED };

	for (unsigned round = 0; round < 20000; round++) {
		int model[SPACE];

		memset(model, -1, sizeof(model));
		memset(&bi, 0, sizeof(bi));
		for (uint64_t n = tap_below(12); n; n--) {
			unsigned start = (unsigned)tap_below(SPACE);
			unsigned len = (unsigned)tap_below(SPACE - start + 1);
			uint32_t type = (uint32_t)tap_below(5);

			ranges_add(start, len, type);
			for (unsigned i = start; i < start + len; i++)
				if (kind_of_type[type] > model[i])
					model[i] = kind_of_type[type];
		}
		ranges_finish(&bi);
		for (unsigned i = 0; i < SPACE; i++)
			CHECK_EQ(map_kind(i), model[i]);
		for (unsigned i = 0; i < bi.nranges; i++) {
			CHECK(bi.range[i].start < bi.range[i].end);
			CHECK(!i || bi.range[i - 1].end < bi.range[i].start ||
			      (bi.range[i - 1].end == bi.range[i].start &&
			       bi.range[i - 1].kind != bi.range[i].kind));
		}
	}
}

static void ranges_at_the_end_of_the_world(void)
{
	memset(&bi, 0, sizeof(bi));
	ranges_add(UINT64_MAX - 0xfff, 0x1000, 2);
	ranges_add(0x100000, UINT64_MAX, 1);
	ranges_finish(&bi);
	CHECK_EQ(bi.nranges, 2);
	CHECK_EQ(bi.range[0].end, UINT64_MAX - 0xfff);
	CHECK_EQ(bi.range[1].end, UINT64_MAX);
	CHECK_EQ(bi.range[1].kind, BOOT_RESERVED);
}

/* More than there is room for: the first ones count, in order. */
static void ranges_too_many(void)
{
	memset(&bi, 0, sizeof(bi));
	for (uint64_t i = 1000; i; i--)
		ranges_add(i * 0x2000, 0x1000, 1);
	ranges_finish(&bi);
	CHECK_EQ(bi.nranges, BOOT_RANGES_MAX);
	for (unsigned i = 1; i < bi.nranges; i++)
		CHECK(bi.range[i - 1].end < bi.range[i].start);
}

int main(void)
{
	TAP_RUN(multiboot2_sound);
	TAP_RUN(multiboot2_cut_short);
	TAP_RUN(multiboot2_damaged);
	TAP_RUN(multiboot2_noise);
	TAP_RUN(pvh_is_read);
	TAP_RUN(pvh_damaged);
	TAP_RUN(cmdline_parts_are_joined);
	TAP_RUN(cmdline_is_cut);
	TAP_RUN(flags_are_whole_words);
	TAP_RUN(ranges_against_a_model);
	TAP_RUN(ranges_at_the_end_of_the_world);
	TAP_RUN(ranges_too_many);
	free(mem);
	return tap_done();
}
