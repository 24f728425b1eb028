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
 * Adds a sample. They come in the order of time; each is compared with the
 * first CALIB_EARLY.
 */
void calib_add(struct calib *c, struct calib_sample s);
/* No more samples are needed: the interval is narrow, or fairly so after that many ticks. */
bool calib_enough(const struct calib *c, uint64_t ticks);
/* After the last: lo <= hi, even if the samples contradict each other. */
void calib_finish(struct calib *c);

/* A frequency known to lie in [lo, hi]: the nearest whole MHz if it lies there too, or the middle. */
uint64_t calib_pick_hz(uint64_t lo, uint64_t hi);

#endif
