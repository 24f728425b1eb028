/*
 * What host/tlb knows: four CPUs, the address spaces, and of each page its rights and first
 * word. CPUs peek: they read and write by what their TLBs still know, without a fault
 * handler, which must be what is or, in pages that are just being changed, what was there.
 */
#ifndef TESTS_HOST_TLB_MODEL_H
#define TESTS_HOST_TLB_MODEL_H

#include <tests/host/mm_machine.h>
#include <linux/mman.h>

#define CPUS		4u
#define SPACES		10u		/* more than a CPU has slots */
#define SPAN_PAGES	512u
#define PAGES		(4 * SPAN_PAGES)	/* two tables under one upper table, two under another */
#define HOT		12u		/* pages at each end of each table that are used */

struct record {
	bool mapped;
	int prot;
	uint64_t word;
};

struct space {
	struct mm *mm;			/* NULL: not there */
	struct record page[PAGES];
};

/* What an operation is changing: there, and for mremap's new place what comes from the old. */
struct change {
	const struct space *s;		/* NULL: nothing */
	unsigned from, n;		/* was as the model still says, or is gone */
	unsigned to;			/* of mremap; else PAGES */
	struct change *outer;
};

static struct space space[SPACES];
static struct space *runs[CPUS];	/* NULL: the kernel's */
static bool lazy[CPUS];			/* in a kernel thread, back to `runs` afterwards */
static struct change *changing;

static vaddr_t va_of(unsigned page)
{
	return LEVEL_SIZE(3) - LEVEL_SIZE(2) * 2 + page * PAGE_SIZE;
}

/* Half of them near the one before, or CPUs would hardly ever meet. */
static unsigned hot_page(void)
{
	static unsigned last;
	unsigned i = (unsigned)tap_below(HOT);

	if (tap_below(2)) {
		i = last + i % 4;
		return MIN(i, PAGES - 1);
	}
	return last = (unsigned)tap_below(4) * SPAN_PAGES + (tap_below(2) ? i : SPAN_PAGES - 1 - i);
}

static void go_to(unsigned cpu)
{
	fake_on_cpu(cpu);
	mm_loaded = runs[cpu] ? runs[cpu]->mm : NULL;
}

static bool in_change(const struct change *c, const struct space *s, unsigned page)
{
	return c->s == s && ((page >= c->from && page < c->from + c->n) ||
			     (c->to < PAGES && page >= c->to && page < c->to + c->n));
}

static bool may_be(const struct space *s, unsigned page, uint64_t word)
{
	for (const struct change *c = changing; c; c = c->outer) {
		if (!in_change(c, s, page))
			continue;
		if (word == 0)
			return true;
		if (c->to < PAGES && page >= c->to && page < c->to + c->n &&
		    word == s->page[c->from + page - c->to].word)
			return true;
	}
	return s->page[page].mapped && s->page[page].word == word;
}

static bool may_write(const struct space *s, unsigned page)
{
	for (const struct change *c = changing; c; c = c->outer)
		if (in_change(c, s, page))
			return true;
	return s->page[page].prot & PROT_WRITE;
}

/* One access without a fault handler by some CPU. */
static void peek_at(unsigned cpu, unsigned page, bool write)
{
	const struct space *s = runs[cpu];
	unsigned me = this_cpu()->id;
	pfn_t f;

	if (!s || lazy[cpu])
		return;
	fake_on_cpu(cpu);
	if (fake_access(va_of(page), ACCESS_USER | (write ? ACCESS_WRITE : ACCESS_READ), &f)) {
		uint64_t word = *(uint64_t *)phys_to_virt(pfn_to_paddr(f));

		if (!may_be(s, page, word))
			panic("CPU %u reads %lx in page %u, not %lx", cpu, word, page,
			      s->page[page].word);
		if (write && !may_write(s, page))
			panic("CPU %u writes to page %u", cpu, page);
	}
	fake_on_cpu(me);
}

static void peek(void)
{
	unsigned cpu = (unsigned)tap_below(CPUS);

	peek_at(cpu, hot_page(), !tap_below(4));
}

#endif
