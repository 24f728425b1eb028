/*
 * Transparent huge pages beside accesses of other CPUs: collapse, forks and cuts, first touches, parts that are given up.
 */
#include <kernel/core/grace.h>
#include <tests/kernel/racers.h>
#include <tests/kernel/thptest.h>

#define RACE_ROUNDS	100u

static uint64_t words[RACERS][N];	/* what each last wrote to its own word of each page */

/* Pages but the first, which is cut out and put back. */
static void step(struct racer *r)
{
	unsigned i = 1 + (unsigned)(random_next(&r->seed) % (N - 1));

	racer_rewrite(r, AT + i, &words[r->id][i]);
}

static void race_begin(void)
{
	memset(words, 0, sizeof(words));
	racers_start(step, 1);
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
		racers_go_on(3);
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
	race_begin();
	for (unsigned i = 0; i < RACE_ROUNDS && !ktest_failed(); i++) {
		racers_go_on(3);
		done += collapse(AT) == 0;
		racers_go_on(3);
		cut_one_way(random_next(&seed));
	}
	racers_end(100);
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
		race_begin();
		for (unsigned k = 0; k < 50; k++)
			racers_go_on(3);
		racers_end(100);
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

static void touch(struct racer *r)
{
	uint64_t __user *at = racer_word(r, AT + 5);
	uint64_t got;

	r->wrong += get_user_u64(&got, at) || put_user_u64(1, at);
	r->writes++;
}

KTEST(thp_race, given_up_while_touched)
{
	if (arch_ncpus < 2) {
		ktest_skip("one CPU");
		return;
	}
	mt_begin();
	map_huge(AT);
	racers_start(touch, 0);
	for (unsigned r = 0; r < GIVE_UPS && !ktest_failed(); r++) {
		EXPECT_EQ(mm_madvise(mt_mm, mt_va(AT), HUGE_SIZE, MADV_DONTNEED), 0);
		for (unsigned i = 0; i < TRIES && !is_huge(AT); i++)
			EXPECT_EQ(mm_madvise(mt_mm, mt_va(AT), PAGE_SIZE, MADV_DONTNEED), 0);
	}
	racers_end(0);
	EXPECT_EQ(mt_write(AT, 7), 0);
	EXPECT_EQ(mm_madvise(mt_mm, mt_va(AT), PAGE_SIZE, MADV_DONTNEED), 0);
	EXPECT_EQ(mt_read(AT), 0);
	mt_end();
}
