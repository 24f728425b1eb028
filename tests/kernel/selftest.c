/*
 * Tests that are broken on purpose: they show that a failure, a panic, a bad
 * access, a stack overflow, a wrong lock order and undefined behaviour are
 * caught and named. `all` leaves them out; each is run by its name.
 */
#include <kernel/core/thread.h>
#include <lib/assert.h>
#include <lib/ktest.h>
#include <lib/lock.h>
#include <lib/log.h>

KTEST(selftest_fail, broken_on_purpose)
{
	EXPECT_EQ(1 + 1, 3);
}

KTEST(selftest_panic, panic)
{
	panic("panic on purpose");
}

KTEST(selftest_fault, read_of_nothing)
{
	*(volatile char *)0x1dea0000beeful;
}

/* Not inlined, and more work after the call: each level takes stack. */
static __attribute__((noinline)) unsigned deeper(volatile unsigned *n)
{
	volatile unsigned here[32] = { *n };

	if (++*n == UINT32_MAX)
		return 0;
	return deeper(n) + here[*n % 32];
}

KTEST(selftest_overflow, kernel_stack)
{
	volatile unsigned n = 0;

	ktest_note("recursing without end on the stack 0x%lx-0x%lx", current_thread()->stack_bottom,
		   current_thread()->stack_top);
	EXPECT_EQ(deeper(&n), 0);
}

KTEST(selftest_rank, wrong_order)
{
	struct spinlock outer = SPINLOCK_INIT(RANK_FS), inner = SPINLOCK_INIT(RANK_ZONE);

#ifndef DEBUG
	ktest_skip("the order of locks is checked in debug builds");
	return;
#endif
	spin_lock(&inner);
	spin_lock(&outer);
	spin_unlock(&outer);
	spin_unlock(&inner);
}

KTEST(selftest_ubsan, overflow)
{
	volatile int big = INT32_MAX;

#ifndef DEBUG
	ktest_skip("undefined behaviour is reported in debug builds");
	return;
#endif
	big = big + 1;
	EXPECT(big);
}

/* For the watchdog: CPU 0 says no more. */
KTEST(selftest_stuck, interrupts_off)
{
	irq_disable();
	for (;;)
		cpu_relax();
}
