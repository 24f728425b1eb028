// sources: arch/x86_64/calibrate.c
/*
 * Comparing clocks (arch/x86_64/calibrate.c) over simulated ones: counters
 * and TSCs of many speeds, readings that take long and are interrupted at any
 * place. The truth must lie in the interval, always; and the interval must
 * get narrow.
 */
#include <arch/x86_64/calibrate.h>

#include "tap.h"

static double now_ns, tsc_hz, counter_hz, phase;

static uint64_t tsc(void) { return (uint64_t)(now_ns * tsc_hz / 1e9); }
static uint64_t counter(void) { return (uint64_t)(now_ns * counter_hz / 1e9 + phase); }

/* Time goes by: mostly short, sometimes the host takes the CPU away. */
static void pass(double scale_ns)
{
	now_ns += scale_ns * (1 + (double)tap_below(1000) / 1000);
	if (tap_below(40) == 0)
		now_ns += (double)tap_below(3000000);
}

/* For 10 ms and then some; false: not enough after 10 s. */
static bool measure(struct calib *c, double access_ns)
{
	struct calib_sample s;

	calib_init(c);
	now_ns = 1000;
	while (!calib_enough(c, (uint64_t)(counter_hz / 100))) {
		s.lo = tsc();
		pass(access_ns);
		s.n = counter();
		pass(access_ns);
		s.hi = tsc();
		calib_add(c, s);
		pass(access_ns / 10);
		if (now_ns > 1e10)
			return false;
	}
	calib_finish(c);
	return true;
}

static void the_truth_lies_in_the_interval(void)
{
	static const double counters[] = { 1193182, 3579545, 25e6, 100e6, 1e9 };
	unsigned narrow = 0, rounds = 5000;
	double longest = 0;

	for (unsigned i = 0; i < rounds; i++) {
		struct calib c;
		double truth;

		tsc_hz = 5e7 + (double)tap_below(6000000000);
		counter_hz = counters[tap_below(5)];
		phase = (double)tap_below(1000) / 1000;
		if (!CHECK(measure(&c, 5 + (double)tap_below(2000))))
			continue;
		truth = tsc_hz / counter_hz * (1 << CALIB_SHIFT);
		longest = now_ns > longest ? now_ns : longest;
		/* One unit for the whole cycles that tsc() counts. */
		CHECK((double)c.lo <= truth * (1 + 1e-6) + 1 && truth * (1 - 1e-6) - 1 <= (double)c.hi);
		narrow += c.hi - c.lo < c.lo >> 10;
	}
	CHECK(narrow > rounds * 95 / 100);
	CHECK(longest < 40e6);
}

static void one_gigahertz_is_exact(void)
{
	for (int i = 0; i < 500; i++) {
		struct calib c;

		tsc_hz = 1e9;
		counter_hz = 1193182;
		phase = (double)tap_below(1000) / 1000;
		CHECK(measure(&c, 10));
		CHECK_EQ(calib_pick_hz(c.lo * 1193182 >> CALIB_SHIFT, (c.hi * 1193182 >> CALIB_SHIFT) + 1),
			 1000000000);
	}
}

static void a_counter_that_stands_still(void)
{
	struct calib c;

	tsc_hz = 1e9;
	counter_hz = 0;
	CHECK(!measure(&c, 1000));
}

/* A counter that moves in steps of 64: no interval holds, the guess is still near. */
static void a_counter_that_jumps(void)
{
	for (int i = 0; i < 200; i++) {
		struct calib_sample s;
		struct calib c;
		uint64_t hz;

		calib_init(&c);
		now_ns = (double)tap_below(100000);
		tsc_hz = 1e8;
		counter_hz = 1193182;
		while (!calib_enough(&c, 11932)) {
			s.lo = tsc();
			s.n = counter() / 64 * 64;
			now_ns += 2000;
			s.hi = tsc();
			calib_add(&c, s);
		}
		calib_finish(&c);
		CHECK(c.lo <= c.hi);
		hz = calib_pick_hz(c.lo * 1193182 >> CALIB_SHIFT, c.hi * 1193182 >> CALIB_SHIFT);
		CHECK(hz > 98000000 && hz < 102000000);
	}
}

static void whole_megahertz(void)
{
	CHECK_EQ(calib_pick_hz(999977000, 1000023000), 1000000000);
	CHECK_EQ(calib_pick_hz(2596048000, 2596207000), 2596127500);
	CHECK_EQ(calib_pick_hz(2595900000, 2596150000), 2596000000);
	CHECK_EQ(calib_pick_hz(5, 5), 5);
}

int main(void)
{
	TAP_RUN(the_truth_lies_in_the_interval);
	TAP_RUN(one_gigahertz_is_exact);
	TAP_RUN(a_counter_that_stands_still);
	TAP_RUN(a_counter_that_jumps);
	TAP_RUN(whole_megahertz);
	return tap_done();
}
