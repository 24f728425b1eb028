// sources: tests/host/fake.c tests/host/fake_ram.c tests/host/fake_tlb.c tests/host/fake_core.c lib/lock.c
// sources: mm/alloc/early.c mm/alloc/rangeset.c mm/alloc/buddy.c mm/alloc/pageblock.c mm/alloc/percpu.c mm/alloc/page.c mm/alloc/hugepool.c mm/alloc/limit.c mm/alloc/lists.c mm/alloc/slots.c mm/alloc/slot_kept.c mm/alloc/slot_area.c mm/alloc/zpool.c
// sources: mm/alloc/junk.c mm/alloc/stat.c mm/alloc/block.c mm/alloc/verify.c
// sources: mm/pt/[!k]*.c
/*
 * Random calls on three address spaces at 4 and 5 levels against a naive
 * model: per address, which page and which rights. Two CPUs run on them in
 * turn, access, walk ahead and keep what they saw; allocations fail now and
 * then. After each flush no CPU may know anything that is gone, now and then
 * everything is recounted, and at the end no frame is missing.
 *
 * Reclaim takes pages as far as the swap cache, from where they come back; takes accessed bits;
 * hides pages that were given up, and discards those that nobody has looked at since.
 *
 * The addresses lie around the borders of tables of every level, so that
 * tables come and go at all of them; a fifth of them are whole 2 MB pages.
 */
#include <tests/host/pt_machine.h>
#include <mm/alloc/busy.h>
#include <mm/alloc/slots.h>
#include <mm/pt/rmap.h>
#include <errno.h>
#include <string.h>

#define SPACES		3
#define CLUSTERS	5
#define SMALL		48		/* 4 KB places in a cluster */
#define HUGE		12		/* 2 MB places in a cluster, well behind them */
#define PER_CLUSTER	(SMALL + HUGE)
#define PLACES		(CLUSTERS * PER_CLUSTER)
#define FILES		6
#define ROUNDS		55000		/* of two calls and three accesses on average */

struct place {			/* what the model says of one address */
	struct page *page;	/* NULL: nothing, or the page of zeros */
	bool zero;
	unsigned prot;		/* of R, W, X; 0: noaccess */
	bool dirty;		/* D is set in its entry */
	bool swapped;		/* the entry names the slot whose cache the page is */
};

static vaddr_t places[PLACES];		/* va of each place; ascending */
static struct place model[SPACES][PLACES];
static struct aspace as[SPACES];
static struct page *file[FILES];
static bool file_dirty[FILES];
static struct gather g;
/* Accesses stay near it while it is mapped, or they would find nothing cached. */
static unsigned last_place;

static unsigned level_of(unsigned i) { return i % PER_CLUSTER < SMALL ? 1 : 2; }
static vaddr_t end_of(unsigned i) { return places[i] + LEVEL_SIZE(level_of(i)); }
static bool mapped(const struct place *m) { return m->page || m->zero; }

static void lay_out(unsigned levels)
{
	const vaddr_t border[CLUSTERS] = {
		1ul << 21, 3ul << 30, 1ul << 39, 5ul << 39,
		levels == 5 ? 3ul << 48 : 0x7f0000000000,
	};

	for (unsigned i = 0; i < PLACES; i++) {
		unsigned k = i % PER_CLUSTER;
		vaddr_t b = border[i / PER_CLUSTER];

		places[i] = k < SMALL ? b + k * PAGE_SIZE - SMALL / 2 * PAGE_SIZE :
			    b + GIANT_SIZE + (k - SMALL) * HUGE_SIZE - HUGE / 2 * HUGE_SIZE;
	}
	fake_speculate_at(places, PLACES);
}

/* The CPU whose business s is: the one that has it loaded, or any. */
static void choose_cpu(unsigned s)
{
	uint64_t active = as[s].active[0];

	fake_on_cpu(active ? (unsigned)__builtin_ctzl(active) : (unsigned)tap_below(2));
}

static int file_of(const struct page *p)
{
	for (int i = 0; i < FILES; i++)
		if (file[i] == p)
			return i;
	return -1;
}

/* The model's entry goes. */
static void forget(struct place *m)
{
	int f = m->page ? file_of(m->page) : -1;

	if (f >= 0)
		file_dirty[f] |= m->dirty;
	*m = (struct place){ 0 };
}

static unsigned random_prot(void)
{
	static const unsigned some[] = { PROT_R, PROT_R | PROT_W, PROT_R | PROT_W, PROT_R | PROT_X,
					 PROT_R | PROT_W | PROT_X, 0 };

	return some[tap_below(ARRAY_SIZE(some))];
}

/* ---- the calls ---- */

/* False: no memory (an injected failure), and nothing changed. */
static bool open_at(struct cursor *c, unsigned s, unsigned i)
{
	int err;

	page_fail_nth = tap_below(8) ? 0 : 1 + tap_below(3);
	err = cursor_open(c, &as[s], places[i], level_of(i));
	page_fail_nth = 0;
	CHECK(err == 0 || err == -ENOMEM);
	return err == 0;
}

/* A page to map at place i, with a reference: a fresh anonymous one, or a file's. */
static struct page *some_page(unsigned i)
{
	struct page *p;

	if (level_of(i) == 1 && !tap_below(3)) {
		p = file[tap_below(FILES)];
		page_get(p);
		return p;
	}
	return page_alloc(level_of(i) == 1 ? 0 : ORDER_HUGE, PAGE_ANON, 0);
}

static void do_map(unsigned s, unsigned i)
{
	struct place *m = &model[s][i];
	unsigned prot = random_prot() | PROT_R;
	struct page *p;
	struct cursor c;

	if (!open_at(&c, s, i))
		return;
	CHECK_EQ(pte_is_none(cursor_get(&c)), !mapped(m));
	if (mapped(m)) {
		cursor_close(&c);
		return;
	}
	if (level_of(i) == 1 && !tap_below(4)) {
		cursor_map_special(&c, zero_pfn, PROT_R | PROT_U);
		*m = (struct place){ .zero = true, .prot = PROT_R };
	} else if ((p = some_page(i)) != NULL) {
		cursor_map(&c, p, prot | PROT_U);
		*m = (struct place){ .page = p, .prot = prot, .dirty = prot & PROT_W };
	}
	cursor_close(&c);
}

static void do_replace(unsigned s, unsigned i)
{
	struct page *p = some_page(i);
	unsigned prot = random_prot() | PROT_R;
	struct cursor c;

	if (!p)
		return;
	if (gather_full(&g))
		gather_flush(&g);
	if (!open_at(&c, s, i)) {
		page_put(p);
		return;
	}
	cursor_replace(&c, p, prot | PROT_U, &g);
	cursor_close(&c);
	forget(&model[s][i]);
	model[s][i] = (struct place){ .page = p, .prot = prot, .dirty = prot & PROT_W };
}

static void do_clear(unsigned s, unsigned i)
{
	struct place *m = &model[s][i];
	struct cursor c;
	bool full;
	pte_t e;

	if (gather_full(&g))
		gather_flush(&g);
	cursor_find(&c, &as[s], places[i], level_of(i));
	if (c.level == level_of(i)) {
		e = cursor_clear(&c, &g, &full);
		CHECK_EQ(!pte_is_none(e), mapped(m));
		CHECK_EQ(pte_dirty(e), m->dirty);
		CHECK_EQ(full, gather_full(&g));
	} else {
		CHECK(!mapped(m));
	}
	cursor_close(&c);
	forget(m);
}

static void do_protect(unsigned s, unsigned i)
{
	struct place *m = &model[s][i];
	unsigned prot = random_prot();
	struct cursor c;

	if (!mapped(m))
		return;
	if (m->zero)
		prot &= ~PROT_W;
	cursor_find(&c, &as[s], places[i], level_of(i));
	CHECK_EQ(c.level, level_of(i));
	cursor_protect(&c, prot | PROT_U, &g);
	cursor_close(&c);
	if (!m->swapped)
		m->prot = prot;
}

/* ---- reclaim ---- */

void page_wake_busy(struct page *p)
{
	panic("somebody waits for page %lx", page_to_pfn(p).v);
}

static unsigned device;			/* an area of slots; no page is ever read or written there */

/* The anonymous page of place i, referenced and busy, if it is there. */
static struct page *lock_anon(unsigned s, unsigned i)
{
	struct page *p = model[s][i].page;

	if (!p || level_of(i) != 1 || p->kind != PAGE_ANON || model[s][i].swapped)
		return NULL;
	page_get(p);
	CHECK(page_trylock(p));
	return p;
}

static void unlock(struct page *p)
{
	page_unlock(p);
	page_put(p);
}

static void flush_reclaim(struct reclaim_gather *r)
{
	gather_finish(&g);		/* what this round took is not to hide what reclaim forgets */
	reclaim_gather_flush(r);
	check_tlb();
}

static void do_swap_out(unsigned s, unsigned i)
{
	struct page *p = lock_anon(s, i);
	struct reclaim_gather r;
	swp_t slot;

	if (!p)
		return;
	CHECK(p->flags & PG_SWAPCACHE || slot_alloc(p, &slot));
	slot = p->swp;
	reclaim_gather_init(&r);
	CHECK(rmap_unmap(p, slot, &r));
	flush_reclaim(&r);
	CHECK_EQ(p->slots, 0);
	CHECK_EQ(slot_count(slot), 1);
	model[s][i].swapped = true;
	model[s][i].dirty = false;
	unlock(p);
}

static void do_swap_in(unsigned s, unsigned i)
{
	struct place *m = &model[s][i];
	struct cursor c;
	struct page *p;
	swp_t slot;

	if (!m->swapped || !open_at(&c, s, i))
		return;
	CHECK_EQ(pte_kind(cursor_get(&c), 1), PTE_SWAP);
	slot = pte_swp(cursor_get(&c));
	p = slot_cached(slot);
	CHECK_EQ(p, m->page);
	CHECK(page_trylock(p));
	CHECK(cursor_swap_in(&c, p, m->prot | PROT_U));
	m->prot &= ~PROT_W;
	m->swapped = false;
	slot_put(slot);
	if (tap_below(2))
		slot_give_up(p);
	cursor_close(&c);
	page_unlock(p);
}

static void do_clear_young(unsigned s, unsigned i)
{
	struct page *p = lock_anon(s, i);
	unsigned level;

	if (!p)
		return;
	rmap_clear_young(p);
	CHECK(!pte_young(pt_lookup(&as[s], places[i], &level)));
	unlock(p);
}

static void do_give_up(unsigned s, unsigned i)
{
	struct place *m = &model[s][i];
	struct cursor c;

	if (!m->page || level_of(i) != 1 || m->page->kind != PAGE_ANON || m->swapped)
		return;
	cursor_find(&c, &as[s], places[i], 1);
	CHECK_EQ(c.level, 1);
	cursor_clear_dirty(&c, &g);
	cursor_close(&c);
	m->dirty = false;
}

/* Its CPU may use it after it was hidden: then it stays (a fault gives the rights back, here a call). */
static void do_discard(unsigned s, unsigned i)
{
	struct place *m = &model[s][i];
	struct page *p = lock_anon(s, i);
	struct reclaim_gather r;
	bool hidden, again;

	if (!p)
		return;
	CHECK_EQ(rmap_is_dirty(p), m->dirty);
	reclaim_gather_init(&r);
	hidden = rmap_hide(p, &r);
	flush_reclaim(&r);
	CHECK_EQ(hidden, !m->dirty);
	again = hidden && m->prot && !tap_below(3);
	if (hidden && !again) {
		CHECK(rmap_discard(p));
		CHECK_EQ(p->slots, 0);
		*m = (struct place){ 0 };
	} else if (again) {
		struct cursor c;

		cursor_find(&c, &as[s], places[i], 1);
		cursor_protect(&c, m->prot | PROT_U, &g);
		cursor_close(&c);
		CHECK(!rmap_discard(p));
	}
	unlock(p);
}

/* ---- whole ranges ---- */

static void do_zap_range(unsigned s, unsigned i, unsigned last)
{
	pt_zap(&as[s], places[i], end_of(last), &g);
	for (; i <= last; i++)
		forget(&model[s][i]);
}

static void do_protect_range(unsigned s, unsigned i, unsigned last)
{
	unsigned prot = random_prot();

	pt_protect(&as[s], places[i], end_of(last), prot, &g);
	for (; i <= last; i++) {
		struct place *m = &model[s][i];

		if (mapped(m) && !m->swapped)
			m->prot = prot & (m->prot | PROT_R | PROT_X);
	}
}

/* A CPU that runs on s, if one does, tries something at place i. */
static void do_access(unsigned s, unsigned i)
{
	static const unsigned how[] = { ACCESS_READ, ACCESS_WRITE, ACCESS_EXEC };
	static const unsigned needs[] = { PROT_R, PROT_W, PROT_X };
	struct place *m = &model[s][i];
	unsigned k = (unsigned)tap_below(3);
	uint64_t offset = tap_below(LEVEL_SIZE(level_of(i)));
	pfn_t want, f;
	bool ok;

	if (!as[s].active[0])
		return;
	ok = fake_access(places[i] + offset, how[k] | ACCESS_USER, &f);
	CHECK_EQ(ok, mapped(m) && !m->swapped && m->prot & needs[k]);
	if (!ok)
		return;
	want = m->zero ? zero_pfn : page_to_pfn(m->page);
	CHECK_EQ(f.v, want.v + (offset >> PAGE_SHIFT));
	m->dirty |= k == 1;
}

static void do_switch(unsigned s)
{
	bool kernel = !tap_below(4);

	fake_on_cpu((unsigned)tap_below(2));
	if (kernel)
		aspace_load(&kernel_aspace);
	else if (!as[s].active[0])
		aspace_load(&as[s]);
}

/* At place i, or not far behind. */
static void one_reclaim(unsigned s, unsigned i)
{
	void (*const what[])(unsigned s, unsigned i) = {
		do_swap_out, do_swap_in, do_swap_in, do_clear_young, do_give_up, do_discard,
	};

	while (!model[s][i].page && i + 1 < PLACES)
		i++;
	what[tap_below(ARRAY_SIZE(what))](s, i);
}

static void one_call(unsigned s)
{
	unsigned i = (unsigned)tap_below(PLACES);
	unsigned last = i + (unsigned)tap_below(tap_below(4) ? 6 : 80);

	last = MIN(last, PLACES - 1u);
	switch (tap_below(18)) {
	case 0 ... 4:	do_map(s, i); break;
	case 5:		do_replace(s, i); break;
	case 6 ... 7:	do_clear(s, i); break;
	case 8 ... 9:	do_protect(s, i); break;
	case 10:	do_protect_range(s, i, last); break;
	case 11:	do_zap_range(s, i, last); break;
	case 12 ... 15: one_reclaim(s, i); break;
	default:	fake_speculate();
	}
}

/* ---- the checks ---- */

static void check_space(unsigned s)
{
	struct aspace_counts n;
	uint64_t anon = 0, files = 0, swap = 0;

	check_verify(&as[s]);
	for (unsigned i = 0; i < PLACES; i++) {
		const struct place *m = &model[s][i];
		unsigned level;
		pte_t e = pt_lookup(&as[s], places[i], &level);

		if (!mapped(m)) {
			CHECK(pte_is_none(e));
			continue;
		}
		CHECK_EQ(level, level_of(i));
		if (m->swapped) {
			CHECK_EQ(pte_kind(e, 1), PTE_SWAP);
			CHECK_EQ(pte_swp(e).v, m->page->swp.v);
			swap++;
			continue;
		}
		CHECK_EQ(pte_pfn(e).v, m->zero ? zero_pfn.v : page_to_pfn(m->page).v);
		CHECK_EQ(pte_present(e), m->prot != 0);
		CHECK_EQ(pte_writable(e), (m->prot & PROT_W) != 0);
		CHECK_EQ(pte_dirty(e), m->dirty);
		if (m->page)
			*(m->page->kind == PAGE_ANON ? &anon : &files) += 1ul << 9 * (level - 1);
	}
	aspace_count(&as[s], &n);
	CHECK_EQ(n.anon, anon);
	CHECK_EQ(n.file, files);
	CHECK_EQ(n.swap, swap);
	CHECK_EQ(n.table_pages * PAGE_SIZE, as[s].table_bytes);
}

static void check_files(void)
{
	for (unsigned f = 0; f < FILES; f++) {
		unsigned slots = 0;

		for (unsigned s = 0; s < SPACES; s++)
			for (unsigned i = 0; i < PLACES; i++)
				slots += model[s][i].page == file[f];
		CHECK_EQ(file[f]->slots, slots);
		CHECK_EQ(file[f]->refs, slots + 1);
		CHECK_EQ((file[f]->flags & PG_DIRTY) != 0, file_dirty[f]);
	}
}

static void round_of_calls(unsigned op)
{
	unsigned s = (unsigned)tap_below(SPACES);

	choose_cpu(s);
	gather_init(&g, &as[s]);
	for (uint64_t n = 1 + tap_below(3); n; n--)
		one_call(s);
	gather_finish(&g);
	check_tlb();
	for (unsigned n = 0; n < 4 && !mapped(&model[s][last_place]); n++)
		last_place = (unsigned)tap_below(PLACES);
	for (unsigned n = 0; n < 3; n++)
		do_access(s, (last_place + (unsigned)tap_below(3)) % PLACES);
	if (!tap_below(6))
		do_switch(s);
	if (!tap_below(20))
		fake_grace_run();
	if (op % 1000 == 0) {
		for (s = 0; s < SPACES; s++)
			check_space(s);
		check_files();
		check_verify(&kernel_aspace);
	}
}

static void random_calls(unsigned levels)
{
	machine(levels, 2, 256 << 20);
	lay_out(levels);
	device = (unsigned)slot_area_add(4096, 0);
	slot_area_start(device);
	memset(model, 0, sizeof(model));
	memset(file_dirty, 0, sizeof(file_dirty));
	for (unsigned i = 0; i < FILES; i++)
		file[i] = page_alloc(0, PAGE_FILE, 0);
	for (unsigned s = 0; s < SPACES; s++)
		aspace_start(&as[s]);
	for (unsigned op = 0; op < ROUNDS && !tap_fails; op++)
		round_of_calls(op);
	for (unsigned s = 0; s < SPACES; s++) {
		choose_cpu(s);
		for (unsigned i = 0; i < PLACES; i++)
			forget(&model[s][i]);
		aspace_end(&as[s]);
	}
	check_files();
	for (unsigned i = 0; i < FILES; i++)
		page_put(file[i]);
	CHECK_EQ(slots_free(), slots_total());
	slot_area_stop(device);
	slot_area_remove(device);
	slot_area_free(device);
	machine_end();
	printf("# %lu walks, %lu from a cached upper entry, %lu hits, %lu flushes, %lu of a page\n",
	       fake_tlb_stats.walks, fake_tlb_stats.upper_hits, fake_tlb_stats.hits,
	       fake_tlb_stats.flushes, fake_tlb_stats.page_flushes);
}
BOTH(random_calls)

int main(void)
{
	TAP_RUN(random_calls_4_levels);
	TAP_RUN(random_calls_5_levels);
	return tap_done();
}
