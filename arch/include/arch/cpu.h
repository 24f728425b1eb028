/*
 * A CPU as the rest of the kernel sees it: its own data (found by GS), its
 * interrupt flag, its clock, and what it can do.
 *
 * struct cpu begins with what the entry code uses by offset (arch/x86_64/
 * offsets are checked there by static assertions).
 */
#ifndef ARCH_CPU_H
#define ARCH_CPU_H

#include <arch/types.h>

#define MAX_CPUS	256
#define CPU_HELD_MAX	16
#define CPU_LOCK_RANKS	40

struct thread;
struct aspace;
struct lock_class;

struct lock_held {		/* lib/lock.c, debug builds */
	const void *lock;
	unsigned rank;
};

/*
 * Address spaces whose translations a CPU keeps while it runs others (PCIDs):
 * each slot by its aspace's id, since ids are never used again, with the
 * generation up to which it was flushed when the CPU left it.
 */
#define TLB_SLOTS	8

struct tlb_slots {
	uint64_t id[TLB_SLOTS];		/* 0: nobody's */
	uint64_t generation[TLB_SLOTS];
	unsigned current;		/* of the one that is loaded; TLB_SLOTS: the kernel's, which has none */
	unsigned next;			/* given away next */
};

struct cpu {
	/* used by entry.S at fixed offsets: keep the order */
	struct cpu *self;		/*  0 */
	struct thread *current;		/*  8: never changes under the thread that reads it */
	uint64_t kstack_top;		/* 16: where syscalls and faults of ring 3 land */
	uint64_t user_rsp;		/* 24: scratch of the syscall entry */
	uint32_t need_resched;		/* 32: NEED_*; asks for upcall_return_to_user */
	uint32_t id;			/* 36: 0 .. MAX_CPUS - 1, dense */
	/* free order from here */
	uint32_t apic_id;
	uint32_t irq_depth;		/* > 0 in an interrupt handler */
	struct aspace *aspace;		/* whose root CR3 holds */
	uint64_t tlb_generation;	/* of aspace, up to which this CPU has flushed; own CPU, interrupts off */
	bool lazy;			/* it keeps aspace loaded, but uses only the kernel's half; others read */
	struct thread *idle;
	void *runq;			/* kernel/core's */
	void *fpu_owner;
	struct lock_held held[CPU_HELD_MAX];	/* in the order of taking */
	unsigned nheld;
	uint64_t contended[CPU_LOCK_RANKS]; /* lib/lock.c: locks of each rank that had to be waited for */
	uint64_t ticks;			/* timer interrupts taken */
	uint64_t interrupts;		/* all of them; own CPU, others read */
	struct tlb_slots slots;		/* own CPU, interrupts off */
};

/* Why a CPU leaves its way back to ring 3. */
#define NEED_SCHEDULE	1u	/* somebody else is to run */
#define NEED_ATTENTION	2u	/* the running thread is interrupted */
#define NEED_GRACE	4u	/* this CPU has put off much that may be due */

extern struct cpu *arch_cpus[MAX_CPUS];	/* by id; NULL: not there */
extern unsigned arch_ncpus;

#ifdef HOST_TEST
struct cpu *this_cpu(void);
struct thread *current_thread(void);
uint64_t irq_save(void);
void irq_restore(uint64_t flags);
void irq_enable(void);
void irq_disable(void);
bool irq_enabled(void);
static inline void cpu_relax(void) { }
uint64_t arch_tsc(void);
#else
static inline struct cpu *this_cpu(void)
{
	struct cpu *c;

	__asm__ volatile("movq %%gs:0, %0" : "=r"(c));
	return c;
}
/* Not volatile: a thread's own pointer is the same on whatever CPU it runs. */
static inline struct thread *current_thread(void)
{
	struct thread *t;

	__asm__("movq %%gs:8, %0" : "=r"(t));
	return t;
}
static inline bool irq_enabled(void)
{
	uint64_t f;

	__asm__ volatile("pushfq; popq %0" : "=r"(f) :: "memory");
	return f & 0x200;
}
static inline void irq_enable(void) { __asm__ volatile("sti" ::: "memory"); }
static inline void irq_disable(void) { __asm__ volatile("cli" ::: "memory"); }
static inline uint64_t irq_save(void)
{
	uint64_t f;

	__asm__ volatile("pushfq; popq %0; cli" : "=r"(f) :: "memory");
	return f;
}
static inline void irq_restore(uint64_t f)
{
	if (f & 0x200)
		irq_enable();
}
static inline void cpu_relax(void) { __asm__ volatile("pause" ::: "memory"); }
static inline uint64_t arch_tsc(void)
{
	uint32_t lo, hi;

	__asm__ volatile("rdtsc" : "=a"(lo), "=d"(hi) :: "memory");
	return (uint64_t)hi << 32 | lo;
}
#endif

/* What this machine has; filled once by arch_cpu_init on the boot CPU. */
struct cpu_features {
	bool nx, pge, pdpe1gb, la57, smep, smap, umip, fsgsbase, pcid, invpcid, xsave, avx, avx2,
	     x2apic, erms, tsc_deadline, rdrand, pat, hypervisor;
	unsigned phys_bits, virt_bits;	/* MAXPHYADDR; 48 or 57 */
	uint64_t xcr0;			/* the state components that are on: x87, SSE, AVX */
	uint32_t xsave_size;		/* bytes of an FPU save area */
	char vendor[13], brand[49];
};
extern struct cpu_features arch_features;

extern unsigned arch_levels;		/* of page tables: 4, or 5 with LA57 */

/* Sleeps until the next interrupt. Interrupts are off at the call, on after it. */
void arch_idle(void);
/* Leaves the machine: `code` goes to isa-debug-exit (0x10 pass, 0x11 fail, 0x12 panic). */
void arch_exit(uint8_t code) __noreturn;

/* Monotonic nanoseconds since boot, from the calibrated TSC. */
uint64_t arch_clock_ns(void);
extern uint64_t arch_tsc_khz;
/* Real time: seconds since 1970 read from the CMOS clock at boot, at arch_clock_ns() 0. */
uint64_t arch_boot_epoch_s(void);
/* 64 random bits: RDRAND where the CPU has it, mixed with the TSC. */
uint64_t arch_random(void);

#endif
