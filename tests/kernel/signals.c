/*
 * Signals: what is queued, in which order it is taken and by whom, and what becomes of
 * it without memory; then of programs that signals stop or end.
 *
 * The queues are those of a process that never runs: the test's own thread is its
 * thread's, so that "interrupted" can be seen.
 */
#include <asm/unistd_64.h>
#include <kernel/core/clock.h>
#include <kernel/proc/process.h>
#include <kernel/proc/signal_internal.h>
#include <lib/ktest.h>
#include <lib/string.h>
#include <linux/errno.h>
#include <mm/alloc/slab.h>
#include <mm/pt/pt.h>
#include <tests/kernel/program.h>

#define HANDLER		0x400000ul	/* any address */
#define ALL		(~0ul)

static struct process *p;
static struct sig_thread *t;

static void begin(void)
{
	p = process_alloc();
	EXPECT(p);
	memset(p->signals.action, 0, sizeof(p->signals.action));
	for (unsigned i = 0; i < RLIM_NLIMITS; i++)
		p->rlimit[i] = (struct rlimit64){ RLIM64_INFINITY, RLIM64_INFINITY };
	t = &p->leader->sig;
	t->thread = current_thread();
	signal_start(t);
	signal_set_blocked(t, ALL);
}

static void end(void)
{
	uint64_t flags;

	if (!t->gone)
		signal_exit(t);
	flags = irq_save();
	thread_interrupt_done();
	irq_restore(flags);
	process_free(p);
}

static int send(int sig, int code, uint64_t value)
{
	struct sig_info info = { .signo = sig, .code = code, .pid = 77, .value = value };

	return signal_send(p, NULL, &info);
}

static int send_thread(int sig)
{
	struct sig_info info = { .signo = sig, .code = SI_TKILL, .pid = 78 };

	return signal_send(p, t, &info);
}

/* The next one that is pending, whether blocked or not. */
static int take(struct sig_info *info)
{
	uint64_t flags = spin_lock_irqsave(&p->signals.lock);
	struct sig_entry *e;
	int sig = signal_take(t, ALL, info, &e);

	spin_unlock_irqrestore(&p->signals.lock, flags);
	signal_taken(e);
	return sig;
}

static void set(int sig, uint64_t handler)
{
	struct sig_action a = { .handler = handler };

	EXPECT_EQ(signal_set_action(&p->signals, sig, &a, NULL), 0);
}

static uint64_t pending(void) { return signal_pending_blocked(t); }

KTEST(signals, standard_ones_are_pending_once)
{
	struct sig_info info;

	begin();
	EXPECT_EQ(send(SIGUSR1, SI_USER, 0), 0);
	EXPECT_EQ(send(SIGUSR1, SI_QUEUE, 5), 0);
	EXPECT_EQ(send(SIGTERM, SI_QUEUE, 6), 0);
	EXPECT_EQ(send(SIGTERM, SI_USER, 0), 0);
	EXPECT_EQ(pending(), SIG_BIT(SIGUSR1) | SIG_BIT(SIGTERM));
	EXPECT_EQ(take(&info), SIGUSR1);
	EXPECT(info.code == SI_USER && info.pid == 77 && !info.value);
	EXPECT_EQ(take(&info), SIGTERM);
	EXPECT(info.code == SI_QUEUE && info.pid == 77 && info.value == 6);
	EXPECT_EQ(take(&info), 0);
	EXPECT_EQ(send(0, SI_USER, 0), -EINVAL);
	EXPECT_EQ(send(SIGNAL_MAX + 1, SI_USER, 0), -EINVAL);
	signal_raise(p, SIGALRM);
	EXPECT_EQ(take(&info), SIGALRM);
	EXPECT(info.code == SI_KERNEL && !info.pid);
	end();
}

KTEST(signals, real_time_ones_queue_in_order)
{
	struct sig_info info;

	begin();
	for (unsigned i = 0; i < 10; i++) {
		EXPECT_EQ(send(SIGRTMIN + 1, SI_QUEUE, i), 0);
		EXPECT_EQ(send(SIGRTMIN, SI_QUEUE, 100 + i), 0);
	}
	for (unsigned i = 0; i < 10; i++) {
		EXPECT_EQ(take(&info), SIGRTMIN);
		EXPECT_EQ(info.value, 100 + i);
	}
	EXPECT_EQ(pending(), SIG_BIT(SIGRTMIN + 1));
	for (unsigned i = 0; i < 10; i++) {
		EXPECT_EQ(take(&info), SIGRTMIN + 1);
		EXPECT_EQ(info.value, i);
	}
	EXPECT_EQ(pending(), 0);
	end();
}

/* The thread's before the process's, exceptions before others, low numbers before high ones. */
KTEST(signals, order_of_taking)
{
	static const int order[] = { SIGUSR2, SIGSEGV, SIGHUP, SIGTERM, SIGRTMIN };
	struct sig_info info;

	begin();
	EXPECT_EQ(send(SIGRTMIN, SI_QUEUE, 1), 0);
	EXPECT_EQ(send(SIGTERM, SI_USER, 0), 0);
	EXPECT_EQ(send(SIGHUP, SI_USER, 0), 0);
	EXPECT_EQ(send(SIGSEGV, SI_USER, 0), 0);
	EXPECT_EQ(send_thread(SIGUSR2), 0);
	for (unsigned i = 0; i < ARRAY_SIZE(order); i++)
		EXPECT_EQ(take(&info), order[i]);
	EXPECT_EQ(take(&info), 0);
	end();
}

/* What anybody has queued counts, with an entry or without. */
KTEST(signals, limit_of_pending_ones)
{
	struct sig_info info;

	begin();
	p->rlimit[RLIMIT_SIGPENDING].rlim_cur = 4;
	EXPECT_EQ(send(SIGUSR1, SI_USER, 0), 0);
	for (unsigned i = 0; i < 3; i++)
		EXPECT_EQ(send(SIGRTMIN, SI_QUEUE, i), 0);
	EXPECT_EQ(send(SIGRTMIN, SI_QUEUE, 3), -EAGAIN);
	EXPECT_EQ(send(SIGUSR2, SI_USER, 0), 0);	/* standard ones are sent all the same */
	EXPECT_EQ(send(SIGRTMIN + 1, SI_USER, 0), 0);	/* as kill(2)'s, without what they say */
	EXPECT_EQ(take(&info), SIGUSR1);
	EXPECT_EQ(take(&info), SIGUSR2);
	EXPECT_EQ(send(SIGRTMIN, SI_QUEUE, 4), 0);
	EXPECT_EQ(send(SIGRTMIN, SI_QUEUE, 5), -EAGAIN);
	for (unsigned i = 0; i < 4; i++)
		EXPECT_EQ(take(&info), SIGRTMIN);
	EXPECT_EQ(info.value, 4);
	EXPECT_EQ(take(&info), SIGRTMIN + 1);
	EXPECT(info.code == SI_USER && !info.pid);
	EXPECT_EQ(take(&info), 0);
	end();
}

KTEST(signals, ignored_ones_are_forgotten)
{
	begin();
	signal_set_blocked(t, 0);
	set(SIGUSR1, (uint64_t)SIG_IGN);
	EXPECT_EQ(send(SIGUSR1, SI_USER, 0), 0);
	EXPECT_EQ(send(SIGCHLD, SI_USER, 0), 0);	/* by default */
	EXPECT_EQ(send(SIGCONT, SI_USER, 0), 0);
	EXPECT(!thread_interrupted(current_thread()));
	signal_set_blocked(t, ALL);
	EXPECT_EQ(pending(), 0);
	EXPECT_EQ(send(SIGUSR1, SI_USER, 0), 0);	/* blocked ones are kept */
	EXPECT_EQ(send(SIGRTMIN, SI_QUEUE, 1), 0);
	EXPECT_EQ(send_thread(SIGRTMIN), 0);
	EXPECT_EQ(pending(), SIG_BIT(SIGUSR1) | SIG_BIT(SIGRTMIN));
	set(SIGRTMIN, (uint64_t)SIG_IGN);		/* until they are ignored from then on */
	EXPECT_EQ(pending(), SIG_BIT(SIGUSR1));
	set(SIGUSR1, HANDLER);
	EXPECT_EQ(pending(), SIG_BIT(SIGUSR1));
	set(SIGUSR1, (uint64_t)SIG_DFL);
	EXPECT_EQ(pending(), SIG_BIT(SIGUSR1));
	end();
}

KTEST(signals, kill_and_stop_cannot_be_helped)
{
	struct sig_action a = { .handler = HANDLER, .mask = ALL }, old;

	begin();
	EXPECT_EQ(t->blocked, ALL & ~SIG_UNBLOCKABLE);
	EXPECT_EQ(signal_set_action(&p->signals, SIGKILL, &a, NULL), -EINVAL);
	EXPECT_EQ(signal_set_action(&p->signals, SIGSTOP, &a, NULL), -EINVAL);
	EXPECT_EQ(signal_set_action(&p->signals, SIGKILL, NULL, &old), 0);
	EXPECT_EQ(signal_set_action(&p->signals, SIGNAL_MAX + 1, NULL, &old), -EINVAL);
	EXPECT_EQ(signal_set_action(&p->signals, 0, NULL, &old), -EINVAL);
	EXPECT_EQ(signal_set_action(&p->signals, SIGUSR1, &a, NULL), 0);
	EXPECT_EQ(signal_set_action(&p->signals, SIGUSR1, NULL, &old), 0);
	EXPECT_EQ(old.mask, ALL & ~SIG_UNBLOCKABLE);
	EXPECT(!thread_interrupted(current_thread()));
	signal_raise(p, SIGKILL);
	EXPECT(thread_interrupted(current_thread()));
	end();
}

/* A stop takes a pending SIGCONT away, and the other way round, blocked or not. */
KTEST(signals, stop_and_continue_undo_each_other)
{
	begin();
	EXPECT_EQ(send(SIGCONT, SI_USER, 0), 0);
	EXPECT_EQ(pending(), SIG_BIT(SIGCONT));
	EXPECT_EQ(send(SIGTSTP, SI_USER, 0), 0);
	EXPECT_EQ(send_thread(SIGTTIN), 0);
	EXPECT_EQ(pending(), SIG_BIT(SIGTSTP) | SIG_BIT(SIGTTIN));
	EXPECT_EQ(send(SIGCONT, SI_USER, 0), 0);
	EXPECT_EQ(pending(), SIG_BIT(SIGCONT));
	end();
}

KTEST(signals, blocked_sets_and_interruption)
{
	begin();
	set(SIGUSR1, HANDLER);
	EXPECT_EQ(send(SIGUSR1, SI_USER, 0), 0);
	EXPECT(!thread_interrupted(current_thread()));
	signal_set_blocked(t, ALL & ~SIG_BIT(SIGUSR1));
	EXPECT(thread_interrupted(current_thread()));
	signal_set_blocked(t, ALL);
	EXPECT(!thread_interrupted(current_thread()));
	signal_set_blocked_for_call(t, 0);		/* as sigsuspend(2) */
	EXPECT(thread_interrupted(current_thread()));
	EXPECT_EQ(t->kept_mask, ALL & ~SIG_UNBLOCKABLE);
	signal_restore_blocked(t);
	EXPECT(!thread_interrupted(current_thread()));
	EXPECT_EQ(t->blocked, ALL & ~SIG_UNBLOCKABLE);
	signal_restore_blocked(t);			/* once */
	EXPECT_EQ(pending(), SIG_BIT(SIGUSR1));
	end();
}

KTEST(signals, waiting_for_them)
{
	struct sig_info info;
	uint64_t set = SIG_BIT(SIGUSR1) | SIG_BIT(SIGRTMIN) | SIG_BIT(SIGKILL);

	begin();
	EXPECT_EQ(signal_wait(t, set, 0, &info), -EAGAIN);
	EXPECT_EQ(send(SIGRTMIN, SI_QUEUE, 9), 0);
	EXPECT_EQ(send(SIGTERM, SI_USER, 0), 0);
	EXPECT_EQ(signal_wait(t, set, 0, &info), SIGRTMIN);
	EXPECT_EQ(info.value, 9);
	EXPECT_EQ(signal_wait(t, set, 0, &info), -EAGAIN);
	EXPECT_EQ(t->awaited, 0);
	EXPECT_EQ(pending(), SIG_BIT(SIGTERM));
	signal_raise(p, SIGKILL);			/* never waited for */
	EXPECT_EQ(signal_wait(t, set, UINT64_MAX, &info), -EINTR);
	end();
}

/* Of two threads, the one that does not block it. */
KTEST(signals, a_thread_that_takes_it_is_found)
{
	struct process *other;
	struct sig_thread *u;

	begin();
	other = process_alloc();
	EXPECT(other);
	u = &other->leader->sig;
	u->of = &p->signals;
	spin_init(&u->thread->intr_lock, RANK_INTERRUPT);
	signal_start(u);
	set(SIGUSR1, HANDLER);
	EXPECT_EQ(send(SIGUSR1, SI_USER, 0), 0);	/* the first blocks it */
	EXPECT(!thread_interrupted(current_thread()) && thread_interrupted(u->thread));
	u->thread->interrupted = false;
	EXPECT_EQ(send_thread(SIGUSR1), 0);		/* only the first could take that one */
	EXPECT(!thread_interrupted(current_thread()) && !thread_interrupted(u->thread));
	signal_set_blocked(t, 0);
	EXPECT(thread_interrupted(current_thread()));
	signal_set_blocked(t, ALL);			/* blocked again: the other is to take it */
	EXPECT(!thread_interrupted(current_thread()) && thread_interrupted(u->thread));
	signal_exit(u);					/* what was for both is the first's alone */
	EXPECT(u->gone && p->signals.nthreads == 1);
	EXPECT(pending() & SIG_BIT(SIGUSR1));
	end();
	process_free(other);
}

/* Without memory: kill(2)'s standard signals need none, the others say so or say less. */
KTEST(signals, no_memory)
{
	struct sig_info info;

	begin();
	slab_shrink();
	page_fail_nth = 1;
	EXPECT_EQ(send(SIGUSR1, SI_USER, 0), 0);
	EXPECT_EQ(send_thread(SIGUSR2), 0);
	EXPECT_EQ(page_fail_nth, 1);
	EXPECT_EQ(send(SIGRTMIN, SI_QUEUE, 1), -EAGAIN);
	EXPECT_EQ(page_fail_nth, 0);
	page_fail_nth = 1;
	EXPECT_EQ(send(SIGRTMIN, SI_USER, 0), 0);
	page_fail_nth = 1;
	EXPECT_EQ(send(SIGTERM, SI_QUEUE, 1), 0);
	page_fail_nth = 0;
	EXPECT_EQ(take(&info), SIGUSR2);
	EXPECT(info.code == SI_TKILL && info.pid == 78);
	EXPECT_EQ(take(&info), SIGUSR1);
	EXPECT(info.code == SI_USER && info.pid == 77);
	EXPECT_EQ(take(&info), SIGTERM);
	EXPECT(info.code == SI_USER && !info.pid && !info.value);
	EXPECT_EQ(take(&info), SIGRTMIN);
	EXPECT(info.code == SI_USER && !info.pid);
	EXPECT_EQ(take(&info), 0);
	end();
}

/* What is queued at the end goes with the process. */
KTEST(signals, the_end_frees_what_is_queued)
{
	begin();
	for (unsigned i = 0; i < 100; i++)
		EXPECT_EQ(send(SIGRTMIN + (int)i % 8, SI_QUEUE, i), 0);
	EXPECT_EQ(send_thread(SIGRTMIN), 0);
	EXPECT_EQ(send(SIGTERM, SI_USER, 0), 0);
	signal_exit(t);
	EXPECT_EQ(pending(), 0);
	EXPECT_EQ(send(SIGTERM, SI_USER, 0), 0);	/* sent and forgotten */
	EXPECT_EQ(pending(), 0);
	end();
}

/* ---- programs ---- */

#define STR_(x)	#x
#define STR(x)	STR_(x)
#define CALL(nr) "movl $" STR(nr) ", %eax; syscall\n\t"
/* rt_sigaction(sig, what lies at rsp, NULL, 8) */
#define SIGACTION(sig) \
	"movl $" #sig ", %edi; movq %rsp, %rsi; xorl %edx, %edx; movl $8, %r10d\n\t" \
	CALL(__NR_rt_sigaction)

#define PROGRAM(name, text) \
	extern const char name[], name##_end[]; \
	__asm__(".pushsection .rodata\n" #name ":\n\t" text "\n" #name "_end:\n.popsection")

PROGRAM(blocked_fault,
	"pushq $0x400; movl $0, %edi; movq %rsp, %rsi; xorl %edx, %edx; movl $8, %r10d\n\t"
	CALL(__NR_rt_sigprocmask) "movb $0, 0\n\t");
PROGRAM(ignored_fault,
	"pushq $0; pushq $0; pushq $0x04000000; pushq $1\n\t" SIGACTION(11) "movb $0, 0\n\t");
/* The handler faults again, with SA_NODEFER and SA_ONSTACK: 6 KB are full after a few frames. */
PROGRAM(nested_faults,
	"pushq $0x1800; pushq $0; pushq $0x402000; movq %rsp, %rdi; xorl %esi, %esi\n\t"
	CALL(__NR_sigaltstack)
	"pushq $0; pushq $1; pushq $0x4c000004; leaq 1f(%rip), %rax; pushq %rax\n\t"
	SIGACTION(11) "1: movb $0, 0\n\t");
/* A frame of zeros. */
PROGRAM(bad_return, "movl $0x402400, %esp\n\t" CALL(__NR_rt_sigreturn) "hlt\n\t");
/* No restorer: nowhere to come back to. */
PROGRAM(no_restorer,
	"pushq $0; pushq $0; pushq $0; leaq 1f(%rip), %rax; pushq %rax\n\t" SIGACTION(11)
	"1: movb $0, 0\n\t");
/* Ten signals to itself, each handled on a stack that was not touched before; exit(10). */
PROGRAM(handled,
	"pushq $0x1000; pushq $0; pushq $0x402800; movq %rsp, %rdi; xorl %esi, %esi\n\t"
	CALL(__NR_sigaltstack)
	"pushq $0; leaq 2f(%rip), %rax; pushq %rax; pushq $0x0c000000\n\t"
	"leaq 1f(%rip), %rax; pushq %rax\n\t" SIGACTION(10)
	"xorl %ebx, %ebx; movl $10, %ebp\n"
	"3:\t" CALL(__NR_getpid) "movl %eax, %edi; movl $10, %esi\n\t" CALL(__NR_kill)
	"movl $0x402010, %eax; movl (%rax), %ebx; decl %ebp; jnz 3b\n\t"
	"movl %ebx, %edi\n\t" CALL(__NR_exit_group)
	"1: movl $0x402010, %eax; incl (%rax); ret\n"
	"2:\t" CALL(__NR_rt_sigreturn));

static int run(const char *code, const char *code_end)
{
	struct program *prog = program_create(code, (size_t)(code_end - code));
	int status = program_run(prog, 10000);

	kfree(prog);
	return status;
}

#define RUN(name) run(name, name##_end)

KTEST(signals, exceptions_that_cannot_be_caught_kill)
{
	EXPECT_EQ(RUN(blocked_fault), STATUS_SIGNAL(SIGSEGV));
	EXPECT_EQ(RUN(ignored_fault), STATUS_SIGNAL(SIGSEGV));
	EXPECT_EQ(RUN(no_restorer), STATUS_SIGNAL(SIGSEGV));
}

KTEST(signals, a_full_alternate_stack_kills)
{
	EXPECT_EQ(RUN(nested_faults), STATUS_SIGNAL(SIGSEGV));
}

KTEST(signals, a_bad_frame_kills)
{
	EXPECT_EQ(RUN(bad_return), STATUS_SIGNAL(SIGSEGV));
}

KTEST(signals, handlers_come_back)
{
	EXPECT_EQ(RUN(handled), STATUS_EXIT(10));
}

/* The same with the n-th allocation failing: it does not start, is killed, or does it all. */
KTEST(signals, handlers_without_memory)
{
	struct program *prog = program_create(handled, (size_t)(handled_end - handled));
	unsigned ran = 0;

	for (uint64_t nth = 1; nth < 40; nth++) {
		int status;

		kstack_drain();
		slab_shrink();
		page_fail_nth = nth;
		status = program_run(prog, 10000);
		page_fail_nth = 0;
		EXPECT(status == -ENOMEM || status == STATUS_EXIT(126) ||
		       status == STATUS_EXIT(10) || status == STATUS_SIGNAL(SIGKILL) ||
		       status == STATUS_SIGNAL(SIGSEGV));
		ran += status == STATUS_EXIT(10);
	}
	ktest_note("%u ran to their end", ran);
	EXPECT(ran);
	kfree(prog);
}

static bool stays(struct process *q, bool stopped)
{
	uint64_t deadline = clock_monotonic_ns() + 5 * NS_PER_SEC;

	while (READ_ONCE(q->signals.stopped) != stopped && clock_monotonic_ns() < deadline)
		sched_yield();
	return q->signals.stopped == stopped;
}

KTEST(signals, stopped_continued_killed)
{
	static const uint8_t endless[] = { 0xeb, 0xfe };
	struct program *prog = program_create(endless, sizeof(endless));
	struct node *file = program_file(prog, sizeof(*prog));
	struct sig_info cont = { .signo = SIGCONT };
	struct process *q;

	EXPECT_EQ(program_spawn(file, &q), 0);
	signal_raise(q, SIGSTOP);
	EXPECT(stays(q, true));
	EXPECT_EQ(signal_send(q, NULL, &cont), 0);
	EXPECT(stays(q, false));
	signal_raise(q, SIGSTOP);
	EXPECT(stays(q, true));
	signal_raise(q, SIGTERM);			/* waits until it goes on */
	sleep_ns(20 * NS_PER_MS);
	EXPECT(!q->gone && q->signals.stopped);
	signal_raise(q, SIGKILL);
	EXPECT_EQ(process_wait(q), STATUS_SIGNAL(SIGKILL));
	node_put(file);
	kfree(prog);
}
