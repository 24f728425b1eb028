/*
 * zswap: a compressed tier in front of the swap devices.
 *
 * A page that goes out has a slot of a device, as without zswap. But before it is written there it is tried:
 *
 *	filled		the same word all over (zeros, most of the time): the word is kept
 *	packed		LZ4 makes an object of at most three quarters of a page of it: that goes into a pool
 *			(mm/alloc/zpool.h)
 *	else		it is written to the device: it compresses badly, or memory is too short even for this
 *
 * Who reads the slot finds it kept and unpacks it; it stays, as the device's copy would, so the page can go
 * again without work as long as nobody writes to it. When the slot is free it goes (slot_kept.c).
 * Reading ahead passes kept slots over: they wait for nothing.
 *
 * The pool has at most zswap_max_percent of memory. When it is full, the block that was full first
 * is emptied: its objects, likely the oldest of their size, are written to their slots on the
 * device, one by one, and the new one comes in. What cannot be written (a bad slot) stays, and its
 * block counts as new. So the device has what was not asked for the longest; only with no full block the
 * new one passes the pool by.
 *
 * Memory for all this is taken while memory is short: the pool stops in the middle of the reserve (zpool.c),
 * and whatever cannot be had, the page goes to the device instead. Nobody waits for
 * memory here. Scratch space is there from the moment of turning on.
 *
 * Locks: PG_BUSY of the page whose content it is, so nobody else comes to its slot's. Blocks that are emptied: their
 * pages by a try. scratch is its CPU's alone: nothing sleeps between its first use and its last.
 * set_mutex (RANK_CONTENT): turning on and off.
 *
 * After Linux's zswap, which has the names of the figures and files.
 */
#include <mm/reclaim/zswap.h>
#include <kernel/core/grace.h>
#include <kernel/core/mutex.h>
#include <lib/assert.h>
#include <lib/log.h>
#include <lib/lz4.h>
#include <lib/option.h>
#include <mm/alloc/busy.h>
#include <mm/alloc/lists.h>
#include <mm/alloc/stat.h>
#include <mm/alloc/zpool.h>
#include <mm/reclaim/swap.h>

#include <asm-generic/errno-base.h>

#define WORDS		(PAGE_SIZE / sizeof(uint64_t))
#define SCRATCH_ORDER	1u

struct scratch {
	uint8_t work[LZ4_WORK_BYTES];
	uint8_t packed[ZPOOL_OBJECT_MAX];
};
_Static_assert(sizeof(struct scratch) <= PAGE_SIZE << SCRATCH_ORDER, "scratch");

static bool wanted;
option_flag(zswap, &wanted, "pages on their way to swap are kept compressed in memory, where that goes");

bool zswap_on, zswap_used;
static struct scratch *scratch[MAX_CPUS];	/* set_mutex; used by its CPU while zswap_used */
static unsigned max_percent = 20;
static struct mutex set_mutex = { .rank = RANK_CONTENT, .wait = WAITQ_INIT(set_mutex.wait) };
static uint64_t npoor, nno_memory, nfull, nwritten_back;	/* atomic */

static void count(uint64_t *n)
{
	__atomic_fetch_add(n, 1, __ATOMIC_RELAXED);
}

/* ---- content ---- */

static bool is_filled(const uint64_t *w)
{
	for (unsigned i = 1; i < WORDS; i++)
		if (w[i] != w[0])
			return false;
	return true;
}

static void fill(uint64_t *w, uint64_t word)
{
	for (unsigned i = 0; i < WORDS; i++)
		w[i] = word;
}

/* zswap_load, for whatever purpose. */
static bool load(struct page *p)
{
	struct scratch *mine = scratch[this_cpu()->id];
	uint64_t word;
	unsigned n;

	switch (slot_kept(p->swp, &word)) {
	case SLOT_FILLED:
		fill(page_to_virt(p), word);
		break;
	case SLOT_PACKED: {
		const void *packed = zpool_look(word, mine->packed, &n);

		if (lz4_decompress(packed, n, page_to_virt(p), PAGE_SIZE) != (ssize_t)PAGE_SIZE)
			panic("zswap: slot %u:0x%lx: what is kept of it is no page", swp_device(p->swp),
			      swp_offset(p->swp));
		break;
	}
	default:
		return false;
	}
	return true;
}

bool zswap_load(struct page *p)
{
	bool kept = load(p);

	vm_count(ZSWPIN, kept);
	return kept;
}

/* ---- room in the pool ---- */

/* A page, busy and referenced, that has become the cache of s, with its kept content. NULL: no. */
static struct page *unpack(swp_t s, uint32_t *shadow)
{
	struct page *p = page_alloc(0, PAGE_ANON, ALLOC_RESERVE);

	if (!p)
		return NULL;
	p->flags |= PG_BUSY;
	if (slot_cache(s, p, shadow)) {
		p->flags &= ~PG_BUSY;
		page_put(p);
		return NULL;
	}
	if (load(p)) {
		__atomic_fetch_or(&p->flags, PG_UPTODATE, __ATOMIC_RELEASE);
		return p;
	}
	if (!slot_uncache(p, *shadow))		/* its content is on the device: nobody needs this one */
		panic("a page that has not been read stays in the swap cache");
	page_unlock(p);
	page_put(p);
	return NULL;
}

/* The same where it is in the cache already. *shadow stays. */
static struct page *find_cached(swp_t s)
{
	struct page *p = slot_cached(s);
	uint64_t word;

	if (p && page_trylock(p)) {
		if (swap_is_of(p, s) && slot_kept(s, &word))
			return p;
		page_unlock(p);
	}
	if (p)
		page_put(p);
	return NULL;
}

static void write_back(swp_t s)
{
	struct page *p = find_cached(s);
	bool fresh = !p;
	uint32_t shadow = 0;

	if (fresh)
		p = unpack(s, &shadow);
	if (!p)
		return;
	if (!swap_write_through(p)) {
		slot_unkeep(p);
		count(&nwritten_back);
	}
	if (fresh && !slot_uncache(p, shadow))
		lists_new(p);			/* somebody has found it meanwhile */
	page_unlock(p);
	page_put(p);
}

/* Empties the oldest block. False: there is none. */
static bool make_room(void)
{
	uint64_t tag[ZPOOL_PLACES_MAX];
	unsigned n = zpool_oldest(tag);

	for (unsigned i = 0; i < n; i++)
		write_back((swp_t){ tag[i] });
	return n;
}

/* ---- out ---- */

static int pack(struct page *p, uint64_t *object)
{
	struct scratch *mine = scratch[this_cpu()->id];
	size_t n = lz4_compress(page_to_virt(p), PAGE_SIZE, mine->packed, ZPOOL_OBJECT_MAX, mine->work);

	return n ? zpool_add(mine->packed, (unsigned)n, p->swp.v, object) : -E2BIG;
}

/* The pool was full: once more, with room made. */
static int pack_again(struct page *p, uint64_t *object)
{
	count(&nfull);
	return make_room() ? pack(p, object) : -ENOSPC;
}

static bool keep_packed(struct page *p)
{
	uint64_t object;
	int err = pack(p, &object);

	if (err == -ENOSPC)
		err = pack_again(p, &object);
	if (!err && !slot_keep(p, SLOT_PACKED, object)) {
		zpool_drop(object);
		err = -ENOMEM;
	}
	if (err == -ENOMEM)
		count(&nno_memory);
	else if (err == -E2BIG)
		count(&npoor);
	return !err;
}

bool zswap_store(struct page *p)
{
	const uint64_t *w = page_to_virt(p);
	bool kept;

	if (!READ_ONCE(zswap_on))
		return false;
	kept = is_filled(w) ? slot_keep(p, SLOT_FILLED, w[0]) : keep_packed(p);
	if (!kept)
		return false;
	__atomic_fetch_and(&p->flags, ~PG_DIRTY, __ATOMIC_RELEASE);
	vm_count(ZSWPOUT, 1);
	return true;
}

/* ---- turning on and off ---- */

static void free_scratch(void)
{
	for (unsigned i = 0; i < arch_ncpus; i++) {
		if (scratch[i])
			page_free(virt_to_page(scratch[i]), SCRATCH_ORDER);
		scratch[i] = NULL;
	}
}

static int make_scratch(void)
{
	for (unsigned i = 0; i < arch_ncpus; i++) {
		struct page *p = scratch[i] ? NULL : page_alloc(SCRATCH_ORDER, PAGE_KERNEL, 0);

		if (!scratch[i] && !p)
			return -ENOMEM;
		if (p)
			scratch[i] = page_to_virt(p);
	}
	return 0;
}

static int turn_on(void)
{
	int err = make_scratch();

	if (err) {
		if (!zswap_used)
			free_scratch();
		return err;
	}
	zswap_set_max_percent(max_percent);
	WRITE_ONCE(zswap_used, true);
	__atomic_store_n(&zswap_on, true, __ATOMIC_RELEASE);
	return 0;
}

/* Who has seen it on gets through; then, if nothing is kept, nobody uses scratch. */
static void turn_off(void)
{
	WRITE_ONCE(zswap_on, false);
	grace_wait();
	if (slots_kept(SLOT_FILLED) || slots_kept(SLOT_PACKED))
		return;
	WRITE_ONCE(zswap_used, false);
	grace_wait();
	free_scratch();
}

int zswap_set(bool on)
{
	int err = 0;

	mutex_lock(&set_mutex);
	if (on)
		err = turn_on();
	else
		turn_off();
	mutex_unlock(&set_mutex);
	return err;
}

unsigned zswap_max_percent(void)
{
	return READ_ONCE(max_percent);
}

void zswap_set_max_percent(unsigned percent)
{
	WRITE_ONCE(max_percent, percent);
	zpool_bound(page_total_count() * percent / 100);
}

void zswap_init(void)
{
	zpool_init();
	if (wanted && zswap_set(true))
		log_warn("option zswap=1: no memory for it");
}

void zswap_figures(struct zswap_figures *f)
{
	uint64_t filled = slots_kept(SLOT_FILLED);

	*f = (struct zswap_figures){
		.stored = filled + slots_kept(SLOT_PACKED), .filled = filled, .pool = zpool_pages(),
		.poor = READ_ONCE(npoor), .no_memory = READ_ONCE(nno_memory), .full = READ_ONCE(nfull),
		.written_back = READ_ONCE(nwritten_back),
	};
}
