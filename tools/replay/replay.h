/*
 * The replay of page traces: what each replacement policy of the kernel would
 * have done with them, and what could have been done at best.
 *
 * A trace is the row of pages that a program uses. The machine (machine.c) has so
 * many frames, sets the accessed bit at each use as a CPU does, and at a fault
 * with no frame left asks the policy, by the calls by which the kernel asks it.
 */
#ifndef TOOLS_REPLAY_H
#define TOOLS_REPLAY_H

#include <mm/alloc/policy.h>

struct trace {
	char name[32];
	char what[160];			/* one line */
	uint32_t frames;		/* memory to replay it with, unless told otherwise */
	uint32_t npages;
	uint32_t nrefs;
	uint32_t *refs;			/* pages by number, 0 .. npages - 1 */
	bool *file;			/* which pages are content of files */
};

struct score {
	uint64_t hits;
	uint64_t faults;		/* hits + faults = nrefs */
	uint64_t refaults;		/* of these, of pages that have been there before */
	uint64_t looks;			/* candidates that the policy was asked about */
};

struct machine {
	uint32_t frames;
	unsigned batch;			/* pages to look at and to free at a time: the kernel's is 32 */
	unsigned swappiness;
};

/*
 * Replays t. NULL, or what the policy did wrong: nobody went, or pages got lost.
 */
const char *replay(const struct machine *m, const struct policy *p, const struct trace *t,
		   struct score *s);
/* Belady's OPT, which knows the future: the page goes whose next use is farthest away. */
void replay_opt(uint32_t frames, const struct trace *t, struct score *s);
/* Exact LRU, which knows the order of all uses. */
void replay_lru(uint32_t frames, const struct trace *t, struct score *s);

/* The policies that are linked in, the kernel's default first; NULL past the last. */
const struct policy *replay_policy(unsigned i);

/* ---- traces ---- */

#define TRACES_MADE	5		/* trace_make knows so many */

const char *trace_name(unsigned i);
const char *trace_what(unsigned i);
/* The i-th of the made ones: the same with the same seed. */
void trace_make(struct trace *t, unsigned i, uint64_t seed);
/* A recorded one (its format: file.c). NULL, or what is wrong with the file. */
const char *trace_read(struct trace *t, const char *path);
const char *trace_write(const struct trace *t, const char *path);
/* A row of anonymous pages. */
void trace_of(struct trace *t, const uint32_t *refs, uint32_t n, uint32_t npages);
void trace_free(struct trace *t);

/*
 * For who builds one: an empty trace; one more use. Not more than TRACE_PAGES_MAX pages.
 */
#define TRACE_PAGES_MAX	(1u << 20)
void trace_begin(struct trace *t, const char *name, const char *what, uint32_t frames);
void trace_use(struct trace *t, uint32_t page, bool file);

/* calloc that ends the program where there is no memory. */
void *must_alloc(size_t n, size_t size);

#endif
