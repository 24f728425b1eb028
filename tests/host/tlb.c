// sources: tests/host/fake.c tests/host/fake_ram.c tests/host/fake_tlb.c tests/host/fake_core.c lib/lock.c lib/lz4.c
// sources: mm/alloc/*.c mm/pt/[!gk]*.c mm/obj/*.c mm/reclaim/[!k]*.c mm/vm/[!k]*.c
/*
 * Four CPUs with TLBs that forget nothing by accident, ten address spaces that
 * fork each other, and random steps of all of them: mmap, munmap, mprotect,
 * mremap, DONTNEED, fork, exit, reclaim, accesses; CPUs switch, run one address space
 * together, are lazy (tlb_ops.h). A model knows each page's first word and rights (tlb_model.h).
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
#include <tests/host/tlb_ops.h>
#define raise gather_raise	/* not the C library's */
#include <mm/pt/gather.c>
#undef raise
#include <mm/pt/huge.h>
#include <mm/vm/vma.h>
#include <mm/vm/vma_lock.h>
#include <sys/wait.h>
#include <unistd.h>

#define STEPS		1000000ul

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

static vaddr_t speculated[4 * 2 * 4];

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

/* CPU 1 knows a huge leaf, which CPU 0 makes a table: it must not go on with what is no more. */
static void leaf_split_once(void)
{
	const vaddr_t at = 1ul << 38;	/* far from what the model knows */
	struct aspace *as = &space[0].mm->as;
	struct gather g;
	struct cursor c;
	pfn_t f;

	fake_speculate_at(NULL, 0);
	run_on(1, &space[0]);
	go_to(0);
	CHECK_EQ(cursor_open(&c, as, at, 2), 0);
	cursor_map(&c, page_alloc(ORDER_HUGE, PAGE_ANON, 0), RWU);
	cursor_close(&c);
	go_to(1);
	CHECK(fake_access(at + 5 * PAGE_SIZE, ACCESS_READ | ACCESS_USER, &f));
	go_to(0);
	CHECK_EQ(pt_split(as, at), 0);
	check_tlb();
	CHECK(pte_present(pt_peek(as, at + 5 * PAGE_SIZE)));
	gather_init(&g, as);
	pt_zap(as, at, at + HUGE_SIZE, &g);
	gather_finish(&g);
}

static void leaf_split_flushed(void)
{
	for (enum fake_pcid pcid = FAKE_NO_PCID; pcid <= FAKE_INVPCID; pcid++) {
		begin(pcid);
		leaf_split_once();
		end();
	}
}

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
static void forget_split(void) { skip(FLUSH_SPLIT); }
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
	{ "a huge leaf made a table is not flushed", forget_split, false, leaf_split_once },
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
	TAP_RUN(leaf_split_flushed);
	TAP_RUN(every_mistake_is_found);
	return tap_done();
}
