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
 * Two clocks that run unevenly (Bochs moves its PIT in steps) contradict each
 * other, and lo ends above hi. Then the longest stretch, from the first sample
 * to the last, is the best guess, and the size of the contradiction tells how
 * far to trust it.
 */
#include <arch/x86_64/calibrate.h>

#include <lib/string.h>

#define FINE_BITS	14	/* 61 ppm: no need to go on */
#define COARSE_BITS	9	/* 0.2 %: no less will do */

void calib_init(struct calib *c)
{
	memset(c, 0, sizeof(*c));
	c->hi = UINT64_MAX;
}

static void calib_compare(struct calib *c, const struct calib_sample *a,
			  const struct calib_sample *b)
{
	uint64_t ticks = b->n - a->n, least = b->lo - a->hi, most = b->hi - a->lo;

	if (b->n < a->n + 2 || b->lo <= a->hi || most >> (64 - CALIB_SHIFT))
		return;
	c->lo = MAX(c->lo, (least << CALIB_SHIFT) / (ticks + 1));
	c->hi = MIN(c->hi, (most << CALIB_SHIFT) / (ticks - 1) + 1);
}

void calib_add(struct calib *c, struct calib_sample s)
{
	for (unsigned i = 0; i < c->nearly; i++)
		calib_compare(c, &c->early[i], &s);
	if (c->nearly < CALIB_EARLY)
		c->early[c->nearly++] = s;
	c->last = s;
}

static bool calib_within(const struct calib *c, unsigned bits)
{
	return c->hi - c->lo < c->lo >> bits;
}

bool calib_enough(const struct calib *c, uint64_t ticks)
{
	if (!c->lo || c->hi == UINT64_MAX)
		return false;
	if (c->lo <= c->hi && calib_within(c, FINE_BITS))
		return true;
	return c->last.n - c->early[0].n >= ticks && (c->lo > c->hi || calib_within(c, COARSE_BITS));
}

void calib_finish(struct calib *c)
{
	const struct calib_sample *a = &c->early[0], *b = &c->last;
	uint64_t cycles, guess, slack;

	if (c->lo <= c->hi)
		return;
	cycles = b->lo + (b->hi - b->lo) / 2 - (a->lo + (a->hi - a->lo) / 2);
	guess = (cycles << CALIB_SHIFT) / (b->n - a->n);
	slack = MIN((c->lo - c->hi) / 2, guess / 2);
	c->lo = guess - slack;
	c->hi = guess + slack;
}

uint64_t calib_pick_hz(uint64_t lo, uint64_t hi)
{
	uint64_t middle = lo + (hi - lo) / 2;
	uint64_t whole = (middle + 500000) / 1000000 * 1000000;

	return whole >= lo && whole <= hi ? whole : middle;
}
