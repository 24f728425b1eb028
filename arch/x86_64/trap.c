/*
 * Exceptions, sorted: those of ring 3 go up by <arch/upcall.h>; a fault of
 * user copy goes up as well and else ends at its place in the exception
 * table; everything else is a bug of this kernel, and is told in a sentence.
 *
 * SDM vol. 3A 6.15 (each exception), 4.7 (error code of #PF).
 */
#include <arch/x86_64/percpu.h>
#include <arch/layout.h>
#include <arch/machine.h>
#include <arch/upcall.h>
#include <lib/assert.h>

#define PF_PRESENT	(1u << 0)
#define PF_WRITE	(1u << 1)
#define PF_RESERVED	(1u << 3)
#define PF_FETCH	(1u << 4)

#define DR6_CLEAR	0xffff0ff0ul

_Static_assert(offsetof(struct trapframe, rcx) == TF_RCX, "entry.S");
_Static_assert(offsetof(struct trapframe, r11) == TF_R11, "entry.S");
_Static_assert(offsetof(struct trapframe, vector) == TF_VECTOR, "entry.S");
_Static_assert(offsetof(struct trapframe, rip) == TF_RIP, "entry.S");
_Static_assert(offsetof(struct trapframe, cs) == TF_CS, "entry.S");
_Static_assert(offsetof(struct trapframe, rflags) == TF_RFLAGS, "entry.S");
_Static_assert(offsetof(struct trapframe, rsp) == TF_RSP, "entry.S");
_Static_assert(sizeof(struct trapframe) == TF_SIZE, "entry.S");
_Static_assert(TRAP_SYSCALL == TF_SYSCALL, "entry.S");

bool (*arch_guard_probe)(vaddr_t va);

static const struct extable_entry *extable_find(uint64_t rip)
{
	for (const struct extable_entry *e = extable_start; e < extable_end; e++)
		if (rel_addr(&e->insn) == rip)
			return e;
	return NULL;
}

static void extable_fix(struct trapframe *tf, const struct extable_entry *e)
{
	tf->rip = rel_addr(&e->fixup);
}

static unsigned fault_access(uint64_t error)
{
	return (error & PF_FETCH ? ACCESS_EXEC : error & PF_WRITE ? ACCESS_WRITE : ACCESS_READ) |
	       (error & PF_PRESENT ? ACCESS_PRESENT : 0);
}

static bool in_image(vaddr_t va, const char *start, const char *end)
{
	return va >= (vaddr_t)start && va < (vaddr_t)end;
}

static bool is_guard(vaddr_t va)
{
	return arch_image_guard(va) || (arch_guard_probe && arch_guard_probe(va));
}

/* Why the kernel may not do what it did. */
static const char *fault_reason(vaddr_t va, uint64_t error)
{
	bool user = va < KERNEL_HALF;

	if (error & PF_RESERVED)
		return "a reserved bit is set in a page-table entry";
	if (va < USER_MIN)
		return "NULL pointer";
	if (is_guard(va))
		return "kernel stack overflow: guard page";
	if (error & PF_FETCH)
		return user ? "the kernel jumped into user memory" :
		       error & PF_PRESENT ? "the page is not executable" : "nothing is mapped there";
	if (user)
		return error & PF_PRESENT ? "user memory touched outside of user copy" :
		       "a user address outside of user copy";
	if (!(error & PF_PRESENT))
		return "nothing is mapped there";
	if (in_image(va, text_start, rodata_end))
		return "the kernel's text and constants are read-only";
	return error & PF_WRITE ? "the page is read-only" : "the entry forbids it";
}

static __noreturn __cold_ void page_fault_bug(const struct trapframe *tf, vaddr_t va)
{
	const char *what = tf->error & PF_FETCH ? "execution at" :
			   tf->error & PF_WRITE ? "write to" : "read of";

	panic_trap(tf, "page fault in the kernel: %s 0x%lx: %s", what, va,
		   fault_reason(va, tf->error));
}

/* #PF of ring 0: user copy, a probe, or a bug. */
static void kernel_page_fault(struct trapframe *tf)
{
	vaddr_t va = read_cr2();
	const struct extable_entry *e = extable_find(tf->rip);

	if (!e || (tf->error & PF_RESERVED))
		page_fault_bug(tf, va);
	if (e->kind != EX_PROBE) {
		bool done;

		if (va >= KERNEL_HALF || this_cpu()->irq_depth)
			page_fault_bug(tf, va);
		if (tf->rflags & RFLAGS_IF)
			irq_enable();
		done = upcall_page_fault(tf, va, fault_access(tf->error));
		irq_disable();
		if (done)
			return;
	}
	extable_fix(tf, e);
}

void trap_kernel(struct trapframe *tf)
{
	const struct extable_entry *e;

	if (tf->vector == VEC_PF) {
		kernel_page_fault(tf);
		return;
	}
	e = tf->vector == VEC_GP ? extable_find(tf->rip) : NULL;
	if (!e || e->kind == EX_USER)
		panic_trap(tf, "%s in the kernel, error code 0x%lx", vector_name(tf->vector),
			   tf->error);
	extable_fix(tf, e);
}

static void dr6_clear(void)
{
	__asm__ volatile("movq %0, %%dr6" :: "r"(DR6_CLEAR));
}

/* Not #PF. */
static __attribute__((noinline)) void user_exception(struct trapframe *tf)
{
	switch (tf->vector) {
	case VEC_NMI:
		smp_nmi(tf);
		return;
	case VEC_DF:
	case VEC_MC:
		panic_trap(tf, "%s in ring 3, error code 0x%lx", vector_name(tf->vector), tf->error);
	case VEC_DB:
		dr6_clear();
		break;
	}
	irq_enable();
	upcall_user_exception(tf);
}

void trap_user(struct trapframe *tf)
{
	vaddr_t va;

	if (unlikely(tf->vector != VEC_PF)) {
		user_exception(tf);
		return;
	}
	va = read_cr2();
	if (unlikely(tf->error & PF_RESERVED))
		page_fault_bug(tf, va);
	irq_enable();
	upcall_page_fault(tf, va, fault_access(tf->error) | ACCESS_USER);
}

static __noreturn __cold_ void double_fault(const struct trapframe *tf)
{
	vaddr_t va = read_cr2();

	if (is_guard(va) || is_guard(tf->rsp) || is_guard(tf->rsp - 8))
		panic_trap(tf, "kernel stack overflow: rsp 0x%lx ran into the guard page", tf->rsp);
	panic_trap(tf, "double fault in the kernel, CR2 0x%lx", va);
}

/*
 * #DB, NMI, #DF, #MC from ring 0, on their own stacks. Nothing here may fault
 * on the way back: an iretq of a nested exception would let a second NMI in.
 */
void trap_ist(struct trapframe *tf)
{
	switch (tf->vector) {
	case VEC_NMI:
		smp_nmi(tf);
		break;
	case VEC_DB:	/* ring 3 can leave one pending at its system call */
		dr6_clear();
		tf->rflags &= ~(uint64_t)RFLAGS_TF;
		break;
	case VEC_DF:
		double_fault(tf);
	default:
		panic_trap(tf, "%s in the kernel", vector_name(tf->vector));
	}
}

void irq_entry(struct trapframe *tf)
{
	struct cpu *c = this_cpu();

	c->irq_depth++;
	arch_irq_dispatch(tf);
	c->irq_depth--;
}
