/*
 * The compaction thread: woken by whoever would have liked a block that a huge page fits in, and does not
 * wait for it, when there are none. So others find some the next time.
 */
#include <mm/reclaim/compact.h>
#include <kernel/core/thread.h>
#include <lib/log.h>
#include <mm/alloc/stat.h>
#include <mm/pt/pt.h>

static struct thread thread;

static void kcompactd(void *arg)
{
	(void)arg;
	for (;;) {
		compact_wait_asked();
		vm_count(KCOMPACTD_WAKE, 1);
		if (compact_is_worthwhile())
			compact_memory();
	}
}

void kcompactd_init(void)
{
	uint64_t bottom, top;

	if (kstack_alloc(&bottom, &top))
		panic("no memory for kcompactd");
	thread_init(&thread, "kcompactd0", bottom, top, kcompactd, NULL);
	thread_start(&thread);
}
