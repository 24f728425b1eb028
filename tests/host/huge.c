// sources: tests/host/fake.c tests/host/fake_ram.c tests/host/fake_tlb.c tests/host/fake_core.c lib/lock.c
// sources: mm/alloc/early.c mm/alloc/rangeset.c mm/alloc/buddy.c mm/alloc/pageblock.c mm/alloc/percpu.c mm/alloc/page.c mm/alloc/hugepool.c mm/alloc/limit.c mm/alloc/lists.c mm/alloc/slots.c mm/alloc/slot_kept.c mm/alloc/slot_area.c mm/alloc/zpool.c
// sources: mm/alloc/junk.c mm/alloc/stat.c mm/alloc/block.c mm/alloc/verify.c
// sources: mm/pt/[!k]*.c
/*
 * A family of address spaces with huge leaves against a naive model, which knows
 * only pages: what is mapped where, with which rights, whether it is locked, and its first
 * word. They map blocks and pages, write (as the fault handler does it), unmap,
 * protect, lock and move any ranges, fork and end; allocations fail now and then; what one
 * of them has unmapped stays unflushed while the others go on. A second CPU
 * walks ahead and keeps what it saw. What a page holds, where, and who may write to
 * it must not depend on which blocks are whole, mixed, or pages.
 */
#include <tests/host/pt_machine.h>
#include <mm/pt/huge.h>
#include <mm/pt/rmap.h>
#include <errno.h>
#include <string.h>

/* Nobody waits for a page here. */
void page_wake_busy(struct page *p)
{
	(void)p;
}

#define SPACES		5u
#define SPANS		6u		/* of 2 MB: three below one table of level 2, three below another */
#define SPAN		512u		/* pages */
#define PAGES		(SPANS * SPAN)
#define BASE		(LEVEL_SIZE(3) - 3 * LEVEL_SIZE(2))
#define OPS		200000u

struct record {
	bool mapped, locked;
	unsigned prot;			/* R, and W or not; 0: noaccess */
	uint64_t word;
};

struct space {
	struct aspace as;
	bool alive, pending;		/* pending: g has not been flushed */
	struct gather g;
	struct record page[PAGES];
};

static struct space space[SPACES];
static uint64_t unique;
static struct { uint64_t splits, forks, wholes, mixed, shared, several, reclaimed; } seen;

static vaddr_t va_of(unsigned page) { return BASE + (vaddr_t)page * PAGE_SIZE; }

static void inject(void)
{
	page_fail_nth = tap_below(12) ? 0 : 1 + tap_below(4);
}

/* True: the call did what it should, false: it had no memory. */
static bool done(int err)
{
	page_fail_nth = 0;
	CHECK(err == 0 || err == -ENOMEM);
	return err == 0;
}

static void flush(struct space *s)
{
	gather_finish(&s->g);
	s->pending = false;
}

/* CPU 0 runs s. */
static void run(struct space *s)
{
	if (s->pending)
		flush(s);
	aspace_load(&s->as);
}

static uint64_t *word_at(pfn_t f) { return phys_to_virt(pfn_to_paddr(f)); }

static bool all_are(const struct space *s, unsigned from, unsigned n, bool mapped)
{
	for (unsigned i = from; i < from + n; i++)
		if (s->page[i].mapped != mapped)
			return false;
	return true;
}

/* ---- mapping ---- */

static void fill_block(struct space *s, unsigned from, struct page *head, unsigned prot)
{
	for (unsigned i = 0; i < SPAN; i++) {
		uint64_t word = head ? ++unique : 0;

		if (head)
			*word_at(page_to_pfn(head + i)) = word;
		s->page[from + i] = (struct record){ .mapped = true, .prot = prot, .word = word };
	}
}

static void op_map_block(struct space *s, unsigned from)
{
	bool zeros = !tap_below(5);
	struct page *head = zeros ? NULL : page_alloc(ORDER_HUGE, PAGE_ANON, 0);
	struct cursor c;

	from -= from % SPAN;
	if (zeros)
		CHECK_EQ(huge_zero_get(&s->as), 0);
	if (!all_are(s, from, SPAN, false) || (!head && !zeros) ||
	    cursor_open(&c, &s->as, va_of(from), 2)) {
		if (head)
			page_put(head);
		return;
	}
	if (pte_is_none(cursor_get(&c)) && zeros) {
		cursor_map_special(&c, huge_zero_pfn, RU);
		fill_block(s, from, NULL, PROT_R | PROT_W);
	} else if (pte_is_none(cursor_get(&c))) {
		cursor_map(&c, head, RWU);
		fill_block(s, from, head, PROT_R | PROT_W);
	} else if (head) {
		page_put(head);
	}
	cursor_close(&c);
}

static void op_map_blocks(struct space *s)
{
	for (unsigned i = 0; i < PAGES; i += SPAN)
		op_map_block(s, i);
}

static void op_map_page(struct space *s, unsigned i)
{
	struct page *p;
	struct cursor c;

	if (s->page[i].mapped || cursor_open(&c, &s->as, va_of(i), 1))
		return;
	p = page_alloc(0, PAGE_ANON, 0);
	cursor_map(&c, p, RWU);
	cursor_close(&c);
	s->page[i] = (struct record){ .mapped = true, .prot = PROT_R | PROT_W, .word = ++unique };
	*word_at(page_to_pfn(p)) = unique;
}

/* ---- faults ---- */

/* The small entry under the cursor gets a page of its own, with what is there now. False: no memory. */
static bool copy_small(struct cursor *c, pte_t e, unsigned prot)
{
	struct page *p = page_alloc(0, PAGE_ANON, 0);
	struct gather g;

	if (!p) {
		cursor_close(c);
		return false;
	}
	gather_init(&g, c->as);
	*word_at(page_to_pfn(p)) = *word_at(pte_pfn(e));
	cursor_replace(c, p, prot | PROT_U, &g);
	cursor_close(c);
	gather_finish(&g);
	return true;
}

/* One fault on a write to a page that may be written to. False: no memory. */
static bool write_fault(struct space *s, unsigned i)
{
	struct cursor c;
	int err = cursor_open(&c, &s->as, va_of(i), 1);
	pte_t e;

	if (err == -ENOMEM)
		return false;
	e = cursor_get(&c);
	if (err == -EEXIST) {
		bool own = entry_page(e) && block_is_own(entry_page(e));

		if (own)
			cursor_give_write(&c);
		cursor_close(&c);
		seen.wholes += own;
		seen.splits += !own;
		return own || pt_split(&s->as, va_of(i)) == 0;
	}
	if (!entry_page(e) || entry_page(e)->slots != 1 || entry_page(e)->refs != 1)
		return copy_small(&c, e, s->page[i].prot | (s->page[i].locked ? PROT_LOCKED : 0));
	cursor_give_write(&c);
	cursor_close(&c);
	return true;
}

static void op_write(struct space *s, unsigned i)
{
	struct record *r = &s->page[i];
	bool may = r->mapped && r->prot & PROT_W, ok;
	unsigned tries = 0;
	pfn_t f;

	inject();
	while (!(ok = fake_access(va_of(i), ACCESS_WRITE | ACCESS_USER, &f)) && may && tries++ < 5)
		if (!write_fault(s, i))
			break;
	if (!ok && may && page_fail_nth == 0 && tries <= 5)
		return;
	page_fail_nth = 0;
	CHECK_EQ(ok, may);
	if (!ok)
		return;
	CHECK_EQ(*word_at(f), r->word);
	*word_at(f) = r->word = ++unique;
}

static void op_read(struct space *s, unsigned i)
{
	const struct record *r = &s->page[i];
	pfn_t f;
	bool ok = fake_access(va_of(i), ACCESS_READ | ACCESS_USER, &f);

	CHECK_EQ(ok, r->mapped && r->prot & PROT_R);
	if (ok)
		CHECK_EQ(*word_at(f), r->word);
}

/* ---- ranges ---- */

static void op_zap(struct space *s, unsigned from, unsigned n)
{
	inject();
	if (!done(pt_own_zap(&s->as, va_of(from), va_of(from + n))))
		return;
	gather_init(&s->g, &s->as);
	pt_zap(&s->as, va_of(from), va_of(from + n), &s->g);
	memset(&s->page[from], 0, n * sizeof(s->page[0]));
	s->pending = true;
	if (tap_below(3))
		flush(s);
	else
		aspace_load(&kernel_aspace);
}

static void op_protect(struct space *s, unsigned from, unsigned n)
{
	static const unsigned prots[] = { 0, PROT_R, PROT_R | PROT_W, PROT_R | PROT_W };
	unsigned prot = prots[tap_below(ARRAY_SIZE(prots))];
	struct gather g;

	inject();
	if (!done(pt_own(&s->as, va_of(from), va_of(from + n))))
		return;
	gather_init(&g, &s->as);
	pt_protect(&s->as, va_of(from), va_of(from + n), prot | (tap_below(2) ? PROT_GIVE_W : 0), &g);
	gather_finish(&g);
	for (unsigned i = from; i < from + n; i++)
		if (s->page[i].mapped)
			s->page[i].prot = prot;
}

static void op_lock(struct space *s, unsigned from, unsigned n, bool lock)
{
	inject();
	if (!done(pt_own(&s->as, va_of(from), va_of(from + n))))
		return;
	pt_lock(&s->as, va_of(from), va_of(from + n), lock);
	for (unsigned i = from; i < from + n; i++)
		s->page[i].locked = s->page[i].mapped && lock;
}

static void op_move(struct space *s, unsigned from, unsigned to, unsigned n)
{
	struct gather g;
	int err;

	if (tap_below(2))
		to = to - to % SPAN + from % SPAN;
	if (to + n > PAGES || (from < to + n && to < from + n) || !all_are(s, to, n, false))
		return;
	inject();
	err = pt_own(&s->as, va_of(from), va_of(from + n));
	if (!err)
		err = pt_own(&s->as, va_of(to), va_of(to + n));
	if (!done(err))
		return;
	gather_init(&g, &s->as);
	inject();
	err = pt_move(&s->as, va_of(from), va_of(to), n * PAGE_SIZE, &g);
	page_fail_nth = 0;
	if (done(err)) {
		memcpy(&s->page[to], &s->page[from], n * sizeof(s->page[0]));
		memset(&s->page[from], 0, n * sizeof(s->page[0]));
		pt_zap(&s->as, va_of(from), va_of(from + n), &g);
	} else {
		pt_zap(&s->as, va_of(to), va_of(to + n), &g);
	}
	gather_finish(&g);
}

/* As reclaim does it: all leaves of the block at page i, of whatever spaces, become tables, or as many as can. */
static void op_split_block(struct space *s, unsigned i)
{
	struct reclaim_gather r;
	struct page *head;
	unsigned level;
	pte_t e = pt_lookup(&s->as, va_of(i), &level);
	bool young, all;

	head = level == 2 && !pte_is_none(e) ? entry_page(e) : NULL;
	if (!head)
		return;
	block_get(head);
	young = rmap_block_young(head);
	CHECK(young || !pte_young(e));
	reclaim_gather_init(&r);
	inject();
	all = rmap_split(head, &r);
	page_fail_nth = 0;
	reclaim_gather_flush(&r);
	if (all)
		CHECK(!block_is_whole(head) && !(head->flags & PG_MIXED) && ++seen.reclaimed);
	block_put(head);
}

/* ---- lives ---- */

static bool has_locked(const struct space *s)
{
	for (unsigned i = 0; i < PAGES; i++)
		if (s->page[i].locked)
			return true;
	return false;
}

static void end_of(struct space *s)
{
	run(s);
	aspace_load(&kernel_aspace);
	gather_init(&s->g, &s->as);
	CHECK(pt_end(&s->as, &s->g) <= PAGES);
	gather_finish(&s->g);
	CHECK_EQ(s->as.table_bytes, 0);
	aspace_destroy(&s->as);
	*s = (struct space){ 0 };
}

static void op_fork(struct space *s)
{
	struct space *t = &space[tap_below(SPACES)];
	struct gather g;
	int err;

	if (t->alive || aspace_init(&t->as))
		return;
	t->alive = true;
	gather_init(&g, &s->as);
	inject();
	if (has_locked(s) || !tap_below(5))
		err = pt_copy(&t->as, &s->as, va_of(0), va_of(PAGES), &g);
	else
		err = pt_share(&t->as, &s->as, va_of(0), va_of(PAGES), &g);
	gather_finish(&g);
	if (!done(err)) {
		end_of(t);
		return;
	}
	memcpy(t->page, s->page, sizeof(t->page));
	for (unsigned i = 0; i < PAGES; i++)
		t->page[i].locked = false;
	seen.forks++;
}

static void op_exit(struct space *s)
{
	unsigned n = 0;

	for (unsigned i = 0; i < SPACES; i++)
		n += space[i].alive;
	if (n > 1)
		end_of(s);
}

/* ---- checks ---- */

static void look_at_leaf(struct space *s, vaddr_t va, const struct page *head)
{
	struct cursor c;

	seen.mixed += !block_is_whole(head);
	seen.several += block_is_whole(head) && head->slots > 1;
	cursor_find(&c, &s->as, va, 2);
	seen.shared += c.table->shared;
	cursor_close(&c);
}

static void check_space(struct space *s)
{
	struct aspace_counts n;
	uint64_t anon = 0;

	check_verify(&s->as);
	for (unsigned i = 0; i < PAGES; i++) {
		unsigned level;
		pte_t e = pt_lookup(&s->as, va_of(i), &level);
		const struct record *r = &s->page[i];
		uint64_t f = pte_pfn(e).v + (level == 2 ? i % SPAN : 0);

		CHECK_EQ(!pte_is_none(e), r->mapped);
		if (!r->mapped)
			continue;
		CHECK_EQ(*word_at(pfn(f)), r->word);
		CHECK_EQ(pte_present(e), r->prot != 0);
		anon += !(e.v & PTE_SPECIAL);
		if (level == 2 && i % SPAN == 0 && entry_page(e))
			look_at_leaf(s, va_of(i), entry_page(e));
		if (!(e.v & PTE_SPECIAL))
			CHECK_EQ((e.v & PTE_LOCKED) != 0, r->locked);
	}
	aspace_count(&s->as, &n);
	CHECK_EQ(n.anon, anon);
	CHECK_EQ(n.table_pages * PAGE_SIZE, s->as.table_bytes);
}

/* Nobody but leaves has references, and mlock no more slots than there are. */
static void check_frame(uint64_t start, uint64_t end, void *arg)
{
	(void)arg;
	for (uint64_t f = start >> PAGE_SHIFT; f < end >> PAGE_SHIFT; f++) {
		const struct page *p = pfn_to_page(pfn(f));

		if (p->kind != PAGE_ANON)
			continue;
		CHECK_EQ(p->refs, p->slots);
		CHECK(p->nlocked <= p->slots);
		CHECK(p->slots);
	}
}

static void check_all(void)
{
	for (unsigned i = 0; i < SPACES; i++)
		if (space[i].pending)
			flush(&space[i]);
	for (unsigned i = 0; i < SPACES; i++)
		if (space[i].alive)
			check_space(&space[i]);
	early_for_each_ram(check_frame, NULL);
}

/* ---- the test ---- */

static void one_op(struct space *s)
{
	unsigned n = 1 + (unsigned)tap_below(tap_below(3) ? 40 : 1400);
	unsigned from = (unsigned)tap_below(PAGES - n), to = (unsigned)tap_below(PAGES);

	if (!tap_below(4)) {		/* whole spans */
		from -= from % SPAN;
		to -= to % SPAN;
		n = SPAN * (1 + (unsigned)tap_below(2));
		n = MIN(n, PAGES - from);
	}
	switch (tap_below(60)) {
	case 0 ... 5:	op_map_block(s, from); break;
	case 6 ... 8:	op_map_blocks(s); break;
	case 9:		op_map_page(s, from); break;
	case 10:	op_zap(s, from, n); break;
	case 11:	op_zap(s, 0, PAGES); break;
	case 12:	op_protect(s, from, n); break;
	case 13:	op_lock(s, from, n, true); break;
	case 14:	op_lock(s, 0, PAGES, false); break;
	case 15:	op_move(s, from, to, n); break;
	case 16 ... 19:	op_fork(s); break;
	case 20 ... 21:	op_exit(s); break;
	case 22:	(void)huge_zero_shrink(); fake_grace_run(); break;
	case 23 ... 24:	op_split_block(s, from); break;
	case 25 ... 50:	op_read(s, from); break;
	default:	op_write(s, from);
	}
}

static void random_ops(unsigned levels)
{
	static const vaddr_t places[] = {
		BASE, BASE + LEVEL_SIZE(2) + 77 * PAGE_SIZE, LEVEL_SIZE(3), LEVEL_SIZE(3) - PAGE_SIZE,
		LEVEL_SIZE(3) + LEVEL_SIZE(2) + 300 * PAGE_SIZE,
	};

	machine(levels, 2, 256 << 20);
	memset(space, 0, sizeof(space));
	free_at_start = page_free_count();
	fake_speculate_at(places, ARRAY_SIZE(places));
	aspace_start(&space[0].as);
	space[0].alive = true;
	memset(&seen, 0, sizeof(seen));
	for (unsigned i = 0; i < OPS && !tap_fails; i++) {
		struct space *s = &space[tap_below(SPACES)];

		if (!s->alive)
			continue;
		run(s);
		one_op(s);
		check_tlb();
		if (i % 256 == 0)
			check_all();
	}
	printf("# %lu forks; huge leaves: %lu split by a write, %lu written to; looks at one of a mixed "
	       "block: %lu, of several of a whole one: %lu, in a shared table: %lu; %lu by reclaim\n",
	       seen.forks, seen.splits, seen.wholes, seen.mixed, seen.several, seen.shared,
	       seen.reclaimed);
	CHECK(seen.mixed > 100 && seen.several > 100 && seen.shared > 20 && seen.wholes > 20 &&
	      seen.reclaimed > 100);
	for (unsigned i = 0; i < SPACES; i++)
		if (space[i].alive)
			end_of(&space[i]);
	(void)huge_zero_shrink();
	machine_end();
}
BOTH(random_ops)

/* They stay while somebody may have them by a fork, whoever made them. */
static void zeros_have_users(unsigned levels)
{
	struct space *parent = &space[0], *child = &space[1];
	struct gather g;
	struct cursor c;

	machine(levels, 2, 64 << 20);
	memset(space, 0, sizeof(space));
	free_at_start = page_free_count();
	aspace_start(&parent->as);
	CHECK_EQ(aspace_init(&child->as), 0);
	CHECK_EQ(huge_zero_shrink(), 0);
	CHECK_EQ(huge_zero_get(&parent->as), 0);
	CHECK_EQ(cursor_open(&c, &parent->as, BASE, 2), 0);
	cursor_map_special(&c, huge_zero_pfn, RU);
	cursor_close(&c);
	gather_init(&g, &parent->as);
	CHECK_EQ(pt_share(&child->as, &parent->as, BASE, BASE + LEVEL_SIZE(2), &g), 0);
	gather_finish(&g);
	end_of(parent);
	CHECK_EQ(huge_zero_shrink(), 0);
	cursor_find(&c, &child->as, BASE, 2);
	CHECK_EQ(pte_pfn(cursor_get(&c)).v, huge_zero_pfn.v);
	cursor_close(&c);
	end_of(child);
	CHECK_EQ(huge_zero_shrink(), BLOCK_PAGES);
	CHECK_EQ(huge_zero_shrink(), 0);
	machine_end();
}
BOTH(zeros_have_users)

int main(void)
{
	TAP_RUN(zeros_have_users_4_levels);
	TAP_RUN(zeros_have_users_5_levels);
	TAP_RUN(random_ops_4_levels);
	TAP_RUN(random_ops_5_levels);
	return tap_done();
}
