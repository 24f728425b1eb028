/*
 * Inside boot/: the two doors, what they share, and what the kernel asks of
 * boot afterwards. Before the kernel's own tables are loaded the early ones
 * show the first 4 GB of physical memory at DIRECT_BASE; nothing above it is
 * looked at.
 */
#ifndef BOOT_BOOT_H
#define BOOT_BOOT_H

#include <boot/bootinfo.h>

#define BOOT_MULTIBOOT2	0x36d76289	/* in eax, from the loader */
#define BOOT_PVH	0x336ec578	/* first word of hvm_start_info */

/* Says on the log what boot was asked for and could not do. After options_parse. */
void boot_warn(void);

/* From boot.S: one of the numbers above, and where the loader's information lies. */
void boot_main(uint32_t magic, uint32_t info) __noreturn;

/* Fill *bi from what lies at info; ranges go to ranges_add. False: it is not what it should be. */
bool __must_check multiboot2_read(struct bootinfo *bi, uint32_t info);
bool __must_check pvh_read(struct bootinfo *bi, uint32_t info);
/* Appends the machine's opt/quire/cmdline, if QEMU gave one. */
void fw_cfg_read(struct bootinfo *bi);

/* n bytes at physical address pa; NULL if they do not lie below 4 GB. */
const void *boot_ptr(uint64_t pa, uint64_t n);
/* Appends up to n characters of s (to its NUL) behind a blank; control characters become blanks. */
void boot_cmdline_add(struct bootinfo *bi, const char *s, size_t n);
/* True if word (or word=1) stands on the line before any `--`; the last one counts. */
bool boot_cmdline_flag(const char *line, const char *word);

/* Collects ranges in any order, overlapping or not; type as in the PC's memory map (E820). */
void ranges_add(uint64_t start, uint64_t len, uint32_t type);
/* Makes bi->range of them; the collection is empty then. */
void ranges_finish(struct bootinfo *bi);

/* boot.S: turns on five levels; root5 is the physical address of the PML5. */
void boot_enter_la57(uint32_t root5);
extern uint64_t early_pml4[], early_pml5[];

#endif
