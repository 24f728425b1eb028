/*
 * From the early tables to kernel_main: reads what the loader left into
 * struct bootinfo (multiboot2.c, pvh.c, fw_cfg.c, cmdline.c, ranges.c), and
 * turns on five levels of page tables if asked to. Runs on the boot stack with
 * interrupts off and no handlers: it touches only memory below 4 GB and
 * believes no length that it has not checked.
 */
#include <boot/boot.h>
#include <arch/layout.h>
#include <arch/upcall.h>
#include <arch/x86_64/x86.h>
#include <lib/assert.h>
#include <lib/log.h>
#include <lib/option.h>

#define EARLY_DIRECT_END	(1ull << 32)
#define CPUID7_ECX_LA57		(1u << 16)

static struct bootinfo boot_info;

static bool la57_asked;
option_flag(la57, &la57_asked, "five levels of page tables, where the CPU has them");

const void *boot_ptr(uint64_t pa, uint64_t n)
{
	if (pa >= EARLY_DIRECT_END || n > EARLY_DIRECT_END - pa)
		return NULL;
	return phys_to_virt(paddr(pa));
}

/* PML5[0] and [511] -> the early PML4: what it shows keeps its addresses, low and high. */
static void la57_enable(void)
{
	uint32_t pml4 = (uint32_t)((uintptr_t)early_pml4 - KERNEL_BASE);
	uint32_t pml5 = (uint32_t)((uintptr_t)early_pml5 - KERNEL_BASE);

	early_pml5[0] = early_pml5[511] = pml4 | 3;
	boot_enter_la57(pml5);
}

void boot_main(uint32_t magic, uint32_t info)
{
	struct bootinfo *bi = &boot_info;
	bool ok = magic == BOOT_PVH ? pvh_read(bi, info) : multiboot2_read(bi, info);

	if (!ok)
		panic("the boot loader's information at 0x%x cannot be read", info);
	ranges_finish(bi);
	fw_cfg_read(bi);
	if (boot_cmdline_flag(bi->cmdline, "la57") && (cpuid(7, 0).c & CPUID7_ECX_LA57))
		la57_enable();
	kernel_main(bi);
}

void boot_warn(void)
{
	if (la57_asked && arch_levels != 5)
		log_warn("boot: la57 was asked for, but this CPU has four levels");
}
