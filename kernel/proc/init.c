/*
 * The first thread. One of, in this order:
 *
 *	test=SUITES	the in-kernel tests
 *	init=PATH	that program alone
 *	/.qrun/argv	the program that it names, alone
 *	/init		a program, mostly a script: what the machine is for, from its shell
 *			to its end
 *
 * A program run alone (all but /init) is given the strings of /.qrun/argv and /.qrun/envp,
 * where they are there (each ended by NUL); how it ended is said in the line
 * `# quire: exit N` of the log. Then the machine ends, and with it whatever that program has left behind.
 */
#include <kernel/proc/init.h>
#include <arch/cpu.h>
#include <kernel/core/clock.h>
#include <kernel/dev/boot_swap.h>
#include <kernel/fs/path.h>
#include <kernel/proc/power.h>
#include <kernel/proc/process.h>
#include <lib/assert.h>
#include <lib/ktest.h>
#include <lib/log.h>
#include <lib/option.h>
#include <lib/string.h>
#include <linux/errno.h>
#include <mm/alloc/slab.h>
#include <mm/mm.h>

#define TEXT_MAX	(1ul << 20)	/* bytes of a file that is read whole */
#define END_NS		(2 * NS_PER_SEC)	/* that programs are given to be killed */
#define INIT		"/init"
#define HEARD		(SIG_BIT(SIGCHLD) | SIG_BIT(SIGUSR1) | SIG_BIT(SIGUSR2) | SIG_BIT(SIGTERM))
#define EXIT_ORDERLY	0x10
#define EXIT_FAILED	0x11

static const char *test_suites, *init_path;

option_string(test, &test_suites,
	      "run these suites of tests (all, or a,b; list: name them) and end");
option_string(init, &init_path, "the program to run, alone, and end");

static const char *const default_env[] = { "PATH=/bin:/sbin:/usr/bin:/usr/sbin", "HOME=/" };

/*
 * A file of the initramfs as a string of *n bytes, ended by NUL; NULL if it cannot
 * be had. kfree.
 */
static char *read_text(const char *path, size_t *n)
{
	struct node *node;
	char *text = NULL;
	ssize_t got = -1;

	if (path_lookup_const(path, &node))
		return NULL;
	if (node_object(node) && node_size(node) <= TEXT_MAX) {
		*n = node_size(node);
		text = kmalloc(*n + 1);
	}
	if (text)
		got = object_read_kernel(node_object(node), 0, text, *n);
	node_put(node);
	if (text && got != (ssize_t)*n) {
		kfree(text);
		return NULL;
	}
	if (text)
		text[*n] = '\0';
	return text;
}

/* Adds every string of text (n bytes, each ended by NUL). */
static int add_strings(struct exec_args *a, const char *text, size_t n, unsigned *count)
{
	int err = 0;

	for (size_t at = 0; at < n && !err; at += strlen(text + at) + 1) {
		err = exec_args_add(a, text + at);
		++*count;
	}
	return err;
}

static int add_default_env(struct exec_args *a)
{
	int err = 0;

	for (; a->envc < ARRAY_SIZE(default_env) && !err; a->envc++)
		err = exec_args_add(a, default_env[a->envc]);
	return err;
}

static int add_env(struct exec_args *a)
{
	size_t n;
	char *text = read_text("/.qrun/envp", &n);
	int err = text ? add_strings(a, text, n, &a->envc) : add_default_env(a);

	kfree(text);
	return err;
}

/* ---- running a program ---- */

/*
 * Starts the program at path with the words given so far; takes args over. 0, or its exit
 * code as a shell shows it: it has not begun.
 */
static int start(const char *path, struct exec_args *args, struct process **out)
{
	struct node *exe;
	int err = add_env(args);

	if (!err)
		err = exec_args_add(args, path);
	if (!err)
		err = path_lookup_const(path, &exe);
	if (err) {
		exec_args_free(args);
		log_warn("%s: %s", path,
			 err == -ENOENT ? "there is no such file" : exec_error(err));
		return err == -ENOENT ? 127 : 126;
	}
	err = process_spawn(exe, path, args, out);
	node_put(exe);
	if (err)
		log_warn("%s: %s", path, exec_error(err));
	return err ? 126 : 0;
}

/* text: the strings of argv, n bytes, or NULL; path: what to run, NULL: argv[0]. */
static int run_alone(const char *path, const char *text, size_t n)
{
	struct exec_args *args = exec_args_create();
	struct process *p;
	int err;

	if (!args)
		panic("no memory for the first program's arguments");
	if (text && n)
		err = add_strings(args, text, n, &args->argc);
	else
		err = add_strings(args, path, strlen(path) + 1, &args->argc);
	if (err)
		panic("the first program's arguments are too long");
	err = start(path ? path : text, args, &p);
	return err ? err : status_code(process_wait(p));
}

/* ---- /init ---- */

/* Pid 1 hears of its child's end, and of what it is asked for; all else means nothing to it. */
static void hear_signals(void)
{
	struct sig_thread *t = &init_process.leader->sig;
	struct signals *s = &init_process.signals;

	for (int sig = 1; sig <= SIGNAL_MAX; sig++)
		s->action[sig].handler = (uint64_t)SIG_IGN;
	signal_thread_create(t, s, &init_process.leader->thread);
	t->blocked = HEARD;
	if (!signal_start(t))
		panic("init cannot be sent signals");
}

/* Until p, the first program, is over, or a signal asks for the machine's end: that end. */
static enum power_end attend(struct process *p)
{
	int sig, status, end;

	do {
		struct sig_info info;

		sig = signal_wait(signal_thread(), HEARD, UINT64_MAX, &info);
		end = power_asked_by(sig);
		if (end >= 0) {
			log_info("init: %s by %s", signal_name(sig), info.pid ? "a program" : "the kernel");
			return end;
		}
	} while (process_wait_until(p, 0, &status));
	log_info("init: /init has ended, exit %d", status_code(status));
	return POWER_OFF;
}

static void run_init(void)
{
	struct exec_args *args = exec_args_create();
	struct process *p;

	if (!args || exec_args_add(args, INIT))
		panic("no memory for /init's arguments");
	args->argc = 1;
	hear_signals();
	if (start(INIT, args, &p)) {
		log_warn("init: nothing to run: no option test= or init=, no /.qrun/argv, no " INIT);
		arch_exit(EXIT_FAILED);
	}
	power_end_orderly(attend(p));
}


static void init_main(void *arg)
{
	char *text;
	size_t n;

	(void)arg;
	if (test_suites && strcmp(test_suites, "list") == 0) {
		ktest_list();
		arch_exit(EXIT_ORDERLY);
	}
	boot_swap_on();
	if (test_suites)
		arch_exit(ktest_run(test_suites) ? EXIT_ORDERLY : EXIT_FAILED);
	text = read_text("/.qrun/argv", &n);
	if (init_path || (text && n)) {
		int code = run_alone(init_path, text, text ? n : 0);

		process_end_all(SIGKILL, clock_monotonic_ns() + END_NS);
		log_raw("# quire: exit %d", code);
		arch_exit(EXIT_ORDERLY);
	}
	run_init();
}

void init_start(void)
{
	uint64_t bottom, top;

	if (kstack_alloc(&bottom, &top))
		panic("no memory for the first thread");
	thread_init(&init_process.leader->thread, "init", bottom, top, init_main, NULL);
	init_process.leader->thread.tid = 1;
	init_process.leader->thread.owner = &init_process;
	thread_start(&init_process.leader->thread);
}
