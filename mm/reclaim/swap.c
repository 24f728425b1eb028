/*
 * Pages to and from swap.
 *
 * Who finds a slot without a page makes one the slot's cache, busy, and reads
 * it; whoever wants it meanwhile finds it there and waits: so it is read
 * once. A page that could not be read leaves the cache before PG_BUSY goes, and
 * each who waited tries it himself.
 *
 * Locks: PG_BUSY of the pages; nothing else, while a device works.
 */
#include <mm/reclaim/swap.h>
#include <lib/assert.h>
#include <lib/log.h>
#include <lib/option.h>
#include <mm/alloc/busy.h>
#include <mm/alloc/lists.h>
#include <mm/alloc/stat.h>
#include <mm/obj/object.h>
#include <mm/reclaim/zswap.h>

#include <asm-generic/errno-base.h>

static uint64_t fail_nth;
option_uint(fail_swap, &fail_nth, 0, ~0ul,
	    "the n-th transfer to or from a swap device fails (1: the first; 0: none)");

uint64_t swap_writeback;			/* atomic */

/* ---- transfers ---- */

static __attribute__((noinline)) bool fails_now(void)
{
	uint64_t n = READ_ONCE(fail_nth);

	while (n && !__atomic_compare_exchange_n(&fail_nth, &n, n - 1, false, __ATOMIC_RELAXED,
						 __ATOMIC_RELAXED))
		;
	return n == 1;
}

static __always_inline_ int transfer_on(struct store *store, struct page *const *pages, unsigned n,
					bool out)
{
	swp_t s = pages[0]->swp;
	int err;

	if (unlikely(fail_nth && fails_now()))
		return -EIO;
	vm_count(out ? PSWPOUT : PSWPIN, n);
	if (!out)
		return store->ops->read(store, swp_offset(s), pages, n);
	__atomic_fetch_add(&swap_writeback, n, __ATOMIC_RELAXED);
	err = store->ops->write(store, swp_offset(s), pages, n);
	__atomic_fetch_sub(&swap_writeback, n, __ATOMIC_RELAXED);
	return err;
}

static int transfer(struct page *const *pages, unsigned n, bool out)
{
	return transfer_on(swap_store(pages[0]->swp), pages, n, out);
}

int swap_write_through(struct page *p)
{
	return transfer(&p, 1, true);
}

static bool is_dirty(const struct page *p)
{
	return READ_ONCE(p->flags) & PG_DIRTY;
}

/* Do both need the device, or neither? */
static bool is_alike(const struct page *p, const struct page *q)
{
	return !((READ_ONCE(p->flags) ^ READ_ONCE(q->flags)) & (PG_DIRTY | PG_UPTODATE));
}

/* How many of the pages, from the first on, lie one behind the other on a device, and are alike. */
static unsigned run_length(struct page *const *pages, unsigned n)
{
	unsigned k = 1;

	while (k < n && pages[k]->swp.v == pages[0]->swp.v + k && is_alike(pages[k], pages[0]))
		k++;
	return k;
}

/* ---- out ---- */

/* All dirty, or none: then zswap keeps them. */
static bool write_run(struct page *const *pages, unsigned n)
{
	if (!is_dirty(pages[0]))
		return true;
	if (transfer(pages, n, true))
		return false;
	for (unsigned i = 0; i < n; i++)
		__atomic_fetch_and(&pages[i]->flags, ~PG_DIRTY, __ATOMIC_RELEASE);
	return true;
}

static void write_failed(const struct page *p)
{
	log_warn("swap: %s: page %lu cannot be written: it is not used any more", swap_store(p->swp)->name,
		 swp_offset(p->swp));
	slot_mark_bad(p->swp);
}

void swap_write(struct page *const *pages, unsigned n, bool *failed)
{
	assert(n <= STORE_BATCH);
	for (unsigned i = 0; i < n && READ_ONCE(zswap_on); i++)
		if (!zswap_store(pages[i]))
			debug_assert(is_dirty(pages[i]));
	for (unsigned i = 0, k; i < n; i += k) {
		k = run_length(pages + i, n - i);
		for (unsigned j = 0; j < k; j++)
			failed[i + j] = false;
		if (likely(write_run(pages + i, k)))
			continue;
		for (unsigned j = 0; j < k; j++) {	/* which of them was it? */
			failed[i + j] = k == 1 || !write_run(pages + i + j, 1);
			if (failed[i + j])
				write_failed(pages[i + j]);
		}
	}
}

/* ---- in ---- */

/* A page, busy and referenced, that has become the cache of s and must be read. Errors: slot_cache's; -ENOMEM. */
static __always_inline_ int enter_cache(swp_t s, struct page **out)
{
	struct page *p = page_alloc(0, PAGE_ANON, 0);
	uint32_t shadow;
	int err;

	if (!p)
		return -ENOMEM;
	p->flags |= PG_BUSY;
	err = slot_cache(s, p, &shadow);
	if (unlikely(err)) {
		p->flags &= ~PG_BUSY;
		page_put(p);
		return err;
	}
	if (shadow)
		lists_returns(p, shadow);
	*out = p;
	return 0;
}

static void read_done(struct page *p)
{
	__atomic_fetch_or(&p->flags, PG_UPTODATE, __ATOMIC_RELEASE);
}

static void leave_unread(struct page *p)
{
	if (!slot_uncache(p, 0))
		panic("a page that could not be read stays in the swap cache");
}

static void read_failed(struct page *p)
{
	log_warn("swap: %s: page %lu cannot be read", swap_store(p->swp)->name, swp_offset(p->swp));
	slot_mark_bad(p->swp);
	leave_unread(p);
}

/* Reads the pages, busy; failed ones are out of the cache then. */
static void read_all(struct page *const *pages, unsigned n)
{
	for (unsigned i = 0, k; i < n; i += k) {
		k = run_length(pages + i, n - i);
		if (READ_ONCE(pages[i]->flags) & PG_UPTODATE)
			continue;
		if (k > 1 && transfer(pages + i, k, false))
			k = 1;			/* which of them was it? */
		else if (k > 1)
			for (unsigned j = 0; j < k; j++)
				read_done(pages[i + j]);
		if (k > 1)
			continue;
		if (transfer(pages + i, 1, false))
			read_failed(pages[i]);
		else
			read_done(pages[i]);
	}
}

/* s, and what of its neighbours is not cached, in the order of the list. *out: the page of s, busy. */
static int read_with(swp_t s, const swp_t *ahead, unsigned n, struct page **out)
{
	struct page *pages[SWAP_AHEAD_MAX], *p;
	unsigned k = 0;
	int err;

	assert(n < SWAP_AHEAD_MAX);
	err = enter_cache(s, out);
	if (err)
		return err;
	if (zswap_used && zswap_load(*out))
		read_done(*out);
	for (unsigned i = 0; i < n; i++)
		if (ahead[i].v < s.v && !zswap_has(ahead[i]) && !enter_cache(ahead[i], &p))
			pages[k++] = p;
	pages[k++] = *out;
	for (unsigned i = 0; i < n; i++)
		if (ahead[i].v > s.v && !zswap_has(ahead[i]) && !enter_cache(ahead[i], &p))
			pages[k++] = p;
	read_all(pages, k);
	vm_count(SWAP_RA, k - 1);
	for (unsigned i = 0; i < k; i++)
		lists_new(pages[i]);
	for (unsigned i = 0; i < k; i++) {
		if (pages[i] == *out)
			continue;
		__atomic_fetch_or(&pages[i]->flags, PG_AHEAD, __ATOMIC_RELAXED);
		page_unlock(pages[i]);
		page_put(pages[i]);
	}
	return READ_ONCE((*out)->flags) & PG_UPTODATE ? 0 : -EIO;
}

int swap_page(swp_t s, const swp_t *ahead, unsigned n, struct page **out, bool *major)
{
	for (;;) {
		struct page *p = slot_cached(s);
		int err;

		if (!p) {
			err = read_with(s, ahead, n, &p);
			if (err == -EEXIST)
				continue;
			if (err != 0 && err != -EIO)
				return err;
			*major = true;
			page_unlock(p);
			if (err)
				page_put(p);
			*out = err ? NULL : p;
			return err;
		}
		page_wait_busy(p);
		if (likely(swap_is_of(p, s))) {
			*out = p;
			return 0;
		}
		page_put(p);		/* it could not be read, or is no longer needed */
	}
}

/* Reading it waits for nothing. */
static bool is_fast(const struct store *store)
{
	return store && store->ops->memory;
}

/* Slow devices only where zswap was seen to have the slot; by now it may be written back. */
static __attribute__((noinline)) int read_kept(struct store *store, struct page *p)
{
	if (zswap_load(p))
		return 0;
	return is_fast(store) ? transfer_on(store, &p, 1, false) : -EAGAIN;
}

int swap_page_now(swp_t s, struct page **out, bool *major)
{
	struct page *p = slot_cached(s);
	struct store *store;
	int err;

	if (p) {
		if (page_trylock(p)) {
			if (likely(swap_is_of(p, s))) {
				*out = p;
				return 0;
			}
			page_unlock(p);
		}
		page_put(p);
		return -EAGAIN;
	}
	store = swap_store(s);
	if (unlikely(!is_fast(store)) && !zswap_has(s))
		return -EAGAIN;
	err = enter_cache(s, &p);
	if (unlikely(err))
		return err == -EEXIST ? -EAGAIN : err;
	err = unlikely(zswap_used) ? read_kept(store, p) : transfer_on(store, &p, 1, false);
	if (unlikely(err)) {
		if (err == -EAGAIN)
			leave_unread(p);
		else
			read_failed(p);
		page_unlock(p);
		page_put(p);
		return err;
	}
	read_done(p);
	*major = true;
	*out = p;
	return 0;
}

/* object_swap_in. */
int swap_object_in(struct object *o, uint64_t index, swp_t s, bool *major)
{
	struct page *p;
	int err = swap_page(s, NULL, 0, &p, major);

	if (err)
		return err == -ENOENT ? 0 : err;
	page_lock(p);
	if (swap_is_of(p, s))
		object_swapped_in(o, index, s, p);
	page_unlock(p);
	page_put(p);
	return 0;
}
