/*
 * The program: tables of traces and policies. `make policies` prints the one of all
 * traces and all policies.
 */
#include <tools/replay/record.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TRACES_MAX	64u
#define POLICIES_MAX	32u
#define SWAPPINESS	60u		/* as in the kernel */

static const char usage[] =
	"usage: replay [OPTION...] [TRACE...]\n"
	"\n"
	"Replays traces of pages through the replacement policies of the kernel (the same files,\n"
	"mm/reclaim/policy_*.c), and through two that no kernel can have, Belady's\n"
	"OPT and exact LRU. Prints how much each of them hit, in percent.\n"
	"TRACE: a made one by its name, `made` for all of them (so without any), or a recorded file.\n"
	"\n"
	"  -p NAME,...   these policies only\n"
	"  -n FRAMES     memory, in pages, instead of what each trace asks for\n"
	"  -m MEASURE    hits (default; percent), faults, refaults (pages that had been there before),\n"
	"                looks (candidates asked about, for each page evicted)\n"
	"  -b N          N candidates at a time (default 1; the kernel takes 32)\n"
	"  -w N          swappiness, 0 .. 200 (default 60)\n"
	"  -s SEED       another draw of the made traces (default 1)\n"
	"  --sweep       one trace, memory from a tenth to the whole of what it asks for, and twice that\n"
	"  --list        policies and made traces, with a line on each\n"
	"  --record NAME WHAT ENTRIES FILE   write a trace from lackey's lines (see tools/replay/record)\n"
	"\n"
	"Status: 0; 1 if a policy does something wrong or a file cannot be read; 2 bad usage.\n";

enum measure { HITS, FAULTS, REFAULTS, LOOKS };
static const char *const measures[] = { "hits", "faults", "refaults", "looks" };

struct job {
	struct machine machine;		/* frames 0: what the trace asks for */
	enum measure measure;
	uint64_t seed;
	bool sweep;
	const struct policy *policy[POLICIES_MAX];
	unsigned npolicies;
	struct trace trace[TRACES_MAX];
	unsigned ntraces;
	int status;
};

static void bad_usage(const char *what, const char *word)
{
	fprintf(stderr, "replay: %s %s (replay --help tells more)\n", what, word);
	exit(2);
}

/* ---- the table ---- */

static void put_head(const struct job *j)
{
	printf("%-10s %7s %9s %9s %9s", "trace", "frames", "uses", "OPT", "LRU");
	for (unsigned i = 0; i < j->npolicies; i++)
		printf(" %9s", j->policy[i]->name);
	putchar('\n');
}

static void put_score(const struct job *j, const struct trace *t, uint32_t frames, const struct score *s)
{
	uint64_t evicted = s->faults > frames ? s->faults - frames : 0;

	switch (j->measure) {
	case HITS:
		printf(" %9.2f", 100.0 * (double)s->hits / t->nrefs);
		break;
	case FAULTS:
		printf(" %9lu", s->faults);
		break;
	case REFAULTS:
		printf(" %9lu", s->refaults);
		break;
	case LOOKS:
		printf(" %9.2f", evicted ? (double)s->looks / (double)evicted : 0.0);
		break;
	}
}

static void put_line(struct job *j, const struct trace *t, uint32_t frames)
{
	struct machine m = j->machine;
	struct score s;

	m.frames = frames;
	printf("%-10s %7u %9u", t->name, frames, t->nrefs);
	replay_opt(frames, t, &s);
	put_score(j, t, frames, &s);
	replay_lru(frames, t, &s);
	put_score(j, t, frames, &s);
	for (unsigned i = 0; i < j->npolicies; i++) {
		const char *wrong = replay(&m, j->policy[i], t, &s);

		if (wrong) {
			fflush(stdout);
			fprintf(stderr, "replay: %s on %s: the policy %s\n", j->policy[i]->name, t->name,
				wrong);
			j->status = 1;
			printf(" %9s", "-");
		} else {
			put_score(j, t, frames, &s);
		}
	}
	putchar('\n');
}

static void put_table(struct job *j)
{
	static const uint32_t tenths[] = { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 20 };

	put_head(j);
	for (unsigned i = 0; i < j->ntraces; i++) {
		const struct trace *t = &j->trace[i];
		uint32_t frames = j->machine.frames ? j->machine.frames : t->frames;

		if (!j->sweep)
			put_line(j, t, frames);
		else
			for (unsigned k = 0; k < ARRAY_SIZE(tenths); k++)
				put_line(j, t, MAX(1, (uint32_t)((uint64_t)frames * tenths[k] / 10)));
	}
}

static void put_list(void)
{
	const struct policy *p;

	for (unsigned i = 0; (p = replay_policy(i)); i++)
		printf("policy %-10s %s\n", p->name, p->what);
	for (unsigned i = 0; i < TRACES_MADE; i++)
		printf("trace  %-10s %s\n", trace_name(i), trace_what(i));
}

/* ---- the command line ---- */

static uint64_t number(const char *option, const char *text, uint64_t min, uint64_t max)
{
	char *end;
	uint64_t v;

	errno = 0;
	v = strtoull(text, &end, 0);
	if (errno || *end || end == text || *text == '-' || v < min || v > max) {
		fprintf(stderr, "replay: %s is '%s', but must be a number from %lu to %lu\n", option, text,
			min, max);
		exit(2);
	}
	return v;
}

static void choose_policies(struct job *j, char *names)
{
	const struct policy *p;

	j->npolicies = 0;
	for (char *name = strtok(names, ","); name; name = strtok(NULL, ",")) {
		unsigned i = 0;

		while ((p = replay_policy(i)) && strcmp(p->name, name) != 0)
			i++;
		if (!p)
			bad_usage("there is no policy", name);
		if (j->npolicies == POLICIES_MAX)
			bad_usage("too many policies:", name);
		j->policy[j->npolicies++] = p;
	}
}

static void choose_measure(struct job *j, const char *name)
{
	for (unsigned i = 0; i < ARRAY_SIZE(measures); i++)
		if (!strcmp(measures[i], name)) {
			j->measure = (enum measure)i;
			return;
		}
	bad_usage("there is no measure", name);
}

/* The made traces of that name, or all. How many. */
static unsigned add_made(struct job *j, const char *name)
{
	unsigned n = 0;

	for (unsigned i = 0; i < TRACES_MADE; i++) {
		if (strcmp(name, "made") != 0 && strcmp(name, trace_name(i)) != 0)
			continue;
		if (j->ntraces == TRACES_MAX)
			bad_usage("too many traces:", name);
		trace_make(&j->trace[j->ntraces++], i, j->seed);
		n++;
	}
	return n;
}

static void add_trace(struct job *j, const char *name)
{
	const char *wrong;

	if (add_made(j, name))
		return;
	if (j->ntraces == TRACES_MAX)
		bad_usage("too many traces:", name);
	wrong = trace_read(&j->trace[j->ntraces++], name);
	if (wrong) {
		fprintf(stderr, "replay: %s: %s\n", name, wrong);
		exit(1);
	}
}

static int record(char **arg)
{
	struct trace t;
	const char *wrong;

	for (unsigned i = 0; i < 4; i++)
		if (!arg[i])
			bad_usage("--record takes", "NAME WHAT ENTRIES FILE");
	wrong = trace_record(&t, arg[0], arg[1], (uint32_t)number("ENTRIES", arg[2], 1, 65536));
	if (!wrong)
		wrong = trace_write(&t, arg[3]);
	if (wrong) {
		fprintf(stderr, "replay: %s: %s\n", arg[3], wrong);
		return 1;
	}
	printf("%s: %u pages, %u uses\n", arg[3], t.npages, t.nrefs);
	trace_free(&t);
	return 0;
}

/* Takes the option at arg[0], and what it takes; returns how many words that was. */
static unsigned option(struct job *j, char **arg)
{
	const char *name = arg[0];

	if (!strcmp(name, "--sweep")) {
		j->sweep = true;
		return 1;
	}
	if (strlen(name) != 2 || !strchr("pnmbws", name[1]))
		bad_usage("unknown option", name);
	if (!arg[1])
		bad_usage("a value must follow", name);
	switch (name[1]) {
	case 'p':
		choose_policies(j, arg[1]);
		break;
	case 'n':
		j->machine.frames = (uint32_t)number(name, arg[1], 1, TRACE_PAGES_MAX);
		break;
	case 'm':
		choose_measure(j, arg[1]);
		break;
	case 'b':
		j->machine.batch = (unsigned)number(name, arg[1], 1, 4096);
		break;
	case 'w':
		j->machine.swappiness = (unsigned)number(name, arg[1], 0, SWAPPINESS_MAX);
		break;
	case 's':
		j->seed = number(name, arg[1], 0, UINT64_MAX);
		break;
	}
	return 2;
}

int main(int argc, char **argv)
{
	static struct job j = { .machine = { .batch = 1, .swappiness = SWAPPINESS }, .seed = 1 };
	char **arg = argv + (argc > 0);

	while (j.npolicies < POLICIES_MAX && (j.policy[j.npolicies] = replay_policy(j.npolicies)))
		j.npolicies++;
	if (*arg && (!strcmp(*arg, "--help") || !strcmp(*arg, "-h")))
		return fputs(usage, stdout) < 0;
	if (*arg && !strcmp(*arg, "--list")) {
		put_list();
		return 0;
	}
	if (*arg && !strcmp(*arg, "--record"))
		return record(arg + 1);
	while (*arg && (*arg)[0] == '-')
		arg += option(&j, arg);
	if (!*arg)
		add_made(&j, "made");
	for (; *arg; arg++)
		add_trace(&j, *arg);
	put_table(&j);
	for (unsigned i = 0; i < j.ntraces; i++)
		trace_free(&j.trace[i]);
	return j.status;
}
