/* Transparent huge pages: the policy's place (thp.h). */
#include <mm/vm/thp.h>
#include <arch/pte.h>
#include <kernel/core/wait.h>
#include <lib/option.h>

struct thp_policy thp = {
	.enabled = THP_MADVISE,
	.use_zero_page = 1,
	.pages_to_scan = 8 * PT_ENTRIES,
	.scan_sleep_ms = 10000,
	.alloc_sleep_ms = 60000,
	.max_ptes_none = PT_ENTRIES - 1,
	.max_ptes_swap = PT_ENTRIES / 8,
	.max_ptes_shared = PT_ENTRIES / 2,
};
option_choice(transparent_hugepage, &thp.enabled, "always|madvise|never",
	      "which private memory gets 2 MB pages (default madvise)");

const unsigned thp_flags[] = {
	[THP_ALWAYS] = VM_READ | VM_WRITE | VM_EXEC | VM_HUGETLB, [THP_MADVISE] = VM_HUGEPAGE | VM_HUGETLB,
	[THP_NEVER] = VM_HUGETLB,
};

struct waitq *thp_wait;

void thp_ask(void)
{
	if (READ_ONCE(thp.asked))
		return;
	WRITE_ONCE(thp.asked, true);
	thp_wake();
}

void thp_wake(void)
{
	struct waitq *q = READ_ONCE(thp_wait);
	uint64_t irq;

	if (!q)
		return;
	irq = waitq_lock(q);
	waitq_wake_all(q);
	waitq_unlock(q, irq);
}
