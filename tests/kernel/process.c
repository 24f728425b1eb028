/* The table of processes: numbers, lookup, the tree; what a fork that fails leaves behind. */
#include <kernel/core/clock.h>
#include <kernel/proc/process.h>
#include <lib/ktest.h>
#include <linux/errno.h>
#include <mm/alloc/slab.h>
#include <mm/pt/pt.h>
#include <tests/kernel/program.h>

#define MANY	20

static struct node *program(const uint8_t *code, size_t n, struct program **p)
{
	*p = program_create(code, n);
	return program_file(*p, sizeof(**p));
}

/* jmp to itself */
static const uint8_t endless[] = { 0xeb, 0xfe };

static void end(struct process *p)
{
	signal_raise(p, SIGKILL);
	EXPECT_EQ(process_wait(p), STATUS_SIGNAL(SIGKILL));
}

static struct process *look_up(int pid)
{
	struct process *p;

	spin_lock(&process_lock);
	p = process_find(pid);
	spin_unlock(&process_lock);
	return p;
}

/* Those whose parent is gone end by themselves. */
static void wait_for_orphans(void)
{
	uint64_t deadline = clock_monotonic_ns() + 10 * NS_PER_SEC;

	while (process_count() > 1 && clock_monotonic_ns() < deadline)
		sched_yield();
	EXPECT_EQ(process_count(), 1);
}

KTEST(process, found_by_its_number)
{
	struct program *code;
	struct node *file = program(endless, sizeof(endless), &code);
	struct process *p[MANY];

	for (unsigned i = 0; i < MANY; i++) {
		EXPECT_EQ(program_spawn(file, &p[i]), 0);
		for (unsigned j = 0; j < i; j++)
			EXPECT(p[i]->pid != p[j]->pid);
	}
	EXPECT_EQ(process_count(), MANY + 1);
	for (unsigned i = 0; i < MANY; i++) {
		EXPECT(look_up(p[i]->pid) == p[i]);
		EXPECT(p[i]->parent == &init_process && p[i]->ppid == 1);
	}
	EXPECT(look_up(1) == &init_process);
	EXPECT(!look_up(0) && !look_up(-1) && !look_up(PID_LIMIT));
	for (unsigned i = 0; i < MANY; i++) {
		int pid = p[i]->pid;

		end(p[i]);
		EXPECT(!look_up(pid));
	}
	EXPECT_EQ(process_count(), 1);
	node_put(file);
	kfree(code);
}

/* Few numbers: all are used before one is used again, none twice, and then there are no more. */
KTEST(process, numbers_wrap_and_run_out)
{
	struct program *code;
	struct node *file = program(endless, sizeof(endless), &code);
	struct process *p[MANY], *more;
	unsigned n = 0, round;
	int err = 0;

	pid_max = 2 + 12;
	while (n < MANY && !(err = program_spawn(file, &p[n])))
		n++;
	EXPECT_EQ(n, 12);
	EXPECT_EQ(err, -EAGAIN);
	for (round = 0; round < 5; round++) {
		int pid = p[round]->pid;

		end(p[round]);
		EXPECT_EQ(program_spawn(file, &p[round]), 0);
		EXPECT_EQ(p[round]->pid, pid);
		EXPECT_EQ(program_spawn(file, &more), -EAGAIN);
	}
	while (n)
		end(p[--n]);
	pid_max = PID_LIMIT;
	node_put(file);
	kfree(code);
}

/* The number of a group or session that is still there is not given to a process. */
KTEST(process, numbers_of_groups_are_taken)
{
	struct program *code;
	struct node *file = program(endless, sizeof(endless), &code);
	struct process *a, *b, *c;
	int taken;

	pid_max = 4;
	EXPECT_EQ(program_spawn(file, &a), 0);
	EXPECT_EQ(program_spawn(file, &b), 0);
	taken = a->pid;
	spin_lock(&process_lock);
	process_set_group(b, b->sid, taken);
	spin_unlock(&process_lock);
	end(a);
	EXPECT_EQ(program_spawn(file, &c), -EAGAIN);
	end(b);
	EXPECT_EQ(program_spawn(file, &c), 0);
	end(c);
	pid_max = PID_LIMIT;
	node_put(file);
	kfree(code);
}

/*
 * Forks; the child exits with 5, the parent waits for it and exits with 4; 3: it
 * cannot fork.
 */
static const uint8_t forker[] = {
	0xb8, 57, 0, 0, 0, 0x0f, 0x05,			/* fork */
	0x85, 0xc0, 0x78, 0x25, 0x74, 0x1c,		/* test eax, eax; js failed; jz child */
	0xb8, 61, 0, 0, 0, 0x48, 0xc7, 0xc7, 0xff, 0xff, 0xff, 0xff,
	0x31, 0xf6, 0x31, 0xd2, 0x45, 0x31, 0xd2, 0x0f, 0x05, /* wait4(-1, 0, 0, 0) */
	0xbf, 4, 0, 0, 0, 0xeb, 0x0c,			/* edi = 4; jmp exit */
	/* child */
	0xbf, 5, 0, 0, 0, 0xeb, 0x05,
	/* failed */
	0xbf, 3, 0, 0, 0,
	/* exit */
	0xb8, 231, 0, 0, 0, 0x0f, 0x05,
};

/* However far a fork gets: nothing is left behind. (The runner counts frames and verifies mm.) */
KTEST(process, fork_without_memory)
{
	struct program *code = program_create(forker, sizeof(forker));
	unsigned ran = 0, refused = 0, spoilt = 0;

	EXPECT_EQ(program_run(code, 10000), STATUS_EXIT(4));
	for (uint64_t nth = 1; nth < 150; nth++) {
		int status;

		kstack_drain();
		slab_shrink();
		page_fail_nth = nth;
		status = program_run(code, 10000);
		page_fail_nth = 0;
		wait_for_orphans();
		EXPECT(status == -ENOMEM || status == STATUS_EXIT(126) ||
		       status == STATUS_EXIT(3) ||
		       status == STATUS_EXIT(4) || status == STATUS_SIGNAL(SIGKILL));
		ran += status == STATUS_EXIT(4);
		refused += status == STATUS_EXIT(3);
		spoilt += status != STATUS_EXIT(4) && status != STATUS_EXIT(3);
	}
	ktest_note("%u ran, %u could not fork, %u did not come to it", ran, refused, spoilt);
	EXPECT(ran > 5 && refused > 5 && spoilt > 5);
	kfree(code);
}

/* The parent exits at once: init has the child, and nobody has to wait for it. */
KTEST(process, orphans_are_reaped)
{
	static const uint8_t leaver[] = {
		0xb8, 57, 0, 0, 0, 0x0f, 0x05,		/* fork */
		0x85, 0xc0, 0x74, 0x0c,			/* jz child */
		CODE_EXIT(1),
		/* child: yields ten times, exits */
		0xbb, 10, 0, 0, 0,			/* ebx = 10 */
		0xb8, 24, 0, 0, 0, 0x0f, 0x05,		/* sched_yield */
		0xff, 0xcb, 0x75, 0xf5,			/* dec ebx; jnz back */
		CODE_EXIT(2),
	};
	struct program *code = program_create(leaver, sizeof(leaver));

	for (unsigned i = 0; i < 50; i++)
		EXPECT_EQ(program_run(code, 10000), STATUS_EXIT(1));
	wait_for_orphans();
	EXPECT(TAILQ_EMPTY(&init_process.children));
	kfree(code);
}

static bool is_listed(const struct thread *t)
{
	const struct thread *i;
	bool found = false;

	spin_lock(&threads_lock);
	TAILQ_FOREACH(i, &threads, all_link)
		found |= i == t;
	spin_unlock(&threads_lock);
	return found;
}

KTEST(process, no_task_for_one_that_ends)
{
	struct process *p = process_alloc();
	struct task *t;

	EXPECT(p);
	if (!p)
		return;
	EXPECT(signal_end_others(&p->signals));
	t = task_alloc(p);
	EXPECT(t);
	if (t) {
		EXPECT_EQ(task_publish(t, "late", NULL), -ERESTARTNOINTR);
		EXPECT_EQ(p->ntasks, 0);
		EXPECT(!is_listed(&t->thread));
		task_free(t);
	}
	process_free(p);
}
