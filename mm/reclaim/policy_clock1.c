/*
 * clock1: one queue with a second chance. The oldest page goes unless it was used since
 * the last look; then it is the youngest again. As a ring with a hand, which is the same,
 * this is the clock of Corbató, "A paging experiment with the Multics system", 1968.
 *
 * The cheapest policy that comes near to LRU. Its weakness: a page that was used once
 * lives as long as it would if it were used all the time between two visits of the hand, so
 * whoever reads much, once, drives out what others need.
 */
#include <mm/alloc/policy.h>

static struct policy_queue ring;

static void clock1_reset(uint64_t frames)
{
	(void)frames;
	queue_init(&ring);
}

static void clock1_add(struct page *p, uint64_t distance, bool was_active)
{
	(void)distance, (void)was_active;
	queue_push(&ring, p);
}

static void clock1_remove(struct page *p)
{
	queue_remove(&ring, p);
}

static unsigned clock1_candidates(struct page **out, unsigned n, unsigned swappiness)
{
	unsigned got = 0;

	(void)swappiness;
	while (got < n && (out[got] = queue_pop(&ring)))
		got++;
	return got;
}

static bool clock1_judge(struct page *p, bool used)
{
	if (used)
		queue_push(&ring, p);
	return !used;
}

static void clock1_putback(struct page *p)
{
	queue_push(&ring, p);
}

POLICY(clock1, .name = "clock1", .what = "one queue with a second chance", .asks = true,
       .reset = clock1_reset, .add = clock1_add, .remove = clock1_remove,
       .candidates = clock1_candidates, .judge = clock1_judge, .putback = clock1_putback,
       .queues = &ring, .nqueues = 1);
