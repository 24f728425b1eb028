/*
 * Devices of the machine that everything needs: console lines, interrupt
 * lines, the timer, ACPI's list of CPUs.
 */
#ifndef ARCH_MACHINE_H
#define ARCH_MACHINE_H

#include <arch/types.h>

/* -- in the order of kernel_main -- */

/* First thing in the kernel: per-CPU data of the boot CPU, GDT, IDT, CR0/CR4/EFER/XCR0, features. */
void arch_cpu_init(void);
/* A line on the log: which CPU, how many levels, which protections are on. */
void arch_cpu_show(void);
/* COM1 and the debug console, polled; works before everything else. */
void arch_console_init(void);
/* Reads the MADT (checksums verified, lengths bounded) from the direct map; rsdp 0: search the BIOS areas. */
void arch_acpi_init(paddr_t rsdp);
/*
 * Masks the 8259s, maps (by map_mmio, uncached) and enables LAPIC and IOAPIC,
 * calibrates TSC and LAPIC timer, reads the CMOS clock.
 */
void arch_irq_init(void *(*map_mmio)(paddr_t pa, size_t bytes));
/* Starts the tick of this CPU: upcall_timer() hz times a second; stop and start around idle. */
void arch_tick_start(unsigned hz);
void arch_tick_stop(void);
/* One interrupt at arch_clock_ns() >= ns (for idle CPUs whose tick is stopped). */
void arch_timer_oneshot(uint64_t ns);

/* Interrupt lines (ISA numbers, overrides of the MADT applied). fn runs with interrupts off. */
void arch_irq_register(unsigned isa_irq, void (*fn)(void *), void *arg);

/*
 * The same for a device that interrupts by a write to memory (PCI's MSI-X): what it is to write,
 * and where. False: all 16 are taken. Boot only.
 */
struct arch_msi { uint64_t address; uint32_t data; };
bool __must_check arch_msi_register(void (*fn)(void *), void *arg, struct arch_msi *msi);
/*
 * A 32-bit register of PCI's configuration space; function: bus << 8 | device << 3 |
 * function. All ones where there is none. Boot only.
 */
uint32_t arch_pci_read(unsigned function, unsigned reg);
void arch_pci_write(unsigned function, unsigned reg, uint32_t v);

/* Console output. Never blocks for long: waits for room by polling. */
void arch_serial_write(const char *s, size_t n);
void arch_debugcon_write(const char *s, size_t n);
bool arch_debugcon_present(void);
/* One byte of COM1's input, or -1. */
int arch_serial_getc(void);
/*
 * Calls fn(arg) (interrupts off) when COM1 has input, or has room again after
 * arch_serial_try_write() said 0. fn may leave input where it is: then it is
 * not called for input again before arch_serial_getc() has answered -1.
 */
void arch_serial_irq_enable(void (*fn)(void *), void *arg);
/* Bytes written to COM1 without waiting: as many as it takes now; 0: full, an interrupt will come. */
size_t arch_serial_try_write(const char *s, size_t n);

/* Switches the machine off: leaves the emulator in order, or sleeps for good (ACPI S5), or halts. */
void arch_power_off(void) __noreturn;
/* This CPU does nothing any more. */
void arch_halt(void) __noreturn;
/* Reboot (Linux's RB_AUTOBOOT). */
void arch_reboot(void) __noreturn;

struct acpi_madt_info {
	unsigned ncpus;			/* enabled CPUs listed */
	uint32_t apic_id[256];
	paddr_t lapic;
	paddr_t ioapic;
	uint32_t ioapic_gsi_base;
	struct { uint32_t gsi; uint16_t flags; } isa[16];	/* overrides; identity where none */
	bool found;			/* false: defaults of the PC platform */
};
extern struct acpi_madt_info arch_madt;

/* What panic prints of this machine: control registers, the walk of CR2. */
void arch_show_walk(vaddr_t va);
uint64_t arch_read_cr2(void);

/* The range of the kernel image's parts, from linker.ld (virtual, page-aligned). */
extern char kernel_start[], text_start[], text_end[], rodata_start[], rodata_end[], data_start[],
	    data_end[], bss_start[], bss_end[], kernel_end[];

/*
 * True for the pages inside the image's bss that lie under the boot CPU's
 * stacks: the final kernel tables leave them unmapped.
 */
bool arch_image_guard(vaddr_t va);
/* Set by mm/pt: true if va lies in the guard page of a kernel stack. NULL: there are none yet. */
extern bool (*arch_guard_probe)(vaddr_t va);

/* Loads the final kernel tables: root goes to CR3 with global pages on; kernel_aspace.root is set by the caller. */
void arch_paging_switch(paddr_t root);

#endif
