/* What the suites on stale translations (stale.c) share: an operation, tried on each CPU of two, and of four. */
#ifndef TESTS_KERNEL_STALETEST_H
#define TESTS_KERNEL_STALETEST_H

#include <arch/tlb.h>
#include <kernel/core/call.h>
#include <tests/kernel/touchers.h>

#define AT	(512u + 7)		/* the page, in a table of its own */
#define SPAN	512u			/* pages of a table */

struct operation {
	void (*prepare)(void);		/* page AT is there, and has `before` in its words */
	void (*run)(void);
	void (*undo)(void);		/* may be NULL: what else than mappings goes again */
	bool (*is_stale)(unsigned cpu, uint64_t saw); /* NULL: saw != after */
	uint64_t after;			/* what is to be seen then */
	bool writes;
	unsigned page_after;		/* what is touched then, if not AT */
};

static uint64_t before;			/* what the page holds */
static __attribute__((unused)) struct object *shm;

/* ---- one try ---- */

static void forget_all(void *arg)
{
	(void)arg;
	tlb_flush_global();
}

/* What a flush that was left out has left behind is not to disturb what comes. */
static void flush_everywhere(void)
{
	struct cpumask all = cpumask_all();

	cpu_call(&all, forget_all, NULL);
}

/* How often the CPUs were asked, and how often they saw what was no more. */
struct tally { unsigned own_asked, own_stale, others_asked, others_stale; };

static bool is_stale(const struct operation *op, unsigned cpu, uint64_t saw)
{
	return op->is_stale ? op->is_stale(cpu, saw) : saw != op->after;
}

static void everybody_knows_it(const struct operation *op)
{
	touch_from_now(AT, op->writes ? before : 0);
	wait_for_touches();
	for (unsigned i = 0; i < ncpus; i++)
		EXPECT_EQ(i == own ? touch(i) : READ_ONCE(touchers[i].saw), before);
}

static void try_once(const struct operation *op, struct tally *t)
{
	uint64_t saw;

	before = 1000;
	op->prepare();
	__atomic_store_n(&quiet, true, __ATOMIC_SEQ_CST);
	everybody_knows_it(op);
	op->run();
	touch_from_now(op->page_after ? op->page_after : AT, op->writes ? op->after : 0);
	saw = touch(own);
	wait_for_touches();
	for (unsigned i = 0; i < ncpus; i++) {
		bool stale = is_stale(op, i, i == own ? saw : READ_ONCE(touchers[i].saw));

		*(i == own ? &t->own_asked : &t->others_asked) += 1;
		*(i == own ? &t->own_stale : &t->others_stale) += stale;
	}
	touch_from_now(REST, 0);
	__atomic_store_n(&quiet, false, __ATOMIC_SEQ_CST);
	wait_for_touches();
	EXPECT_EQ(mm_munmap(mt_mm, mt_va(SPAN), 3 * SPAN * PAGE_SIZE), 0);
	if (op->undo)
		op->undo();
	flush_everywhere();
}

/* Each CPU of 2 and of 4 operates; if there is one alone, it can be stale only itself. */
static void run(const struct operation *op)
{
	struct tally t = { 0 };

	for (unsigned n = MIN(arch_ncpus, 2); n <= MIN(arch_ncpus, 4); n *= 2)
		for (unsigned on = 0; on < n; on++) {
			touchers_begin(n, on);
			try_once(op, &t);
			touchers_end();
		}
	ktest_note("stale: own CPU %u of %u, others %u of %u", t.own_stale, t.own_asked,
		   t.others_stale, t.others_asked);
	EXPECT_EQ(t.own_stale + t.others_stale, 0);
}

/* ---- what is at AT ---- */

static void fill(unsigned page)
{
	for (unsigned i = 0; i < TOUCHERS; i++)
		EXPECT_EQ(put_user_u64(before, (uint64_t __user *)mt_va(page) + i), 0);
}

#endif
