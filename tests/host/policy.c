// sources: tools/replay/machine.c tools/replay/opt.c tools/replay/lru.c
// sources: tools/replay/traces.c tools/replay/file.c
// sources: mm/reclaim/policy_*.c
/*
 * The replacement policies in the replay: what the textbooks say of FIFO, LRU and OPT, OPT against every
 * possible choice on small rows, and the bounds that the kernel's default must
 * keep beside the others on each trace. replay() itself finds a policy that loses
 * pages or lets nobody go; all calls in any order, the queues looked at.
 */
#include <tests/host/tap.h>
#include <tools/replay/replay.h>
#include <string.h>
#include <unistd.h>

#define RECORDED	"tools/replay/compile.trace"
#define POINTS		5.0		/* that the default may be behind the best one, in percent of uses */

static const struct policy *policy(const char *name)
{
	const struct policy *p;

	for (unsigned i = 0; (p = replay_policy(i)); i++)
		if (!strcmp(p->name, name))
			return p;
	printf("# there is no policy %s\n", name);
	exit(1);
}

static struct score run(const char *name, const struct trace *t, uint32_t frames, unsigned swappiness)
{
	struct machine m = { .frames = frames, .batch = 1, .swappiness = swappiness };
	struct score s;
	const char *wrong = replay(&m, policy(name), t, &s);

	if (wrong)
		printf("# %s on %s: it %s\n", name, t->name, wrong);
	CHECK(!wrong);
	CHECK_EQ(s.hits + s.faults, t->nrefs);
	return s;
}

static uint64_t opt_faults(const struct trace *t, uint32_t frames)
{
	struct score s;

	replay_opt(frames, t, &s);
	CHECK_EQ(s.hits + s.faults, t->nrefs);
	return s.faults;
}

static uint64_t lru_faults(const struct trace *t, uint32_t frames)
{
	struct score s;

	replay_lru(frames, t, &s);
	CHECK_EQ(s.hits + s.faults, t->nrefs);
	return s.faults;
}

/* ---- the textbooks ---- */

static void belady_anomaly(void)
{
	static const uint32_t row[] = { 1, 2, 3, 4, 1, 2, 5, 1, 2, 3, 4, 5 };
	struct trace t;

	trace_of(&t, row, ARRAY_SIZE(row), 6);
	CHECK_EQ(run("fifo", &t, 3, 60).faults, 9);
	CHECK_EQ(run("fifo", &t, 4, 60).faults, 10);
	CHECK_EQ(opt_faults(&t, 3), 7);
	CHECK_EQ(opt_faults(&t, 4), 6);
	CHECK_EQ(lru_faults(&t, 3), 10);
	CHECK_EQ(lru_faults(&t, 4), 8);
	trace_free(&t);
}

static void textbook_row(void)
{
	static const uint32_t row[] = { 7, 0, 1, 2, 0, 3, 0, 4, 2, 3, 0, 3, 2, 1, 2, 0, 1, 7, 0, 1 };
	struct trace t;

	trace_of(&t, row, ARRAY_SIZE(row), 8);
	CHECK_EQ(run("fifo", &t, 3, 60).faults, 15);
	CHECK_EQ(opt_faults(&t, 3), 9);
	CHECK_EQ(lru_faults(&t, 3), 12);
	trace_free(&t);
}

/* ---- OPT against every choice ---- */

/* Fewest faults from use i on, with the pages in `here` (a bit each) in memory. */
static unsigned fewest(const struct trace *t, uint32_t i, unsigned here, unsigned frames)
{
	unsigned page, best = UINT32_MAX;

	if (i == t->nrefs)
		return 0;
	page = 1u << t->refs[i];
	if (here & page)
		return fewest(t, i + 1, here, frames);
	if ((unsigned)__builtin_popcount(here) < frames)
		return 1 + fewest(t, i + 1, here | page, frames);
	for (unsigned victim = 1; victim <= here; victim <<= 1)
		if (here & victim)
			best = MIN(best, fewest(t, i + 1, (here & ~victim) | page, frames));
	return 1 + best;
}

static void opt_is_optimal(void)
{
	uint32_t row[14];
	struct trace t;

	for (unsigned round = 0; round < 200; round++) {
		for (unsigned i = 0; i < ARRAY_SIZE(row); i++)
			row[i] = (uint32_t)tap_below(6);
		trace_of(&t, row, ARRAY_SIZE(row), 6);
		for (unsigned frames = 1; frames <= 4; frames++)
			CHECK_EQ(opt_faults(&t, frames), fewest(&t, 0, 0, frames));
		trace_free(&t);
	}
}

/* ---- bounds on the traces ---- */

/* All policies on t: none beats OPT; the default is near to the best and no worse than fifo. */
static void check_bounds(const struct trace *t, unsigned batch, bool near)
{
	struct machine m = { .frames = t->frames, .batch = batch, .swappiness = 60 };
	uint64_t opt = opt_faults(t, t->frames), best = 0, own = 0;
	const struct policy *p;
	struct score s;

	for (unsigned i = 0; (p = replay_policy(i)); i++) {
		const char *wrong = replay(&m, p, t, &s);

		if (wrong)
			printf("# %s on %s: it %s\n", p->name, t->name, wrong);
		CHECK(!wrong);
		CHECK(s.faults >= opt);
		best = MAX(best, s.hits);
		if (i == 0)
			own = s.hits;
		if (!strcmp(p->name, "fifo") && own < s.hits)
			printf("# %s, %u at a time: %lu hits, fifo %lu\n", t->name, batch, own, s.hits);
		CHECK(strcmp(p->name, "fifo") != 0 || own >= s.hits);
	}
	if (near && (double)(best - own) > POINTS / 100 * t->nrefs)
		printf("# %s, %u at a time: %lu hits, the best policy %lu\n", t->name, batch, own, best);
	CHECK(!near || (double)(best - own) <= POINTS / 100 * t->nrefs);
}

static void bounds_made(void)
{
	struct trace t;

	CHECK(!strcmp(replay_policy(0)->name, "clock"));
	for (uint64_t seed = 1; seed <= 3; seed++)
		for (unsigned i = 0; i < TRACES_MADE; i++) {
			trace_make(&t, i, seed);
			check_bounds(&t, 1, strcmp(t.name, "loop") != 0);
			check_bounds(&t, 32, strcmp(t.name, "loop") != 0);
			trace_free(&t);
		}
}

static void bounds_recorded(void)
{
	struct trace t;

	CHECK(!trace_read(&t, RECORDED));
	CHECK(t.nrefs > 50000);
	check_bounds(&t, 1, true);
	check_bounds(&t, 32, true);
	trace_free(&t);
}

/* ---- what single policies promise ---- */

/*
 * A hot set of 6 tenths of memory is used at random, and files are read besides it, no page of them
 * twice: so only pages of the hot set can come back.
 */
static void scan_resistance(void)
{
	uint32_t frames = 500, hot = 300, stream = hot;
	struct trace t;

	trace_begin(&t, "stream", "a hot set, and a stream beside it", frames);
	for (unsigned i = 0; i < 60000; i++) {
		trace_use(&t, (uint32_t)tap_below(hot), true);
		trace_use(&t, (uint32_t)tap_below(hot), true);
		trace_use(&t, stream++, true);
	}
	printf("# pages of the hot set that came back: clock %lu, clock1 %lu, s3fifo %lu, fifo %lu\n",
	       run("clock", &t, frames, 60).refaults, run("clock1", &t, frames, 60).refaults,
	       run("s3fifo", &t, frames, 60).refaults, run("fifo", &t, frames, 60).refaults);
	CHECK(run("clock", &t, frames, 60).refaults < 3 * hot);
	CHECK(run("s3fifo", &t, frames, 60).refaults < 3 * hot);
	CHECK(run("fifo", &t, frames, 60).refaults > 100 * hot);
	trace_free(&t);
}

/* Without swap the default leaves anonymous pages alone as long as there are others. */
static void swappiness(void)
{
	uint32_t frames = 100, anon = 50;
	struct score none, some;
	struct trace t;

	trace_begin(&t, "swappiness", "", frames);
	for (unsigned i = 0; i < anon; i++)
		trace_use(&t, i, false);
	for (unsigned i = 0; i < 5000; i++)
		trace_use(&t, anon + i, true);
	for (unsigned i = 0; i < anon; i++)
		trace_use(&t, i, false);
	none = run("clock", &t, frames, 0);
	some = run("clock", &t, frames, 100);
	CHECK_EQ(none.hits, anon);
	CHECK(some.hits < anon);
	trace_free(&t);
}

/* fifo and random never look at a page twice; random keeps most of a loop. */
static void blind_policies(void)
{
	struct trace t;

	trace_make(&t, 0, 1);
	CHECK_EQ(run("fifo", &t, t.frames, 60).hits, 0);
	CHECK(run("random", &t, t.frames, 60).hits > t.nrefs * 3 / 4);
	trace_free(&t);
	trace_make(&t, 1, 1);
	for (unsigned i = 0; i < 2; i++) {
		struct score s = run(i ? "fifo" : "random", &t, t.frames, 60);

		CHECK_EQ(s.looks, s.faults - t.frames);
	}
	trace_free(&t);
}

/* ---- every call, in any order ---- */

#define PAGES	200u

enum state { AWAY, LISTED, TAKEN };
static struct page pages[PAGES];
static enum state state[PAGES];
static struct page *taken[PAGES];
static unsigned ntaken;

/* Each listed page is on one queue of the policy once, and nothing else is. */
static void check_queues(const struct policy *p)
{
	static unsigned seen[PAGES];
	unsigned listed = 0, counted = 0;
	struct page *q;

	memset(seen, 0, sizeof(seen));
	for (unsigned i = 0; i < p->nqueues; i++) {
		counted += (unsigned)p->queues[i].n;
		TAILQ_FOREACH(q, &p->queues[i].pages, link)
			seen[q - pages]++;
	}
	for (unsigned i = 0; i < PAGES; i++) {
		listed += state[i] == LISTED;
		CHECK_EQ(seen[i], state[i] == LISTED);
	}
	CHECK_EQ(counted, listed);
}

static void add_or_remove(const struct policy *p, unsigned i)
{
	struct page *q = &pages[i];

	if (state[i] == LISTED) {
		p->remove(q);
		state[i] = AWAY;
	} else if (state[i] == AWAY) {
		memset(q, 0, sizeof(*q));
		q->kind = i % 3 ? PAGE_ANON : PAGE_FILE;
		q->flags = i % 9 == 0 ? PG_SHMEM : 0;
		p->add(q, tap_below(4) ? tap_below(2 * PAGES) : REFAULT_NEVER, tap_below(2));
		state[i] = LISTED;
	}
}

static void take(const struct policy *p, unsigned n)
{
	unsigned swappiness = tap_below(4) ? (unsigned)tap_below(SWAPPINESS_MAX + 1) : 0;
	unsigned listed = 0, files = 0, got;

	for (unsigned i = 0; i < PAGES; i++) {
		listed += state[i] == LISTED;
		files += state[i] == LISTED && policy_is_file(&pages[i]);
	}
	n = MIN(n, PAGES - ntaken);
	got = p->candidates(taken + ntaken, n, swappiness);
	CHECK_EQ(got, MIN(n, listed));
	for (unsigned i = 0; i < got; i++)
		CHECK(swappiness || strcmp(p->name, "clock") != 0 || i >= files ||
		      policy_is_file(taken[ntaken + i]));
	for (; got; got--) {
		unsigned i = (unsigned)(taken[ntaken++] - pages);

		CHECK_EQ(state[i], LISTED);
		state[i] = TAKEN;
	}
}

/* What was taken goes, comes back, or is freed by its last user meanwhile. */
static void settle(const struct policy *p)
{
	while (ntaken) {
		struct page *q = taken[--ntaken];
		bool back = tap_below(5) && (!p->judge(q, p->asks && tap_below(2)));

		if (!back && tap_below(2)) {
			p->putback(q);
			back = true;
		}
		state[q - pages] = back ? LISTED : AWAY;
	}
}

static void any_order(void)
{
	const struct policy *p;

	for (unsigned k = 0; (p = replay_policy(k)); k++) {
		memset(state, 0, sizeof(state));
		ntaken = 0;
		p->reset(PAGES);
		for (unsigned round = 0; round < 20000; round++) {
			add_or_remove(p, (unsigned)tap_below(PAGES));
			if (tap_below(8) == 0)
				take(p, (unsigned)tap_below(32));
			if (tap_below(16) == 0)
				settle(p);
			if (round % 64 == 0)
				check_queues(p);
		}
		settle(p);
		check_queues(p);
	}
}

/* ---- recorded traces as files ---- */

static void same_trace(const struct trace *a, const struct trace *b)
{
	CHECK(!strcmp(a->name, b->name) && !strcmp(a->what, b->what));
	CHECK_EQ(a->frames, b->frames);
	CHECK_EQ(a->npages, b->npages);
	CHECK_EQ(a->nrefs, b->nrefs);
	for (uint32_t i = 0; i < a->nrefs && i < b->nrefs; i++)
		CHECK(a->refs[i] == b->refs[i] && a->file[a->refs[i]] == b->file[b->refs[i]]);
}

/* Loops and random uses of up to 300 pages, numbered by first use as the file has them. */
static void random_trace(struct trace *t)
{
	uint32_t top = 0;

	trace_begin(t, "some", "anything at all", 40);
	for (unsigned part = 0; part < 40; part++) {
		uint32_t page = top ? (uint32_t)tap_below(top) : 0, end = page + (uint32_t)tap_below(30);

		for (unsigned pass = 0; pass < 4; pass++)
			for (uint32_t i = page; i <= end; i++) {
				trace_use(t, MIN(i, top), i < top ? t->file[i] : i % 3 == 0);
				top += i >= top;
			}
	}
}

static void files(void)
{
	char path[] = "/tmp/trace-XXXXXX";
	int fd = mkstemp(path);
	struct trace t, again;
	long size;
	FILE *f;

	CHECK(fd >= 0);
	random_trace(&t);
	CHECK(!trace_write(&t, path));
	CHECK(!trace_read(&again, path));
	same_trace(&t, &again);
	trace_free(&again);
	f = fopen(path, "r");
	fseek(f, 0, SEEK_END);
	size = ftell(f);
	fclose(f);
	for (long cut = size - 1; cut >= 0; cut -= 7) {
		CHECK(!truncate(path, cut));
		CHECK(trace_read(&again, path));
	}
	CHECK(trace_read(&again, "/nowhere"));
	CHECK(trace_read(&again, "/dev/zero"));
	trace_free(&t);
	close(fd);
	unlink(path);
}

int main(void)
{
	TAP_RUN(belady_anomaly);
	TAP_RUN(textbook_row);
	TAP_RUN(opt_is_optimal);
	TAP_RUN(bounds_made);
	TAP_RUN(bounds_recorded);
	TAP_RUN(scan_resistance);
	TAP_RUN(swappiness);
	TAP_RUN(blind_policies);
	TAP_RUN(any_order);
	TAP_RUN(files);
	return tap_done();
}
