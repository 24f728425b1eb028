// sources: tests/host/fake.c tests/host/fake_ram.c lib/lock.c mm/alloc/early.c mm/alloc/rangeset.c
// sources: mm/alloc/buddy.c mm/alloc/pageblock.c mm/alloc/percpu.c mm/alloc/page.c mm/alloc/hugepool.c mm/alloc/limit.c mm/alloc/lists.c mm/alloc/slots.c mm/alloc/slot_kept.c mm/alloc/slot_area.c mm/alloc/zpool.c mm/alloc/junk.c mm/alloc/verify.c
/*
 * The slot map against a model: random entries, caches and shadows, on several CPUs; priorities
 * and turns; neighbours; bad slots; several threads that share slots.
 */
#include <tests/host/fake.h>
#include <tests/host/tap.h>
#include <mm/alloc/slots.h>
#include <asm-generic/errno-base.h>
#include <pthread.h>
#include <string.h>

#define CPUS	4
#define SIZE	1500u		/* slots: three clusters, the last one not whole */

static struct page *fresh(void)
{
	struct page *p = page_alloc(0, PAGE_ANON, 0);

	if (!p)
		abort();
	p->flags |= PG_BUSY | PG_UPTODATE;
	return p;
}

/* The caller's busy bit and reference go. */
static void done(struct page *p)
{
	__atomic_fetch_and(&p->flags, ~PG_BUSY, __ATOMIC_RELEASE);
	page_put(p);
}

static unsigned open_area(uint64_t n, int priority)
{
	int device = slot_area_add(n, priority);

	CHECK(device >= 0);
	slot_area_start((unsigned)device);
	return (unsigned)device;
}

static void close_area(unsigned device)
{
	struct slot_figures f;

	slot_area_figures(device, &f);
	CHECK_EQ(f.used, 0);
	slot_area_stop(device);
	slot_area_remove(device);
	slot_area_free(device);
}

static void boot(void)
{
	fake_set_cpus(CPUS);
	fake_boot_size(64ul << 20);
}

/* ---- against a model ---- */

struct model { unsigned count; struct page *page; uint32_t shadow; bool bad; };
static struct model model[SIZE];
static unsigned ndirty;

static uint64_t model_used(void)
{
	uint64_t n = 0;

	for (unsigned i = 0; i < SIZE; i++)
		n += model[i].count || model[i].page;
	return n;
}

static void clean(struct page *p)
{
	__atomic_fetch_and(&p->flags, ~PG_DIRTY, __ATOMIC_RELAXED);
}

static void evict(unsigned d)
{
	struct page *p = fresh();
	struct model *m;
	swp_t s;

	if (!slot_alloc(p, &s)) {
		unsigned free = 0;

		for (unsigned i = 1; i < SIZE; i++)
			free += !model[i].count && !model[i].page && !model[i].bad;
		CHECK_EQ(free, 0);
		done(p);
		return;
	}
	CHECK_EQ(swp_device(s), d);
	m = &model[swp_offset(s)];
	CHECK(swp_offset(s) > 0 && swp_offset(s) < SIZE && !m->count && !m->page && !m->bad);
	CHECK(p->flags & PG_SWAPCACHE && p->flags & PG_DIRTY && p->refs == 2);
	*m = (struct model){ .page = p };
	for (unsigned n = (unsigned)tap_below(3); n; n--, m->count++)
		slot_get(s);
	if (!m->count)
		m->page = NULL;			/* it goes with the last reference but the cache's */
	ndirty++;
	done(p);
}

/* One step on the slot at i. */
static void step(unsigned d, unsigned i)
{
	struct model *m = &model[i];
	swp_t s = swp(d, i);
	struct page *p = slot_cached(s);
	uint32_t shadow = 0;

	CHECK(p == m->page);
	CHECK_EQ(slot_count(s), m->count);
	if (p) {
		bool goes = !m->count || !(p->flags & PG_DIRTY);

		p->flags |= PG_BUSY;
		switch (tap_below(3)) {
		case 0:
			CHECK_EQ(slot_uncache(p, i + 7), goes);
			if (goes) {
				m->page = NULL;
				m->shadow = m->count ? i + 7 : 0;
			}
			break;
		case 1:
			clean(p);
			break;
		default:
			CHECK_EQ(slot_cache(s, p, &shadow), -EEXIST);
		}
		done(p);
	} else {
		p = fresh();
		CHECK_EQ(slot_cache(s, p, &shadow), m->count ? 0 : -ENOENT);
		if (m->count) {
			CHECK_EQ(shadow, m->shadow);
			m->page = p;
		}
		done(p);
	}
	if (m->count && tap_below(2)) {
		slot_put(s);
		if (!--m->count)
			m->page = NULL;
	}
	if (m->count && tap_below(4) == 0) {
		slot_get(s);
		m->count++;
	}
	if (tap_below(4000) == 0) {
		slot_mark_bad(s);
		m->bad = true;
		CHECK(slot_is_bad(s));
	}
}

static void random_operations(void)
{
	uint64_t before, bad = 0;
	struct slot_figures f;
	unsigned d;

	boot();
	before = page_free_count();
	d = open_area(SIZE, 0);
	memset(model, 0, sizeof(model));
	CHECK_EQ(slots_free(), SIZE - 1);
	for (unsigned i = 0; i < 60000 && tap_fails < 20; i++) {
		if (i % 16 == 0)
			fake_on_cpu((unsigned)tap_below(CPUS));
		if (tap_below(100) < (i / 8192 % 2 ? 20 : 70))
			evict(d);
		step(d, (unsigned)(1 + tap_below(SIZE - 1)));
		if (i % 1024)
			continue;
		slot_area_figures(d, &f);
		CHECK_EQ(f.used, model_used());
		for (unsigned k = 1; k < SIZE; k++)
			for (unsigned n = 0; n < model[k].count; n++)
				CHECK(slot_tally(swp(d, k)));
		CHECK(!slots_verify());
		for (unsigned k = 1; k < SIZE; k++)
			for (unsigned n = 0; n < model[k].count; n++)
				slot_restore(swp(d, k));
	}
	for (unsigned k = 1; k < SIZE; k++) {
		for (; model[k].count; model[k].count--)
			slot_put(swp(d, k));
		bad += model[k].bad;
		CHECK(!slot_cached(swp(d, k)));
	}
	CHECK(ndirty > 1000 && bad > 0);
	slot_area_figures(d, &f);
	CHECK_EQ(f.total, SIZE - 1 - bad);
	CHECK_EQ(slot_area_next(d, 1), 0);
	close_area(d);
	CHECK_EQ(slots_on, 0);
	CHECK_EQ(page_free_count(), before);
}

/* ---- where slots lie ---- */

static swp_t new_slot(void)
{
	swp_t s = swp(0, 0);

	CHECK(slot_new(&s));
	return s;
}

static void neighbours(void)
{
	swp_t a, b, c;
	unsigned d;

	boot();
	d = open_area(4096, 0);
	fake_on_cpu(0);
	a = new_slot();
	fake_on_cpu(1);
	b = new_slot();
	CHECK(swp_offset(a) >> 9 != swp_offset(b) >> 9);	/* a cluster for each CPU */
	for (unsigned i = 0; i < 100; i++) {
		c = new_slot();
		CHECK_EQ(swp_offset(c), swp_offset(b) + i + 1);
		if (i % 2)
			slot_put(c);			/* what is free behind the hand is left */
	}
	fake_on_cpu(0);
	c = new_slot();
	CHECK_EQ(swp_offset(c), swp_offset(a) + 1);
	for (uint64_t i = 1; (i = slot_area_next(d, i));)
		slot_put(swp(d, i));
	close_area(d);
}

static void priorities(void)
{
	unsigned low, high, equal, n[3] = { 0, 0, 0 };

	boot();
	fake_on_cpu(0);
	low = open_area(1024, 1);
	high = open_area(4096, 5);
	equal = open_area(4096, 5);
	CHECK_EQ(slots_total(), 1023 + 4095 + 4095);
	for (unsigned i = 0; i < 4095 + 4095; i++)
		n[swp_device(new_slot())]++;
	CHECK_EQ(n[low], 0);
	CHECK(n[high] == 4095 && n[equal] == 4095);
	CHECK(slots_tight);
	for (unsigned i = 0; i < 1023; i++)
		CHECK_EQ(swp_device(new_slot()), low);
	CHECK_EQ(slots_free(), 0);
	CHECK(!slot_new(&(swp_t){ 0 }));
	slot_put(swp(high, 77));
	CHECK_EQ(new_slot().v, swp(high, 77).v);
	slot_area_stop(high);			/* as swapoff does: what is there stays, nothing comes */
	slot_put(swp(high, 78));
	CHECK(!slot_new(&(swp_t){ 0 }));
	slot_area_start(high);
	CHECK_EQ(new_slot().v, swp(high, 78).v);
	for (unsigned d = 0; d < 3; d++) {
		for (uint64_t i = 1; (i = slot_area_next(d, i));)
			slot_put(swp(d, i));
		close_area(d);
	}
}

/* Two in turn: a CPU's next cluster comes from the other area. */
static void turns(void)
{
	unsigned a, b, changes = 0, last = ~0u;

	boot();
	a = open_area(1 << 14, -2);
	b = open_area(1 << 14, -2);
	for (unsigned i = 0; i < 1 << 13; i++) {
		unsigned d = swp_device(new_slot());

		changes += d != last;
		last = d;
	}
	CHECK(changes >= 15);
	for (unsigned d = a; d <= b; d++) {
		for (uint64_t i = 1; (i = slot_area_next(d, i));)
			slot_put(swp(d, i));
		close_area(d);
	}
}

static void limits(void)
{
	unsigned n = 0;

	boot();
	while (n < 40 && slot_area_add(64, 0) >= 0)
		n++;
	CHECK_EQ(n, SLOT_AREAS);
	CHECK_EQ(slot_area_add(64, 0), -EPERM);
	for (unsigned d = 0; d < n; d++) {
		slot_area_remove(d);
		slot_area_free(d);
	}
	page_fail_nth = 3;
	CHECK_EQ(slot_area_add(4096, 0), -ENOMEM);
	CHECK_EQ(slots_on, 0);
	CHECK(!slot_new(&(swp_t){ 0 }));
	CHECK(!slot_cached(swp(31, 5)) && !slot_count(swp(0, 1)) && !slot_count((swp_t){ ~0ul }));
	EXPECT_PANIC("is not in use", slot_put(swp(0, 1)));
}

/* ---- who owns a cached page ---- */

static void own(void)
{
	struct page *p;
	uint32_t shadow;
	unsigned d;
	swp_t s;

	boot();
	d = open_area(64, 0);
	p = fresh();
	CHECK(slot_alloc(p, &s));
	slot_get(s);
	p->flags &= ~PG_BUSY;
	p->slots = 1;				/* read back: the entry has the reference */
	CHECK(!slot_own(p));			/* another entry names the slot */
	slot_put(s);
	page_get(p);
	CHECK(!slot_own(p));			/* somebody looks at it */
	page_put(p);
	CHECK(slot_own(p) && p->refs == 1 && !(p->flags & (PG_SWAPCACHE | PG_DIRTY)) && !p->owner);
	CHECK_EQ(slot_count(s), 0);
	CHECK(!slot_own(p));
	p->slots = 0;
	page_put(p);

	p = fresh();				/* the last mapping goes: the cache does not keep it */
	CHECK(slot_alloc(p, &s));
	p->slots = 1;
	p->flags &= ~PG_BUSY;
	p->slots = 0;
	page_put(p);
	CHECK_EQ(slot_area_next(d, 1), 0);

	p = fresh();				/* not while an entry is left */
	CHECK(slot_alloc(p, &s));
	slot_get(s);
	done(p);
	CHECK(slot_cached(s) == p && p->refs == 2);
	p->flags |= PG_BUSY;
	CHECK(!slot_uncache(p, 9));		/* the device has not got it */
	clean(p);
	page_get(p);
	CHECK(!slot_uncache(p, 9));		/* somebody looks at it */
	page_put(p);
	CHECK(slot_uncache(p, 9));
	done(p);
	p = fresh();
	CHECK(!slot_cache(s, p, &shadow) && shadow == 9);
	done(p);
	slot_put(s);
	CHECK_EQ(slot_area_next(d, 1), 0);
	close_area(d);
}

/* ---- several threads ---- */

#define SHARED	64u
#define ROUNDS	40000u

static uint32_t shared[SHARED];		/* atomic: offset of a slot with one count of the table's; 0: none */
static unsigned race_device;

static void *racer(void *arg)
{
	uint64_t x = 88172645463325252ul + (uintptr_t)arg;

	fake_on_cpu((unsigned)(uintptr_t)arg);
	for (unsigned i = 0; i < ROUNDS; i++) {
		uint32_t *at, was;
		struct page *p;
		swp_t s;

		x ^= x << 13, x ^= x >> 7, x ^= x << 17;
		at = &shared[(x >> 20) % SHARED];
		was = __atomic_exchange_n(at, 0, __ATOMIC_ACQ_REL);
		s = swp(race_device, was);
		if (was && x & 3) {		/* read it back: what the table had is the page's now */
			uint32_t shadow;
			int err;

			p = slot_cached(s);
			if (!p) {
				p = fresh();
				err = slot_cache(s, p, &shadow);
				if (err)
					abort();
				done(p);
			} else {
				page_put(p);
			}
		}
		if (was) {
			slot_put(s);
			continue;
		}
		p = fresh();
		if (slot_alloc(p, &s)) {
			slot_get(s);
			if (x & 16) {
				clean(p);
				if (!slot_uncache(p, 5))
					abort();
			}
			was = __atomic_exchange_n(at, (uint32_t)swp_offset(s), __ATOMIC_ACQ_REL);
			if (was)
				slot_put(swp(race_device, was));
		}
		done(p);
	}
	return NULL;
}

static void races(void)
{
	pthread_t t[CPUS];
	uint64_t before;

	boot();
	before = page_free_count();
	race_device = open_area(SIZE, 0);
	for (uintptr_t i = 0; i < CPUS; i++)
		pthread_create(&t[i], NULL, racer, (void *)i);
	for (unsigned i = 0; i < CPUS; i++)
		pthread_join(t[i], NULL);
	for (unsigned i = 0; i < SHARED; i++)
		if (shared[i])
			slot_put(swp(race_device, shared[i]));
	CHECK_EQ(slot_area_next(race_device, 1), 0);
	CHECK_EQ(slots_free(), SIZE - 1);
	close_area(race_device);
	CHECK_EQ(page_free_count(), before);
	CHECK(!page_verify());
}

int main(void)
{
	TAP_RUN(random_operations);
	TAP_RUN(neighbours);
	TAP_RUN(priorities);
	TAP_RUN(turns);
	TAP_RUN(limits);
	TAP_RUN(own);
	TAP_RUN(races);
	return tap_done();
}
