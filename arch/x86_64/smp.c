/*
 * The other CPUs: started one by one, and stopped all at once.
 *
 * All get an INIT; then each in turn is sent its start (trampoline.S) and
 * waited for: it claims ap_cpu by moving ap_state from AWAITED to TAKEN,
 * sets itself up, says ALIVE, and goes on when it is told to. One that has not
 * claimed anything in time is given up: ap_state is taken back, and when it
 * comes after all it finds that nobody waits, or takes the place of the
 * next, which will then find that. So ids are dense whoever comes.
 *
 * The TSC is the clock of all CPUs: what one reads as it arrives must lie
 * between two readings of the boot CPU around it; if it does not, it is set.
 *
 * Stopping is for panics: an NMI reaches a CPU that spins with interrupts off.
 * CPUs are stopped one after another, so that the lines they say come whole.
 *
 * SDM vol. 3A 8.4 (MP initialization), 11.6 (IPIs), 17.17 (TSC).
 */
#include <arch/x86_64/dev.h>
#include <arch/x86_64/percpu.h>
#include <arch/aspace.h>
#include <arch/layout.h>
#include <arch/machine.h>
#include <arch/smp.h>
#include <arch/tlb.h>
#include <arch/upcall.h>
#include <lib/assert.h>
#include <lib/log.h>
#include <lib/option.h>
#include <lib/string.h>

#define NS_PER_MS	1000000ul
#define INIT_NS		(10 * NS_PER_MS)	/* from INIT to the first SIPI */
#define SIPI_NS		(200 * 1000ul)		/* to the second */
#define ALIVE_NS	(3000 * NS_PER_MS)	/* that a CPU may take: a virtual one waits for its host */
#define STOP_NS		(300 * NS_PER_MS)
#define STOP_ALL_NS	(3000 * NS_PER_MS)
#define FEW_CPUS	8			/* if there are more, the idle ones are not worth a line */
#define MSR_TSC		0x10

_Static_assert(AP_BASE == AP_TRAMPOLINE && AP_BASE < 0x100000 && AP_BASE % PAGE_SIZE == 0, "SIPI");

static uint64_t nr_cpus = MAX_CPUS - 1;
option_uint(nr_cpus, &nr_cpus, 1, MAX_CPUS - 1, "at most so many CPUs are used");

uint32_t ap_state;		/* atomic: AP_* */
struct x86_cpu *ap_cpu;		/* const while ap_state is not AP_NONE */
uint64_t ap_root;
static uint64_t ap_tsc;		/* what it read before ALIVE */
static uint64_t ap_tsc_add;	/* what it is to add, valid at GO */

/* ---- on the CPU that starts ---- */

void ap_main(struct x86_cpu *xc)
{
	cpu_setup(xc);
	arch_paging_switch(kernel_aspace.root);
	lapic_init_ap();
	kernel_main_ap();
}

void arch_smp_join(void)
{
	ap_tsc = arch_tsc();
	__atomic_store_n(&ap_state, AP_ALIVE, __ATOMIC_SEQ_CST);
	while (__atomic_load_n(&ap_state, __ATOMIC_SEQ_CST) != AP_GO)
		cpu_relax();
	if (ap_tsc_add)
		wrmsr(MSR_TSC, arch_tsc() + ap_tsc_add);
	__atomic_store_n(&ap_state, AP_NONE, __ATOMIC_SEQ_CST);
}

/* ---- on the boot CPU ---- */

static void delay(uint64_t ns)
{
	uint64_t end = arch_clock_ns() + ns;

	while (arch_clock_ns() < end)
		cpu_relax();
}

/* True if ap_state came to be `state` in time. */
static bool wait_state(uint32_t state, uint64_t ns)
{
	uint64_t end = arch_clock_ns() + ns;

	while (__atomic_load_n(&ap_state, __ATOMIC_SEQ_CST) != state) {
		if (arch_clock_ns() > end)
			return false;
		cpu_relax();
	}
	return true;
}

/* False: nobody claimed it, and nobody will. */
static bool claimed(uint32_t apic_id)
{
	uint32_t awaited = AP_AWAITED;

	for (unsigned i = 0; i < 2; i++) {
		lapic_send(apic_id, ICR_STARTUP | AP_TRAMPOLINE >> PAGE_SHIFT);
		if (wait_state(AP_ALIVE, i ? ALIVE_NS : SIPI_NS))
			return true;
		if (__atomic_load_n(&ap_state, __ATOMIC_SEQ_CST) == AP_TAKEN)
			break;
	}
	return !__atomic_compare_exchange_n(&ap_state, &awaited, AP_NONE, false, __ATOMIC_SEQ_CST,
					    __ATOMIC_SEQ_CST);
}

/* Starts a CPU on the data of xc, which it keeps if it comes. */
static bool start(uint32_t apic_id, struct x86_cpu *xc)
{
	uint64_t before = arch_tsc(), after;

	ap_cpu = xc;
	__atomic_store_n(&ap_state, AP_AWAITED, __ATOMIC_SEQ_CST);
	if (!claimed(apic_id))
		return false;
	if (!wait_state(AP_ALIVE, ALIVE_NS))
		panic("CPU with APIC id %u hangs in its first instructions", apic_id);
	after = arch_tsc();
	ap_tsc_add = 0;
	if (ap_tsc < before || ap_tsc > after) {
		ap_tsc_add = before + (after - before) / 2 - ap_tsc;
		log_warn("smp: the TSC of CPU %u was off by %ld and is set", xc->cpu.id,
			 (long)ap_tsc_add);
	}
	arch_cpus[xc->cpu.id] = &xc->cpu;
	tlb_by_generation = true;
	__atomic_store_n(&arch_ncpus, xc->cpu.id + 1, __ATOMIC_RELEASE);
	__atomic_store_n(&ap_state, AP_GO, __ATOMIC_SEQ_CST);
	while (__atomic_load_n(&ap_state, __ATOMIC_SEQ_CST) != AP_NONE)
		cpu_relax();
	return true;
}

/* The data of a CPU to be, with its stacks; NULL: no memory. */
static struct x86_cpu *cpu_make(uint64_t (*stack)(void), void *(*zalloc)(size_t))
{
	struct x86_cpu *xc = zalloc(sizeof(*xc));

	if (!xc)
		return NULL;
	xc->cpu.self = &xc->cpu;
	xc->cpu.kstack_top = stack();
	for (unsigned i = 0; i < IST_COUNT; i++) {
		uint64_t top = stack();

		if (!top || !xc->cpu.kstack_top)
			return NULL;
		assert(IS_ALIGNED(top, IST_SIZE));
		xc->tss.ist[i] = top - IST_CPU;
		*(struct cpu **)(top - IST_CPU) = &xc->cpu;
	}
	return xc;
}

static void trampoline_install(void)
{
	char *at = phys_to_virt(paddr(AP_TRAMPOLINE));

	assert(ap_trampoline_end - ap_trampoline <= (long)PAGE_SIZE);
	memcpy(at, ap_trampoline, (size_t)(ap_trampoline_end - ap_trampoline));
	*(uint64_t *)(at + (ap_cr3 - ap_trampoline)) = boot_root.v;
	*(uint64_t *)(at + (ap_cr4 - ap_trampoline)) = CR4_PAE | (read_cr4() & CR4_LA57);
	ap_root = kernel_aspace.root.v;
}

/* Those of the MADT besides this one, and as many as are wanted. */
static unsigned list_others(uint32_t *apic_id)
{
	unsigned n = 0;

	for (unsigned i = 0; i < arch_madt.ncpus && n + 1 < nr_cpus; i++)
		if (arch_madt.apic_id[i] != this_cpu()->apic_id && lapic_reaches(arch_madt.apic_id[i]))
			apic_id[n++] = arch_madt.apic_id[i];
	return n;
}

void arch_smp_start(uint64_t (*stack)(void), void *(*zalloc)(size_t n))
{
	static uint32_t apic_id[MAX_CPUS];
	unsigned n = list_others(apic_id);
	uint64_t begin = arch_clock_ns();
	struct x86_cpu *xc = NULL;

	assert(!irq_enabled() && arch_ncpus == 1);
	if (n)
		trampoline_install();
	for (unsigned i = 0; i < n; i++)
		lapic_send(apic_id[i], ICR_INIT | ICR_ASSERT);
	if (n)
		delay(INIT_NS);
	for (unsigned i = 0; i < n; i++) {
		if (!xc)
			xc = cpu_make(stack, zalloc);
		if (!xc) {
			log_warn("smp: no memory for more than %u CPUs", arch_ncpus);
			break;
		}
		xc->cpu.id = arch_ncpus;
		if (start(apic_id[i], xc))
			xc = NULL;
		else
			log_warn("smp: the CPU with APIC id %u does not answer", apic_id[i]);
	}
	begin = arch_clock_ns() - begin;
	log_info("smp: %u of %u CPU%s run%s, started in %lu.%03lu ms", arch_ncpus,
		 MAX(arch_madt.ncpus, 1u), arch_madt.ncpus > 1 ? "s" : "", arch_ncpus > 1 ? "" : "s",
		 begin / NS_PER_MS, begin / 1000 % 1000);
}

/* ---- IPIs ---- */

void arch_ipi_send(unsigned cpu, enum arch_ipi kind)
{
	static const uint8_t vector[] = {
		[IPI_RESCHEDULE] = VEC_RESCHEDULE, [IPI_CALL] = VEC_CALL,
	};

	lapic_send(arch_cpus[cpu]->apic_id, ICR_ASSERT | vector[kind]);
}

/* ---- the end ---- */

static bool stopping;		/* from now on an NMI is the order to stop */

void smp_nmi(const struct trapframe *tf)
{
	struct x86_cpu *xc = this_x86_cpu();

	xc->nmis++;
	if (likely(!READ_ONCE(stopping)))
		return;
	if (xc->cpu.current != xc->cpu.idle || arch_ncpus <= FEW_CPUS)
		arch_backtrace_line(tf);
	__atomic_store_n(&xc->stopped, true, __ATOMIC_RELEASE);
	cpu_halt();
}

void arch_stop_others(void)
{
	uint64_t end = arch_clock_ns() + STOP_ALL_NS;

	WRITE_ONCE(stopping, true);
	for (unsigned i = 0; i < arch_ncpus; i++) {
		struct x86_cpu *xc = container_of(arch_cpus[i], struct x86_cpu, cpu);
		uint64_t at = MIN(arch_clock_ns() + STOP_NS, end);

		if (&xc->cpu == this_cpu())
			continue;
		lapic_send(xc->cpu.apic_id, ICR_ASSERT | ICR_NMI);
		while (!__atomic_load_n(&xc->stopped, __ATOMIC_ACQUIRE) && arch_clock_ns() < at)
			cpu_relax();
	}
}
