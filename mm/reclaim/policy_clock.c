/*
 * clock: the default. Two clocks each for anonymous pages and for those of files, as Linux and
 * the BSDs have had them (Babaoglu and Joy, "Converting a swap-based system to do paging", SOSP
 * 1981; Gorman, "Understanding the Linux Virtual Memory Manager", chapter 10), with a border
 * between them that finds its place (Bansal and Modha, "CAR: clock with adaptive
 * replacement", FAST 2004).
 *
 *	           used again                used: round once more
 *	new --> inactive -----------> active ---+
 *	        |  ^  |                 |  ^----+
 *	        |  +--+ used for the    | not used
 *	        v       first time      v
 *	        evicted <---------------+
 *	           |
 *	           +--> comes back soon: active at once
 *
 * A page has to be seen used twice before it counts as active: the first use is the fault that
 * brought it. So what is read once passes through the inactive queue, and the
 * active one stays. Whichever is longer than it should be gives the next candidate.
 *
 * The inactive queue may be too short to see a second use. A page that comes back tells: since it
 * went, `distance` pages were evicted, so it would have stayed in an inactive queue that
 * much longer. Up to half of memory the page takes its place, active. (Linux's workingset.c goes to
 * all that is not inactive; the half keeps some of a loop larger than memory from
 * driving out the rest of it.) And it moves the border: one that went inactive says that the
 * inactive queue is too short, one that went active that it is too long. Each speaks the
 * louder the fewer of its sort were evicted lately.
 *
 * Between anonymous pages and files': both are looked at in proportion to their number, weighed
 * with swappiness, and the less the more of either have come back lately (cost).
 */
#include <mm/alloc/policy.h>

/* page->policy: which queue, and whether an inactive page was seen used. */
#define FILE		1u
#define ACTIVE		2u
#define SEEN		4u

static struct policy_queue queue[4];	/* by FILE | ACTIVE */
static uint64_t gone[4];		/* evicted lately, by FILE | ACTIVE */
static uint64_t border[2];		/* as many inactive pages there should be, by FILE */
static uint64_t cost[2];		/* pages that came back lately, by FILE */
static int64_t turn[2];			/* who is next, by FILE: the larger one */

static void put(struct page *p, unsigned state)
{
	p->policy = state;
	queue_push(&queue[state & (FILE | ACTIVE)], p);
}

static void clock_reset(uint64_t frames)
{
	for (unsigned i = 0; i < ARRAY_SIZE(queue); i++) {
		queue_init(&queue[i]);
		gone[i] = 0;
	}
	for (unsigned file = 0; file < 2; file++) {
		border[file] = frames / 2;
		cost[file] = 0;
		turn[file] = 0;
	}
}

static uint64_t of_kind(unsigned file)
{
	return queue[file].n + queue[file | ACTIVE].n;
}

/* One more of a sort; both count less and less the longer ago. */
static void note(uint64_t *one, uint64_t *other, uint64_t window)
{
	if (++*one + *other > window) {
		*one /= 2;
		*other /= 2;
	}
}

/* At least a tenth of either sort of pages. */
static void border_set(unsigned file, uint64_t to)
{
	uint64_t n = of_kind(file);

	border[file] = MIN(MAX(to, n / 10), n - n / 10);
}

static void border_move(unsigned file, bool was_active)
{
	uint64_t same = gone[was_active ? file | ACTIVE : file];
	uint64_t other = gone[was_active ? file : file | ACTIVE];
	uint64_t step = MAX(other / (same + 1), 1);

	border_set(file, was_active ? border[file] - MIN(border[file], step) : border[file] + step);
}

static void clock_add(struct page *p, uint64_t distance, bool was_active)
{
	unsigned file = policy_is_file(p) ? FILE : 0;
	uint64_t all = of_kind(0) + of_kind(FILE);
	bool soon = distance <= all / 2;

	if (soon) {
		note(&cost[file], &cost[FILE - file], all / 4);
		border_move(file, was_active);
	}
	put(p, soon ? file | ACTIVE : file);
}

static void clock_remove(struct page *p)
{
	queue_remove(&queue[p->policy & (FILE | ACTIVE)], p);
}

/* Whether files' pages are the next to be looked at (FILE) or anonymous ones (0). */
static unsigned next_kind(unsigned swappiness)
{
	uint64_t n[2] = { of_kind(0), of_kind(FILE) };
	uint64_t share[2], all = cost[0] + cost[FILE] + 1;
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
	bool active;

	border_set(file, border[file]);
	active = queue[file].n < border[file] || !queue[file].n;
	return queue_pop(&queue[active && queue[file | ACTIVE].n ? file | ACTIVE : file]);
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
	unsigned state = p->policy, which = state & (FILE | ACTIVE);

	if (!used) {
		note(&gone[which], &gone[which ^ ACTIVE], of_kind(state & FILE));
		return true;
	}
	if (!(state & ACTIVE))
		state = state & SEEN ? (state & FILE) | ACTIVE : state | SEEN;
	put(p, state);
	return false;
}

static void clock_putback(struct page *p)
{
	put(p, p->policy & FILE);
}

static bool clock_active(const struct page *p)
{
	return p->policy & ACTIVE;
}

POLICY(clock, .name = "clock", .what = "two clocks, active and inactive", .asks = true,
       .reset = clock_reset, .add = clock_add, .remove = clock_remove,
       .candidates = clock_candidates, .judge = clock_judge, .putback = clock_putback,
       .active = clock_active, .queues = queue, .nqueues = ARRAY_SIZE(queue));
