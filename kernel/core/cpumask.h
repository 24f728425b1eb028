/* Sets of CPUs, by id. */
#ifndef KERNEL_CORE_CPUMASK_H
#define KERNEL_CORE_CPUMASK_H

#include <arch/cpu.h>

#define CPUMASK_WORDS	(MAX_CPUS / 64)

struct cpumask {
	uint64_t w[CPUMASK_WORDS];
};

static inline bool cpumask_has(const struct cpumask *m, unsigned cpu)
{
	return READ_ONCE(m->w[cpu / 64]) >> cpu % 64 & 1;
}
static inline void cpumask_add(struct cpumask *m, unsigned cpu)
{
	m->w[cpu / 64] |= 1ul << cpu % 64;
}
static inline void cpumask_remove(struct cpumask *m, unsigned cpu)
{
	m->w[cpu / 64] &= ~(1ul << cpu % 64);
}
static inline struct cpumask cpumask_of(unsigned cpu)
{
	struct cpumask m = { { 0 } };

	cpumask_add(&m, cpu);
	return m;
}
/* All CPUs there are. */
static inline struct cpumask cpumask_all(void)
{
	struct cpumask m = { { 0 } };

	for (unsigned i = 0; i < arch_ncpus; i++)
		cpumask_add(&m, i);
	return m;
}
static inline bool cpumask_empty(const struct cpumask *m)
{
	uint64_t any = 0;

	for (unsigned i = 0; i < CPUMASK_WORDS; i++)
		any |= m->w[i];
	return !any;
}
static inline unsigned cpumask_count(const struct cpumask *m)
{
	unsigned n = 0;

	for (unsigned i = 0; i < CPUMASK_WORDS; i++)
		for (uint64_t w = m->w[i]; w; w &= w - 1)
			n++;
	return n;
}
/* The first member from `cpu` on; MAX_CPUS: there is none. */
static inline unsigned cpumask_next(const struct cpumask *m, unsigned cpu)
{
	for (unsigned i = cpu / 64; i < CPUMASK_WORDS; i++) {
		uint64_t w = m->w[i];

		if (i == cpu / 64)
			w &= ~0ul << cpu % 64;
		if (w)
			return i * 64 + (unsigned)__builtin_ctzl(w);
	}
	return MAX_CPUS;
}
#define cpumask_for_each(cpu, m) \
	for (unsigned cpu = cpumask_next(m, 0); cpu < MAX_CPUS; cpu = cpumask_next(m, cpu + 1))

#endif
