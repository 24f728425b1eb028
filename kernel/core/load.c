/* How busy the CPUs have been; see load.h. */
#include <kernel/core/load.h>
#include <kernel/core/clock.h>
#include <kernel/core/runq.h>
#include <kernel/core/timer.h>
#include <lib/math.h>

#define PERIOD_NS	(5 * NS_PER_SEC)
#define ONE		(1ul << LOAD_SHIFT)

/* 1 / e^(5 s / 1, 5, 15 min) */
static const uint64_t keeps[LOAD_AVERAGES] = { 1884, 2014, 2037 };
static uint64_t average[LOAD_AVERAGES];		/* the timer's; others read */
static struct timer sampler;

/* Without locks: a sample. */
static uint64_t count_running(void)
{
	uint64_t n = 0;

	for (unsigned i = 0; i < arch_ncpus; i++) {
		const struct cpu *c = arch_cpus[i];
		const struct runq *rq = c->runq;

		n += READ_ONCE(rq->nready) + (READ_ONCE(c->current) != c->idle);
	}
	return n;
}

/* Rounded away from where it was, so that it gets where it goes. */
static uint64_t moved(uint64_t from, uint64_t keep, uint64_t to)
{
	return (from * keep + to * (ONE - keep) + (to >= from ? ONE - 1 : 0)) >> LOAD_SHIFT;
}

static void sample(struct timer *t)
{
	uint64_t now = count_running() << LOAD_SHIFT;

	for (unsigned i = 0; i < LOAD_AVERAGES; i++)
		WRITE_ONCE(average[i], moved(average[i], keeps[i], now));
	timer_arm(t, arch_clock_ns() + PERIOD_NS);
}

void load_init(void)
{
	sampler.fn = sample;
	timer_arm(&sampler, arch_clock_ns() + PERIOD_NS);
}

uint64_t load_average(unsigned i)
{
	return READ_ONCE(average[i]);
}

void load_tick(bool user)
{
	struct runq *rq = this_runq();

	if (user)
		rq->user_ticks++;
	else if (current_thread() != this_cpu()->idle)
		rq->kernel_ticks++;
}

void load_of_cpu(unsigned cpu, struct cpu_load *out)
{
	const struct cpu *c = arch_cpus[cpu];
	const struct runq *rq = c->runq;
	uint64_t user = READ_ONCE(rq->user_ticks), ticks = user + READ_ONCE(rq->kernel_ticks);
	uint64_t idle = thread_cpu_ns(c->idle), now = arch_clock_ns(), busy = now - MIN(now, idle);

	out->user_ns = ticks ? mul_div(busy, user, ticks) : 0;
	out->kernel_ns = busy - out->user_ns;
	out->idle_ns = idle;
	out->switches = READ_ONCE(rq->switches);
	out->interrupts = READ_ONCE(c->interrupts);
}
