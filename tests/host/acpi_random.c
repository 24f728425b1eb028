// sources: arch/x86_64/acpi_parse.c
/*
 * The ACPI parser over random memory: sound tables of every shape against a model, damage
 * under good checksums, and garbage. What garbage must never do is overrun a buffer (ASan), read
 * without end, or leave a result that is not whole.
 */
#include "fake_acpi.h"

/* A MADT of random entries, and what they must come to. */
static void random_entries(struct machine *m, struct acpi_madt_info *want)
{
	bool ioapic = false, cpu[256] = { false };

	acpi_madt_defaults(want);
	want->ncpus = 0;
	for (unsigned n = 1 + tap_below(60); n; n--) {
		uint8_t id = tap_below(255), irq = tap_below(20);
		uint32_t on = tap_below(2), gsi = tap_below(64), addr = (1 + tap_below(100)) << 10;
		uint16_t flags = tap_below(16);

		switch (tap_below(6)) {
		case 0:
		case 1:
			if (tap_below(2))
				put_lapic(m, id, on);
			else
				put_x2apic(m, id, on);
			if (on && !cpu[id])
				want->apic_id[want->ncpus++] = id;
			cpu[id] |= on;
			break;
		case 2:
			put_ioapic(m, addr, gsi);
			if (!ioapic || gsi < want->ioapic_gsi_base) {
				want->ioapic = paddr(addr);
				want->ioapic_gsi_base = gsi;
			}
			ioapic = true;
			break;
		case 3:
			put_override(m, irq, gsi, flags);
			if (irq < 16) {
				want->isa[irq].gsi = gsi;
				want->isa[irq].flags = flags;
			}
			break;
		case 4:
			want->lapic = paddr((uint64_t)gsi << 36 | addr);
			put(put_entry(m, 5, 12) + 4, want->lapic.v, 8);
			break;
		default:
			put_entry(m, 10 + tap_below(200), 2 + tap_below(254));
		}
	}
	want->found = want->ncpus > 0;
}

static void random_tables_against_a_model(void)
{
	struct acpi_madt_info want;
	struct machine m;

	for (int i = 0; i < 3000; i++) {
		start(&m, tap_below(2));
		random_entries(&m, &want);
		finish(&m, HIGH_BASE);
		if (want.ncpus) {
			CHECK_EQ(parse(HIGH_BASE), 0);
			CHECK(memcmp(&want, &info, sizeof(want)) == 0);
		} else {
			CHECK_EQ(parse(HIGH_BASE), -EINVAL);
		}
	}
}

static void random_byte(uint64_t pa, uint32_t len)
{
	static const uint8_t edge[] = { 0, 1, 2, 0x7f, 0x80, 0xfe, 0xff };

	put(pa + tap_below(len), tap_below(2) ? tap_random() : edge[tap_below(ARRAY_SIZE(edge))], 1);
}

/* Damage under good checksums. */
static void fuzzed_tables(void)
{
	struct acpi_madt_info want;
	struct machine m;

	for (int i = 0; i < 20000; i++) {
		start(&m, tap_below(2));
		random_entries(&m, &want);
		finish(&m, HIGH_BASE);
		for (unsigned n = tap_below(6); n; n--)
			random_byte(m.madt + 4, m.madt_len - 4);
		for (unsigned n = tap_below(3); n; n--)
			random_byte(m.root + 4, m.root_len - 4);
		for (unsigned n = tap_below(2); n; n--)
			random_byte(m.rsdp + 9, m.rsdp_len - 9);
		fix_sum(m.madt, m.madt_len, 9);
		fix_sum(m.root, m.root_len, 9);
		fix_sum(m.rsdp, 20, 8);
		if (m.xsdt)
			fix_sum(m.rsdp, 36, 32);
		parse(HIGH_BASE);
	}
}

/* Noise with the magic words strewn in. */
static void noise(void)
{
	static const char *const word[] = { "RSD PTR ", "XSDT", "RSDT", "APIC", "FACP" };

	for (int i = 0; i < 200; i++) {
		for (size_t b = 0; b + 8 <= sizeof(high); b += 8)
			put(HIGH_BASE + b, tap_random() & tap_random(), 8);
		memcpy(low + 0xe0000, high, 0x20000);
		put(0x40e, tap_random(), 2);
		for (int w = 0; w < 2000; w++) {
			const char *s = word[tap_below(ARRAY_SIZE(word))];
			uint64_t pa = HIGH_BASE + tap_below(HIGH_SIZE / 16 - 1) * 16;

			memcpy(at(pa, 8), s, strlen(s));
			put(pa + 4 + strlen(s) / 8 * 12, HIGH_BASE + tap_below(HIGH_SIZE), 4);
			if (s == word[0])
				fix_sum(pa, 20, 8);
		}
		parse(HIGH_BASE + tap_below(HIGH_SIZE / 16) * 16);
		parse(0);
	}
}

/* Hundreds of root entries that all lead to the longest table there may be: an end all the same. */
static void work_is_bounded(void)
{
	struct machine m;
	uint32_t entries = 5000;

	start(&m, true);
	m.root = HIGH_BASE + 0x1000;
	m.root_len = 36 + 8 * entries;
	m.madt = HIGH_BASE + 0x20000;
	m.madt_len = 0x40000 - 1;
	for (uint32_t i = 0; i < entries; i++)
		put(m.root + 36 + 8 * i, m.madt, 8);
	put_header(m.root, "XSDT", m.root_len);
	put_header(m.madt, "APIC", m.madt_len);
	put(m.madt + 100, 1, 1);
	put_rsdp(&m, HIGH_BASE);
	CHECK_EQ(parse(HIGH_BASE), -EINVAL);
	CHECK(bytes_read > 1u << 20);
}

int main(void)
{
	TAP_RUN(random_tables_against_a_model);
	TAP_RUN(fuzzed_tables);
	TAP_RUN(noise);
	TAP_RUN(work_is_bounded);
	return tap_done();
}
