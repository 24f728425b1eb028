/*
 * What the CPUs of host/tlb do, each for the address space that it runs, and beside it in the
 * model: mmap and its family, faults, fork, exit, reclaim; switches.
 */
#ifndef TESTS_HOST_TLB_OPS_H
#define TESTS_HOST_TLB_OPS_H

#include <mm/alloc/busy.h>
#include <mm/alloc/slots.h>
#include <mm/pt/rmap.h>
#include <mm/pt/table.h>
#include <tests/host/tlb_model.h>

#define FEW		8u
#define SOME		70u		/* entries enough that a fork shares a table */

static uint64_t unique;
static unsigned depth;			/* of operations within operations */

static void go_lazy(unsigned cpu)
{
	lazy[cpu] = true;
	fake_go_lazy(cpu);
}

static void change_begin(struct change *c, const struct space *s, unsigned from, unsigned n,
			 unsigned to)
{
	*c = (struct change){ s, from, n, to, changing };
	changing = c;
}

static void change_end(void) { changing = changing->outer; }

static void wipe(struct space *s, unsigned from, unsigned n, struct record r)
{
	for (unsigned i = from; i < from + n; i++)
		s->page[i] = r;
}

/* A fault that is under way has the page that comes back here busy: it would have to be waited for. */
static bool would_wait(struct space *s, unsigned page)
{
	unsigned level;
	pte_t e = pt_lookup(&s->mm->as, va_of(page), &level);
	struct page *p = pte_kind(e, level) == PTE_SWAP ? slot_cached(pte_swp(e)) : NULL;
	bool busy = p && p->flags & PG_BUSY;

	if (p)
		page_put(p);
	return busy;
}

static void op_touch(struct space *s, unsigned page, bool write)
{
	struct record *r = &s->page[page];
	int need = write ? PROT_WRITE : PROT_READ | PROT_WRITE;
	enum fault_result got;
	uint64_t *word;

	if (depth && would_wait(s, page))
		return;
	got = touch(va_of(page), write ? ACCESS_WRITE : ACCESS_READ, &word);
	if ((got == FAULT_OK) != (r->mapped && r->prot & need))
		panic("page %u: fault %u", page, got);
	if (got != FAULT_OK)
		return;
	if (*word != r->word)
		panic("page %u has %lx, not %lx", page, *word, r->word);
	if (write)
		*word = r->word = ++unique;
}

static void op_map(struct space *s, unsigned from, unsigned n)
{
	struct record r = { .mapped = true, .prot = PROT_READ | PROT_WRITE };
	int fill = n > FEW && n <= SOME ? MAP_POPULATE : 0;
	struct change c;

	change_begin(&c, s, from, n, PAGES);
	CHECK_EQ(mm_mmap(s->mm, va_of(from), n * PAGE_SIZE, r.prot,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | fill, NULL, 0), va_of(from));
	change_end();
	wipe(s, from, n, r);
}

static void op_unmap(struct space *s, unsigned from, unsigned n)
{
	struct change c;

	change_begin(&c, s, from, n, PAGES);
	CHECK_EQ(mm_munmap(s->mm, va_of(from), n * PAGE_SIZE), 0);
	change_end();
	wipe(s, from, n, (struct record){ 0 });
}

static void op_dontneed(struct space *s, unsigned from, unsigned n)
{
	struct change c;

	change_begin(&c, s, from, n, PAGES);
	mm_madvise(s->mm, va_of(from), n * PAGE_SIZE, MADV_DONTNEED);
	change_end();
	for (unsigned i = from; i < from + n; i++)
		s->page[i].word = 0;
}

static void op_protect(struct space *s, unsigned from, unsigned n)
{
	static const int prots[] = { PROT_NONE, PROT_READ, PROT_READ, PROT_READ | PROT_WRITE,
				     PROT_READ | PROT_WRITE };
	int prot = prots[tap_below(ARRAY_SIZE(prots))];
	struct change c;

	for (unsigned i = from; i < from + n; i++)
		if (!s->page[i].mapped)
			return;
	change_begin(&c, s, from, n, PAGES);
	CHECK_EQ(mm_mprotect(s->mm, va_of(from), n * PAGE_SIZE, prot), 0);
	change_end();
	for (unsigned i = from; i < from + n; i++)
		s->page[i].prot = prot;
}

/* Mapped anew, so that it is one mapping; some pages in it written, by several CPUs. */
static void op_move(struct space *s, unsigned from, unsigned to, unsigned n)
{
	unsigned me = this_cpu()->id;
	struct change c;

	if (from < to + n && to < from + n)
		return;
	op_map(s, from, n);
	for (unsigned i = 0; i < 3; i++) {
		for (unsigned cpu = 0; cpu < CPUS; cpu++) {
			if (runs[cpu] != s || lazy[cpu])
				continue;
			go_to(cpu);
			op_touch(s, from + i * (n - 1) / 2, true);
		}
	}
	go_to(me);
	change_begin(&c, s, from, n, to);
	CHECK_EQ(mm_mremap(s->mm, va_of(from), n * PAGE_SIZE, n * PAGE_SIZE,
			   MREMAP_MAYMOVE | MREMAP_FIXED, va_of(to)), va_of(to));
	change_end();
	memcpy(&s->page[to], &s->page[from], n * sizeof(s->page[0]));
	wipe(s, from, n, (struct record){ 0 });
}

/* While it lasts others may fork, too. */
static void op_fork(struct space *s)
{
	struct mm *mm = mm_fork(s->mm);
	struct space *child = space;

	CHECK(mm);
	while (child < space + SPACES && child->mm)
		child++;
	if (child == space + SPACES) {
		mm_put(mm);
		return;
	}
	child->mm = mm;
	memcpy(child->page, s->page, sizeof(s->page));
}

/* ---- reclaim: as far as the swap cache, which the page comes back from ---- */

static unsigned device;			/* an area of slots; no page is ever read or written there */

/* p, referenced, is to be unmapped everywhere. False: it stays. */
static bool reclaim_page(struct page *p, struct reclaim_gather *r)
{
	swp_t s;

	if (!page_trylock(p))
		return false;
	rmap_clear_young(p);
	if (p->flags & PG_SWAPCACHE)
		s = p->swp;
	else if (!slot_alloc(p, &s))
		panic("no slots are left");
	if (!rmap_unmap(p, s, r))
		panic("a page of %u slots cannot be unmapped", p->slots);
	return true;
}

/* No fault comes meanwhile, which would wait for the busy pages; CPUs look at what they know. */
static void op_reclaim(struct space *s, unsigned from)
{
	struct reclaim_gather r;
	struct page *out[FEW];
	unsigned n = 0, level;

	reclaim_gather_init(&r);
	for (unsigned i = from; i < MIN(from + FEW, PAGES); i++) {
		pte_t e = pt_lookup(&s->mm->as, va_of(i), &level);
		struct page *p = level == 1 && !pte_is_none(e) ? entry_slot_page(e, 1) : NULL;

		if (!p || p->kind != PAGE_ANON)
			continue;
		page_get(p);
		if (reclaim_page(p, &r))
			out[n++] = p;
		else
			page_put(p);
	}
	depth += 2;
	reclaim_gather_flush(&r);
	depth -= 2;
	if (n && depth == 0 && fake_tlb_check())	/* else others have not flushed so far */
		panic("%s", fake_tlb_check());
	while (n--) {
		page_unlock(out[n]);
		page_put(out[n]);
	}
}

static void run_on(unsigned cpu, struct space *s)
{
	unsigned me = this_cpu()->id;

	fake_on_cpu(cpu);
	runs[cpu] = s;
	lazy[cpu] = false;
	aspace_load(s ? &s->mm->as : &kernel_aspace);
	go_to(me);
}

static void op_exit(struct space *s)
{
	struct mm *mm = s->mm;
	unsigned alive = 0;

	for (unsigned i = 0; i < SPACES; i++)
		alive += space[i].mm != NULL;
	if (alive < 3)
		return;
	for (unsigned i = 0; i < CPUS; i++) {
		if (runs[i] != s)
			continue;
		if (i != this_cpu()->id && tap_below(2))
			go_lazy(i);	/* it stays loaded there */
		else
			run_on(i, NULL);
		runs[i] = NULL;
	}
	s->mm = NULL;
	mm_loaded = NULL;
	mm_put(mm);
}

static struct space *some_space(void)
{
	struct space *s;

	do
		s = &space[tap_below(SPACES)];
	while (!s->mm);
	return s;
}

static void op_switch(unsigned cpu)
{
	struct space *s = some_space();

	if (runs[cpu] && !tap_below(4)) {
		go_lazy(cpu);
		return;
	}
	if (lazy[cpu] && tap_below(2))
		s = runs[cpu];
	run_on(cpu, tap_below(8) ? s : NULL);
}

/* What the running CPU does with the address space that it runs. */
static void one_op(struct space *s)
{
	static const unsigned lens[] = { FEW, FEW, FEW, SOME, 900 };
	unsigned from = hot_page(), to = hot_page();
	unsigned n = 1 + (unsigned)tap_below(lens[tap_below(ARRAY_SIZE(lens))]);

	n = MIN(n, PAGES - MAX(from, to));
	switch (tap_below(600)) {
	case 0 ... 9:	op_map(s, from, n); break;
	case 10 ... 19:	op_unmap(s, from, n); break;
	case 20 ... 39:	op_protect(s, from, n); break;
	case 40 ... 49:	op_dontneed(s, from, n); break;
	case 50 ... 55:	op_move(s, from, to, n); break;
	case 56 ... 57:	op_move(s, from & -SPAN_PAGES, to & -SPAN_PAGES, SPAN_PAGES); break;
	case 58 ... 66:	op_fork(s); break;
	case 67 ... 74:	op_exit(s); break;
	case 75 ... 90:	op_reclaim(s, from); break;
	default:	op_touch(s, from, tap_below(2)); break;
	}
}

/* The running CPU takes a step. */
static void step(void)
{
	unsigned cpu = this_cpu()->id;

	go_to(cpu);
	if (!runs[cpu] || lazy[cpu] || !tap_below(40))
		op_switch(cpu);
	else
		one_op(runs[cpu]);
}

#endif
