/*
 * A counter that ticks slowly, read by port or MMIO accesses of unknown
 * length, on a virtual machine that may stand still between any two
 * instructions: no single reading is precise. But each one is a fact: at some
 * moment between two readings of the TSC, the counter showed n. Of any two
 * facts, a before b, follows for the ratio r, cycles per tick:
 *
 *	ticks between:	n_b - n_a - 1 < ticks < n_b - n_a + 1
 *	cycles between:	b.lo - a.hi <= cycles <= b.hi - a.lo
 *	so		(b.lo - a.hi) / (n_b - n_a + 1) < r < (b.hi - a.lo) / (n_b - n_a - 1)
 *
 * Every pair gives such an interval and all of them hold: their intersection
 * is the measurement, its width the uncertainty. An interruption widens the
 * intervals of one sample, and costs nothing but that sample. Readings that
 * come at random moments of a tick sharpen the result beyond one tick.
 *
 * Two clocks that run unevenly could contradict each other, and lo end above
 * hi: then the middle is still the best guess, and the interval is "done".
 */
#include <arch/x86_64/calibrate.h>

#include <lib/string.h>

void calib_init(struct calib *c)
{
	memset(c, 0, sizeof(*c));
	c->hi = UINT64_MAX;
}

static void calib_compare(struct calib *c, const struct calib_sample *a,
			  const struct calib_sample *b)
{
	uint64_t ticks = b->n - a->n, least = b->lo - a->hi, most = b->hi - a->lo;

	if (ticks < 2 || b->lo <= a->hi || most >> (64 - CALIB_SHIFT))
		return;
	c->lo = MAX(c->lo, (least << CALIB_SHIFT) / (ticks + 1));
	c->hi = MIN(c->hi, (most << CALIB_SHIFT) / (ticks - 1) + 1);
}

void calib_add(struct calib *c, struct calib_sample s)
{
	if (c->nearly < CALIB_EARLY) {
		c->early[c->nearly++] = s;
		return;
	}
	for (unsigned i = 0; i < c->nearly; i++)
		calib_compare(c, &c->early[i], &s);
}

bool calib_known(const struct calib *c)
{
	return c->lo && c->hi != UINT64_MAX;
}

bool calib_done(const struct calib *c, unsigned bits)
{
	return calib_known(c) && (c->hi <= c->lo || c->hi - c->lo < c->lo >> bits);
}

uint64_t calib_pick_hz(uint64_t lo, uint64_t hi)
{
	uint64_t middle = lo + (hi - lo) / 2;
	uint64_t whole = (middle + 500000) / 1000000 * 1000000;

	if (hi < lo)
		return calib_pick_hz(hi, lo);
	return whole >= lo && whole <= hi ? whole : middle;
}
