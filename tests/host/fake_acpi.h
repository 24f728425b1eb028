/*
 * The memory that the ACPI parser's tests read, what puts tables into it, and a run of the parser.
 * Builders take addresses in that memory; sums are set right at the end of
 * each table, to be spoiled afterwards.
 */
#ifndef TESTS_HOST_FAKE_ACPI_H
#define TESTS_HOST_FAKE_ACPI_H

#include <arch/x86_64/acpi_parse.h>
#include <errno.h>
#include <string.h>

#include "tap.h"

/* -- memory: the first megabyte, and a window elsewhere -- */

#define LOW_SIZE	0x100000u
#define HIGH_BASE	0x7ffe0000u
#define HIGH_SIZE	0x80000u
#define READ_MAX	(1ul << 28)	/* 256 tables of 256 KB, four times over */

static uint8_t low[LOW_SIZE], high[HIGH_SIZE];
static uint64_t bytes_read;

static uint8_t *at(uint64_t pa, size_t n)
{
	if (pa < LOW_SIZE && n <= LOW_SIZE - pa)
		return low + pa;
	if (pa >= HIGH_BASE && pa - HIGH_BASE < HIGH_SIZE && n <= HIGH_SIZE - (pa - HIGH_BASE))
		return high + (pa - HIGH_BASE);
	return NULL;
}

static bool fake_read(void *ctx, uint64_t pa, void *buf, size_t n)
{
	const uint8_t *p = at(pa, n);

	(void)ctx;
	bytes_read += n;
	if (p)
		memcpy(buf, p, n);
	return p;
}

/* -- building tables -- */

static void put(uint64_t pa, uint64_t v, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		*at(pa + i, 1) = v >> 8 * i;
}

static void fix_sum(uint64_t pa, uint32_t n, uint32_t where)
{
	uint8_t sum = 0;

	put(pa + where, 0, 1);
	for (uint32_t i = 0; i < n; i++)
		sum += *at(pa + i, 1);
	put(pa + where, (uint8_t)-sum, 1);
}

static void put_header(uint64_t pa, const char *name, uint32_t len)
{
	memcpy(at(pa, 4), name, 4);
	put(pa + 4, len, 4);
	fix_sum(pa, len, 9);
}

static uint64_t top;			/* of what is used in high memory */

static uint64_t place(uint32_t n)
{
	uint64_t pa = top + tap_below(16);

	top = pa + n;
	return pa;
}

struct machine {
	bool xsdt;
	uint64_t rsdp, root, madt, fadt;
	uint32_t rsdp_len, root_len, madt_len;
};

/* The RSDP at pa leads to the root table; of revision 0 without xsdt. */
static void put_rsdp(struct machine *m, uint64_t pa)
{
	m->rsdp = pa;
	m->rsdp_len = m->xsdt ? 36 : 20;
	memset(at(pa, m->rsdp_len), 0, m->rsdp_len);
	memcpy(at(pa, 8), "RSD PTR ", 8);
	put(pa + 15, m->xsdt ? 2 : 0, 1);
	put(pa + 16, m->xsdt ? 0 : m->root, 4);
	if (m->xsdt) {
		put(pa + 20, 36, 4);
		put(pa + 24, m->root, 8);
	}
	fix_sum(pa, 20, 8);
	if (m->xsdt)
		fix_sum(pa, 36, 32);
}

static void put_root(struct machine *m)
{
	uint64_t list[6] = { m->madt, m->fadt, 0, HIGH_BASE + HIGH_SIZE - 3, 0xfffffff0, top };
	unsigned n = ARRAY_SIZE(list), size = m->xsdt ? 8 : 4;

	for (unsigned i = n - 1; i > 0; i--) {
		unsigned j = tap_below(i + 1);
		uint64_t v = list[i];

		list[i] = list[j];
		list[j] = v;
	}
	m->root_len = 36 + n * size;
	m->root = place(m->root_len);
	for (unsigned i = 0; i < n; i++)
		put(m->root + 36 + i * size, list[i], size);
	put_header(m->root, m->xsdt ? "XSDT" : "RSDT", m->root_len);
}

static uint64_t put_fadt(uint8_t century, uint32_t len)
{
	uint64_t pa = place(len);

	if (len > 108)
		put(pa + 108, century, 1);
	put_header(pa, "FACP", len);
	return pa;
}

/* An entry at the MADT's end; returns its address. */
static uint64_t put_entry(struct machine *m, uint8_t type, uint8_t len)
{
	uint64_t pa = m->madt + m->madt_len;

	for (unsigned i = 0; i < len; i++)
		put(pa + i, tap_random(), 1);
	put(pa, type, 1);
	put(pa + 1, len, 1);
	m->madt_len += len;
	return pa;
}

static void put_lapic(struct machine *m, uint8_t id, uint32_t flags)
{
	uint64_t pa = put_entry(m, 0, 8);

	put(pa + 3, id, 1);
	put(pa + 4, flags, 4);
}

static void put_x2apic(struct machine *m, uint32_t id, uint32_t flags)
{
	uint64_t pa = put_entry(m, 9, 16);

	put(pa + 4, id, 4);
	put(pa + 8, flags, 4);
}

static void put_ioapic(struct machine *m, uint32_t addr, uint32_t base)
{
	uint64_t pa = put_entry(m, 1, 12);

	put(pa + 4, addr, 4);
	put(pa + 8, base, 4);
}

static void put_override(struct machine *m, uint8_t irq, uint32_t gsi, uint16_t flags)
{
	uint64_t pa = put_entry(m, 2, 10);

	put(pa + 2, 0, 1);
	put(pa + 3, irq, 1);
	put(pa + 4, gsi, 4);
	put(pa + 8, flags, 2);
}

static void start(struct machine *m, bool xsdt)
{
	memset(low, 0, sizeof(low));
	memset(high, 0, sizeof(high));
	memset(m, 0, sizeof(*m));
	m->xsdt = xsdt;
	top = HIGH_BASE + 0x100;
	m->madt = HIGH_BASE + 0x20000;
	m->madt_len = 44;
	put(m->madt + 36, 0xfee00000, 4);
}

/* Ends the MADT, adds FADT, root table and, at `rsdp`, the RSDP. */
static void finish(struct machine *m, uint64_t rsdp)
{
	put_header(m->madt, "APIC", m->madt_len);
	m->fadt = put_fadt(0x32, 244);
	put_root(m);
	put_rsdp(m, rsdp);
}

/* -- the parser -- */

static const struct acpi_reader reader = { .read = fake_read };
static struct acpi_madt_info info;
static struct acpi_tables tables;

static bool is_defaults(const struct acpi_madt_info *m)
{
	struct acpi_madt_info d;

	acpi_madt_defaults(&d);
	return memcmp(m, &d, sizeof(d)) == 0;
}

/* What must hold whatever was read. */
static void check_whole(int err)
{
	CHECK(bytes_read <= READ_MAX);
	CHECK(err == 0 || err == -ENOENT || err == -EINVAL);
	CHECK(info.ncpus >= 1 && info.ncpus <= ARRAY_SIZE(info.apic_id));
	CHECK(info.found == (err == 0));
	CHECK(err == 0 || is_defaults(&info));
	CHECK((err == 0) == (tables.madt != 0));
	CHECK(tables.century < 128);
	CHECK(info.ioapic.v != 0 && info.ioapic.v % 1024 == 0);
	for (unsigned i = 0; i < info.ncpus; i++)
		for (unsigned j = 0; j < i; j++)
			CHECK(info.apic_id[i] != info.apic_id[j]);
}

static int parse(uint64_t rsdp)
{
	int err;

	bytes_read = 0;
	memset(&info, 0xa5, sizeof(info));
	err = acpi_parse(&reader, rsdp, &info, &tables);
	check_whole(err);
	return err;
}

#endif
