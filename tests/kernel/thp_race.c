/*
 * Transparent huge pages beside accesses of other CPUs: collapse, forks and cuts, first touches, parts that are given up.
 */
#include <kernel/core/grace.h>
#include <tests/kernel/crew.h>
#include <tests/kernel/program.h>	/* random_next */
#include <tests/kernel/thptest.h>

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

/*
 * ---- a part is given up, which keeps no fault out: a huge page may come between the look at the ends of the
 * range and the removal ----
 */

#define GIVE_UPS	300u
#define TRIES		200u

static struct member members[WORKERS];

static void touch(void *arg)
{
	uint64_t __user *at = UP(mt_va(AT + 5) + 8 * (uint64_t)((struct member *)arg - members));
	uint64_t got;

	thread_set_aspace(mm_aspace(mt_mm));
	while (!__atomic_load_n(&stop, __ATOMIC_SEQ_CST)) {
		EXPECT(get_user_u64(&got, at) == 0 && put_user_u64(1, at) == 0);
		resched_point();
	}
	thread_set_aspace(NULL);
}

KTEST(thp_race, given_up_while_touched)
{
	unsigned n = MIN(arch_ncpus - 1, ARRAY_SIZE(members));

	if (!n) {
		ktest_skip("one CPU");
		return;
	}
	mt_begin();
	map_huge(AT);
	stop = false;
	for (unsigned i = 0; i < n; i++) {
		struct cpumask cpu = cpumask_of(i + 1);

		EXPECT(crew_start(&crew, &members[i], &cpu, touch, &members[i]));
	}
	for (unsigned r = 0; r < GIVE_UPS && !ktest_failed(); r++) {
		EXPECT_EQ(mm_madvise(mt_mm, mt_va(AT), HUGE_SIZE, MADV_DONTNEED), 0);
		for (unsigned i = 0; i < TRIES && !is_huge(AT); i++)
			EXPECT_EQ(mm_madvise(mt_mm, mt_va(AT), PAGE_SIZE, MADV_DONTNEED), 0);
	}
	__atomic_store_n(&stop, true, __ATOMIC_SEQ_CST);
	crew_wait(&crew);
	EXPECT_EQ(mt_write(AT, 7), 0);
	EXPECT_EQ(mm_madvise(mt_mm, mt_va(AT), PAGE_SIZE, MADV_DONTNEED), 0);
	EXPECT_EQ(mt_read(AT), 0);
	mt_end();
}
