/*
 * What a thread keeps of the CPU while it does not run: callee-saved
 * registers (on its stack), the FPU (eagerly: saved and loaded at every switch of
 * a thread that has an area), and the user's FS and GS bases. The kernel
 * itself uses neither FPU nor FS; GS base of ring 3 waits in
 * MSR_KERNEL_GS_BASE while the thread is in the kernel.
 *
 * The segment selectors of ring 3 are not kept: nothing in 64-bit mode
 * reads through them but the two bases.
 *
 * SDM vol. 1 13 (XSAVE), 10.5 (FXSAVE); vol. 3A 3.4.4 (FS and GS).
 */
#include <arch/x86_64/percpu.h>
#include <arch/layout.h>
#include <lib/assert.h>
#include <lib/string.h>

#define FPU_FCW		0x037f		/* all x87 exceptions masked, 64-bit precision */
#define FPU_LEGACY	512		/* bytes before the XSAVE header */
#define FPU_MXCSR	0x1f80		/* all SSE exceptions masked */

/* The legacy part of an FPU area; the XSAVE header and the rest follow at 512. */
struct fxsave {
	uint16_t fcw, fsw;
	uint32_t tag_and_opcode;
	uint64_t fip, fdp;
	uint32_t mxcsr, mxcsr_mask;
};

/* context.S: the switch itself; and where a new thread comes out of it. */
void context_swap(uint64_t *prev_rsp, uint64_t next_rsp);
void context_start(void);

/* What context_swap pops, at the bottom of a new thread's stack. */
struct context_frame {
	uint64_t r15, r14, r13, r12, rbx, rbp, rip;
	uint64_t end;			/* of the stack trace */
};

void arch_context_init(struct context *ctx, uint64_t stack_top, void (*fn)(void *), void *arg)
{
	/* Below where a frame of ring 3 would lie: one may be put there first. */
	struct context_frame *f = (struct context_frame *)arch_stack_frame(stack_top) - 1;

	assert(IS_ALIGNED(stack_top, 16));
	memset(f, 0, sizeof(*f));
	f->rip = (uint64_t)context_start;
	f->rbx = (uint64_t)fn;
	f->r12 = (uint64_t)arg;
	*ctx = (struct context){ .rsp = (uint64_t)f };
}

/* rbp and the return address lie there as in a frame. */
const void *arch_context_frame(const struct context *ctx)
{
	return &((const struct context_frame *)ctx->rsp)->rbp;
}

static void fpu_save(void *area)
{
	if (arch_features.xsave)
		__asm__ volatile("xsave64 (%0)" :: "r"(area), "a"(-1), "d"(-1) : "memory");
	else
		__asm__ volatile("fxsave64 (%0)" :: "r"(area) : "memory");
}

void arch_fpu_load(const void *area)
{
	if (arch_features.xsave)
		__asm__ volatile("xrstor64 (%0)" :: "r"(area), "a"(-1), "d"(-1) : "memory");
	else
		__asm__ volatile("fxrstor64 (%0)" :: "r"(area) : "memory");
}

/*
 * XSAVE leaves the header's reserved bytes as they are, and XRSTOR wants zeros
 * there.
 */
void arch_fpu_fork(void *area)
{
	if (arch_features.xsave)
		memset((uint8_t *)area + FPU_LEGACY, 0, 64);
	fpu_save(area);
}

/* An XSAVE header of zeros says: every component in its initial state. */
void arch_fpu_init(void *area)
{
	struct fxsave *fx = area;

	memset(area, 0, arch_features.xsave_size);
	fx->fcw = FPU_FCW;
	fx->mxcsr = FPU_MXCSR;
}

uint64_t arch_get_fs_base(void)
{
	uint64_t v;

	if (!arch_features.fsgsbase)
		return rdmsr(MSR_FS_BASE);
	__asm__ volatile("rdfsbase %0" : "=r"(v));
	return v;
}

void arch_set_fs_base(uint64_t v)
{
	if (arch_features.fsgsbase)
		__asm__ volatile("wrfsbase %0" :: "r"(v));
	else
		wrmsr(MSR_FS_BASE, v);
}

uint64_t arch_get_gs_base(void)
{
	return rdmsr(MSR_KERNEL_GS_BASE);
}

void arch_set_gs_base(uint64_t v)
{
	wrmsr(MSR_KERNEL_GS_BASE, v);
}

static void user_state_save(struct context *prev)
{
	fpu_save(prev->fpu);
	prev->fs_base = arch_get_fs_base();
	prev->gs_base = arch_get_gs_base();
}

static void user_state_load(const struct context *next)
{
	arch_fpu_load(next->fpu);
	arch_set_fs_base(next->fs_base);
	arch_set_gs_base(next->gs_base);
}

void arch_context_switch(struct context *prev, struct context *next, uint64_t kstack_top)
{
	struct x86_cpu *xc = this_x86_cpu();

	if (prev->fpu)
		user_state_save(prev);
	if (next->fpu)
		user_state_load(next);
	xc->cpu.kstack_top = kstack_top;
	xc->tss.rsp[0] = kstack_top;
	context_swap(&prev->rsp, next->rsp);
}

void arch_user_frame(struct trapframe *tf, vaddr_t ip, vaddr_t sp)
{
	*tf = (struct trapframe){
		.rip = ip, .cs = SEL_UCODE3, .rflags = RFLAGS_IF | RFLAGS_FIXED,
		.rsp = sp, .ss = SEL_UDATA3,
	};
}

void arch_enter_user(struct trapframe *tf)
{
	entry_to_user(tf, this_cpu()->kstack_top);
}
