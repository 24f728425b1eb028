/*
 * Transparent huge pages: a fault takes one, and whatever cuts one leaves every page its content and
 * rights, at each of its 512 places; collapse beside accesses of other CPUs, forks and cuts.
 */
#include <kernel/core/grace.h>
#include <kernel/core/wait.h>
#include <mm/pt/leaf.h>
#include <tests/kernel/crew.h>
#include <tests/kernel/forktest.h>
#include <tests/kernel/program.h>	/* random_next */

#define N		512u		/* pages of a huge one */
#define AT		N		/* where the tests' is, by pages from MT_BASE */
#define COLLAPSE	25		/* MADV_COLLAPSE */

static bool is_huge(unsigned page)
{
	return pte_kind(ft_upper(mt_mm, page), 2) == PTE_HUGE;
}

static void map_huge(unsigned page)
{
	EXPECT(mt_anon(page, N, RW));
	EXPECT_EQ(mm_madvise(mt_mm, mt_va(page), HUGE_SIZE, MADV_HUGEPAGE), 0);
}

/* A huge page of which page i holds 1000 + i. */
static void fill_huge(unsigned page)
{
	map_huge(page);
	for (unsigned i = 0; i < N; i++)
		EXPECT_EQ(mt_write(page + i, 1000 + i), 0);
}

/* Pages [from, to) of the one at `page` hold what fill_huge wrote. */
static bool holds(unsigned page, unsigned from, unsigned to)
{
	for (unsigned i = from; i < to; i++)
		if (mt_read(page + i) != 1000 + i) {
			ktest_note("page %u holds %lu", i, mt_read(page + i));
			return false;
		}
	return true;
}

static uint64_t event(enum vm_event e)
{
	return vm_event_sum(e);
}

/* ---- faults ---- */

KTEST(thp, first_write_takes_a_block)
{
	uint64_t allocs = event(THP_FAULT_ALLOC);

	mt_begin();
	map_huge(AT);
	EXPECT_EQ(mt_write(AT + 7, 1), 0);
	EXPECT(is_huge(AT));
	EXPECT_EQ(event(THP_FAULT_ALLOC), allocs + 1);
	EXPECT_EQ(mt_figures().anon, N);
	EXPECT_EQ(mt_figures().minflt, 1);
	EXPECT_EQ(mt_read(AT + 7), 1);
	EXPECT_EQ(mt_read(AT + 8), 0);
	mt_end();
}

KTEST(thp, first_read_takes_zeros)
{
	mt_begin();
	map_huge(AT);
	EXPECT_EQ(mt_read(AT + 3), 0);
	EXPECT(is_huge(AT) && ft_upper(mt_mm, AT).v & PTE_SPECIAL);
	EXPECT_EQ(mt_figures().anon, 0);
	EXPECT_EQ(mt_write(AT + 3, 5), 0);
	EXPECT(is_huge(AT) && !(ft_upper(mt_mm, AT).v & PTE_SPECIAL));
	EXPECT_EQ(mt_figures().anon, N);
	EXPECT_EQ(mt_read(AT + 3), 5);
	mt_end();
}

/* Without a block the fault is settled by 4 KB; so is the write to zeros. */
KTEST(thp, no_block)
{
	uint64_t fallbacks = event(THP_FAULT_FALLBACK);

	mt_begin();
	map_huge(AT);
	page_fail_nth = 1;
	EXPECT_EQ(mt_write(AT, 1), 0);
	EXPECT(!is_huge(AT));
	EXPECT_EQ(mt_figures().anon, 1);
	map_huge(2 * N);
	EXPECT_EQ(mt_read(2 * N), 0);
	EXPECT(is_huge(2 * N));
	page_fail_nth = 1;
	EXPECT_EQ(mt_write(2 * N + 1, 2), 0);
	EXPECT(!is_huge(2 * N));
	EXPECT_EQ(mt_read(2 * N), 0);
	EXPECT_EQ(mt_read(2 * N + 1), 2);
	EXPECT_EQ(event(THP_FAULT_FALLBACK), fallbacks + 2);
	mt_end();
}

/* Where one is not wanted, or does not fit. */
KTEST(thp, small_stays_small)
{
	unsigned was = thp.enabled;

	mt_begin();
	EXPECT(mt_anon(AT, N, RW));
	EXPECT_EQ(mt_write(AT, 1), 0);
	EXPECT(!is_huge(AT));
	EXPECT(mt_anon(2 * N + 1, N - 1, RW));
	EXPECT_EQ(mm_madvise(mt_mm, mt_va(2 * N + 1), HUGE_SIZE - PAGE_SIZE, MADV_HUGEPAGE), 0);
	EXPECT_EQ(mt_write(2 * N + 1, 1), 0);
	EXPECT(!is_huge(2 * N));
	thp.enabled = THP_NEVER;
	map_huge(3 * N);
	EXPECT_EQ(mt_write(3 * N, 1), 0);
	EXPECT(!is_huge(3 * N));
	thp.enabled = THP_ALWAYS;
	EXPECT(mt_anon(4 * N, N, RW));
	EXPECT_EQ(mt_write(4 * N, 1), 0);
	EXPECT(is_huge(4 * N));
	EXPECT(mt_anon(5 * N, N, RW));
	EXPECT_EQ(mm_madvise(mt_mm, mt_va(5 * N), HUGE_SIZE, MADV_NOHUGEPAGE), 0);
	EXPECT_EQ(mt_write(5 * N, 1), 0);
	EXPECT(!is_huge(5 * N));
	thp.enabled = was;
	mt_end();
}

/* ---- cuts, at each page ---- */

struct cut {
	const char *name;
	void (*run)(unsigned i);	/* does something to page i */
	bool (*check)(unsigned i);	/* page i is what that made of it */
};

static bool nothing_there(unsigned i)
{
	return mt_read(AT + i) == ~0ul;
}

static bool same_there(unsigned i)
{
	return mt_read(AT + i) == 1000 + i;
}

static void cut_munmap(unsigned i)
{
	EXPECT_EQ(mm_munmap(mt_mm, mt_va(AT + i), PAGE_SIZE), 0);
}

static void cut_protect(unsigned i)
{
	EXPECT_EQ(mm_mprotect(mt_mm, mt_va(AT + i), PAGE_SIZE, PROT_READ), 0);
}

static bool read_only(unsigned i)
{
	return same_there(i) && mt_write(AT + i, 1) == -EFAULT;
}

static void cut_noaccess(unsigned i)
{
	EXPECT_EQ(mm_mprotect(mt_mm, mt_va(AT + i), PAGE_SIZE, PROT_NONE), 0);
}

static bool no_access(unsigned i)
{
	bool gone = nothing_there(i);

	EXPECT_EQ(mm_mprotect(mt_mm, mt_va(AT + i), PAGE_SIZE, RW), 0);
	return gone && same_there(i);
}

static void cut_dontneed(unsigned i)
{
	EXPECT_EQ(mm_madvise(mt_mm, mt_va(AT + i), PAGE_SIZE, MADV_DONTNEED), 0);
}

static bool zeros_there(unsigned i)
{
	return mt_read(AT + i) == 0;
}

static void cut_mremap(unsigned i)
{
	vaddr_t to = mt_va(3 * N + (i + 1) % N);

	EXPECT_EQ(mm_mremap(mt_mm, mt_va(AT + i), PAGE_SIZE, PAGE_SIZE,
			    MREMAP_MAYMOVE | MREMAP_FIXED, to), (long)to);
}

static bool moved_away(unsigned i)
{
	bool ok = nothing_there(i) && mt_read(3 * N + (i + 1) % N) == 1000 + i;

	EXPECT_EQ(mm_munmap(mt_mm, mt_va(3 * N), HUGE_SIZE), 0);
	return ok;
}

static void cut_lock(unsigned i)
{
	EXPECT_EQ(mm_mlock(mt_mm, mt_va(AT + i), PAGE_SIZE, false), 0);
}

static struct mm *child;

/* The parent writes page i that the child has, too. */
static void cut_cow(unsigned i)
{
	child = mm_fork(mt_mm);
	EXPECT(child);
	EXPECT_EQ(mt_write(AT + i, 1), 0);
}

static bool child_is_as_before(unsigned i)
{
	struct mm *parent = mt_mm;
	bool ok = mt_read(AT + i) == 1;

	ft_in(child);
	ok = ok && is_huge(AT) && holds(AT, i ? i - 1 : 0, MIN(i + 2, N));
	ft_in(parent);
	mm_put(child);
	return ok;
}

static void at_each_page(const struct cut *c)
{
	for (unsigned i = 0; i < N && !ktest_failed(); i++) {
		fill_huge(AT);
		EXPECT(is_huge(AT));
		c->run(i);
		EXPECT(!is_huge(AT));
		EXPECT(c->check(i));
		EXPECT(holds(AT, i > 8 ? i - 8 : 0, i) && holds(AT, i + 1, MIN(i + 9, N)));
		if (i % 128 == 0 || i == N - 1)
			EXPECT(holds(AT, 0, i) && holds(AT, i + 1, N) && ft_sound());
		if (ktest_failed())
			ktest_note("%s at page %u", c->name, i);
	}
}

#define CUT(what, function, checked) \
	KTEST(thp_cut, what) \
	{ \
		mt_begin(); \
		at_each_page(&(struct cut){ #what, function, checked }); \
		mt_end(); \
	}

CUT(munmap, cut_munmap, nothing_there)
CUT(mprotect, cut_protect, read_only)
CUT(noaccess, cut_noaccess, no_access)
CUT(dontneed, cut_dontneed, zeros_there)
CUT(mremap, cut_mremap, moved_away)
CUT(mlock, cut_lock, same_there)
CUT(cow, cut_cow, child_is_as_before)

/* ---- no memory for the table of a split ---- */

KTEST(thp, a_cut_without_memory)
{
	mt_begin();
	fill_huge(AT);
	page_fail_nth = 1;
	EXPECT_EQ(mm_munmap(mt_mm, mt_va(AT + 9), PAGE_SIZE), -ENOMEM);
	EXPECT(is_huge(AT) && holds(AT, 0, N));
	page_fail_nth = 1;
	EXPECT_EQ(mm_mprotect(mt_mm, mt_va(AT + 9), PAGE_SIZE, PROT_READ), -ENOMEM);
	EXPECT(is_huge(AT) && holds(AT, 0, N));
	page_fail_nth = 1;
	EXPECT_EQ(mm_madvise(mt_mm, mt_va(AT + 9), PAGE_SIZE, MADV_DONTNEED), -ENOMEM);
	EXPECT(is_huge(AT) && holds(AT, 0, N) && ft_sound());
	page_fail_nth = 0;
	mt_end();
}

/* ---- collapse ---- */

static int collapse(unsigned page)
{
	return mm_madvise(mt_mm, mt_va(page), HUGE_SIZE, COLLAPSE);
}

/* 512 small pages, but for some that are missing. */
static void fill_small(unsigned page, unsigned hole)
{
	EXPECT(mt_anon(page, N, RW));
	for (unsigned i = 0; i < N; i++)
		if (i != hole)
			EXPECT_EQ(mt_write(page + i, 1000 + i), 0);
}

KTEST(thp, collapse_keeps_content)
{
	uint64_t tables;

	mt_begin();
	fill_small(AT, 77);
	tables = mt_figures().table_bytes;
	EXPECT_EQ(collapse(AT), 0);
	EXPECT(is_huge(AT) && holds(AT, 0, 77) && holds(AT, 78, N));
	EXPECT_EQ(mt_read(AT + 77), 0);
	EXPECT_EQ(mt_figures().table_bytes, tables - PAGE_SIZE);
	EXPECT_EQ(mt_write(AT + 77, 7), 0);
	EXPECT_EQ(collapse(AT), 0);
	EXPECT(ft_sound());
	mt_end();
}

KTEST(thp, collapse_after_fork)
{
	struct mm *parent;

	mt_begin();
	parent = mt_mm;
	fill_small(AT, N);
	child = mm_fork(parent);
	EXPECT(child);
	EXPECT_EQ(collapse(AT), 0);
	EXPECT(is_huge(AT) && holds(AT, 0, N) && ft_sound());
	EXPECT_EQ(mt_write(AT, 1), 0);
	ft_in(child);
	EXPECT(!is_huge(AT) && holds(AT, 0, N));
	EXPECT_EQ(collapse(AT), 0);
	EXPECT(is_huge(AT) && holds(AT, 0, N) && ft_sound());
	ft_in(parent);
	mm_put(child);
	mt_end();
}

/* A page that somebody holds is left where it is, and so are the others. */
KTEST(thp, collapse_of_held_pages)
{
	struct page *p;

	mt_begin();
	fill_small(AT, N);
	p = mt_page(AT + 500);
	page_get(p);
	EXPECT_EQ(collapse(AT), -EAGAIN);
	EXPECT(!is_huge(AT) && mt_page(AT + 500) == p && holds(AT, 0, N));
	page_put(p);
	page_fail_nth = 1;
	EXPECT_EQ(collapse(AT), -ENOMEM);
	EXPECT_EQ(collapse(AT), 0);
	EXPECT(holds(AT, 0, N));
	mt_end();
}

/* ---- beside other CPUs ---- */

#define WORKERS		7u
#define RACE_ROUNDS	100u

struct worker {
	struct member m;
	uint64_t seed;
	unsigned id;
	uint64_t word[N];		/* what it wrote to its own word of each page */
	uint64_t writes, wrong;
};

static struct worker workers[WORKERS];
static unsigned nworkers;
static struct crew crew = CREW_INIT(crew);
static bool stop;			/* atomic */

/* Pages but the first, which is cut out and put back. */
static void worker_main(void *arg)
{
	struct worker *w = arg;

	thread_set_aspace(mm_aspace(mt_mm));
	while (!__atomic_load_n(&stop, __ATOMIC_SEQ_CST)) {
		unsigned i = 1 + (unsigned)(random_next(&w->seed) % (N - 1));
		uint64_t __user *at = UP(mt_va(AT + i) + 8 * w->id);
		uint64_t got = 0;

		w->wrong += get_user_u64(&got, at) || got != w->word[i];
		w->word[i] = w->writes + 1;
		w->wrong += put_user_u64(w->word[i], at) != 0;
		__atomic_store_n(&w->writes, w->writes + 1, __ATOMIC_SEQ_CST);
		resched_point();
	}
	thread_set_aspace(NULL);
}

static void workers_begin(void)
{
	stop = false;
	memset(workers, 0, sizeof(workers));
	nworkers = MIN(arch_ncpus - 1, WORKERS);
	for (unsigned i = 0; i < nworkers; i++) {
		struct cpumask cpu = cpumask_of(i + 1);
		struct worker *w = &workers[i];

		w->id = i;
		w->seed = i + 1;
		EXPECT(crew_start(&crew, &w->m, &cpu, worker_main, w));
	}
}

static void workers_end(void)
{
	__atomic_store_n(&stop, true, __ATOMIC_SEQ_CST);
	crew_wait(&crew);
	for (unsigned i = 0; i < nworkers; i++) {
		EXPECT_EQ(workers[i].wrong, 0);
		EXPECT(workers[i].writes > 100);
	}
}

static void let_them_work(void)
{
	for (unsigned i = 0; i < nworkers; i++) {
		uint64_t from = __atomic_load_n(&workers[i].writes, __ATOMIC_SEQ_CST);

		while (__atomic_load_n(&workers[i].writes, __ATOMIC_SEQ_CST) < from + 3)
			cpu_relax();
	}
}

/* The huge page becomes small ones, one way or another. */
static void cut_one_way(uint64_t r)
{
	struct mm *c;

	switch (r % 4) {
	case 0:
		EXPECT_EQ(mm_munmap(mt_mm, mt_va(AT), PAGE_SIZE), 0);
		EXPECT(mt_anon(AT, 1, RW));
		break;
	case 1:
		EXPECT_EQ(mm_mprotect(mt_mm, mt_va(AT), PAGE_SIZE, PROT_READ), 0);
		EXPECT_EQ(mm_mprotect(mt_mm, mt_va(AT), PAGE_SIZE, RW), 0);
		break;
	case 2:
		EXPECT_EQ(mm_madvise(mt_mm, mt_va(AT), PAGE_SIZE, MADV_DONTNEED), 0);
		break;
	default:
		c = mm_fork(mt_mm);
		EXPECT(c);
		let_them_work();
		mm_put(c);
		break;
	}
}

KTEST(thp_race, cuts_and_collapses)
{
	uint64_t seed = 1, done = 0;

	if (arch_ncpus < 2) {
		ktest_skip("one CPU");
		return;
	}
	mt_begin();
	EXPECT(mt_anon(AT, N, RW));
	workers_begin();
	for (unsigned i = 0; i < RACE_ROUNDS && !ktest_failed(); i++) {
		let_them_work();
		done += collapse(AT) == 0;
		let_them_work();
		cut_one_way(random_next(&seed));
	}
	workers_end();
	EXPECT(done > RACE_ROUNDS / 2);
	mt_end();
	grace_wait();
}

/* First touches of the same 2 MB by all CPUs at once: one of them maps it, nothing is lost. */
KTEST(thp_race, first_touches)
{
	if (arch_ncpus < 2) {
		ktest_skip("one CPU");
		return;
	}
	for (unsigned i = 0; i < 8 && !ktest_failed(); i++) {
		mt_begin();
		map_huge(AT);
		workers_begin();
		for (unsigned k = 0; k < 50; k++)
			let_them_work();
		workers_end();
		EXPECT(is_huge(AT));
		mt_end();
	}
	grace_wait();
}
