/*
 * What every in-kernel test is held to beyond its own EXPECTs: as many free
 * frames after it as before, and memory that is consistent (mm_verify).
 *
 * Before counting, everything that is merely kept for reuse goes back: cached
 * pages of files, kernel stacks, callbacks of grace periods, empty slabs. So
 * the count is exact: a single frame that a test loses fails it.
 *
 * A test begins on the boot CPU, and so does what it starts, until it asks for
 * more: most tests rely on an order that one CPU gives them.
 */
#include <kernel/core/grace.h>
#include <kernel/core/thread.h>
#include <kernel/fs/path.h>
#include <lib/format.h>
#include <lib/ktest.h>
#include <lib/string.h>
#include <mm/alloc/slab.h>
#include <mm/mm.h>
#include <mm/pt/huge.h>

static uint64_t frames_before;

/* Each is called on every CPU in turn. */
static void drain_stacks(void *arg)
{
	(void)arg;
	kstack_drain();
	grace_wait();
	grace_wait();
}

static void drain_objects(void *arg)
{
	(void)arg;
	kfree(kmalloc(1));		/* a CPU's first one brings memory that stays */
	slab_shrink();
}

static void drain_pages(void *arg)
{
	(void)arg;
	page_drain();
}

static uint64_t settle_and_count(void)
{
	(void)objects_drop_clean();
	cpu_visit(drain_stacks, NULL);
	cpu_visit(drain_objects, NULL);
	cpu_visit(drain_pages, NULL);
	return page_free_count();
}

static void before(void)
{
	struct cpumask boot_cpu = cpumask_of(0);

	if (huge_zero_get(&kernel_aspace))	/* kept: no test is to miss it */
		ktest_fail(__FILE__, __LINE__, "no memory for the huge page of zeros");
	if (thread_set_affinity(current_thread(), &boot_cpu))
		ktest_fail(__FILE__, __LINE__, "the boot CPU is not there");
	current_thread()->starved = false;	/* what was refused before is none of its business */
	frames_before = settle_and_count();
}

static bool after(char *why, size_t n)
{
	uint64_t frames;
	char bad[128] = "";

	page_fail_nth = 0;
	frames = settle_and_count();
	if (frames != frames_before) {
		snprintf(why, n, "%lu frames are free, %lu were before", frames, frames_before);
		return false;
	}
	if (mm_verify(bad, sizeof(bad))) {
		snprintf(why, n, "mm_verify: %s", bad);
		return false;
	}
	return true;
}

void (*ktest_before)(void) = before;
bool (*ktest_after)(char *why, size_t n) = after;
