/*
 * A part of a huge page is given up (MADV_DONTNEED, which keeps no fault out) while other CPUs touch it for the first time:
 * the page may come between the look at the ends of the range and the removal.
 */
#include <tests/kernel/crew.h>
#include <tests/kernel/forktest.h>

#define N	512u
#define AT	N			/* where the huge page is, by pages from MT_BASE */
#define ROUNDS	300u
#define TRIES	200u

static struct member members[3];
static struct crew crew = CREW_INIT(crew);
static bool stop;			/* atomic */

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

static bool is_huge(void)
{
	return pte_kind(ft_upper(mt_mm, AT), 2) == PTE_HUGE;
}

KTEST(thp_race, given_up_while_touched)
{
	unsigned n = MIN(arch_ncpus - 1, ARRAY_SIZE(members));

	if (!n) {
		ktest_skip("one CPU");
		return;
	}
	mt_begin();
	EXPECT(mt_anon(AT, N, RW));
	EXPECT_EQ(mm_madvise(mt_mm, mt_va(AT), HUGE_SIZE, MADV_HUGEPAGE), 0);
	stop = false;
	for (unsigned i = 0; i < n; i++) {
		struct cpumask cpu = cpumask_of(i + 1);

		EXPECT(crew_start(&crew, &members[i], &cpu, touch, &members[i]));
	}
	for (unsigned r = 0; r < ROUNDS && !ktest_failed(); r++) {
		EXPECT_EQ(mm_madvise(mt_mm, mt_va(AT), HUGE_SIZE, MADV_DONTNEED), 0);
		for (unsigned i = 0; i < TRIES && !is_huge(); i++)
			EXPECT_EQ(mm_madvise(mt_mm, mt_va(AT), PAGE_SIZE, MADV_DONTNEED), 0);
	}
	__atomic_store_n(&stop, true, __ATOMIC_SEQ_CST);
	crew_wait(&crew);
	EXPECT_EQ(mt_write(AT, 7), 0);
	EXPECT_EQ(mm_madvise(mt_mm, mt_va(AT), PAGE_SIZE, MADV_DONTNEED), 0);
	EXPECT_EQ(mt_read(AT), 0);
	mt_end();
}
