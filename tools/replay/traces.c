/*
 * Traces that are made: the shapes on which policies differ. All are drawn from a small generator
 * with a seed, in integers, so that they are the same everywhere.
 *
 *	loop	a circle of pages, a tenth larger than memory: the worst for all that
 *		throw out what was used longest ago
 *	zipf	independent uses, the n-th page used 1/n as often as the first: heaps,
 *		tables of symbols, databases
 *	scan	a hot set that fits, and beside it files read through that are far larger
 *	phases	a program in steps, each with a working set of its own, a quarter of it
 *		taken over from the step before
 *	sort	a merge sort, in runs that double: loops of every size, from a few pages to
 *		more than memory
 */
#include <tools/replay/replay.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static uint64_t random_state;

static uint64_t draw(void)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return random_state;
}

/* One of 0 .. n - 1. */
static uint32_t below(uint32_t n)
{
	return (uint32_t)((draw() >> 32) * n >> 32);
}

void *must_alloc(size_t n, size_t size)
{
	void *p = calloc(n ? n : 1, size);

	if (!p) {
		fprintf(stderr, "replay: out of memory\n");
		exit(1);
	}
	return p;
}

/* ---- building ---- */

void trace_begin(struct trace *t, const char *name, const char *what, uint32_t frames)
{
	memset(t, 0, sizeof(*t));
	snprintf(t->name, sizeof(t->name), "%s", name);
	snprintf(t->what, sizeof(t->what), "%s", what);
	t->frames = frames;
	t->file = must_alloc(TRACE_PAGES_MAX, sizeof(*t->file));
}

/* Room for the uses doubles whenever their number is a power of two. */
void trace_use(struct trace *t, uint32_t page, bool file)
{
	if (!(t->nrefs & (t->nrefs - 1))) {
		uint32_t *larger = must_alloc(t->nrefs ? 2ul * t->nrefs : 1, sizeof(*larger));

		if (t->nrefs)
			memcpy(larger, t->refs, t->nrefs * sizeof(*larger));
		free(t->refs);
		t->refs = larger;
	}
	t->refs[t->nrefs++] = page;
	t->file[page] = file;
	if (page >= t->npages)
		t->npages = page + 1;
}

void trace_of(struct trace *t, const uint32_t *refs, uint32_t n, uint32_t npages)
{
	trace_begin(t, "given", "a row of pages", npages);
	for (uint32_t i = 0; i < n; i++)
		trace_use(t, refs[i], false);
	t->npages = npages;
}

void trace_free(struct trace *t)
{
	free(t->refs);
	free(t->file);
	memset(t, 0, sizeof(*t));
}

/* ---- shapes ---- */

#define FRAMES	1000u

static void make_loop(struct trace *t)
{
	for (uint32_t i = 0; i < 200 * (FRAMES + FRAMES / 10); i++)
		trace_use(t, i % (FRAMES + FRAMES / 10), false);
}

/* The share of pages 0 .. i in all uses, as a number below 2^32, for each i. */
static uint64_t *zipf_sums(uint32_t n)
{
	uint64_t *sum = must_alloc(n, sizeof(*sum)), all = 0;

	for (uint32_t i = 0; i < n; i++)
		sum[i] = all += (1ul << 40) / (i + 1);
	for (uint32_t i = 0; i < n; i++)
		sum[i] = sum[i] / (all >> 32);
	return sum;
}

static uint32_t zipf(const uint64_t *sum, uint32_t n)
{
	uint64_t x = draw() >> 32;
	uint32_t low = 0, high = n - 1;

	while (low < high) {
		uint32_t mid = (low + high) / 2;

		if (sum[mid] > x)
			high = mid;
		else
			low = mid + 1;
	}
	return low;
}

static void make_zipf(struct trace *t)
{
	uint32_t n = 10 * FRAMES;
	uint64_t *sum = zipf_sums(n);

	for (uint32_t i = 0; i < 400000; i++)
		trace_use(t, zipf(sum, n), false);
	free(sum);
}

/* Two uses of the hot set for each page that is read through. */
static void make_scan(struct trace *t)
{
	uint32_t hot = FRAMES * 6 / 10;

	for (uint32_t i = 0; i < 120000; i++) {
		trace_use(t, below(hot), true);
		trace_use(t, below(hot), true);
		trace_use(t, hot + i % (20 * FRAMES), true);
	}
}

static void make_phases(struct trace *t)
{
	uint32_t set = FRAMES * 9 / 10, moved = set * 3 / 4;

	for (uint32_t phase = 0; phase < 10; phase++)
		for (uint32_t i = 0; i < 30000; i++) {
			uint32_t page = phase * moved + below(set);

			trace_use(t, page, page % 3 == 0);
		}
}

/* Pairs of runs of 1, 2, 4, … pages are merged into a second array, and copied back. */
static void make_sort(struct trace *t)
{
	uint32_t n = 4096;

	for (uint32_t run = 1; run < n; run *= 2)
		for (uint32_t start = 0; start < n; start += 2 * run) {
			for (uint32_t i = 0; i < run; i++) {
				trace_use(t, start + i, false);
				trace_use(t, start + run + i, false);
				trace_use(t, n + 2 * i, false);
				trace_use(t, n + 2 * i + 1, false);
			}
			for (uint32_t i = 0; i < 2 * run; i++) {
				trace_use(t, n + i, false);
				trace_use(t, start + i, false);
			}
		}
}

static const struct shape {
	const char *name, *what;
	void (*make)(struct trace *t);
} shapes[TRACES_MADE] = {
	{ "loop", "a circle a tenth larger than memory", make_loop },
	{ "zipf", "the n-th of 10,000 pages used 1/n as often as the first", make_zipf },
	{ "scan", "a hot set of 6 tenths of memory, and files 20 times as large as memory read through", make_scan },
	{ "phases", "10 working sets of 9 tenths of memory, one after another", make_phases },
	{ "sort", "a merge sort of 4 times the memory, by a second array", make_sort },
};

const char *trace_name(unsigned i)
{
	return shapes[i].name;
}

const char *trace_what(unsigned i)
{
	return shapes[i].what;
}

void trace_make(struct trace *t, unsigned i, uint64_t seed)
{
	random_state = 0x9e3779b97f4a7c15ul ^ seed * 0xbf58476d1ce4e5b9ul;
	random_state += !random_state;
	trace_begin(t, shapes[i].name, shapes[i].what, FRAMES);
	shapes[i].make(t);
}
