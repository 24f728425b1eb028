/*
 * Swap areas: swapon, and what swapoff needs of them. An area is a store with
 * mkswap's header on its first page, and an array of slots (slots.h), by the
 * same device number.
 *
 * Lock: areas_mutex (sleeping, RANK_CONTENT) around every change. `swap_stores` is read without it by who
 * has a slot of the area in use, and so keeps it from ending.
 */
#include <mm/reclaim/swap.h>
#include <kernel/core/grace.h>
#include <kernel/core/mutex.h>
#include <lib/assert.h>
#include <lib/log.h>
#include <lib/string.h>
#include <mm/alloc/busy.h>
#include <mm/obj/object.h>
#include <mm/alloc/lists.h>
#include <mm/reclaim/reclaim.h>
#include <mm/reclaim/swap_header.h>

#include <asm-generic/errno-base.h>

struct store *swap_stores[SLOT_AREAS];		/* areas_mutex; NULL: there is none */
static bool ending[SLOT_AREAS];			/* areas_mutex: swapoff is at it */
static struct mutex areas_mutex = { .rank = RANK_CONTENT, .wait = WAITQ_INIT(areas_mutex.wait) };

static int device_of(const struct store *store)
{
	for (unsigned d = 0; d < SLOT_AREAS; d++)
		if (swap_stores[d] == store)
			return (int)d;
	return -EINVAL;
}

/* ---- swapon ---- */

static int refuse(const struct store *store, const char *why)
{
	log_warn("swap: %s: %s", store->name, why);
	return -EINVAL;
}

static int check_header(const struct store *store, const struct swap_header *h)
{
	if (memcmp(h->magic, SWAP_MAGIC, sizeof(h->magic)))
		return refuse(store, "no swap signature: mkswap makes one");
	if (h->version != SWAP_VERSION)
		return refuse(store, "swap header of another version than 1");
	if (!h->last_page)
		return refuse(store, "empty swap area");
	if (h->last_page >= store->npages)
		return refuse(store, "the device is shorter than its swap header says");
	if (h->nr_badpages > SWAP_BAD_MAX)
		return refuse(store, "more bad pages than a swap header has room for");
	for (unsigned i = 0; i < h->nr_badpages; i++)
		if (!h->badpages[i] || h->badpages[i] > h->last_page)
			return refuse(store, "a bad page that is not in the area");
	return 0;
}

/* One less than the lowest, from -2 on downwards. */
static int lowest_priority(void)
{
	struct slot_figures f;
	int least = -1;

	for (unsigned d = 0; d < SLOT_AREAS; d++)
		if (swap_stores[d]) {
			slot_area_figures(d, &f);
			least = MIN(least, f.priority);
		}
	return least - 1;
}

/* An area as header h says; areas_mutex held. */
static int add_area(struct store *store, const struct swap_header *h, int priority)
{
	int device = slot_area_add(h->last_page + 1ul, priority < 0 ? lowest_priority() : priority);
	struct slot_figures f;

	if (device < 0)
		return device;
	for (unsigned i = 0; i < h->nr_badpages; i++)
		slot_mark_bad(swp((unsigned)device, h->badpages[i]));
	slot_area_figures((unsigned)device, &f);
	if (!f.total) {
		slot_area_remove((unsigned)device);
		slot_area_free((unsigned)device);
		return refuse(store, "all pages of the swap area are bad");
	}
	swap_stores[device] = store;
	ending[device] = false;
	object_swap_in = swap_object_in;
	slot_area_start((unsigned)device);
	log_info("swap: %lu KB on %s, priority %d", f.total << (PAGE_SHIFT - 10), store->name, f.priority);
	return 0;
}

int swap_on(struct store *store, int priority)
{
	struct page *p = page_alloc(0, PAGE_KERNEL, 0);
	int err;

	if (!p)
		return -ENOMEM;
	mutex_lock(&areas_mutex);
	err = device_of(store) >= 0 ? -EBUSY : 0;
	if (!err)
		err = store->npages ? store->ops->read(store, 0, &p, 1) : -EINVAL;
	if (!err)
		err = check_header(store, page_to_virt(p));
	if (!err)
		err = add_area(store, page_to_virt(p), priority);
	mutex_unlock(&areas_mutex);
	page_put(p);
	if (!err && READ_ONCE(lists_on))
		reclaim_lists();	/* memory that could not be swapped is on none */
	return err;
}

/* ---- swapoff ---- */

int swap_area_stop(struct store *store)
{
	int device;

	mutex_lock(&areas_mutex);
	device = device_of(store);
	if (device >= 0 && ending[device])
		device = -EBUSY;
	if (device >= 0) {
		ending[device] = true;
		slot_area_stop((unsigned)device);
	}
	mutex_unlock(&areas_mutex);
	if (device >= 0)
		grace_wait();
	return device;
}

void swap_area_resume(unsigned device)
{
	mutex_lock(&areas_mutex);
	ending[device] = false;
	slot_area_start(device);
	mutex_unlock(&areas_mutex);
}

void swap_area_end(unsigned device)
{
	mutex_lock(&areas_mutex);
	log_info("swap: %s is off", swap_stores[device]->name);
	slot_area_remove(device);
	WRITE_ONCE(swap_stores[device], NULL);
	grace_wait();
	slot_area_free(device);
	mutex_unlock(&areas_mutex);
}

/* p, which cached a slot that no entry names: its mappings have it for themselves then. True: it is out of the cache. */
static bool trim_page(struct page *p)
{
	bool out = page_trylock(p);

	if (!out)
		return false;
	out = !(READ_ONCE(p->flags) & PG_SWAPCACHE) || slot_uncache(p, 0);
	page_unlock(p);
	return out;
}

/* Is it still in use? */
static bool trim_slot(swp_t s)
{
	struct page *p;
	bool out;

	if (slot_count(s))
		return true;
	p = slot_cached(s);
	if (!p)
		return slot_count(s);
	out = trim_page(p);
	page_put(p);
	return !out;
}

uint64_t swap_area_trim(unsigned device)
{
	uint64_t first = 0;

	for (uint64_t i = 0; (i = slot_area_next(device, i + 1));) {
		if (trim_slot(swp(device, i)) && !first)
			first = i;
		resched_point();
	}
	return first;
}

/* ---- figures ---- */

static struct swap_info info_of(unsigned device)
{
	struct slot_figures f;

	slot_area_figures(device, &f);
	return (struct swap_info){ swap_stores[device]->name, f.total << PAGE_SHIFT,
				   f.used << PAGE_SHIFT, f.priority };
}

int swap_for_each(int (*fn)(const struct swap_info *i, void *arg), void *arg)
{
	struct swap_info info[SLOT_AREAS];
	unsigned n = 0;
	int r = 0;

	mutex_lock(&areas_mutex);
	for (unsigned d = 0; d < SLOT_AREAS; d++) {
		struct swap_info i;
		unsigned at = n;

		if (!swap_stores[d])
			continue;
		for (i = info_of(d), n++; at && info[at - 1].priority < i.priority; at--)
			info[at] = info[at - 1];
		info[at] = i;
	}
	mutex_unlock(&areas_mutex);
	for (unsigned i = 0; i < n && !r; i++)
		r = fn(&info[i], arg);
	return r;
}
