/*
 * fifo: first in, first out. The page that came first goes first, used or not.
 *
 * It asks nothing, so it costs nothing, and it is the one against which others are
 * measured. Belady, Nelson, Shedler, "An anomaly in space-time characteristics of
 * certain programs running in a paging machine", CACM 12(6), 1969: with more frames
 * it may fault more often.
 */
#include <mm/alloc/policy.h>

static struct policy_queue queue;

static void fifo_reset(uint64_t frames)
{
	(void)frames;
	queue_init(&queue);
}

static void fifo_add(struct page *p, uint64_t distance, bool was_active)
{
	(void)distance, (void)was_active;
	queue_push(&queue, p);
}

static void fifo_remove(struct page *p)
{
	queue_remove(&queue, p);
}

static unsigned fifo_candidates(struct page **out, unsigned n, unsigned swappiness)
{
	unsigned got = 0;

	(void)swappiness;
	while (got < n && (out[got] = queue_pop(&queue)))
		got++;
	return got;
}

static bool fifo_judge(struct page *p, bool used)
{
	(void)p, (void)used;
	return true;
}

static void fifo_putback(struct page *p)
{
	queue_push(&queue, p);
}

POLICY(fifo, .name = "fifo", .what = "first in, first out",
       .reset = fifo_reset, .add = fifo_add, .remove = fifo_remove,
       .candidates = fifo_candidates, .judge = fifo_judge, .putback = fifo_putback,
       .queues = &queue, .nqueues = 1);
