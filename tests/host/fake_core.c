/*
 * kernel/core, as far as page tables need it: grace periods end when the test says so, a call runs on each CPU in turn.
 * One thread at a time; grace_call alone may be called by several.
 */
#include <tests/host/fake.h>
#include <tests/host/fake_tlb.h>
#include <kernel/core/call.h>
#include <kernel/core/grace.h>
#include <kernel/core/thread.h>

static struct grace_head *grace_list;	/* atomic */

void grace_call(struct grace_head *h, void (*fn)(struct grace_head *))
{
	if (fake_broken.no_grace) {
		fn(h);
		return;
	}
	h->fn = fn;
	h->next = __atomic_load_n(&grace_list, __ATOMIC_RELAXED);
	while (!__atomic_compare_exchange_n(&grace_list, &h->next, h, false, __ATOMIC_RELEASE,
					    __ATOMIC_RELAXED))
		;
}

unsigned fake_grace_run(void)
{
	struct grace_head *h = __atomic_exchange_n(&grace_list, NULL, __ATOMIC_ACQUIRE), *next;
	unsigned n = 0;

	for (; h; h = next, n++) {
		next = h->next;
		h->fn(h);
	}
	return n;
}

void sched_yield(void)
{
}

void cpus_park(void)
{
}

void cpus_release(void)
{
}

void cpu_call(const struct cpumask *mask, void (*fn)(void *), void *arg)
{
	unsigned me = this_cpu()->id;
	uint64_t flags;

	cpumask_for_each(cpu, mask) {
		if (fake_call_hook && !fake_call_hook(cpu, fn, arg))
			continue;
		fake_on_cpu(cpu);
		flags = irq_save();
		fn(arg);
		irq_restore(flags);
		fake_on_cpu(me);
	}
}
