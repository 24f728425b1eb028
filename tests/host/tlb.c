// sources: tests/host/fake.c tests/host/fake_ram.c tests/host/fake_tlb.c lib/lock.c
// sources: mm/alloc/*.c mm/pt/[!gk]*.c mm/obj/*.c mm/reclaim/[!k]*.c mm/vm/*.c
/*
 * Four CPUs with TLBs that forget nothing by accident, ten address spaces that
 * fork each other, and random steps of all of them: mmap, munmap, mprotect,
 * mremap, DONTNEED, fork, exit, reclaim, accesses; CPUs switch, run one address space
 * together, are lazy. A model knows each page's first word and rights.
 *
 * Cross-calls are done one by one, and before each of them other CPUs go on:
 * they read what they still know, which must be what is or, in the pages that
 * are just being changed, what was there; and they do whole operations on
 * other address spaces. So what is given away too early meets a CPU that
 * still uses it.
 *
 * Then the same with one mistake each: a kind of operation that does not
 * flush, a request that is lost, something freed before the flush, a PCID that
 * keeps what it must not. Every one must be found.
 */
#include <tests/host/mm_machine.h>
#define raise gather_raise	/* not the C library's */
#include <mm/alloc/busy.h>
#include <mm/alloc/slots.h>
#include <mm/pt/gather.c>
#include <mm/pt/table.h>
#include <mm/vm/vma.h>
#include <mm/vm/vma_lock.h>
#undef raise
#include <linux/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define CPUS		4u
#define SPACES		10u		/* more than a CPU has slots */
#define SPAN_PAGES	512u
#define PAGES		(4 * SPAN_PAGES)	/* two tables under one upper table, two under another */
#define HOT		12u		/* pages at each end of each table that are used */
#define FEW		8u
#define SOME		70u		/* entries enough that a fork shares a table */
#define STEPS		1000000ul

struct record {
	bool mapped;
	int prot;
	uint64_t word;
};

struct space {
	struct mm *mm;			/* NULL: not there */
	struct record page[PAGES];
};

/* What an operation is changing: there, and for mremap's new place what comes from the old. */
struct change {
	const struct space *s;		/* NULL: nothing */
	unsigned from, n;		/* was as the model still says, or is gone */
	unsigned to;			/* of mremap; else PAGES */
	struct change *outer;
};

static struct space space[SPACES];
static struct space *runs[CPUS];	/* NULL: the kernel's */
static bool lazy[CPUS];			/* in a kernel thread, back to `runs` afterwards */
static struct change *changing;
static uint64_t unique;
static unsigned depth;			/* of operations within operations */
static vaddr_t speculated[4 * 2 * 4];

static vaddr_t va_of(unsigned page)
{
	return LEVEL_SIZE(3) - LEVEL_SIZE(2) * 2 + page * PAGE_SIZE;
}

/* Half of them near the one before, or CPUs would hardly ever meet. */
static unsigned hot_page(void)
{
	static unsigned last;
	unsigned i = (unsigned)tap_below(HOT);

	if (tap_below(2)) {
		i = last + i % 4;
		return MIN(i, PAGES - 1);
	}
	return last = (unsigned)tap_below(4) * SPAN_PAGES + (tap_below(2) ? i : SPAN_PAGES - 1 - i);
}

static void go_to(unsigned cpu)
{
	fake_on_cpu(cpu);
	mm_loaded = runs[cpu] ? runs[cpu]->mm : NULL;
}

static void go_lazy(unsigned cpu)
{
	lazy[cpu] = true;
	fake_go_lazy(cpu);
}

/* ---- CPUs look at what they know while something changes ---- */

static bool in_change(const struct change *c, const struct space *s, unsigned page)
{
	return c->s == s && ((page >= c->from && page < c->from + c->n) ||
			     (c->to < PAGES && page >= c->to && page < c->to + c->n));
}

static bool may_be(const struct space *s, unsigned page, uint64_t word)
{
	for (const struct change *c = changing; c; c = c->outer) {
		if (!in_change(c, s, page))
			continue;
		if (word == 0)
			return true;
		if (c->to < PAGES && page >= c->to && page < c->to + c->n &&
		    word == s->page[c->from + page - c->to].word)
			return true;
	}
	return s->page[page].mapped && s->page[page].word == word;
}

static bool may_write(const struct space *s, unsigned page)
{
	for (const struct change *c = changing; c; c = c->outer)
		if (in_change(c, s, page))
			return true;
	return s->page[page].prot & PROT_WRITE;
}

/* One access without a fault handler by some CPU. */
static void peek_at(unsigned cpu, unsigned page, bool write)
{
	const struct space *s = runs[cpu];
	unsigned me = this_cpu()->id;
	pfn_t f;

	if (!s || lazy[cpu])
		return;
	fake_on_cpu(cpu);
	if (fake_access(va_of(page), ACCESS_USER | (write ? ACCESS_WRITE : ACCESS_READ), &f)) {
		uint64_t word = *(uint64_t *)phys_to_virt(pfn_to_paddr(f));

		if (!may_be(s, page, word))
			panic("CPU %u reads %lx in page %u, not %lx", cpu, word, page,
			      s->page[page].word);
		if (write && !may_write(s, page))
			panic("CPU %u writes to page %u", cpu, page);
	}
	fake_on_cpu(me);
}

static void peek(void)
{
	unsigned cpu = (unsigned)tap_below(CPUS);

	peek_at(cpu, hot_page(), !tap_below(4));
}

/* ---- operations ---- */

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

/* ---- between a change and the flush ---- */

static bool lose_remote, owners_first, pages_first;

/* A call of it, or a fault, is under way: what would wait for it would wait for ever. */
static bool at_work(struct space *s)
{
	if (s->mm->lock.count)
		return true;
	for (struct vma *v = vma_first(s->mm); v; v = vma_next(v))
		if (v->lock & VMA_READERS)
			return true;
	return false;
}

/* Some CPU does an operation of an address space that nobody is at work on. */
static void meanwhile(unsigned caller)
{
	unsigned cpu = (unsigned)tap_below(CPUS);
	struct space *s = runs[cpu];

	if (depth > 1 || cpu == caller || !s || lazy[cpu] || at_work(s) ||
	    arch_cpus[cpu]->nheld || !tap_below(8))
		return;
	depth++;
	go_to(cpu);
	one_op(s);
	depth--;
	go_to(caller);
}

/* The mistakes that are made before the flush. Only gather_flush has a gather for its calls. */
static void too_early(struct gather *g)
{
	if (owners_first) {
		for (unsigned i = 0; i < g->nowners; i++)
			owner_leave(g->owner[i].table, g->owner[i].slot);
		g->nowners = 0;
	}
	if (pages_first) {
		for (unsigned i = 0; i < g->npages; i++)
			page_put(g->page[i]);
		g->npages = 0;
	}
}

static void (*instead)(void);		/* of what CPUs do at random; NULL: they do */

static bool before_call(unsigned cpu, void (*fn)(void *), void *arg)
{
	unsigned me = this_cpu()->id;

	if (fn == flush_call)
		too_early(arg);
	if (instead) {
		instead();
		go_to(me);
		return true;
	}
	peek();
	meanwhile(me);
	for (unsigned i = 0; i < 4; i++)
		peek();
	return !lose_remote || (fn != flush_call && fn != reclaim_call) || cpu == me;
}

/* ---- a run ---- */

static void begin(enum fake_pcid pcid)
{
	unsigned n = 0;

	machine_pcid = pcid;
	mm_machine_cpus(4, CPUS);
	fake_call_hook = before_call;
	for (unsigned i = 0; i < 4; i++)
		for (unsigned k = 0; k < 4; k++) {
			speculated[n++] = va_of(i * SPAN_PAGES + k);
			speculated[n++] = va_of(i * SPAN_PAGES + SPAN_PAGES - 1 - k);
		}
	fake_speculate_at(speculated, n);
	memset(space, 0, sizeof(space));
	memset(runs, 0, sizeof(runs));
	memset(lazy, 0, sizeof(lazy));
	changing = NULL;
	depth = 0;
	device = (unsigned)slot_area_add(20000, 0);
	slot_area_start(device);
	space[0].mm = mm_create();
	go_to(0);
	run_on(0, &space[0]);
	op_map(&space[0], 0, PAGES);
	for (unsigned i = 0; i < 4; i++)
		op_map(&space[0], i * SPAN_PAGES, SOME);
}

static void end(void)
{
	fake_call_hook = NULL;
	for (unsigned i = 0; i < CPUS; i++)
		run_on(i, NULL);
	go_to(0);
	for (unsigned i = 0; i < SPACES; i++)
		if (space[i].mm)
			mm_put(space[i].mm);
	slot_area_stop(device);
	slot_area_remove(device);
	slot_area_free(device);
	for (unsigned i = CPUS; i-- > 0; ) {
		go_to(i);
		fake_grace_run();
		slab_shrink();
	}
	mm_machine_end();
}

static void steps(unsigned long n)
{
	for (unsigned long i = 0; i < n && !tap_fails; i++) {
		fake_on_cpu((unsigned)tap_below(CPUS));
		step();
		if (i % 64 == 0) {
			const char *why = fake_tlb_check();

			if (why)
				panic("%s", why);
		}
		if (i % 128 == 0)
			fake_grace_run();
		if (i % 32768 == 0) {
			fake_on_cpu(0);
			mm_check();
		}
	}
}

/*
 * CPUs 0 and 1 run a space, CPU 2 its child, which shares its tables. CPU 0
 * writes, and so gets a copy of the table that CPU 1 has cached the way to.
 * Before CPU 1 has forgotten it, the child writes: were it seen as the only owner
 * now, it would do so in the table itself, where CPU 1 finds what is not its own.
 */
#define SHARED_FIRST	40u
#define SHARED_END	48u

static void child_writes(void)
{
	instead = NULL;
	fake_call_hook = NULL;
	go_to(2);
	for (unsigned i = SHARED_FIRST; i < SHARED_END; i++)
		op_touch(&space[1], i, true);
	for (unsigned i = SHARED_FIRST; i < SHARED_END; i++)
		peek_at(1, i, false);
}

static void table_left(void)
{
	fake_speculate_at(NULL, 0);
	run_on(1, &space[0]);
	op_fork(&space[0]);
	run_on(2, &space[1]);
	go_to(1);
	op_touch(&space[0], 0, false);
	go_to(0);
	instead = child_writes;
	op_touch(&space[0], SHARED_END, true);
	CHECK(!instead);
	instead = NULL;
}

/* CPUs look ahead at random, and so CPU 1 may know nothing of the old table any more: not each time. */
static void tables_left(void)
{
	for (unsigned i = 0; i < 8; i++) {
		table_left();
		end();
		begin(machine_pcid);
	}
}

static void left_tables(void)
{
	for (enum fake_pcid pcid = FAKE_NO_PCID; pcid <= FAKE_INVPCID; pcid++) {
		begin(pcid);
		table_left();
		check_tlb();
		end();
	}
}

static void random_steps(enum fake_pcid pcid)
{
	fake_tlb_stats = (struct fake_tlb_stats){ 0 };
	begin(pcid);
	steps(STEPS / 3);
	end();
	printf("# %lu walks, %lu from a cached upper entry, %lu hits, %lu loads of CR3, "
	       "%lu leaves kept over them, %lu flushes, %lu of a page\n", fake_tlb_stats.walks,
	       fake_tlb_stats.upper_hits, fake_tlb_stats.hits, fake_tlb_stats.loads,
	       fake_tlb_stats.kept, fake_tlb_stats.flushes, fake_tlb_stats.page_flushes);
	CHECK((fake_tlb_stats.kept > 0) == (pcid != FAKE_NO_PCID));
}

static void no_pcid(void) { random_steps(FAKE_NO_PCID); }
static void with_pcid(void) { random_steps(FAKE_PCID); }
static void with_invpcid(void) { random_steps(FAKE_INVPCID); }

/* ---- mistakes ---- */

static void skip(enum flush_kind kind) { skipflush = kind; }

static void forget_unmap(void) { skip(FLUSH_UNMAP); }
static void forget_protect(void) { skip(FLUSH_PROTECT); }
static void forget_cow(void) { skip(FLUSH_COW); }
static void forget_fork(void) { skip(FLUSH_FORK); }
static void forget_unshare(void) { skip(FLUSH_UNSHARE); }
static void forget_mremap(void) { skip(FLUSH_MREMAP); }
static void forget_dontneed(void) { skip(FLUSH_DONTNEED); }
static void forget_reclaim(void) { skip(FLUSH_RECLAIM); }
static void lose_requests(void) { lose_remote = true; }
static void free_pages_first(void) { pages_first = true; }
static void leave_tables_first(void) { owners_first = true; }
static void keep_upper(void) { fake_broken.keeps_upper = true; }
static void reuse_slot(void) { fake_broken.keeps_at_reuse = true; }
static void ignore_generation(void) { fake_broken.keeps_at_return = true; }

static const struct mistake {
	const char *name;
	void (*make)(void);
	bool pcid;			/* there is no such mistake without */
	void (*run)(void);		/* NULL: random steps */
} mistakes[] = {
	{ "munmap does not flush", forget_unmap, false, NULL },
	{ "mprotect does not flush", forget_protect, false, NULL },
	{ "copy-on-write does not flush", forget_cow, false, NULL },
	{ "fork does not flush", forget_fork, false, NULL },
	{ "a table made one's own is not flushed", forget_unshare, false, NULL },
	{ "mremap does not flush", forget_mremap, false, NULL },
	{ "DONTNEED does not flush", forget_dontneed, false, NULL },
	{ "reclaim does not flush", forget_reclaim, false, NULL },
	{ "other CPUs are not asked", lose_requests, false, NULL },
	{ "pages are freed before the flush", free_pages_first, false, NULL },
	{ "shared tables are left before the flush", leave_tables_first, false, tables_left },
	{ "a flush keeps upper entries", keep_upper, false, NULL },
	{ "a slot gets another address space without a flush", reuse_slot, true, NULL },
	{ "the generation of a slot is not looked at", ignore_generation, true, NULL },
};

/* In a child: how it ends; what the machine says is `why`. */
static bool found(const struct mistake *m, enum fake_pcid pcid, char *why, size_t n)
{
	int out[2], status;
	ssize_t got;
	pid_t pid;

	fflush(NULL);
	if (pipe(out) || (pid = fork()) < 0) {
		perror("pipe, fork");
		abort();
	}
	if (pid == 0) {
		dup2(out[1], 1);
		dup2(out[1], 2);
		tap_fails = 0;
		begin(pcid);
		m->make();
		if (m->run)
			m->run();
		else
			steps(STEPS);
		_exit(tap_fails ? 1 : 0);
	}
	close(out[1]);
	got = read(out[0], why, n - 1);
	why[MAX(got, 0)] = '\0';
	why[strcspn(why, "\n")] = '\0';
	close(out[0]);
	return waitpid(pid, &status, 0) == pid && status;
}

static void one_mistake(const struct mistake *m)
{
	static const char *const names[] = { "no PCID", "PCID" };

	for (enum fake_pcid pcid = FAKE_NO_PCID; pcid <= FAKE_PCID; pcid++) {
		char why[200];
		bool ok;

		if (m->pcid && pcid == FAKE_NO_PCID)
			continue;
		ok = found(m, pcid, why, sizeof(why));
		printf("# %-8s %-52s %s\n", names[pcid], m->name, ok ? why : "NOT FOUND");
		CHECK(ok);
	}
}

static void every_mistake_is_found(void)
{
	for (unsigned i = 0; i < ARRAY_SIZE(mistakes); i++)
		one_mistake(&mistakes[i]);
}

int main(void)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
	TAP_RUN(no_pcid);
	TAP_RUN(with_pcid);
	TAP_RUN(with_invpcid);
	TAP_RUN(left_tables);
	TAP_RUN(every_mistake_is_found);
	return tap_done();
}
