// sources: arch/x86_64/acpi_parse.c
/*
 * The ACPI parser over a fake memory: tables as machines have them, what each of their parts says,
 * and each kind of damage. Random tables: acpi_random.c.
 */
#include "fake_acpi.h"

/* -- machines -- */

/* As QEMU's pc describes itself with two CPUs. */
static void build_pc(struct machine *m, bool xsdt, uint64_t rsdp)
{
	start(m, xsdt);
	put_lapic(m, 0, 1);
	put_lapic(m, 1, 1);
	put_ioapic(m, 0xfec00000, 0);
	put_override(m, 0, 2, 0);
	put_override(m, 9, 9, 0xd);
	put_entry(m, 4, 6);
	finish(m, rsdp);
}

static void check_pc(void)
{
	CHECK_EQ(info.ncpus, 2);
	CHECK(info.apic_id[0] == 0 && info.apic_id[1] == 1);
	CHECK_EQ(info.lapic.v, 0xfee00000);
	CHECK_EQ(info.ioapic.v, 0xfec00000);
	CHECK_EQ(info.isa[0].gsi, 2);
	CHECK_EQ(info.isa[1].gsi, 1);
	CHECK(info.isa[9].gsi == 9 && info.isa[9].flags == 0xd);
	CHECK_EQ(tables.century, 0x32);
	CHECK(!tables.complaint);
}

/* -- tests -- */

static void a_pc(void)
{
	struct machine m;

	for (int xsdt = 0; xsdt < 2; xsdt++) {
		build_pc(&m, xsdt, HIGH_BASE);
		CHECK_EQ(parse(HIGH_BASE), 0);
		check_pc();
		CHECK_EQ(tables.rsdp, m.rsdp);
		CHECK_EQ(tables.root, m.root);
		CHECK_EQ(tables.madt, m.madt);
		CHECK_EQ(tables.fadt, m.fadt);
		CHECK_EQ(tables.revision, xsdt ? 2 : 0);
	}
}

static void nothing_at_all(void)
{
	memset(low, 0, sizeof(low));
	memset(high, 0, sizeof(high));
	CHECK_EQ(parse(0), -ENOENT);
	CHECK_EQ(parse(HIGH_BASE), -ENOENT);
	CHECK_EQ(parse(UINT64_MAX - 3), -ENOENT);
	CHECK(tables.complaint);
}

static void rsdp_is_searched_in_the_bios_areas(void)
{
	struct machine m;

	build_pc(&m, false, 0xe0000);
	CHECK_EQ(parse(0), 0);
	check_pc();
	build_pc(&m, true, 0xfffd0);
	CHECK_EQ(parse(0), 0);
	build_pc(&m, false, 0xf0008);		/* only every 16 bytes */
	CHECK_EQ(parse(0), -ENOENT);
	build_pc(&m, false, 0x9fc00 + 0x3f0);	/* last place of the EBDA's first KB */
	put(0x40e, 0x9fc0, 2);
	CHECK_EQ(parse(0), 0);
	build_pc(&m, false, 0x9fc00 + 0x400);
	put(0x40e, 0x9fc0, 2);
	CHECK_EQ(parse(0), -ENOENT);
}

static void a_wrong_hint_is_not_the_end(void)
{
	struct machine m;

	build_pc(&m, false, 0xf5000);
	CHECK_EQ(parse(HIGH_BASE), 0);
	CHECK_EQ(tables.rsdp, 0xf5000);
	CHECK(tables.complaint);
}

static void a_bad_xsdt_leaves_the_rsdt(void)
{
	struct machine m, old;

	build_pc(&old, false, HIGH_BASE);
	m = old;
	m.xsdt = true;
	m.root = HIGH_BASE + 0x5000;		/* nothing there */
	put_rsdp(&m, HIGH_BASE);
	put(HIGH_BASE + 16, old.root, 4);
	fix_sum(HIGH_BASE, 20, 8);
	fix_sum(HIGH_BASE, 36, 32);
	CHECK_EQ(parse(HIGH_BASE), 0);
	CHECK_EQ(tables.root, old.root);
}

/* A sound XSDT is not followed from an RSDP whose second half is not sound. */
static void the_second_half_of_the_rsdp(void)
{
	struct machine m;

	build_pc(&m, true, HIGH_BASE);
	put(HIGH_BASE + 33, 1, 1);
	CHECK_EQ(parse(HIGH_BASE), -EINVAL);
	CHECK(tables.complaint);
	for (uint32_t len = 35; len <= 0x2000; len++) {
		if (len > 40 && len != 0x1000 && len != 0x1001)
			continue;
		build_pc(&m, true, HIGH_BASE + 0x40000);
		put(m.rsdp + 20, len, 4);
		fix_sum(m.rsdp, len, 32);
		CHECK_EQ(parse(m.rsdp), len >= 36 && len <= 0x1000 ? 0 : -EINVAL);
	}
}

static void the_century(void)
{
	struct machine m;

	for (unsigned c = 0; c < 256; c++) {
		build_pc(&m, true, HIGH_BASE);
		put(m.fadt + 108, c, 1);
		fix_sum(m.fadt, 244, 9);
		CHECK_EQ(parse(HIGH_BASE), 0);
		CHECK_EQ(tables.century, c < 128 ? c : 0);
	}
	put(m.fadt + 108, 0x32, 1);
	put_header(m.fadt, "FACP", 108);	/* ends before it */
	CHECK_EQ(parse(HIGH_BASE), 0);
	CHECK_EQ(tables.century, 0);
}

/* Any one bit of the RSDP, the root table or the MADT that changes without its checksum is found out. */
static void one_bit_is_enough(void)
{
	struct machine m;

	for (int i = 0; i < 3000; i++) {
		uint64_t pa;
		unsigned what = tap_below(3);

		build_pc(&m, i & 1, HIGH_BASE);
		pa = what == 0 ? m.rsdp + tap_below(20) : what == 1 ? m.root + tap_below(m.root_len) :
		     m.madt + tap_below(m.madt_len);
		*at(pa, 1) ^= 1 << tap_below(8);
		if (!CHECK(parse(HIGH_BASE) == (what == 0 ? -ENOENT : -EINVAL)))
			printf("# at %#lx\n", pa);
	}
}

/* Lengths that lie, with checksums that agree. */
static void lengths_out_of_bounds(void)
{
	static const uint32_t lengths[] = { 0, 1, 35, 36, 37, 43, 0x40001, 0x7fffffff, 0xffffffff };
	struct machine m;

	for (unsigned i = 0; i < ARRAY_SIZE(lengths); i++) {
		build_pc(&m, true, HIGH_BASE);
		put(m.madt + 4, lengths[i], 4);
		if (lengths[i] >= 10 && lengths[i] < 1000)
			fix_sum(m.madt, lengths[i], 9);
		CHECK_EQ(parse(HIGH_BASE), -EINVAL);
		build_pc(&m, true, HIGH_BASE);
		put(m.root + 4, lengths[i], 4);
		if (lengths[i] >= 10 && lengths[i] < 1000)
			fix_sum(m.root, lengths[i], 9);
		CHECK_EQ(parse(HIGH_BASE), -EINVAL);
	}
	for (uint32_t len = 0x40000; len <= 0x40001; len++) {
		build_pc(&m, true, HIGH_BASE);
		put(m.madt + 4, len, 4);
		fix_sum(m.madt, len, 9);
		CHECK_EQ(parse(HIGH_BASE), len == 0x40000 ? 0 : -EINVAL);
	}
	/* A table whose end is not in memory. */
	build_pc(&m, true, HIGH_BASE);
	memcpy(at(HIGH_BASE + HIGH_SIZE - 50, 50), at(m.madt, 50), 50);
	put(m.root + 36, HIGH_BASE + HIGH_SIZE - 50, 8);
	put(m.madt, 0, 4);
	fix_sum(m.root, m.root_len, 9);
	CHECK_EQ(parse(HIGH_BASE), -EINVAL);
}

/* Entries that are too short for their type count as not there; one that leaves the table ends it. */
static void entries_that_lie(void)
{
	struct machine m;

	start(&m, false);
	put_lapic(&m, 7, 1);
	put(put_entry(&m, 0, 7) + 3, 8, 1);
	put(put_entry(&m, 1, 11) + 4, 0xfec01000, 4);
	put_entry(&m, 2, 9);
	put_entry(&m, 5, 11);
	put_entry(&m, 9, 15);
	put_entry(&m, 0x7f, 2);
	put_entry(&m, 0x80, 255);
	finish(&m, HIGH_BASE);
	CHECK_EQ(parse(HIGH_BASE), 0);
	CHECK(info.ncpus == 1 && info.apic_id[0] == 7);
	CHECK_EQ(info.ioapic.v, 0xfec00000);
	CHECK_EQ(info.lapic.v, 0xfee00000);

	for (unsigned cut = 1; cut < 8; cut++) {
		start(&m, true);
		put_lapic(&m, 3, 1);
		put_lapic(&m, 4, 1);
		put_lapic(&m, 5, 1);
		m.madt_len -= 8 + cut;		/* the table ends in the second; all three stand there */
		finish(&m, HIGH_BASE);
		CHECK_EQ(parse(HIGH_BASE), 0);
		CHECK(info.ncpus == 1 && info.apic_id[0] == 3);
		CHECK((cut == 7) == !tables.complaint);
	}
	for (unsigned len = 0; len < 256; len++) {
		start(&m, false);
		put_lapic(&m, 3, 1);
		put(put_entry(&m, 0, 8) + 1, len, 1);
		finish(&m, HIGH_BASE);
		CHECK_EQ(parse(HIGH_BASE), 0);
		CHECK(info.ncpus >= 1 && info.apic_id[0] == 3);
		if (len == 8)
			CHECK(!tables.complaint);
		else if (len < 2 || len > 8)
			CHECK(tables.complaint);
	}
}

static void only_enabled_cpus_count(void)
{
	struct machine m;

	start(&m, true);
	put_lapic(&m, 1, 0);
	put_lapic(&m, 2, 2);		/* can be switched on later: not now */
	finish(&m, HIGH_BASE);
	CHECK_EQ(parse(HIGH_BASE), -EINVAL);
	start(&m, true);
	put_lapic(&m, 1, 0);
	put_lapic(&m, 0xff, 1);
	put_x2apic(&m, 0xffffffff, 1);
	put_lapic(&m, 5, 1);
	put_x2apic(&m, 5, 1);
	put_x2apic(&m, 300, 1);
	finish(&m, HIGH_BASE);
	CHECK_EQ(parse(HIGH_BASE), 0);
	CHECK(info.ncpus == 2 && info.apic_id[0] == 5 && info.apic_id[1] == 300);
}

static void more_cpus_than_fit(void)
{
	struct machine m;

	start(&m, true);
	for (unsigned i = 0; i < 1000; i++)
		put_x2apic(&m, 1000 + i, 1);
	finish(&m, HIGH_BASE);
	CHECK_EQ(parse(HIGH_BASE), 0);
	CHECK_EQ(info.ncpus, 256);
	CHECK_EQ(info.apic_id[255], 1255);
}

/* -- power -- */

#define DSDT_LEN	400

static const uint8_t s5[] = { '_', 'S', '5', '_', 0x12, 0x06, 0x04, 0x0a, 0x05, 0x0a, 0x07, 0x00, 0x00 };

/* A FADT whose DSDT holds an S5 (n bytes) at `where`; returns the FADT. */
static uint64_t put_power(const uint8_t *name, size_t n, uint32_t where)
{
	uint64_t fadt, dsdt;

	top = HIGH_BASE + 0x100;
	fadt = place(244);
	dsdt = place(DSDT_LEN);
	memset(at(fadt, 244), 0, 244);
	memset(at(dsdt, DSDT_LEN), '_', DSDT_LEN);
	memcpy(at(dsdt + where, n), name, n);
	put_header(dsdt, "DSDT", DSDT_LEN);
	put(fadt + 40, dsdt, 4);
	put(fadt + 48, 0xb2, 4);
	put(fadt + 52, 2, 1);
	put(fadt + 64, 0x604, 4);
	put_header(fadt, "FACP", 244);
	return fadt;
}

static bool power(uint64_t fadt, struct acpi_power *p)
{
	bytes_read = 0;
	memset(p, 0xa5, sizeof(*p));
	return acpi_parse_power(&reader, fadt, p);
}

static void power_is_found_wherever_it_stands(void)
{
	struct acpi_power p;

	for (uint32_t where = 36; where + sizeof(s5) < DSDT_LEN; where++) {
		CHECK(power(put_power(s5, sizeof(s5), where), &p));
		CHECK(p.control[0] == 0x604 && p.control[1] == 0 && p.smi_port == 0xb2 && p.enable == 2);
		CHECK(p.type[0] == 5 && p.type[1] == 7);
	}
}

static void power_in_other_words(void)
{
	static const uint8_t zeros[] = { '_', 'S', '5', '_', 0x12, 0x44, 0x00, 0x02, 0x00, 0x01 };
	struct acpi_power p;

	CHECK(power(put_power(zeros, sizeof(zeros), 50), &p));
	CHECK(p.type[0] == 0 && p.type[1] == 1);
}

static void power_that_nobody_tells(void)
{
	struct acpi_power p;
	uint8_t bad[sizeof(s5)];
	uint64_t fadt;

	CHECK(!power(0, &p));
	CHECK(!power(put_power(s5, 4, 50), &p));
	for (unsigned i = 0; i < 9; i++) {
		memcpy(bad, s5, sizeof(s5));
		bad[i] = i == 5 || i == 6 ? bad[i] : 0x77;
		CHECK(power(put_power(bad, sizeof(bad), 50), &p) == (i == 5 || i == 6));
	}
	fadt = put_power(s5, sizeof(s5), 50);
	*at(fadt + 70, 1) ^= 1;
	CHECK(!power(fadt, &p));
	fadt = put_power(s5, sizeof(s5), 50);
	put(fadt + 40, HIGH_BASE + HIGH_SIZE - 20, 4);
	put_header(fadt, "FACP", 244);
	CHECK(!power(fadt, &p));
}

int main(void)
{
	TAP_RUN(a_pc);
	TAP_RUN(nothing_at_all);
	TAP_RUN(rsdp_is_searched_in_the_bios_areas);
	TAP_RUN(a_wrong_hint_is_not_the_end);
	TAP_RUN(a_bad_xsdt_leaves_the_rsdt);
	TAP_RUN(the_second_half_of_the_rsdp);
	TAP_RUN(the_century);
	TAP_RUN(one_bit_is_enough);
	TAP_RUN(lengths_out_of_bounds);
	TAP_RUN(entries_that_lie);
	TAP_RUN(only_enabled_cpus_count);
	TAP_RUN(more_cpus_than_fit);
	TAP_RUN(power_is_found_wherever_it_stands);
	TAP_RUN(power_in_other_words);
	TAP_RUN(power_that_nobody_tells);
	return tap_done();
}
