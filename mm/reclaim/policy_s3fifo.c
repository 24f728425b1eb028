/*
 * s3fifo: three queues first in, first out. Yang, Zhang, Qiu, Yue, Rashmi, "FIFO queues are all you
 * need for cache eviction", SOSP 2023.
 *
 * Most pages that come are used for a short while and never again. So a new page has
 * to pass through a small queue, a tenth of memory, and gets into the main one only if it
 * is used there; else it goes. Whoever comes back while as many pages were evicted as
 * the main queue holds was judged too early, and gets into it at once (the third queue, of
 * ghosts, which is the refault distance here). In the main queue a page goes round
 * as often as it was seen used, three times at most.
 *
 * The paper counts each hit. Of a page only the accessed bit is known, and the fault
 * that brings it in sets it: so a page goes round the small queue once more, and its
 * first look does not count.
 */
#include <mm/alloc/policy.h>

/* page->policy: which queue, and what has been seen. */
#define MAIN		1u
#define SEEN		2u		/* in the small queue: it had its first look */
#define HITS_SHIFT	2		/* in the main queue: how often it was used, up to HITS_MAX */
#define HITS_MAX	3u

#define SMALL_PART	10u

static struct policy_queue queue[2];	/* by MAIN */

static void put(struct page *p, uint32_t state)
{
	p->policy = state;
	queue_push(&queue[state & MAIN], p);
}

static void s3fifo_reset(uint64_t frames)
{
	(void)frames;
	queue_init(&queue[0]);
	queue_init(&queue[MAIN]);
}

static void s3fifo_add(struct page *p, uint64_t distance, bool was_active)
{
	(void)was_active;
	put(p, distance <= queue[MAIN].n ? MAIN : 0);
}

static void s3fifo_remove(struct page *p)
{
	queue_remove(&queue[p->policy & MAIN], p);
}

static struct page *next(void)
{
	uint64_t n = queue[0].n + queue[MAIN].n;
	bool small = queue[0].n > n / SMALL_PART || !queue[MAIN].n;

	return queue_pop(&queue[small ? 0 : MAIN]);
}

static unsigned s3fifo_candidates(struct page **out, unsigned n, unsigned swappiness)
{
	unsigned got = 0;

	(void)swappiness;
	while (got < n && (out[got] = next()))
		got++;
	return got;
}

static bool judge_small(struct page *p, bool used)
{
	if (!used)
		return true;
	put(p, p->policy & SEEN ? MAIN : SEEN);
	return false;
}

static bool judge_main(struct page *p, bool used)
{
	uint32_t hits = p->policy >> HITS_SHIFT;

	if (!used && !hits)
		return true;
	hits = used ? MIN(hits + 1, HITS_MAX) : hits - 1;
	put(p, MAIN | hits << HITS_SHIFT);
	return false;
}

static bool s3fifo_judge(struct page *p, bool used)
{
	return p->policy & MAIN ? judge_main(p, used) : judge_small(p, used);
}

static void s3fifo_putback(struct page *p)
{
	put(p, p->policy & MAIN);
}

POLICY(s3fifo, .name = "s3fifo", .what = "S3-FIFO: a small queue on trial, a main one, ghosts", .asks = true,
       .reset = s3fifo_reset, .add = s3fifo_add, .remove = s3fifo_remove,
       .candidates = s3fifo_candidates, .judge = s3fifo_judge, .putback = s3fifo_putback,
       .queues = queue, .nqueues = ARRAY_SIZE(queue));
