/*
 * Which routine of pagecopy.S clears pages, and which copies them.
 *
 * No table of CPUs could tell: microcode makes `rep stosb` the fastest on one
 * and the slowest on another, and under an emulator it is something else
 * again. So they are run in turns at boot, a warm-up and some rounds with
 * interrupts off, and the best run of each counts: whatever disturbs a run
 * only makes it longer. One that shows itself hopeless drops out early.
 *
 * A routine must win by 1/32 over a simpler one: noise chooses nothing.
 */
#include <arch/x86_64/pagecopy.h>

#include <arch/cpu.h>
#include <arch/page.h>
#include <lib/format.h>
#include <lib/log.h>

#define BUFFER_PAGES	4
#define ROUNDS		8
#define ROUNDS_FAIR	4	/* everybody takes part in these */
#define HOPELESS	3	/* times slower than the best so far */

void (*arch_clear_page)(void *p) = clear_rep_stosq;
void (*arch_copy_page)(void *dst, const void *src) = copy_rep_movsq;

const struct page_routine page_routines[PAGE_ROUTINES] = {
	{ "rep stosq", "rep movsq", clear_rep_stosq, copy_rep_movsq, false },
	{ "rep stosb", "rep movsb", clear_rep_stosb, copy_rep_movsb, false },
	{ "mov64", "mov64", clear_mov64, copy_mov64, false },
	{ "sse", "sse", clear_sse, copy_sse, false },
	{ "avx", "avx", clear_avx, copy_avx, true },
};

static char buffer[BUFFER_PAGES][PAGE_SIZE] __attribute__((aligned(PAGE_SIZE)));

#define XCR0_SSE_AVX	6u

bool page_routine_usable(const struct page_routine *r)
{
	return !r->avx || (arch_features.avx && (arch_features.xcr0 & XCR0_SSE_AVX) == XCR0_SSE_AVX);
}

/* Cycles per page of one run over half the buffer (copied from the other half). */
static uint64_t time_run(const struct page_routine *r, bool copy)
{
	uint64_t start = arch_tsc();

	for (unsigned i = 0; i < BUFFER_PAGES / 2; i++) {
		if (copy)
			r->copy(buffer[i], buffer[BUFFER_PAGES / 2 + i]);
		else
			r->clear(buffer[i]);
	}
	return (arch_tsc() - start) / (BUFFER_PAGES / 2);
}

/* The best run of each routine, in best[]; UINT64_MAX: this CPU does not have it. */
static void measure(bool copy, uint64_t best[PAGE_ROUTINES])
{
	uint64_t flags = irq_save(), overall = UINT64_MAX;

	for (unsigned i = 0; i < PAGE_ROUTINES; i++) {
		best[i] = UINT64_MAX;
		if (page_routine_usable(&page_routines[i]))
			time_run(&page_routines[i], copy);
	}
	for (unsigned round = 0; round < ROUNDS; round++) {
		for (unsigned i = 0; i < PAGE_ROUTINES; i++) {
			if (!page_routine_usable(&page_routines[i]) ||
			    (round >= ROUNDS_FAIR && best[i] / HOPELESS > overall))
				continue;
			best[i] = MIN(best[i], time_run(&page_routines[i], copy));
			overall = MIN(overall, best[i]);
		}
	}
	irq_restore(flags);
}

static const struct page_routine *choose(bool copy)
{
	const struct page_routine *winner = NULL;
	uint64_t best[PAGE_ROUTINES], least = UINT64_MAX;
	char line[160] = "";
	size_t at = 0;

	measure(copy, best);
	for (unsigned i = 0; i < PAGE_ROUTINES; i++) {
		const struct page_routine *r = &page_routines[i];

		if (best[i] == UINT64_MAX)
			continue;
		at += scnprintf(line + at, sizeof(line) - at, "%s%s %lu", at ? ", " : "",
				copy ? r->copy_name : r->clear_name, best[i]);
		if (!winner || best[i] < least - least / 32) {
			winner = r;
			least = best[i];
		}
	}
	log_info("%s: %s cycles/page -> %s", copy ? "copy" : "clear", line,
		 copy ? winner->copy_name : winner->clear_name);
	return winner;
}

void arch_pagecopy_init(void)
{
	arch_clear_page = choose(false)->clear;
	arch_copy_page = choose(true)->copy;
}
