/*
 * The reclaim thread: woken when there are fewer free frames than the low watermark, it goes on
 * until there are as many as the high one. Whoever allocates below low asks for a
 * reschedule (page.c), so that it runs soon on a machine of one CPU, too.
 *
 * If nothing can be had it rests for a while: nobody is helped by looking at the same pages again and again, and
 * those who need memory look for themselves (direct.c). As long as anybody finds some the rest is short.
 */
#include <mm/reclaim/shrink.h>
#include <kernel/core/clock.h>
#include <kernel/core/wait.h>
#include <lib/log.h>
#include <mm/alloc/stat.h>
#include <mm/pt/pt.h>

#define REST_NS		(50 * NS_PER_MS)
#define BREATH_NS	NS_PER_MS
#define STEP		64ul		/* pages, after which those who wait for some are told */

static struct waitq wait;
static struct thread thread;

/* True: there is enough again. */
static bool balance(void)
{
	uint64_t now, high = page_high_mark();

	while ((now = page_buddy_count()) < high) {
		bool found = shrink(MIN(high - now, STEP), false);

		reclaim_relieve(found);
		if (!found)
			return false;
	}
	reclaim_relieve(true);
	return true;
}

static void kswapd(void *arg)
{
	uint64_t irq, freed;

	(void)arg;
	reclaim_relieve(true);
	for (;;) {
		irq = waitq_lock(&wait);
		while (page_buddy_count() >= page_low_mark())
			waitq_sleep(&wait, &irq);
		waitq_unlock(&wait, irq);
		vm_count(PAGEOUTRUN, 1);
		freed = reclaim_freed();
		if (!balance())
			sleep_ns(reclaim_freed() == freed ? REST_NS : BREATH_NS);
	}
}

void reclaim_init(void)
{
	uint64_t bottom, top;

	page_set_marks(page_min_mark());	/* all CPUs are there now */
	log_info("reclaim: %s, watermarks %lu, %lu, %lu KB", policy_chosen()->name, page_min_mark() << 2,
		 page_low_mark() << 2, page_high_mark() << 2);
	waitq_init(&wait);
	if (kstack_alloc(&bottom, &top))
		panic("no memory for kswapd");
	thread_init(&thread, "kswapd0", bottom, top, kswapd, NULL);
	WRITE_ONCE(page_low_wait, &wait);
	thread_start(&thread);
}
