/*
 * Areas of swap slots, one a device, and who gets which slot.
 *
 * A CPU has a cluster for itself when it gives slots out, one after the other,
 * so that what is evicted together lies together. It takes a cluster that is free as a whole where
 * there is one, of the area with the highest priority; areas of equal
 * priority take turns.
 *
 * Locks: areas_lock (RANK_SLOT_MAP; never together with a cluster's) guards the order of the
 * areas and which cluster each CPU has.
 */
#include <mm/alloc/slot_map.h>

#include <asm-generic/errno-base.h>

/* Where a CPU gives out; areas_lock to change, and only the CPU itself but when the area goes. */
struct here {
	struct area *area;
	struct cluster *cluster;
	uint32_t next;
};

struct area areas[SLOT_AREAS];
static struct spinlock areas_lock = SPINLOCK_INIT(RANK_SLOT_MAP);
static unsigned char by_priority[SLOT_AREAS];	/* the open areas; areas_lock */
static unsigned nopen;
static unsigned turn;
static struct here here[MAX_CPUS];

unsigned slots_on;
bool slots_tight;

static uint64_t clusters_of(uint64_t slots)
{
	return (slots + CLUSTER - 1) >> CLUSTER_SHIFT;
}

/* ---- giving out ---- */

static bool take_here(struct here *h, struct page *p, swp_t *out)
{
	struct cluster *c = h->cluster;
	struct area *a = h->area;

	if (!READ_ONCE(a->open))
		return false;
	spin_lock(&c->lock);
	while (h->next < CLUSTER && (in_use(&c->slot[h->next]) || c->slot[h->next].count & BAD))
		h->next++;
	if (h->next < CLUSTER) {
		struct slot *w = &c->slot[h->next];

		*out = swp((unsigned)(a - areas),
			   ((uint64_t)(c - a->cluster) << CLUSTER_SHIFT) + h->next++);
		c->used++;
		w->count = !p;
		w->cache = 0;
		if (p)
			page_enter(p, *out, w, PG_DIRTY | PG_UPTODATE);
		__atomic_fetch_add(&a->used, 1, __ATOMIC_RELAXED);
		spin_unlock(&c->lock);
		return true;
	}
	spin_unlock(&c->lock);
	return false;
}

/* A cluster of a: free as a whole, or nobody's with something free, or any such. areas_lock held. */
static struct cluster *find_cluster(struct area *a)
{
	uint64_t n = clusters_of(a->n), at = a->hint < n ? a->hint : 0;
	struct cluster *best = NULL;

	if (READ_ONCE(a->used) >= READ_ONCE(a->good))
		return NULL;
	for (uint64_t i = 0; i < n; i++, at = at + 1 < n ? at + 1 : 0) {
		struct cluster *c = &a->cluster[at];
		unsigned used = READ_ONCE(c->used);

		if (used == CLUSTER)
			continue;
		if (!best || (!c->taken && (best->taken || !used)))
			best = c;
		if (!used && !c->taken)
			break;
	}
	if (best)
		a->hint = (uint64_t)(best - a->cluster) + 1;
	return best;
}

/* How many areas from by_priority[i] on have its priority. */
static unsigned equals(unsigned i)
{
	unsigned n = 1;

	while (i + n < nopen && areas[by_priority[i + n]].priority == areas[by_priority[i]].priority)
		n++;
	return n;
}

/* Of the open areas; without the lock: while one comes or goes, about right. */
static void sum(uint64_t *total, uint64_t *used)
{
	*total = *used = 0;
	for (unsigned i = 0; i < READ_ONCE(nopen); i++) {
		const struct area *a = &areas[READ_ONCE(by_priority[i])];

		*total += READ_ONCE(a->good);
		*used += READ_ONCE(a->used);
	}
}

/* Another cluster for this CPU; false: nothing is free. */
static bool next_cluster(struct here *h)
{
	struct cluster *c = NULL;
	struct area *a = NULL;
	uint64_t total, used;

	sum(&total, &used);
	WRITE_ONCE(slots_tight, used * 2 > total);
	spin_lock(&areas_lock);
	if (h->cluster)
		h->cluster->taken = 0;
	for (unsigned i = 0, n; i < nopen && !c; i += n) {
		n = equals(i);
		turn++;
		for (unsigned k = 0; k < n && !c; k++) {
			a = &areas[by_priority[i + (turn + k) % n]];
			c = find_cluster(a);
		}
	}
	if (c)
		c->taken = 1;
	*h = (struct here){ c ? a : NULL, c, 0 };
	spin_unlock(&areas_lock);
	return c;
}

static bool give_out(struct page *p, swp_t *out)
{
	struct here *h = &here[this_cpu()->id];

	if (!slots_on)
		return false;
	while (!h->cluster || !take_here(h, p, out))
		if (!next_cluster(h))
			return false;
	return true;
}

bool slot_alloc(struct page *p, swp_t *out)
{
	return give_out(p, out);
}

bool slot_new(swp_t *out)
{
	return give_out(NULL, out);
}

/* ---- figures ---- */

uint64_t slots_total(void)
{
	uint64_t total, used;

	sum(&total, &used);
	return total;
}

uint64_t slots_free(void)
{
	uint64_t total, used;

	sum(&total, &used);
	return total - MIN(total, used);
}

/* ---- areas ---- */

static unsigned order_of(size_t bytes)
{
	unsigned o = 0;

	while (o <= ORDER_MAX && PAGE_SIZE << o < bytes)
		o++;
	return o;
}

static void free_clusters(struct area *a, uint64_t n)
{
	for (uint64_t i = 0; i < n; i++) {
		page_free(virt_to_page(a->cluster[i].slot), 0);
		if (a->cluster[i].kept)
			page_free(virt_to_page(a->cluster[i].kept), 0);
	}
	page_free(virt_to_page(a->cluster), a->order);
	a->cluster = NULL;
}

static int make_clusters(struct area *a, uint64_t n)
{
	uint64_t nclusters = clusters_of(n);
	struct page *p;

	_Static_assert(CLUSTER * sizeof(struct slot) == PAGE_SIZE, "a page of words");
	a->order = order_of(nclusters * sizeof(struct cluster));
	p = a->order <= ORDER_MAX ? page_alloc(a->order, PAGE_KERNEL, ALLOC_ZERO) : NULL;
	if (!p)
		return -ENOMEM;
	a->cluster = page_to_virt(p);
	for (uint64_t i = 0; i < nclusters; i++) {
		p = page_alloc(0, PAGE_KERNEL, ALLOC_ZERO);
		if (!p) {
			free_clusters(a, i);
			return -ENOMEM;
		}
		spin_init(&a->cluster[i].lock, RANK_SLOT_MAP);
		a->cluster[i].slot = page_to_virt(p);
	}
	return 0;
}

int slot_area_add(uint64_t n, int priority)
{
	unsigned device = 0;
	struct area *a;
	int err;

	assert(n > 1 && n <= 1ull << SWP_DEVICE_SHIFT);
	while (device < SLOT_AREAS && areas[device].cluster)
		device++;
	if (device == SLOT_AREAS)
		return -EPERM;
	a = &areas[device];
	err = make_clusters(a, n);
	if (err)
		return err;
	a->priority = priority;
	a->hint = 0;
	a->good = n;
	a->used = 0;
	__atomic_store_n(&a->n, n, __ATOMIC_RELEASE);
	slot_mark_bad(swp(device, 0));
	for (uint64_t i = n; i & (CLUSTER - 1); i++) {	/* behind the end */
		struct cluster *c = &a->cluster[i >> CLUSTER_SHIFT];

		c->slot[i & (CLUSTER - 1)].count = BAD;
		c->used++;
	}
	slots_on++;
	return (int)device;
}

void slot_area_start(unsigned device)
{
	unsigned i;

	spin_lock(&areas_lock);
	assert(!areas[device].open);
	for (i = nopen++; i && areas[by_priority[i - 1]].priority < areas[device].priority; i--)
		by_priority[i] = by_priority[i - 1];
	by_priority[i] = (unsigned char)device;
	WRITE_ONCE(areas[device].open, true);
	spin_unlock(&areas_lock);
}

void slot_area_stop(unsigned device)
{
	unsigned i = 0;

	spin_lock(&areas_lock);
	WRITE_ONCE(areas[device].open, false);
	while (i < nopen && by_priority[i] != device)
		i++;
	assert(i < nopen);
	for (nopen--; i < nopen; i++)
		by_priority[i] = by_priority[i + 1];
	spin_unlock(&areas_lock);
}

void slot_area_remove(unsigned device)
{
	struct area *a = &areas[device];
	uint64_t n = clusters_of(a->n);

	assert(!a->open && a->used == 0);
	spin_lock(&areas_lock);
	for (unsigned i = 0; i < MAX_CPUS; i++)
		if (here[i].area == a)
			here[i] = (struct here){ NULL, NULL, 0 };
	spin_unlock(&areas_lock);
	slots_on--;
	WRITE_ONCE(a->n, 0);
	a->nclusters = n;
}

void slot_area_free(unsigned device)
{
	struct area *a = &areas[device];

	assert(!a->n && a->cluster);
	free_clusters(a, a->nclusters);
}

uint64_t slot_area_next(unsigned device, uint64_t from)
{
	const struct area *a = &areas[device];

	for (uint64_t i = MAX(from, 1ul); i < a->n; i++) {
		struct cluster *c = &a->cluster[i >> CLUSTER_SHIFT];
		bool used;

		spin_lock(&c->lock);
		used = in_use(&c->slot[i & (CLUSTER - 1)]);
		spin_unlock(&c->lock);
		if (used)
			return i;
	}
	return 0;
}

void slot_area_figures(unsigned device, struct slot_figures *f)
{
	const struct area *a = &areas[device];

	*f = (struct slot_figures){ READ_ONCE(a->good), READ_ONCE(a->used), a->priority };
}
