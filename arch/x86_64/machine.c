/*
 * Ways to stop (halt, leave, reboot), and random numbers.
 */
#include <arch/machine.h>
#include <arch/x86_64/dev.h>
#include <arch/x86_64/x86.h>

#define PORT_EXIT	0xf4	/* QEMU's isa-debug-exit */
#define PORT_RESET	0xcf9	/* the chipset's reset control */
#define PORT_KBD	0x64	/* the keyboard controller's commands; 0xfe pulses reset */
#define EXIT_ORDERLY	0x10
#define RDRAND_TRIES	10	/* SDM vol. 1, 7.3.17.1 */

void cpu_halt(void)
{
	for (;;)
		__asm__ volatile("cli; hlt" ::: "memory");
}

void arch_halt(void)
{
	cpu_halt();
}

void arch_exit(uint8_t code)
{
	outb(PORT_EXIT, code);
	cpu_halt();
}

void arch_power_off(void)
{
	irq_disable();
	outb(PORT_EXIT, EXIT_ORDERLY);
	acpi_power_off();
	cpu_halt();
}

/* Two ways that machines have, then one that all have: a triple fault. */
void arch_reboot(void)
{
	struct { uint16_t limit; uint64_t base; } __attribute__((packed)) none = { 0, 0 };

	irq_disable();
	outb(PORT_RESET, 0x02);
	outb(PORT_RESET, 0x06);
	outb(PORT_KBD, 0xfe);
	__asm__ volatile("lidt %0; int3" :: "m"(none));
	cpu_halt();
}

static bool rdrand(uint64_t *v)
{
	bool ok = false;

	for (unsigned i = 0; !ok && i < RDRAND_TRIES; i++)
		__asm__ volatile("rdrand %0; setc %1" : "=r"(*v), "=qm"(ok) :: "cc");
	return ok;
}

/* The finaliser of splitmix64: every bit of v moves every bit of the result. */
static uint64_t mix(uint64_t v)
{
	v = (v ^ v >> 30) * 0xbf58476d1ce4e5b9u;
	v = (v ^ v >> 27) * 0x94d049bb133111ebu;
	return v ^ v >> 31;
}

uint64_t arch_random(void)
{
	static uint64_t state;
	uint64_t hw = 0, s;

	if (arch_features.rdrand && !rdrand(&hw))
		hw = 0;
	s = __atomic_add_fetch(&state, 0x9e3779b97f4a7c15u ^ arch_tsc(), __ATOMIC_RELAXED);
	return hw ^ mix(s);
}
