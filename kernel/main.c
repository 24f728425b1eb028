/*
 * The kernel's beginning, from the boot code to the idle loop: each floor of
 * the house in turn (README: the list of floors). What runs then is up to the
 * first thread (kernel/proc/init.c).
 */
#include <arch/machine.h>
#include <arch/page.h>
#include <arch/smp.h>
#include <arch/upcall.h>
#include <boot/boot.h>
#include <boot/bootinfo.h>
#include <kernel/core/load.h>
#include <kernel/core/thread.h>
#include <kernel/dev/block.h>
#include <kernel/dev/boot_swap.h>
#include <kernel/dev/console.h>
#include <kernel/fs/file.h>
#include <kernel/fs/rootfs.h>
#include <kernel/proc/init.h>
#include <kernel/proc/oom.h>
#include <kernel/proc/process.h>
#include <lib/assert.h>
#include <lib/log.h>
#include <lib/option.h>
#include <mm/alloc/page.h>
#include <mm/alloc/slab.h>
#include <mm/mm.h>
#include <mm/pt/pt.h>
#include <mm/reclaim/compact.h>
#include <mm/reclaim/reclaim.h>
#include <mm/reclaim/zswap.h>

static void read_options(const struct bootinfo *bi)
{
	options_parse(bi->cmdline);
	log_info("Quire, a small kernel in which all of virtual memory is real");
	log_info("booted by %s, command line: %s%s", bi->loader, bi->cmdline,
		 bi->cmdline_cut ? " (cut)" : "");
	if (option_help) {
		options_help();
		arch_exit(0x10);
	}
	boot_warn();
	arch_cpu_show();
}

/* For another CPU: of the shape that its exception stacks need. */
static uint64_t cpu_stack(void)
{
	uint64_t bottom, top;

	return kstack_alloc(&bottom, &top) ? 0 : top;
}

void kernel_main(struct bootinfo *bi)
{
	arch_cpu_init();
	arch_console_init();
	read_options(bi);
	early_init(bi);
	kmap_build(bi);
	boot_swap_set_aside();
	page_init();
	slab_init();
	kmap_init();
	sched_init();
	arch_acpi_init(paddr(bi->rsdp));
	arch_irq_init(kmap_mmio);
	arch_pagecopy_init();
	mm_init();
	policy_init();
	file_init();
	fs_init(bi);
	console_init();
	block_init();
	process_init();
	arch_smp_start(cpu_stack, kzalloc);
	slab_cpus();
	compact_init();
	kcompactd_init();
	reclaim_init();
	zswap_init();
	khugepaged_init();
	irq_enable();
	oom_init();
	load_init();
	init_start();
	sched_idle_loop();
}

void kernel_main_ap(void)
{
	sched_join();
}
