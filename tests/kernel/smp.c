/*
 * Other CPUs: that they are there and agree about the time, and calls between
 * them. With one CPU these tests have little to show, and say so.
 */
#include <arch/machine.h>
#include <arch/smp.h>
#include <kernel/core/call.h>
#include <kernel/core/clock.h>
#include <lib/ktest.h>

#define CALLS	200

static bool alone(void)
{
	if (arch_ncpus == 1)
		ktest_skip("one CPU");
	return arch_ncpus == 1;
}

KTEST(smp, all_are_known)
{
	EXPECT(arch_ncpus >= 1 && arch_ncpus < MAX_CPUS);
	for (unsigned i = 0; i < MAX_CPUS; i++) {
		const struct cpu *c = arch_cpus[i];

		EXPECT((c != NULL) == (i < arch_ncpus));
		if (!c)
			continue;
		EXPECT_EQ(c->id, i);
		EXPECT(c->self == c && c->idle && c->runq);
		for (unsigned k = 0; k < i; k++)
			EXPECT(arch_cpus[k]->apic_id != c->apic_id && arch_cpus[k]->idle != c->idle);
	}
	EXPECT(arch_ncpus <= MAX(arch_madt.ncpus, 1u));
}

static struct cpumask called;		/* atomic */
static uint64_t ncalls;			/* atomic */
static unsigned not_so;			/* atomic: called in a wrong way */

static void note_call(void *arg)
{
	unsigned id = this_cpu()->id;

	if (arg != &called || irq_enabled())
		__atomic_add_fetch(&not_so, 1, __ATOMIC_RELAXED);
	__atomic_fetch_or(&called.w[id / 64], 1ul << id % 64, __ATOMIC_RELAXED);
	__atomic_add_fetch(&ncalls, 1, __ATOMIC_RELAXED);
}

static void call_and_expect(const struct cpumask *mask)
{
	called = (struct cpumask){ { 0 } };
	ncalls = 0;
	cpu_call(mask, note_call, &called);
	EXPECT_EQ(ncalls, cpumask_count(mask));
	for (unsigned i = 0; i < CPUMASK_WORDS; i++)
		EXPECT_EQ(called.w[i], mask->w[i]);
	EXPECT_EQ(not_so, 0);
}

KTEST(smp, call_reaches_its_mask)
{
	struct cpumask m = { { 0 } };

	call_and_expect(&m);
	for (unsigned i = 0; i < arch_ncpus; i++) {
		m = cpumask_of(i);
		call_and_expect(&m);
		m = cpumask_all();
		cpumask_remove(&m, i);
		call_and_expect(&m);
	}
	m = cpumask_all();
	for (unsigned i = 0; i < CALLS; i++)
		call_and_expect(&m);
}

static uint64_t there_ns;

static void read_clock(void *arg)
{
	*(uint64_t *)arg = arch_clock_ns();
}

/* What another CPU reads in a call lies between what is read here before and after. */
KTEST(smp, one_clock)
{
	if (alone())
		return;
	for (unsigned n = 0; n < CALLS; n++) {
		struct cpumask m = cpumask_of(n % arch_ncpus);
		uint64_t before = arch_clock_ns();

		cpu_call(&m, read_clock, &there_ns);
		EXPECT(before <= there_ns && there_ns <= arch_clock_ns());
	}
}
