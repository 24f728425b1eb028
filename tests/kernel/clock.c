/* The clock: it runs, never backwards, and at the speed that was measured. */
#include <arch/cpu.h>
#include <lib/ktest.h>

KTEST(clock, never_runs_backwards)
{
	uint64_t last = arch_clock_ns();

	for (int i = 0; i < 10000; i++) {
		uint64_t now = arch_clock_ns();

		EXPECT(now >= last);
		last = now;
	}
}

/* Nanoseconds between two readings of the TSC, against its frequency. */
KTEST(clock, agrees_with_the_tsc)
{
	uint64_t flags = irq_save();
	uint64_t t0 = arch_tsc(), ns0 = arch_clock_ns(), t1 = arch_tsc();
	uint64_t t2, ns1, t3;

	while (arch_tsc() - t1 < arch_tsc_khz)
		cpu_relax();
	t2 = arch_tsc();
	ns1 = arch_clock_ns();
	t3 = arch_tsc();
	irq_restore(flags);
	/* 1 in 1000: arch_tsc_khz is rounded. */
	EXPECT((ns1 - ns0) * arch_tsc_khz / 1000000 >= (t2 - t1) - (t2 - t1) / 1000 - 1);
	EXPECT((ns1 - ns0) * arch_tsc_khz / 1000000 <= (t3 - t0) + (t3 - t0) / 1000 + 1);
}

KTEST(clock, one_gigahertz_is_exact)
{
	uint64_t t0, ns, t1, flags;

	if (arch_tsc_khz != 1000000) {
		ktest_skip("the TSC does not run at 1 GHz");
		return;
	}
	flags = irq_save();
	t0 = arch_tsc();
	ns = arch_clock_ns();
	t1 = arch_tsc();
	/* Whatever zero is, the distance to it is a number of ticks: seen twice, the same. */
	for (int i = 0; i < 100; i++) {
		uint64_t t2 = arch_tsc(), ns2 = arch_clock_ns(), t3 = arch_tsc();

		EXPECT(ns2 - ns >= t2 - t1 && ns2 - ns <= t3 - t0);
	}
	irq_restore(flags);
}

KTEST(clock, the_time_of_day_is_of_this_century)
{
	uint64_t s = arch_boot_epoch_s();

	/* 0: the machine has no clock. */
	EXPECT(s == 0 || (s >= 946684800 && s < 4102444800));
}
