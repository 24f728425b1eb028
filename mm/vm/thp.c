/* Transparent huge pages: the policy's place (thp.h). */
#include <mm/vm/thp.h>
#include <arch/pte.h>
#include <kernel/core/wait.h>
#include <lib/option.h>

struct thp_policy thp = {
	.enabled = THP_MADVISE,
	.shmem = SHMEM_NEVER,
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

option_choice(transparent_hugepage_shmem, &thp.shmem, "always|within_size|advise|never|deny|force",
	      "which shared memory gets 2 MB pages (default never)");

unsigned thp_flags[] = {
	[THP_ALWAYS] = VM_READ | VM_WRITE | VM_EXEC | VM_HUGETLB, [THP_MADVISE] = VM_HUGEPAGE | VM_HUGETLB,
	[THP_NEVER] = VM_HUGETLB,
};

const char *const shmem_mode_names[SHMEM_MODES] = {
	[SHMEM_ALWAYS] = "always", [SHMEM_WITHIN_SIZE] = "within_size", [SHMEM_ADVISE] = "advise",
	[SHMEM_NEVER] = "never", [SHMEM_DENY] = "deny", [SHMEM_FORCE] = "force",
};

void shmem_look_closer(void)
{
	for (unsigned i = 0; i < ARRAY_SIZE(thp_flags); i++)
		if (!(READ_ONCE(thp_flags[i]) & VM_SHARED))
			__atomic_fetch_or(&thp_flags[i], VM_SHARED, __ATOMIC_RELAXED);
}

void shmem_mode_changed(unsigned mode)
{
	if (mode == SHMEM_NEVER || mode == SHMEM_DENY)
		return;
	shmem_look_closer();
	WRITE_ONCE(thp.shmem_asked, true);
	thp_wake();
}

/* What holds for o: its file system's word, or the system's. */
static unsigned mode_of(const struct object *o)
{
	unsigned mode = READ_ONCE(thp.shmem), own;

	if (!o->ops->memory || o->ops->huge)
		return SHMEM_NEVER;
	if (!o->room || mode == SHMEM_DENY || mode == SHMEM_FORCE)
		return mode;
	own = READ_ONCE(o->room->huge);
	return own ? own - 1 : SHMEM_NEVER;
}

bool shmem_may_want(const struct object *o)
{
	unsigned mode = mode_of(o);

	return mode != SHMEM_NEVER && mode != SHMEM_DENY;
}

bool shmem_wanted(const struct vma *v)
{
	if (!shmem_allowed(v))
		return false;
	return mode_of(v->obj) == SHMEM_ADVISE ? v->flags & VM_HUGEPAGE : shmem_may_want(v->obj);
}

bool shmem_may_collapse(const struct vma *v)
{
	return shmem_allowed(v) && READ_ONCE(thp.shmem) != SHMEM_DENY;
}

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
