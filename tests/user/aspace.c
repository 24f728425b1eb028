/*
 * aspace: random address-space programs (tests/user/aspace/aspace.h says how they are made).
 * tools/aspace-diff runs this binary on Linux and in Quire and compares.
 *
 * Each seed has a process of its own where there is fork; without, one seed can be run.
 */
/* args: 1 2 1000 */
#include "aspace/aspace.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define STEPS_MAX	1000000
#define DIGEST_EVERY	500

static const struct op *const tables[] = {
	map_ops, file_ops, advice_ops, remap_ops, touch_ops, process_ops, grow_ops,
	huge_ops,
};
#define TABLES	(sizeof(tables) / sizeof(tables[0]))

uint64_t seed;
char step_path[64];
int depth;
static const char *without = "", *only;
static unsigned weights[TABLES], weight;
static uint8_t kept[STEPS_MAX / 8 + 1];
static bool keep_all = true;
static long last_step;

static const char usage[] =
	"usage: aspace [OPTION...] FIRST_SEED [COUNT [STEPS]]\n"
	"  -l         list the classes of steps\n"
	"  -x A,B     leave out classes      -o A,B     only these classes\n"
	"  -k 1-5,9   only these steps       -q         digests instead of text\n"
	"  -u         write each line at once\n";

static bool in_list(const char *list, const char *name)
{
	size_t n = strlen(name);

	for (const char *at = list; (at = strstr(at, name)); at += n)
		if ((at == list || at[-1] == ',') && (at[n] == ',' || !at[n]))
			return true;
	return false;
}

bool class_on(const char *name)
{
	return (!only || in_list(only, name)) && !in_list(without, name);
}

static void weigh(void)
{
	for (size_t i = 0; i < TABLES; i++) {
		for (const struct op *op = tables[i]; op->name; op++)
			weights[i] += class_on(op->class) ? op->weight : 0;
		weight += weights[i];
	}
}

static const struct op *pick_op(void)
{
	unsigned at = rnd(weight);
	size_t i = 0;

	while (at >= weights[i])
		at -= weights[i++];
	for (const struct op *op = tables[i];; op++) {
		if (!class_on(op->class))
			continue;
		if (at < op->weight)
			return op;
		at -= op->weight;
	}
}

void step_run(const char *path)
{
	snprintf(step_path, sizeof(step_path), "%s", path);
	random_start(seed, path);
	say("%*s%s ", depth * 2, "", path);
	pick_op()->run();
	end_line();
}

static void prepare(const char *self)
{
	struct rlimit none = { 0, 0 };
	long at;

	prctl(PR_SET_THP_DISABLE, !class_on("thp"), 0, 0, 0);
	setrlimit(RLIMIT_CORE, &none);
	break_base = (SYS(brk, 0) + PAGE - 1) & -PAGE;
	SYS(brk, break_base);
	at = SYS(mmap, ARENA, ARENA_PAGES * PAGE, PROT_NONE,
		 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | 0x100000, -1, 0);
	say("seed %lu: arena", (unsigned long)seed);
	if (at != (long)ARENA)
		say_result(at);
	files_start(self);
	fault_start();
	status_start();
	end_line();
}

static int run_seed(const char *self, long steps)
{
	char label[64];

	prepare(self);
	for (long i = 1; i <= steps; i++) {
		if (keep_all || kept[i / 8] >> i % 8 & 1) {
			snprintf(label, sizeof(label), "%ld", i);
			step_run(label);
		}
		snprintf(label, sizeof(label), "seed %lu to step %ld", (unsigned long)seed, i);
		if (i % DIGEST_EVERY == 0 || i == steps) {
			say("all");
			if (class_on("touch"))
				hash_range(FIRST_PAGE, END_PAGE);
			end_line();
			out_digest(label);
		}
	}
	out_flush();
	return 0;
}

static int run_apart(const char *self, long steps)
{
	pid_t pid = fork();
	int status = 0;

	if (pid == 0)
		_exit(run_seed(self, steps));
	if (pid < 0 || waitpid(pid, &status, 0) != pid) {
		fprintf(stderr, "aspace: no fork here: one seed at a time\n");
		return 3;
	}
	if (!status)
		return 0;
	say("seed %lu: %s %d", (unsigned long)seed, WIFSIGNALED(status) ? "signal" : "exit",
	    WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
	end_line();
	out_digest("ended badly");
	out_flush();
	return 1;
}

static void keep(const char *list)
{
	keep_all = false;
	while (*list) {
		char *end;
		long first = strtol(list, &end, 10), last = first;

		if (*end == '-')
			last = strtol(end + 1, &end, 10);
		for (; first <= last && first < STEPS_MAX; first++)
			kept[first / 8] |= 1 << first % 8;
		list = *end ? end + 1 : end;
		last_step = last > last_step ? last : last_step;
	}
}

static void list_classes(void)
{
	char seen[1024] = ",";

	strcat(seen, "wild,");
	for (size_t i = 0; i < TABLES; i++)
		for (const struct op *op = tables[i]; op->name; op++)
			if (!in_list(seen, op->class))
				strcat(strcat(seen, op->class), ",");
	strcat(seen, "self");
	puts(seen + 1);
}

static void bad_usage(void)
{
	fputs(usage, stderr);
	exit(2);
}

int main(int argc, char **argv)
{
	enum out_mode mode = OUT_TEXT;
	long first, count, steps;
	int option, bad = 0;

	while ((option = getopt(argc, argv, "lx:o:k:qu")) != -1) {
		switch (option) {
		case 'l':
			list_classes();
			return 0;
		case 'x':
			without = optarg;
			break;
		case 'o':
			only = optarg;
			break;
		case 'k':
			keep(optarg);
			break;
		case 'q':
			mode = OUT_DIGEST;
			break;
		case 'u':
			mode = OUT_EACH_LINE;
			break;
		default:
			bad_usage();
		}
	}
	if (optind >= argc || argc - optind > 3)
		bad_usage();
	first = atol(argv[optind]);
	count = argc - optind > 1 ? atol(argv[optind + 1]) : 1;
	steps = argc - optind > 2 ? atol(argv[optind + 2]) : 5000;
	weigh();
	if (steps < 0 || steps >= STEPS_MAX || count < 1 || !weight)
		bad_usage();
	out_start(mode);
	for (seed = first; seed < (uint64_t)first + count; seed++)
		bad |= count == 1 ? run_seed(argv[0], steps) : run_apart(argv[0], steps);
	return bad;
}
