/*
 * Signal frames.
 *
 *	the interrupted stack
 *	128 bytes that a leaf function may use (the red zone)	not on another stack
 *	magic number 2						4 bytes
 *	FPU: FXSAVE layout, 512 bytes, in its last 48 the sizes
 *	     and magic number 1; XSAVE header; the rest		64-byte aligned
 *	siginfo
 *	ucontext
 *	return address (the restorer)				rsp at the handler's first
 *								instruction: 16-byte aligned + 8
 *
 * The FPU's registers are still the interrupted program's: nothing in the
 * kernel uses them. So XSAVE writes them right into the frame, and XRSTOR
 * loads them from there; the CPU itself refuses what is malformed (#GP, by the
 * exception table), and the program cannot change it in between.
 *
 * Linux: Documentation/x86/xstate.rst, <asm/sigcontext.h>. SDM vol. 1 13.4
 * (XSAVE area), 13.8 (XRSTOR's faults).
 */
#include <arch/sigframe.h>
#include <arch/uaccess.h>
#include <arch/x86_64/entry.h>
#include <asm/siginfo.h>
#include <asm/signal.h>
#include <asm/sigcontext.h>
#include <asm/ucontext.h>
#include <lib/string.h>
#include <linux/errno.h>

#define RED_ZONE	128
#define FXSAVE_SIZE	512u
#define XSTATE_FPSSE	3u
/* What ring 3 may change of its flags: AC OF DF TF SF ZF AF PF CF, and RF. */
#define FLAGS_USER	0x50dd5ul

struct rt_sigframe {
	uint64_t restorer;
	struct ucontext uc;
	siginfo_t info;
};

/* As the handler finds it: the head of the frame is copied, with the siginfo or without. */
#define HEAD_SIZE	offsetof(struct rt_sigframe, info)

_Static_assert(sizeof(struct rt_sigframe) == 440, "Linux's");
_Static_assert(offsetof(struct rt_sigframe, uc.uc_mcontext) == 48, "Linux's");
_Static_assert(offsetof(siginfo_t, _sifields) == 16, "Linux's");

/* sigframe_fpu.S: 0 or -EFAULT. The area is the user's, in its half. */
int user_xsave(void *area, uint64_t components);
int user_xrstor(const void *area, uint64_t components);
int user_fxsave(void *area);
int user_fxrstor(const void *area);

/* ---- the FPU's part ---- */

static size_t fpu_size(void)
{
	return arch_features.xsave ? arch_features.xsave_size + FP_XSTATE_MAGIC2_SIZE : FXSAVE_SIZE;
}

/* Where in the FXSAVE area software has a place of its own. */
static struct _fpx_sw_bytes __user *sw_bytes(vaddr_t fpu)
{
	return (struct _fpx_sw_bytes __user *)(fpu + offsetof(struct _fpstate_64, sw_reserved));
}

static int fpu_push(vaddr_t at)
{
	struct _fpx_sw_bytes sw = {
		.magic1 = FP_XSTATE_MAGIC1,
		.extended_size = arch_features.xsave_size + FP_XSTATE_MAGIC2_SIZE,
		.xfeatures = arch_features.xcr0,
		.xstate_size = arch_features.xsave_size,
	};

	if (!user_range_ok((void __user *)at, fpu_size()))
		return -EFAULT;
	if (!arch_features.xsave)
		return user_fxsave((void *)at);
	if (user_xsave((void *)at, arch_features.xcr0) || copy_to_user(sw_bytes(at), &sw, sizeof(sw)))
		return -EFAULT;
	return put_user_u32(FP_XSTATE_MAGIC2, (uint32_t __user *)(at + arch_features.xsave_size));
}

static void fpu_reset(uint64_t components)
{
	static const uint8_t zero[FXSAVE_SIZE + 64] __attribute__((aligned(64)));
	static const struct _fpstate_64 fresh __attribute__((aligned(64))) = { .cwd = 0x37f, .mxcsr = 0x1f80 };

	if (!arch_features.xsave)
		__asm__ volatile("fxrstor64 %0" :: "m"(fresh) : "memory");
	else if (components)
		__asm__ volatile("xrstor64 %0" :: "m"(zero), "a"((uint32_t)components),
				 "d"((uint32_t)(components >> 32)) : "memory");
}

/* The components that the area holds; 0: only what FXSAVE knows. */
static int fpu_components(vaddr_t at, uint64_t *components)
{
	struct _fpx_sw_bytes sw;
	uint32_t magic2;

	*components = 0;
	if (copy_from_user(&sw, sw_bytes(at), sizeof(sw)))
		return -EFAULT;
	if (sw.magic1 != FP_XSTATE_MAGIC1 || sw.xstate_size < FXSAVE_SIZE + 64 ||
	    sw.xstate_size > arch_features.xsave_size || sw.xstate_size > sw.extended_size)
		return 0;
	if (get_user_u32(&magic2, (const uint32_t __user *)(at + sw.xstate_size)))
		return -EFAULT;
	if (magic2 == FP_XSTATE_MAGIC2)
		*components = sw.xfeatures & arch_features.xcr0;
	return 0;
}

static int fpu_load(vaddr_t at)
{
	uint64_t components;

	if (!at) {
		fpu_reset(arch_features.xcr0);
		return 0;
	}
	if (!user_range_ok((const void __user *)at, fpu_size()))
		return -EFAULT;
	if (!arch_features.xsave)
		return user_fxrstor((const void *)at);
	if (fpu_components(at, &components))
		return -EFAULT;
	fpu_reset(arch_features.xcr0 & ~(components ? components : (uint64_t)XSTATE_FPSSE));
	return components ? user_xrstor((const void *)at, components) : user_fxrstor((const void *)at);
}

static int fpu_pop(vaddr_t at)
{
	int err = fpu_load(at);

	if (err)
		fpu_reset(arch_features.xcr0);
	return err;
}

/* ---- registers ---- */

static void save_regs(struct sigcontext *sc, const struct trapframe *tf)
{
	sc->r8 = tf->r8;
	sc->r9 = tf->r9;
	sc->r10 = tf->r10;
	sc->r11 = tf->r11;
	sc->r12 = tf->r12;
	sc->r13 = tf->r13;
	sc->r14 = tf->r14;
	sc->r15 = tf->r15;
	sc->rdi = tf->rdi;
	sc->rsi = tf->rsi;
	sc->rbp = tf->rbp;
	sc->rbx = tf->rbx;
	sc->rdx = tf->rdx;
	sc->rax = tf->rax;
	sc->rcx = tf->rcx;
	sc->rsp = tf->rsp;
	sc->rip = tf->rip;
	sc->eflags = tf->rflags;
	sc->cs = (uint16_t)tf->cs;
	sc->ss = (uint16_t)tf->ss;
}

static void load_regs(struct trapframe *tf, const struct sigcontext *sc)
{
	tf->r8 = sc->r8;
	tf->r9 = sc->r9;
	tf->r10 = sc->r10;
	tf->r11 = sc->r11;
	tf->r12 = sc->r12;
	tf->r13 = sc->r13;
	tf->r14 = sc->r14;
	tf->r15 = sc->r15;
	tf->rdi = sc->rdi;
	tf->rsi = sc->rsi;
	tf->rbp = sc->rbp;
	tf->rbx = sc->rbx;
	tf->rdx = sc->rdx;
	tf->rax = sc->rax;
	tf->rcx = sc->rcx;
	tf->rsp = sc->rsp;
	tf->rip = sc->rip;
	tf->rflags = (tf->rflags & ~FLAGS_USER) | (sc->eflags & FLAGS_USER);
}

/* ---- the frame ---- */

static vaddr_t frame_address(const struct trapframe *tf, const struct sigframe *f, vaddr_t *fpu)
{
	vaddr_t sp = f->top ? f->top : tf->rsp - RED_ZONE;

	*fpu = ALIGN_DOWN(sp - fpu_size(), 64);
	return ALIGN_DOWN(*fpu - sizeof(struct rt_sigframe), 16) - 8;
}

static void fill_frame(struct rt_sigframe *s, const struct trapframe *tf, const struct sigframe *f, vaddr_t fpu)
{
	memset(&s->uc.uc_mcontext.reserved1, 0, sizeof(s->uc.uc_mcontext.reserved1));
	s->restorer = f->restorer;
	s->uc.uc_flags = (arch_features.xsave ? UC_FP_XSTATE : 0) | UC_SIGCONTEXT_SS | UC_STRICT_RESTORE_SS;
	s->uc.uc_link = NULL;
	memset(&s->uc.uc_stack, 0, sizeof(s->uc.uc_stack));
	s->uc.uc_stack.ss_sp = (void *)f->stack;
	s->uc.uc_stack.ss_flags = f->stack_flags;
	s->uc.uc_stack.ss_size = f->stack_size;
	save_regs(&s->uc.uc_mcontext, tf);
	s->uc.uc_mcontext.gs = s->uc.uc_mcontext.fs = 0;
	s->uc.uc_mcontext.err = f->error;
	s->uc.uc_mcontext.trapno = f->trap;
	s->uc.uc_mcontext.oldmask = f->mask;
	s->uc.uc_mcontext.cr2 = f->cr2;
	s->uc.uc_mcontext.fpstate = (void *)fpu;
	s->uc.uc_sigmask = f->mask;
}

static size_t fill_info(struct rt_sigframe *s, const struct sigframe *f)
{
	if (!f->info)
		return HEAD_SIZE;
	memcpy(&s->info, f->info, SIGINFO_HEAD);
	memset((uint8_t *)&s->info + SIGINFO_HEAD, 0, sizeof(s->info) - SIGINFO_HEAD);
	return sizeof(*s);
}

/* The handler's arguments: signal, siginfo, ucontext; rax 0 for what has no prototype. */
static void enter_handler(struct trapframe *tf, const struct sigframe *f, vaddr_t at)
{
	tf->rdi = (uint64_t)f->signo;
	tf->rsi = at + offsetof(struct rt_sigframe, info);
	tf->rdx = at + offsetof(struct rt_sigframe, uc);
	tf->rax = 0;
	tf->rsp = at;
	tf->rip = f->handler;
	tf->cs = SEL_UCODE3;
	tf->ss = SEL_UDATA3;
	tf->rflags &= ~(uint64_t)(RFLAGS_DF | RFLAGS_RF | RFLAGS_TF);
	arch_syscall_over(tf);
}

int arch_sigframe_push(struct trapframe *tf, const struct sigframe *f)
{
	struct rt_sigframe s;
	vaddr_t fpu, at = frame_address(tf, f, &fpu);
	size_t n;

	if (at < f->bottom || at > fpu)
		return -EFAULT;
	fill_frame(&s, tf, f, fpu);
	n = fill_info(&s, f);
	if (fpu_push(fpu) || copy_to_user((void __user *)at, &s, n))
		return -EFAULT;
	enter_handler(tf, f, at);
	return 0;
}

/* Only the two selectors of ring 3; a program that kept no ss gets the right one. */
static int check_selectors(const struct ucontext *uc)
{
	if ((uc->uc_mcontext.cs | 3) != SEL_UCODE3)
		return -EFAULT;
	return uc->uc_flags & UC_STRICT_RESTORE_SS && (uc->uc_mcontext.ss | 3) != SEL_UDATA3 ? -EFAULT : 0;
}

int arch_sigframe_pop(struct trapframe *tf, struct sigframe *f)
{
	/* The restorer's `ret` took the return address. */
	const void __user *at = (const void __user *)(tf->rsp - 8 + offsetof(struct rt_sigframe, uc));
	struct ucontext uc;

	if (copy_from_user(&uc, at, sizeof(uc)) || check_selectors(&uc))
		return -EFAULT;
	f->mask = uc.uc_sigmask;
	f->stack = (uint64_t)uc.uc_stack.ss_sp;
	f->stack_size = uc.uc_stack.ss_size;
	f->stack_flags = uc.uc_stack.ss_flags;
	load_regs(tf, &uc.uc_mcontext);
	arch_syscall_over(tf);
	return fpu_pop((vaddr_t)uc.uc_mcontext.fpstate);
}

/* ---- exceptions of the FPU ---- */

int arch_fpe_code(const struct trapframe *tf)
{
	static const struct { unsigned bits; int code; } codes[] = {
		{ 0x01, FPE_FLTINV }, { 0x04, FPE_FLTDIV }, { 0x08, FPE_FLTOVF }, { 0x12, FPE_FLTUND },
		{ 0x20, FPE_FLTRES },
	};
	uint16_t control, status;
	uint32_t mxcsr;
	unsigned raised;

	if (tf->vector == VEC_XM) {
		__asm__ volatile("stmxcsr %0" : "=m"(mxcsr));
		raised = mxcsr & ~(mxcsr >> 7);
	} else {
		__asm__ volatile("fnstcw %0; fnstsw %1" : "=m"(control), "=m"(status));
		raised = (unsigned)status & ~(unsigned)control;
	}
	for (unsigned i = 0; i < ARRAY_SIZE(codes); i++)
		if (raised & codes[i].bits)
			return codes[i].code;
	return 0;
}
