/*
 * What a boot loader told, in one form whichever door we came in by
 * (multiboot2 or PVH). All strings and arrays are the kernel's own copies;
 * addresses are physical.
 */
#ifndef BOOT_BOOTINFO_H
#define BOOT_BOOTINFO_H

#include <arch/types.h>

#define BOOT_RANGES_MAX	128
#define BOOT_CMDLINE_MAX 2048

enum boot_range_kind { BOOT_RAM, BOOT_ACPI, BOOT_RESERVED };

struct boot_range {
	uint64_t start, end;		/* bytes, end exclusive, as reported */
	enum boot_range_kind kind;
};

struct bootinfo {
	const char *loader;		/* "multiboot2: GRUB 2.06-…", "PVH" */
	unsigned nranges;
	struct boot_range range[BOOT_RANGES_MAX];	/* sorted by start, not overlapping (reserved wins) */
	uint64_t initrd_start, initrd_end;		/* 0, 0: none */
	uint64_t rsdp;					/* 0: look for it */
	char cmdline[BOOT_CMDLINE_MAX];			/* loader's, then fw_cfg opt/quire/cmdline */
	bool cmdline_cut;				/* it was longer */
};

#endif
