/*
 * Time: the clock is the TSC, the alarm is the LAPIC timer.
 *
 * The TSC's frequency is measured against channel 2 of the PIT (calibrate.c
 * says how), for 10 ms or less. CPUID may know it better; it is believed if
 * it agrees with the measurement to 1/256, since emulators are known to name
 * the frequency of the CPU that they imitate. Otherwise a whole number of MHz
 * is taken where one lies within the uncertainty.
 *
 * arch_clock_ns() is (TSC - zero) * mult >> 32 in 128 bits: for 1 GHz mult is
 * 2^32 and the clock IS the TSC, without rounding. Under QEMU's -icount
 * shift=0 that makes one nanosecond one instruction.
 *
 * The LAPIC timer's own frequency is measured against the TSC. It runs
 * periodically while a CPU ticks, or once. A timer that fires early (its
 * clock and the TSC differ a little; its counter has 32 bits) is set again
 * until arch_clock_ns() has reached the time asked for. Only timer_arm and
 * timer_disarm touch it: a CPU with TSC-deadline mode needs others of these
 * two and nothing else.
 *
 * Each CPU's struct alarm is its own, used with interrupts off.
 *
 * SDM vol. 3A 11.5.4 (timer), vol. 3B 18.17 (TSC); 8254 data sheet.
 */
#include <arch/x86_64/calibrate.h>
#include <arch/x86_64/dev.h>

#include <arch/machine.h>
#include <arch/upcall.h>
#include <lib/assert.h>
#include <lib/log.h>

#define NS_PER_S	1000000000ul

uint64_t arch_tsc_khz;

static uint64_t tsc_zero, ns_mult;	/* const after time_init */
static uint64_t lapic_hz, lapic_mult;	/* ticks per ns, << 32 */

static struct alarm {
	bool periodic;
	uint64_t at;			/* oneshot: arch_clock_ns() asked for; 0: none */
} alarms[MAX_CPUS];

void clock_set_zero(void)
{
	tsc_zero = arch_tsc();
}

uint64_t arch_clock_ns(void)
{
	return (unsigned __int128)(arch_tsc() - tsc_zero) * ns_mult >> 32;
}

/* -- the PIT -- */

#define PIT_HZ		1193182ul
#define PIT_COUNTER2	0x42
#define PIT_CMD		0x43
#define PIT_LATCH2	0x80
#define PIT_LOAD2	0xb0	/* channel 2, low and high byte, mode 0: OUT rises at 0 */
#define PORT_B		0x61
#define PORT_B_GATE2	(1 << 0)
#define PORT_B_SPEAKER	(1 << 1)
#define PORT_B_OUT2	(1 << 5)

#define PIT_START	0xffffu
#define PIT_TICKS	(PIT_HZ / 100)
#define SAMPLES_MAX	100000	/* of a counter that stands still */

static void pit_start(void)
{
	outb(PORT_B, (inb(PORT_B) & ~PORT_B_SPEAKER) | PORT_B_GATE2);
	outb(PIT_CMD, PIT_LOAD2);
	outb(PIT_COUNTER2, PIT_START & 0xff);
	outb(PIT_COUNTER2, PIT_START >> 8);
	/* The count is taken over at its next clock: some port reads later. */
	for (int i = 0; i < 4; i++)
		inb(PORT_B);
}

static uint64_t pit_ticks(void)
{
	unsigned lo, hi;

	outb(PIT_CMD, PIT_LATCH2);
	lo = inb(PIT_COUNTER2);
	hi = inb(PIT_COUNTER2);
	return (uint16_t)(PIT_START - (hi << 8 | lo));
}

/* The counter ran through 0: what it showed since means nothing. */
static bool pit_overran(void)
{
	return inb(PORT_B) & PORT_B_OUT2;
}

/* -- measuring -- */

/* Compares the TSC with a counter that tells its ticks so far, for that many or somewhat longer. */
static bool compare_clocks(struct calib *c, uint64_t (*ticks_so_far)(void), uint64_t ticks)
{
	struct calib_sample s;

	calib_init(c);
	for (unsigned i = 0; i < SAMPLES_MAX; i++) {
		s.lo = arch_tsc();
		s.n = ticks_so_far();
		s.hi = arch_tsc();
		calib_add(c, s);
		if (calib_enough(c, ticks)) {
			calib_finish(c);
			return true;
		}
	}
	return false;
}

/* The TSC's frequency lies in [*lo, *hi]; false: the PIT does not tell. */
static bool tsc_measure(uint64_t *lo, uint64_t *hi)
{
	static struct calib c;

	for (int attempt = 0; attempt < 5; attempt++) {
		pit_start();
		if (!compare_clocks(&c, pit_ticks, PIT_TICKS))
			return false;
		if (pit_overran())
			continue;
		*lo = c.lo * PIT_HZ >> CALIB_SHIFT;
		*hi = (c.hi * PIT_HZ >> CALIB_SHIFT) + 1;
		return true;
	}
	return false;
}

/* What CPUID says of the TSC's frequency, in Hz; 0: nothing. */
static uint64_t tsc_cpuid_hz(void)
{
	struct cpuid id;

	if (arch_features.hypervisor && cpuid(0x40000000, 0).a >= 0x40000010) {
		id = cpuid(0x40000010, 0);
		if (id.a)
			return id.a * 1000ul;
	}
	id = cpuid(0x15, 0);
	if (!id.a || !id.b)
		return 0;
	if (id.c)
		return (uint64_t)id.c * id.b / id.a;
	return (cpuid(0x16, 0).a & 0xffff) * 1000000ul;
}

static bool near(uint64_t a, uint64_t b)
{
	return (a > b ? a - b : b - a) <= b >> 8;
}

static uint64_t tsc_find_hz(void)
{
	uint64_t told = tsc_cpuid_hz(), lo, hi, hz;

	if (!tsc_measure(&lo, &hi)) {
		hz = told ? told : NS_PER_S;
		log_warn("clock: the PIT does not count; TSC taken to run at %lu kHz", hz / 1000);
		return hz;
	}
	hz = calib_pick_hz(lo, hi);
	if (told && near(told, hz))
		hz = told;
	log_info("clock: TSC %lu.%03lu MHz (measured %lu.%03lu to %lu.%03lu%s)", hz / 1000000,
		 hz / 1000 % 1000, lo / 1000000, lo / 1000 % 1000, hi / 1000000, hi / 1000 % 1000,
		 hz == told ? "; from CPUID" : "");
	return hz;
}

static uint64_t lapic_ticks(void)
{
	return 0xffffffff - lapic_read(LAPIC_TIMER_CURRENT);
}

#define LAPIC_DIVIDE_1	0xb
#define LAPIC_TICKS	(1u << 18)	/* 10 ms at 25 MHz, as slow as they come */

static uint64_t lapic_find_hz(uint64_t tsc_hz)
{
	static struct calib c;
	bool known;

	lapic_write(LAPIC_TIMER_DIVIDE, LAPIC_DIVIDE_1);
	lapic_write(LAPIC_LVT_TIMER, LVT_MASKED | VEC_TIMER);
	lapic_write(LAPIC_TIMER_INITIAL, 0xffffffff);
	known = compare_clocks(&c, lapic_ticks, LAPIC_TICKS);
	lapic_write(LAPIC_TIMER_INITIAL, 0);
	if (!known)
		panic("the LAPIC timer does not count");
	return calib_pick_hz((tsc_hz << CALIB_SHIFT) / c.hi, (tsc_hz << CALIB_SHIFT) / c.lo + 1);
}

void time_init(void)
{
	uint64_t tsc_hz = tsc_find_hz();

	arch_tsc_khz = tsc_hz / 1000;
	ns_mult = (NS_PER_S << 32) / tsc_hz;
	lapic_hz = lapic_find_hz(tsc_hz);
	lapic_mult = (lapic_hz << 32) / NS_PER_S;
	log_info("clock: LAPIC timer %lu.%03lu MHz", lapic_hz / 1000000, lapic_hz / 1000 % 1000);
}

/* -- the alarm -- */

/*
 * The count stands still while the mode changes: QEMU's timer, periodic for a
 * moment with the tiny count of a one-shot before it, fires without end.
 */
static void timer_arm(uint32_t count, bool periodic)
{
	if (periodic)
		lapic_write(LAPIC_TIMER_INITIAL, 0);
	lapic_write(LAPIC_TIMER_DIVIDE, LAPIC_DIVIDE_1);
	lapic_write(LAPIC_LVT_TIMER, VEC_TIMER | (periodic ? LVT_TIMER_PERIODIC : 0));
	lapic_write(LAPIC_TIMER_INITIAL, count);
}

static void timer_disarm(void)
{
	lapic_write(LAPIC_LVT_TIMER, LVT_MASKED | VEC_TIMER);
	lapic_write(LAPIC_TIMER_INITIAL, 0);
}

static void timer_arm_at(uint64_t at)
{
	uint64_t now = arch_clock_ns();
	uint64_t ns = at > now ? MIN(at - now, NS_PER_S) : 0;

	timer_arm(MIN((ns * lapic_mult >> 32) + 1, 0xfffffffful), false);
}

void arch_tick_start(unsigned hz)
{
	uint64_t flags = irq_save();

	assert(hz && lapic_hz);
	alarms[this_cpu()->id] = (struct alarm){ .periodic = true };
	timer_arm(MIN(MAX(lapic_hz / hz, 1ul), 0xfffffffful), true);
	irq_restore(flags);
}

void arch_tick_stop(void)
{
	uint64_t flags = irq_save();

	alarms[this_cpu()->id] = (struct alarm){ .periodic = false };
	timer_disarm();
	irq_restore(flags);
}

void arch_timer_oneshot(uint64_t ns)
{
	uint64_t flags = irq_save();

	alarms[this_cpu()->id] = (struct alarm){ .at = MAX(ns, 1ul) };
	timer_arm_at(ns);
	irq_restore(flags);
}

/* An interrupt that was on its way when the alarm was stopped or changed is nobody's, or early. */
void alarm_interrupt(struct trapframe *tf)
{
	struct alarm *a = &alarms[this_cpu()->id];

	this_cpu()->ticks++;
	if (!a->periodic) {
		if (!a->at)
			return;
		if (arch_clock_ns() < a->at) {
			timer_arm_at(a->at);
			return;
		}
		a->at = 0;
	}
	upcall_timer(tf);
}
