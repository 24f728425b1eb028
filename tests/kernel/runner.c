/*
 * What every in-kernel test is held to beyond its own EXPECTs: as many free
 * frames after it as before, and memory that is consistent (mm_verify).
 *
 * Before counting, everything that is merely kept for reuse goes back: cached
 * pages of files, kernel stacks, callbacks of grace periods, empty slabs. So
 * the count is exact: a single frame that a test loses fails it.
 */
#include <kernel/core/grace.h>
#include <kernel/fs/path.h>
#include <lib/format.h>
#include <lib/ktest.h>
#include <lib/string.h>
#include <mm/alloc/slab.h>
#include <mm/mm.h>
#include <mm/pt/pt.h>

static uint64_t frames_before;

static uint64_t settle_and_count(void)
{
	node_drop_caches(fs_root);
	kstack_drain();
	grace_wait();
	grace_wait();
	slab_shrink();
	page_drain();
	return page_free_count();
}

static void before(void)
{
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
