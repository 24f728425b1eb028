/*
 * clock: the default. Two clocks each for anonymous pages and for those of files, as Linux and
 * the BSDs have had them (Babaoglu and Joy, "Converting a swap-based system to do paging",
 * SOSP 1981; Gorman, "Understanding the Linux Virtual Memory Manager", chapter 10).
 *
 *	           used again                   not used
 *	new --> inactive ------> active --------------------+
 *	        |  ^  ^  the oldest goes                    |
 *	        |  |  +-------------------------------------+
 *	        v  used for the first time: round once more
 *	     evicted --> comes back within a distance: active
 *
 * A page has to be seen used twice before it counts as active: the first use is the fault that
 * brought it. So what is read once passes through the inactive queue, and the
 * active one, which is looked at only while it is longer than the inactive one, stays.
 *
 * The inactive queue may be too short to see a second use. A page that comes back tells:
 * since it went, `distance` pages were evicted, so that it would have stayed if
 * inactive had been that much longer. If all the rest of memory is as large, the page
 * takes its place there, active, and the oldest active pages prove themselves again
 * (Linux's workingset.c; the idea: Jiang and Zhang, "LIRS", SIGMETRICS 2002).
 *
 * Between anonymous pages and files': both are looked at in proportion to their number, weighed
 * with swappiness, and the less the more of either have come back lately (cost).
 */
#include <mm/alloc/policy.h>

/* page->policy: which queue, and whether an inactive page was seen used. */
#define FILE		1u
#define ACTIVE		2u
#define SEEN		4u

#define GB_SHIFT	(30 - PAGE_SHIFT)

static struct policy_queue queue[4];	/* by FILE | ACTIVE */
static uint64_t cost[2];		/* pages that came back lately, by FILE */
static int64_t turn[2];			/* who is next, by FILE: the larger one */
static uint64_t ratio;			/* active pages for each inactive one at most */

static void put(struct page *p, unsigned state)
{
	p->policy = state;
	queue_push(&queue[state & (FILE | ACTIVE)], p);
}

/* The more memory, the smaller the part of it that suffices to see a second use: as Linux has it. */
static void clock_reset(uint64_t frames)
{
	for (unsigned i = 0; i < ARRAY_SIZE(queue); i++)
		queue_init(&queue[i]);
	cost[0] = cost[1] = 0;
	turn[0] = turn[1] = 0;
	for (ratio = 1; (ratio + 1) * (ratio + 1) <= 10 * (frames >> GB_SHIFT); )
		ratio++;
}

static uint64_t total(void)
{
	return queue[0].n + queue[FILE].n + queue[ACTIVE].n + queue[FILE | ACTIVE].n;
}

/* A page came back: its kind is dear to evict. What is long ago counts less and less. */
static void note_cost(unsigned file)
{
	cost[file]++;
	if (cost[0] + cost[1] > total() / 4) {
		cost[0] /= 2;
		cost[1] /= 2;
	}
}

static void clock_add(struct page *p, uint64_t distance)
{
	unsigned file = policy_is_file(p) ? FILE : 0;
	bool active = distance <= total() - queue[file].n;

	if (active)
		note_cost(file);
	put(p, active ? file | ACTIVE : file);
}

static void clock_remove(struct page *p)
{
	queue_remove(&queue[p->policy & (FILE | ACTIVE)], p);
}

/* Whether files' pages are the next to be looked at (FILE) or anonymous ones (0). */
static unsigned next_kind(unsigned swappiness)
{
	uint64_t n[2] = { queue[0].n + queue[ACTIVE].n, queue[FILE].n + queue[FILE | ACTIVE].n };
	uint64_t share[2], all = cost[0] + cost[1] + 1;
	unsigned file;

	if (!n[0] || (!swappiness && n[FILE]))
		return FILE;
	if (!n[FILE])
		return 0;
	share[0] = n[0] * swappiness * all / (cost[0] + 1);
	share[FILE] = n[FILE] * (SWAPPINESS_MAX - swappiness) * all / (cost[FILE] + 1);
	turn[0] += (int64_t)share[0];
	turn[FILE] += (int64_t)share[FILE];
	file = turn[FILE] >= turn[0] ? FILE : 0;
	turn[file] -= (int64_t)(share[0] + share[FILE]);
	return file;
}

static struct page *next(unsigned swappiness)
{
	unsigned file = next_kind(swappiness);
	bool low = queue[file].n * ratio < queue[file | ACTIVE].n;

	return queue_pop(&queue[low ? file | ACTIVE : file]);
}

static unsigned clock_candidates(struct page **out, unsigned n, unsigned swappiness)
{
	unsigned got = 0;

	while (got < n && (out[got] = next(swappiness)))
		got++;
	return got;
}

static bool clock_judge(struct page *p, bool used)
{
	unsigned state = p->policy;

	if (state & ACTIVE)
		put(p, used ? state : state & ~ACTIVE);
	else if (used)
		put(p, state & SEEN ? (state & ~SEEN) | ACTIVE : state | SEEN);
	else
		return true;
	return false;
}

static void clock_putback(struct page *p)
{
	put(p, p->policy & FILE);
}

static uint64_t clock_active(bool file)
{
	return queue[file ? FILE | ACTIVE : ACTIVE].n;
}

POLICY(clock, .name = "clock", .what = "two clocks, active and inactive", .asks = true,
       .reset = clock_reset, .add = clock_add, .remove = clock_remove,
       .candidates = clock_candidates, .judge = clock_judge, .putback = clock_putback,
       .active = clock_active);
