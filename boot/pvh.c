/*
 * The PVH door: QEMU's direct boot of an ELF kernel. One struct with the
 * addresses of the command line, the modules and the memory map.
 *
 * Xen's public/arch-x86/hvm/start_info.h describes it.
 */
#include <boot/boot.h>

#define MEMMAP_MAX	1024

struct hvm_start_info {
	uint32_t magic, version, flags, nr_modules;
	uint64_t modlist, cmdline, rsdp;
	uint64_t memmap;		/* from version 1 on */
	uint32_t memmap_entries, reserved;
};
struct hvm_module { uint64_t addr, size, cmdline, reserved; };
struct hvm_memmap { uint64_t addr, size; uint32_t type, reserved; };

static void read_memmap(const struct hvm_start_info *si)
{
	uint32_t n = MIN(si->memmap_entries, (uint32_t)MEMMAP_MAX);
	const struct hvm_memmap *m = boot_ptr(si->memmap, n * sizeof(*m));

	for (uint32_t i = 0; m && i < n; i++)
		ranges_add(m[i].addr, m[i].size, m[i].type);
}

static void read_module(struct bootinfo *bi, const struct hvm_start_info *si)
{
	const struct hvm_module *m = boot_ptr(si->modlist, sizeof(*m));

	if (!si->nr_modules || !m || !m->size || m->addr + m->size < m->addr)
		return;
	bi->initrd_start = m->addr;
	bi->initrd_end = m->addr + m->size;
}

bool pvh_read(struct bootinfo *bi, uint32_t info)
{
	const struct hvm_start_info *si = boot_ptr(info, sizeof(*si));
	const char *line;

	if (!si || si->magic != BOOT_PVH)
		return false;
	bi->loader = "PVH";
	bi->rsdp = si->rsdp;
	line = si->cmdline ? boot_ptr(si->cmdline, BOOT_CMDLINE_MAX) : NULL;
	if (line)
		boot_cmdline_add(bi, line, BOOT_CMDLINE_MAX);
	read_module(bi, si);
	if (si->version >= 1)
		read_memmap(si);
	return true;
}
