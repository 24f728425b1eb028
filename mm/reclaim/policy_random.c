/*
 * random: any page, used or not.
 *
 * It needs no memory of the past and cannot be led by the nose: on a loop somewhat larger
 * than memory, where fifo, clock1 and LRU lose every page just before its use, it
 * keeps most of it. A policy that loses against it on a real trace has learned the wrong lesson.
 *
 * Exact choice takes an array of all pages. Here a hand goes round a queue and passes
 * 0 to 15 pages over each time: what goes is one page in 8.5, each with the same chance whatever
 * its age.
 */
#include <mm/alloc/policy.h>

#define PASS_OVER	16u

static struct policy_queue ring;
static uint64_t state;			/* xorshift64, Marsaglia 2003 */

static unsigned random_step(void)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return (unsigned)(state >> 32) % PASS_OVER;
}

static void random_reset(uint64_t frames)
{
	(void)frames;
	queue_init(&ring);
	state = 0x9e3779b97f4a7c15ul;
}

static void random_add(struct page *p, uint64_t distance, bool was_active)
{
	(void)distance, (void)was_active;
	queue_push(&ring, p);
}

static void random_remove(struct page *p)
{
	queue_remove(&ring, p);
}

static unsigned random_candidates(struct page **out, unsigned n, unsigned swappiness)
{
	unsigned got;

	(void)swappiness;
	for (got = 0; got < n && ring.n; got++) {
		for (unsigned i = random_step(); i; i--)
			queue_push(&ring, queue_pop(&ring));
		out[got] = queue_pop(&ring);
	}
	return got;
}

static bool random_judge(struct page *p, bool used)
{
	(void)p, (void)used;
	return true;
}

static void random_putback(struct page *p)
{
	queue_push(&ring, p);
}

POLICY(random, .name = "random", .what = "any page",
       .reset = random_reset, .add = random_add, .remove = random_remove,
       .candidates = random_candidates, .judge = random_judge, .putback = random_putback,
       .queues = &ring, .nqueues = 1);
