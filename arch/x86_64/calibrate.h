/*
 * Comparing two clocks: how many cycles of the TSC one tick of another
 * counter lasts, as an interval that is certain to hold the truth. Pure.
 */
#ifndef ARCH_X86_64_CALIBRATE_H
#define ARCH_X86_64_CALIBRATE_H

#include <arch/types.h>

#define CALIB_EARLY	32
#define CALIB_SHIFT	24	/* ratios: fixed point */

/* At some moment while the TSC went from lo to hi, the counter's last tick was its n-th. */
struct calib_sample {
	uint64_t lo, hi;
	uint64_t n;
};

struct calib {
	unsigned nearly;
	struct calib_sample early[CALIB_EARLY], last;
	uint64_t lo, hi;	/* TSC cycles per tick, << CALIB_SHIFT: between these */
};

void calib_init(struct calib *c);
/*
 * Adds a sample; they come in the order of time, n never falls. The first
 * CALIB_EARLY are only kept, the others are compared with each of them.
 */
void calib_add(struct calib *c, struct calib_sample s);
/* After the last sample: the interval is in order, even if the samples contradict each other. */
void calib_finish(struct calib *c);
/* True when the interval is narrower than 1/2^bits of its value. */
bool calib_done(const struct calib *c, unsigned bits);
/* False if no two samples were far enough apart to say anything. */
bool calib_known(const struct calib *c);

/* A frequency known to lie in [lo, hi]: the nearest whole MHz if it lies there too, or the middle. */
uint64_t calib_pick_hz(uint64_t lo, uint64_t hi);

#endif
