/*
 * The PVH door: QEMU's direct boot of an ELF kernel. One struct with the
 * addresses of the command line, the modules and the memory map.
 *
 * Xen's public/arch-x86/hvm/start_info.h describes it.
 */
#include <boot/boot.h>
#include <lib/string.h>

#define MEMMAP_MAX	1024

struct hvm_start_info {
	uint32_t magic, version, flags, nr_modules;
	uint64_t modlist, cmdline, rsdp;
	uint64_t memmap;		/* from version 1 on */
	uint32_t memmap_entries, reserved;
};
struct hvm_module { uint64_t addr, size, cmdline, reserved; };
struct hvm_memmap { uint64_t addr, size; uint32_t type, reserved; };

/* Copies n bytes at physical address pa, of any alignment. False: they do not lie below 4 GB. */
static bool fetch(void *dst, uint64_t pa, size_t n)
{
	const void *src = boot_ptr(pa, n);

	if (src)
		memcpy(dst, src, n);
	return src;
}

static void read_memmap(const struct hvm_start_info *si)
{
	struct hvm_memmap m;

	for (uint32_t i = 0; i < MIN(si->memmap_entries, (uint32_t)MEMMAP_MAX); i++)
		if (fetch(&m, si->memmap + i * sizeof(m), sizeof(m)))
			ranges_add(m.addr, m.size, m.type);
}

static void read_module(struct bootinfo *bi, const struct hvm_start_info *si)
{
	struct hvm_module m;

	if (!si->nr_modules || !fetch(&m, si->modlist, sizeof(m)))
		return;
	if (!m.size || m.addr + m.size < m.addr)
		return;
	bi->initrd_start = m.addr;
	bi->initrd_end = m.addr + m.size;
}

bool pvh_read(struct bootinfo *bi, uint32_t info)
{
	struct hvm_start_info si;
	const char *line;

	if (!fetch(&si, info, sizeof(si)) || si.magic != BOOT_PVH)
		return false;
	bi->loader = "PVH";
	bi->rsdp = si.rsdp;
	line = si.cmdline ? boot_ptr(si.cmdline, BOOT_CMDLINE_MAX) : NULL;
	if (line)
		boot_cmdline_add(bi, line, BOOT_CMDLINE_MAX);
	read_module(bi, &si);
	if (si.version >= 1)
		read_memmap(&si);
	return true;
}
