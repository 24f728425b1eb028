/*
 * Which page goes when one must go: a policy, one file (mm/reclaim/policy_*.c), small enough to write in
 * an afternoon. The same file runs in the kernel and in the replay of recorded
 * traces on the host (tools/replay), beside Belady's OPT.
 *
 * A policy keeps the pages it is given on queues of its own (page->link; page->policy, 0 when
 * a page is added, is its own too, but for the highest bit). All calls come under one lock (lists_lock), none sleeps or allocates.
 *
 * All it learns of use is the accessed bit, looked at when a candidate is judged, and
 * cleared by that. The fault that brings a page in sets it: the first look says
 * nothing about a second use.
 */
#ifndef MM_ALLOC_POLICY_H
#define MM_ALLOC_POLICY_H

#include <mm/alloc/page.h>

#define REFAULT_NEVER	(~0ull)

#define SWAPPINESS_MAX	200u

struct policy_queue {
	struct page_list pages;		/* oldest first */
	uint64_t n;
};

struct policy {
	const char *name;		/* reclaim=NAME */
	const char *what;		/* one line for who chooses */
	bool asks;			/* judge wants to know whether a candidate was used */
	/* Nothing is on its queues. frames: about how many pages there will be room for. */
	void (*reset)(uint64_t frames);
	/*
	 * p is here now. distance: how many pages were evicted since p itself was;
	 * REFAULT_NEVER: it is new, or that is forgotten. was_active: it counted as in use (active,
	 * below) when it went.
	 */
	void (*add)(struct page *p, uint64_t distance, bool was_active);
	/* p, on its queues, is freed or must stay for now. */
	void (*remove)(struct page *p);
	/*
	 * Takes up to n pages off its queues for a closer look; returns how many. swappiness: 0 to
	 * SWAPPINESS_MAX, how readily it takes what only swap can hold (100: like files' pages, 0:
	 * where nothing else is left); a policy may take no notice.
	 */
	unsigned (*candidates)(struct page **out, unsigned n, unsigned swappiness);
	/*
	 * Was candidate p used since the last look? True: it shall go. False: it is on a queue
	 * again. A policy must not say false forever of pages that nobody uses.
	 */
	bool (*judge)(struct page *p, bool used);
	/* Candidate p was to go, but cannot (busy, no swap left): back on a queue. */
	void (*putback)(struct page *p);
	/* Does p, on its queues or a candidate, count as in use, for /proc? NULL: it makes no such difference. */
	bool (*active)(const struct page *p);
	struct policy_queue *queues;	/* all that it has, for mm_verify */
	unsigned nqueues;
};

/* Makes a policy known to the kernel, and to the replay. */
#define POLICY(ident, ...) \
	static const struct policy policy_##ident = { __VA_ARGS__ }; \
	static const struct policy *const policy_entry_##ident \
		__attribute__((used, section("policies"))) = &policy_##ident

/* Is p dropped when it goes (content of a file, or given up by MADV_FREE), not memory that only swap can hold? */
static inline bool policy_is_file(const struct page *p)
{
	return p->kind == PAGE_FILE ? !(p->flags & PG_SHMEM) : (p->flags & PG_LAZYFREE) != 0;
}

/* ---- queues ---- */

static inline void queue_init(struct policy_queue *q)
{
	TAILQ_INIT(&q->pages);
	q->n = 0;
}

static inline void queue_push(struct policy_queue *q, struct page *p)
{
	TAILQ_INSERT_TAIL(&q->pages, p, link);
	q->n++;
}

static inline void queue_remove(struct policy_queue *q, struct page *p)
{
	TAILQ_REMOVE(&q->pages, p, link);
	q->n--;
}

/* The oldest, or NULL. */
static inline struct page *queue_pop(struct policy_queue *q)
{
	struct page *p = TAILQ_FIRST(&q->pages);

	if (p)
		queue_remove(q, p);
	return p;
}

#endif
