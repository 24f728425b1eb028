/*
 * khugepaged: a thread that goes over all memory that wants huge pages, thp.pages_to_scan pages every
 * thp.scan_sleep_ms, and makes small pages huge ones (collapse.c) where most of the 512 are there.
 *
 * It sleeps for ever until somebody has asked for huge pages: with MADV_HUGEPAGE, for all, or of shared memory. Where it was is kept by
 * the number of the address space and the address in it: nothing is held while it sleeps.
 *
 * Locks: those of collapse.c.
 */
#include <mm/vm/collapse.h>
#include <kernel/core/clock.h>
#include <kernel/core/wait.h>
#include <lib/log.h>
#include <mm/pt/pt.h>
#include <mm/vm/map.h>
#include <mm/vm/mms.h>

#include <linux/errno.h>

static struct thread thread;
static struct waitq wait;		/* thp_wait */

/* Where the next look begins. Only the thread's. */
static struct { uint64_t id; vaddr_t va; } place;

static bool is_worth(const struct survey *s)
{
	return s->pages && s->young && s->writable &&
	       PT_ENTRIES - s->pages - s->swapped <= READ_ONCE(thp.max_ptes_none) &&
	       s->swapped <= READ_ONCE(thp.max_ptes_swap) &&
	       s->shared <= READ_ONCE(thp.max_ptes_shared);
}

/* The first 2 MB from place.va on that may get a huge page; *s: what they hold. False: there are none in mm. */
static bool find_place(struct mm *mm, struct survey *s)
{
	bool found = false;

	read_lock(&mm->lock);
	for (struct vma *v = vma_find(mm, place.va); v && !found; v = vma_next(v)) {
		vaddr_t va = ALIGN_UP(MAX(v->start, place.va), HUGE_SIZE);

		found = va < v->end && collapse_fits(v, va, false);
		if (!found)
			continue;
		place.va = va;
		*s = collapse_survey(v, va);
	}
	read_unlock(&mm->lock);
	return found;
}

/* The huge page at the place, which holds what s says, if it is worth it. 0 or -errno. */
static int try_collapse(struct mm *mm, const struct survey *s)
{
	int err = 0;

	if (!s->object && (!s->table || !is_worth(s)))
		return 0;
	if (s->swapped)
		err = collapse_bring_back(mm, place.va);
	if (!err)
		err = s->object ? collapse_shared(mm, place.va, false) : collapse_one(mm, place.va, false);
	if (!err)
		__atomic_fetch_add(&thp.pages_collapsed, 1, __ATOMIC_RELAXED);
	return err;
}

/* At most *pages more pages of mm are looked at. 0: mm is done, or *pages are; -ENOMEM: no block is to be had. */
static int scan_mm(struct mm *mm, uint64_t *pages)
{
	struct survey s;
	int err = 0;

	while (*pages && err != -ENOMEM && find_place(mm, &s)) {
		err = try_collapse(mm, &s);
		place.va += HUGE_SIZE;
		*pages -= MIN(*pages, (uint64_t)PT_ENTRIES);
		resched_point();
	}
	return err == -ENOMEM ? err : 0;
}

/* The address space of the place, or the next one there is, with a reference; NULL: all are done. */
static struct mm *find_mm(void)
{
	struct mm *mm = mm_next(NULL);

	while (mm && mm->as.id < place.id)
		mm = mm_next(mm);
	if (mm && mm->as.id != place.id) {
		place.id = mm->as.id;
		place.va = 0;
	}
	return mm;
}

/* So many pages are looked at, or all, once. 0 or -ENOMEM. */
static int scan(uint64_t pages)
{
	struct mm *mm;
	int err = 0;

	while (pages && !err && (mm = find_mm())) {
		err = scan_mm(mm, &pages);
		mm_put(mm);
		if (pages && !err)
			place.id++;
	}
	if (pages && !err) {
		place.id = 0;
		__atomic_fetch_add(&thp.full_scans, 1, __ATOMIC_RELAXED);
	}
	return err;
}

/* Sleeps for *ms milliseconds, which may change meanwhile, and as long as nothing is wanted. */
static void rest(const uint64_t *ms)
{
	uint64_t begin = clock_monotonic_ns(), irq = waitq_lock(&wait), until;

	for (;;) {
		unsigned mode = READ_ONCE(thp.enabled);
		bool wanted = mode == THP_ALWAYS || (mode == THP_MADVISE && READ_ONCE(thp.asked)) ||
			      READ_ONCE(thp.shmem_asked);

		until = begin + READ_ONCE(*ms) * NS_PER_MS;
		if (!wanted)
			waitq_sleep(&wait, &irq);
		else if (clock_monotonic_ns() >= until)
			break;
		else if (waitq_sleep_until(&wait, &irq, until))
			continue;	/* it is time, if nothing has changed */
	}
	waitq_unlock(&wait, irq);
}

static void khugepaged(void *arg)
{
	int err = 0;

	(void)arg;
	for (;;) {
		rest(err ? &thp.alloc_sleep_ms : &thp.scan_sleep_ms);
		err = scan(READ_ONCE(thp.pages_to_scan));
	}
}

void khugepaged_init(void)
{
	uint64_t bottom, top;

	shmem_mode_changed(thp.shmem);
	waitq_init(&wait);
	if (kstack_alloc(&bottom, &top))
		panic("no memory for khugepaged");
	thread_init(&thread, "khugepaged", bottom, top, khugepaged, NULL);
	WRITE_ONCE(thp_wait, &wait);
	thread_start(&thread);
}
