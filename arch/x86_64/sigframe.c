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
 * exception table), and the program cannot change it in between. The rest of the
 * frame is written and read in place, too, word by word (user_words.h).
 *
 * Linux: Documentation/x86/xstate.rst, <asm/sigcontext.h>. SDM vol. 1 13.4
 * (XSAVE area), 13.8 (XRSTOR's faults).
 */
#include <arch/sigframe.h>
#include <arch/uaccess.h>
#include <arch/x86_64/user_words.h>
#include <asm/siginfo.h>
#include <asm/signal.h>
#include <asm/sigcontext.h>
#include <asm/ucontext.h>
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
static struct _fpx_sw_bytes *sw_bytes(vaddr_t fpu)
{
	return (struct _fpx_sw_bytes *)(fpu + offsetof(struct _fpstate_64, sw_reserved));
}

/* The sizes, which tell where magic number 2 is. */
static int put_sw_bytes(vaddr_t at)
{
	struct _fpx_sw_bytes *sw = sw_bytes(at);
	uint32_t size = arch_features.xsave_size;

	user_words_begin();
	user_word_put32(FP_XSTATE_MAGIC1, &sw->magic1);
	user_word_put32(size + FP_XSTATE_MAGIC2_SIZE, &sw->extended_size);
	user_word_put64(arch_features.xcr0, &sw->xfeatures);
	user_word_put64(size, &sw->xstate_size);
	user_word_put64(0, &sw->padding[1]);
	user_word_put64(0, &sw->padding[3]);
	user_word_put64(0, &sw->padding[5]);
	user_word_put32(FP_XSTATE_MAGIC2, at + size);
	user_words_end();
	return 0;
fault:
	user_words_end();
	return -EFAULT;
}

static int fpu_push(vaddr_t at)
{
	if (!arch_features.xsave)
		return user_fxsave((void *)at);
	return user_xsave((void *)at, arch_features.xcr0) ? -EFAULT : put_sw_bytes(at);
}

static void fpu_reset(uint64_t components)
{
	static const uint8_t zero[FXSAVE_SIZE + 64] __attribute__((aligned(64)));
	static const struct _fpstate_64 fresh __attribute__((aligned(64))) = {
		.cwd = 0x37f, .mxcsr = 0x1f80,
	};

	if (!arch_features.xsave)
		__asm__ volatile("fxrstor64 %0" :: "m"(fresh) : "memory");
	else if (components)
		__asm__ volatile("xrstor64 %0" :: "m"(zero), "a"((uint32_t)components),
				 "d"((uint32_t)(components >> 32)) : "memory");
}

/* What the area says of itself: *magic2 0 where that makes no sense. */
static int get_sw_bytes(vaddr_t at, uint64_t *components, uint32_t *magic2)
{
	struct _fpx_sw_bytes *from = sw_bytes(at), sw;

	*magic2 = 0;
	user_words_begin();
	user_word_get32(&sw.magic1, &from->magic1);
	user_word_get32(&sw.extended_size, &from->extended_size);
	user_word_get64(components, &from->xfeatures);
	user_word_get32(&sw.xstate_size, &from->xstate_size);
	if (sw.magic1 == FP_XSTATE_MAGIC1 && sw.xstate_size >= FXSAVE_SIZE + 64 &&
	    sw.xstate_size <= arch_features.xsave_size && sw.xstate_size <= sw.extended_size)
		user_word_get32(magic2, at + sw.xstate_size);
	user_words_end();
	return 0;
fault:
	user_words_end();
	return -EFAULT;
}

/* The components that the area holds; 0: only what FXSAVE knows. */
static int fpu_components(vaddr_t at, uint64_t *components)
{
	uint32_t magic2;

	if (get_sw_bytes(at, components, &magic2))
		return -EFAULT;
	*components &= magic2 == FP_XSTATE_MAGIC2 ? arch_features.xcr0 : 0;
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
	return components ? user_xrstor((const void *)at, components) :
	       user_fxrstor((const void *)at);
}

static int fpu_pop(vaddr_t at)
{
	int err = fpu_load(at);

	if (err)
		fpu_reset(arch_features.xcr0);
	return err;
}

/* ---- registers ---- */

/* Every register that lies in both as a word of its own. */
#define FOR_REGS(what) \
	what(r8); what(r9); what(r10); what(r11); what(r12); what(r13); what(r14); what(r15); \
	what(rdi); what(rsi); what(rbp); what(rbx); what(rdx); what(rax); what(rcx); what(rsp); \
	what(rip)

/* cs, gs, fs, ss: four halfwords that are one word of the frame. */
#define SELECTORS(cs, ss)	((uint64_t)(uint16_t)(cs) | (uint64_t)(uint16_t)(ss) << 48)

_Static_assert(offsetof(struct sigcontext, ss) == offsetof(struct sigcontext, cs) + 6, "one word");

/* ---- the frame ---- */

static vaddr_t frame_address(const struct trapframe *tf, const struct sigframe *f, vaddr_t *fpu)
{
	vaddr_t sp = f->top ? f->top : tf->rsp - RED_ZONE;

	*fpu = ALIGN_DOWN(sp - fpu_size(), 64);
	return ALIGN_DOWN(*fpu - sizeof(struct rt_sigframe), 16) - 8;
}

static int put_frame(struct rt_sigframe *to, const struct trapframe *tf, const struct sigframe *f,
		     vaddr_t fpu)
{
	struct sigcontext *sc = &to->uc.uc_mcontext;
	const struct sigframe_state *st = f->state;

	user_words_begin();
	user_word_put64(f->restorer, &to->restorer);
	user_word_put64((arch_features.xsave ? UC_FP_XSTATE : 0) | UC_SIGCONTEXT_SS |
			UC_STRICT_RESTORE_SS, &to->uc.uc_flags);
	user_word_put64(0, &to->uc.uc_link);
	user_word_put64(st->stack, &to->uc.uc_stack.ss_sp);
	user_word_put64((uint32_t)st->stack_flags, &to->uc.uc_stack.ss_flags);
	user_word_put64(st->stack_size, &to->uc.uc_stack.ss_size);
#define PUT(reg) user_word_put64(tf->reg, &sc->reg)
	FOR_REGS(PUT);
#undef PUT
	user_word_put64(tf->rflags, &sc->eflags);
	user_word_put64(SELECTORS(tf->cs, tf->ss), &sc->cs);
	user_word_put64(st->error, &sc->err);
	user_word_put64(st->trap, &sc->trapno);
	user_word_put64(f->mask, &sc->oldmask);
	user_word_put64(st->cr2, &sc->cr2);
	user_word_put64(fpu, &sc->fpstate);
	user_word_put64(f->mask, &to->uc.uc_sigmask);
	user_words_end();
	return 0;
fault:
	user_words_end();
	return -EFAULT;
}

_Static_assert(sizeof(siginfo_t) == 16 * 8 && SIGINFO_HEAD == 6 * 8, "as put_info writes it");

static int put_info(siginfo_t *to, const uint64_t *info)
{
	uint64_t *word = (uint64_t *)to;

	user_words_begin();
#define PUT(i) user_word_put64(info[i], &word[i])
	PUT(0); PUT(1); PUT(2); PUT(3); PUT(4); PUT(5);
#undef PUT
#define CLEAR(i) user_word_put64(0, &word[i])
	CLEAR(6); CLEAR(7); CLEAR(8); CLEAR(9); CLEAR(10);
	CLEAR(11); CLEAR(12); CLEAR(13); CLEAR(14); CLEAR(15);
#undef CLEAR
	user_words_end();
	return 0;
fault:
	user_words_end();
	return -EFAULT;
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
	vaddr_t fpu, at = frame_address(tf, f, &fpu);
	struct rt_sigframe *to = (struct rt_sigframe *)at;

	if (at < f->bottom || !user_range_ok((void __user *)at, fpu + fpu_size() - at))
		return -EFAULT;
	if (fpu_push(fpu) || put_frame(to, tf, f, fpu) || (f->info && put_info(&to->info, f->info)))
		return -EFAULT;
	enter_handler(tf, f, at);
	return 0;
}

/* Only the two selectors of ring 3; a program that kept no ss gets the right one. */
static int check_selectors(uint64_t flags, uint64_t selectors)
{
	if (((uint16_t)selectors | 3) != SEL_UCODE3)
		return -EFAULT;
	return flags & UC_STRICT_RESTORE_SS && (selectors >> 48 | 3) != SEL_UDATA3 ? -EFAULT : 0;
}

/* Looked at before a register is loaded: first and last word, so that all of it is there. */
static int get_head(const struct ucontext *uc, uint64_t *mask, uint64_t *flags, uint64_t *selectors)
{
	uint64_t set;

	user_words_begin();
	user_word_get64(&set, &uc->uc_sigmask);
	user_word_get64(flags, &uc->uc_flags);
	user_word_get64(selectors, &uc->uc_mcontext.cs);
	user_words_end();
	*mask = set;
	return 0;
fault:
	user_words_end();
	return -EFAULT;
}

/* If it goes away in between, some registers are the frame's: they are all ring 3's. */
static int get_frame(struct trapframe *tf, const struct ucontext *uc, struct sigframe_state *st,
		     vaddr_t *fpu)
{
	const struct sigcontext *sc = &uc->uc_mcontext;
	uint64_t flags;

	user_words_begin();
	user_word_get64(&flags, &sc->eflags);
	user_word_get64(fpu, &sc->fpstate);
	user_word_get64(&st->stack, &uc->uc_stack.ss_sp);
	user_word_get32(&st->stack_flags, &uc->uc_stack.ss_flags);
	user_word_get64(&st->stack_size, &uc->uc_stack.ss_size);
#define GET(reg) user_word_get64(&tf->reg, &sc->reg)
	FOR_REGS(GET);
#undef GET
	user_words_end();
	tf->rflags = (tf->rflags & ~FLAGS_USER) | (flags & FLAGS_USER);
	return 0;
fault:
	user_words_end();
	return -EFAULT;
}

int arch_sigframe_pop(struct trapframe *tf, uint64_t *mask, struct sigframe_state *state)
{
	/* The restorer's `ret` took the return address. */
	vaddr_t at = tf->rsp - 8 + offsetof(struct rt_sigframe, uc), fpu;
	const struct ucontext *uc = (const struct ucontext *)at;
	uint64_t flags, selectors;

	if (!user_range_ok((const void __user *)at, sizeof(*uc)) ||
	    get_head(uc, mask, &flags, &selectors) || check_selectors(flags, selectors) ||
	    get_frame(tf, uc, state, &fpu))
		return -EFAULT;
	arch_syscall_over(tf);
	return fpu_pop(fpu);
}

/* ---- exceptions of the FPU ---- */

int arch_fpe_code(const struct trapframe *tf)
{
	static const struct { unsigned bits; int code; } codes[] = {
		{ 0x01, FPE_FLTINV }, { 0x04, FPE_FLTDIV }, { 0x08, FPE_FLTOVF },
		{ 0x12, FPE_FLTUND }, { 0x20, FPE_FLTRES },
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
