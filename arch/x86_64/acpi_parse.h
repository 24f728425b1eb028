/*
 * ACPI's list of CPUs and interrupt controllers, parsed from bytes that
 * nobody has vouched for. Pure: memory is reached only through a reader, so
 * that the host tests can feed it garbage.
 */
#ifndef ARCH_X86_64_ACPI_PARSE_H
#define ARCH_X86_64_ACPI_PARSE_H

#include <arch/machine.h>
#include <arch/types.h>

struct acpi_reader {
	/* Copies n bytes at physical address pa; false if they are not all there. */
	bool (*read)(void *ctx, uint64_t pa, void *buf, size_t n);
	void *ctx;
};

struct acpi_tables {
	uint64_t rsdp, root, madt, fadt;	/* where they were found; 0: not */
	uint8_t revision;			/* of the RSDP: 0 ACPI 1.0, 2 and up: 64-bit pointers */
	uint8_t century;			/* index of the RTC's century byte; 0: it has none */
	const char *complaint;			/* the first thing that was wrong, or NULL */
};

/* How a machine is switched off: the sleeping state S5 (ACPI 6.4, 4.8.3.2.1 and 7.4.2.6). */
struct acpi_power {
	uint16_t control[2];			/* ports of PM1a_CNT and PM1b_CNT; 0: there is none */
	uint8_t type[2];			/* what S5 is called in each */
	uint16_t smi_port;			/* where `enable` makes the firmware give power control up; 0: it has */
	uint8_t enable;
};

/* What a PC without any tables looks like: one LAPIC, one IOAPIC, ISA lines one to one. */
void acpi_madt_defaults(struct acpi_madt_info *m);

/*
 * Fills *m from the MADT that the RSDP at `rsdp` leads to; where that is 0 or
 * no RSDP, from the first good one of the BIOS areas. *m is whole whatever
 * happens: defaults stand where the tables say nothing. Returns 0, -ENOENT
 * (no RSDP), or -EINVAL (no table with a good checksum, or an empty one).
 */
int __must_check acpi_parse(const struct acpi_reader *rd, uint64_t rsdp, struct acpi_madt_info *m,
			    struct acpi_tables *t);
/* Fills *p from the FADT at `fadt` and the DSDT that it leads to. False: they do not tell. */
bool __must_check acpi_parse_power(const struct acpi_reader *rd, uint64_t fadt, struct acpi_power *p);

#endif
