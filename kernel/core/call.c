/*
 * Cross-calls.
 *
 * Every CPU has one box, for the one call that it may be waiting for: what to
 * run, and how many CPUs have not done so yet. And it has a set of callers:
 * whose boxes it is to look into. Who calls fills its box, enters itself in the set
 * of each target, and interrupts those whose set (that word of it) was empty:
 * in a set that was not, somebody has just been entered, and the interrupt
 * that he sends will find us too, since a target takes the set out as a whole
 * before it looks into any box.
 *
 * No locks. A box is written by its CPU alone, while `left` is 0; the targets
 * read it between being entered and counting themselves off. The one who waits
 * does so with interrupts on, and does the others' calls meanwhile.
 */
#include <kernel/core/call.h>
#include <arch/smp.h>
#include <arch/upcall.h>
#include <lib/assert.h>
#include <lib/lock.h>

struct box {
	void (*fn)(void *);
	void *arg;
	uint32_t left;			/* atomic */
	uint64_t callers[CPUMASK_WORDS]; /* atomic bits */
} __attribute__((aligned(64)));

static struct box boxes[MAX_CPUS];

/* Puts this CPU, `me`, down as a caller of `cpu`. */
static void enter(unsigned cpu, unsigned me)
{
	uint64_t *word = &boxes[cpu].callers[me / 64];

	if (__atomic_fetch_or(word, 1ul << me % 64, __ATOMIC_SEQ_CST) == 0)
		arch_ipi_send(cpu, IPI_CALL);
}

void cpu_call(const struct cpumask *mask, void (*fn)(void *), void *arg)
{
	unsigned me = this_cpu()->id;
	struct box *b = &boxes[me];
	struct cpumask others = *mask;
	uint64_t flags;

	lock_assert_may_sleep(0);
	cpumask_remove(&others, me);
	if (!cpumask_empty(&others)) {
		assert(irq_enabled() && !this_cpu()->irq_depth && !b->left);
		b->fn = fn;
		b->arg = arg;
		__atomic_store_n(&b->left, cpumask_count(&others), __ATOMIC_RELEASE);
		cpumask_for_each(cpu, &others)
			enter(cpu, me);
	}
	if (cpumask_has(mask, me)) {
		flags = irq_save();
		fn(arg);
		irq_restore(flags);
	}
	while (__atomic_load_n(&b->left, __ATOMIC_ACQUIRE))
		cpu_relax();
}

void upcall_call(void)
{
	struct box *mine = &boxes[this_cpu()->id];

	for (unsigned i = 0; i < CPUMASK_WORDS; i++) {
		uint64_t set = __atomic_exchange_n(&mine->callers[i], 0, __ATOMIC_SEQ_CST);

		for (; set; set &= set - 1) {
			struct box *b = &boxes[i * 64 + (unsigned)__builtin_ctzl(set)];

			b->fn(b->arg);
			__atomic_fetch_sub(&b->left, 1, __ATOMIC_RELEASE);
		}
	}
}
