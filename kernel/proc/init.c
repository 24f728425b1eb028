/*
 * The first thread. One of, in this order:
 *
 *	test=SUITES	the in-kernel tests
 *	init=PATH	that program alone
 *	/.qrun/argv	the program that it names, alone
 *	/init.list	a command on each line, one after another
 *
 * A program run alone is given the strings of /.qrun/argv and /.qrun/envp,
 * where they are there (each ended by NUL); how it ended is said in the line
 * `# quire: exit N` of the log. Then the machine ends, and with it whatever that program has left behind.
 */
#include <kernel/proc/init.h>
#include <arch/cpu.h>
#include <kernel/core/clock.h>
#include <kernel/dev/boot_swap.h>
#include <kernel/fs/path.h>
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
#define EXIT_ORDERLY	0x10
#define EXIT_FAILED	0x11

static const char *test_suites, *init_path;

option_string(test, &test_suites,
	      "run these suites of tests (all, or a,b; list: name them) and end");
option_string(init, &init_path, "the program to run, alone, and end");

static const char *const default_env[] = { "PATH=/bin:/sbin:/usr/bin:/usr/sbin", "HOME=/" };
static const char *const path_dirs[] = { "/bin/", "/sbin/", "/usr/bin/", "/usr/sbin/" };

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
	if (node_is_reg(node) && node_size(node) <= TEXT_MAX) {
		*n = node_size(node);
		text = kmalloc(*n + 1);
	}
	if (text)
		got = object_read_kernel(&node->reg.obj, 0, text, *n);
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
 * Runs the program at path with the words given so far; takes args over. Its exit
 * code as a shell shows it.
 */
static int run(const char *path, struct exec_args *args)
{
	struct process *p;
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
	err = process_spawn(exe, path, args, &p);
	node_put(exe);
	if (err) {
		log_warn("%s: %s", path, exec_error(err));
		return 126;
	}
	return status_code(process_wait(p));
}

/* text: the strings of argv, n bytes, or NULL; path: what to run, NULL: argv[0]. */
static int run_alone(const char *path, const char *text, size_t n)
{
	struct exec_args *args = exec_args_create();
	int err;

	if (!args)
		panic("no memory for the first program's arguments");
	if (text && n)
		err = add_strings(args, text, n, &args->argc);
	else
		err = add_strings(args, path, strlen(path) + 1, &args->argc);
	if (err)
		panic("the first program's arguments are too long");
	return run(path ? path : text, args);
}

/* ---- the list of commands ---- */

/* The program that a command's first word means: its path in buf. */
static const char *find_program(const char *word, char *buf, size_t size)
{
	struct node *found;

	if (strchr(word, '/'))
		return word;
	for (unsigned i = 0; i < ARRAY_SIZE(path_dirs); i++) {
		size_t n = strlcpy(buf, path_dirs[i], size);

		if (strlcpy(buf + n, word, size - n) >= size - n)
			break;
		if (!path_lookup_const(buf, &found)) {
			node_put(found);
			return buf;
		}
	}
	return word;
}

/*
 * Cuts the line into words at blanks; the strings lie one after another. Their
 * bytes, each with its NUL.
 */
static size_t split_words(char *line)
{
	size_t out = 0;

	for (char *s = line; *s;) {
		while (*s == ' ' || *s == '\t')
			s++;
		if (!*s)
			break;
		while (*s && *s != ' ' && *s != '\t')
			line[out++] = *s++;
		if (*s)
			s++;
		line[out++] = '\0';
	}
	return out;
}

static void run_line(char *line)
{
	char path[NAME_MAX + 16];
	size_t n;
	int code;

	log_raw("# %s", line);
	n = split_words(line);
	code = run_alone(find_program(line, path, sizeof(path)), line, n);
	if (code)
		log_info("%s: exit %d", line, code);
}

static void run_list(char *text)
{
	while (*text) {
		char *end = strchr(text, '\n');
		char *next = end ? end + 1 : text + strlen(text);

		if (end)
			*end = '\0';
		while (*text == ' ' || *text == '\t')
			text++;
		if (*text && *text != '#')
			run_line(text);
		text = next;
	}
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

		process_end_all(clock_monotonic_ns() + END_NS);
		log_raw("# quire: exit %d", code);
		arch_exit(EXIT_ORDERLY);
	}
	text = read_text("/init.list", &n);
	if (!text) {
		log_warn("init: nothing to run: "
			 "no option test= or init=, no /.qrun/argv, no /init.list");
		arch_exit(EXIT_FAILED);
	}
	run_list(text);
	process_end_all(clock_monotonic_ns() + END_NS);
	log_info("init: all commands have run");
	arch_exit(EXIT_ORDERLY);
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
