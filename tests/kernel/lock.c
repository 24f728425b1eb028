/* Spinlocks: exclusion, interrupt flag, and (debug builds) the list of what is held. */
#include <lib/ktest.h>
#include <lib/lock.h>

#ifdef DEBUG
#define EXPECT_HELD(n)	EXPECT_EQ(this_cpu()->nheld - at_start, n)
#else
#define EXPECT_HELD(n)	((void)at_start)
#endif

KTEST(lock, take_and_give)
{
	struct spinlock l = SPINLOCK_INIT(RANK_ZONE);
	unsigned at_start = this_cpu()->nheld;

	spin_lock(&l);
	EXPECT(spin_is_locked(&l));
	EXPECT_HELD(1);
	spin_unlock(&l);
	EXPECT(!spin_is_locked(&l));
	EXPECT_HELD(0);
}

KTEST(lock, trylock)
{
	struct spinlock l = SPINLOCK_INIT(RANK_ZONE);
	unsigned at_start = this_cpu()->nheld;
	bool got = spin_trylock(&l), again = spin_trylock(&l);

	EXPECT(got);
	EXPECT(!again);
	EXPECT_HELD(1);
	spin_unlock(&l);
	EXPECT_HELD(0);
}

KTEST(lock, interrupt_flag_is_kept)
{
	struct spinlock a = SPINLOCK_INIT(RANK_WAITQ), b = SPINLOCK_INIT(RANK_RUNQ);
	uint64_t fa, fb;

	EXPECT(irq_enabled());
	fa = spin_lock_irqsave(&a);
	EXPECT(!irq_enabled());
	fb = spin_lock_irqsave(&b);
	spin_unlock_irqrestore(&b, fb);
	EXPECT(!irq_enabled());
	spin_unlock_irqrestore(&a, fa);
	EXPECT(irq_enabled());
}

KTEST(lock, ascending_ranks)
{
	struct spinlock l[] = { SPINLOCK_INIT(RANK_FS), SPINLOCK_INIT(RANK_TABLE),
				SPINLOCK_INIT(RANK_TABLE), SPINLOCK_INIT(RANK_ZONE) };
	unsigned at_start = this_cpu()->nheld;

	spin_lock(&l[0]);
	spin_lock(&l[1]);
	spin_lock_nested(&l[2]);
	spin_lock(&l[3]);
	EXPECT_HELD(4);
	spin_unlock(&l[1]);		/* not in reverse order */
	spin_unlock(&l[3]);
	spin_unlock(&l[0]);
	EXPECT_HELD(1);
	spin_lock(&l[3]);
	spin_unlock(&l[3]);
	spin_unlock(&l[2]);
	EXPECT_HELD(0);
}

KTEST(lock, every_rank_has_a_name)
{
	for (unsigned r = RANK_NONE; r < RANK_COUNT; r++)
		EXPECT(lock_rank_name(r)[0] != '?');
	EXPECT(lock_rank_name(RANK_COUNT)[0] == '?');
}
