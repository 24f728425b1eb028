/*
 * A call that takes rights away interrupts exactly the CPUs that run the address
 * space: each of them once, however much memory it is about, and no other. A
 * call that takes nothing away interrupts nobody. K CPUs touch a page elsewhere; a
 * further one calls; the rest of the machine idles.
 */
#include <tests/kernel/touchers.h>

#define AT	512u
#define MANY	300u			/* pages */
#define SOME	100u			/* as many as one gather holds */
#define CALLS	4u			/* of each kind */

static unsigned asked[MAX_CPUS];	/* before the call */
static struct mm *children[CALLS];
static unsigned calls;

static void protect(unsigned pages, int prot)
{
	EXPECT_EQ(mm_mprotect(mt_mm, mt_va(AT), pages * PAGE_SIZE, prot), 0);
}

static void protect_one(void) { protect(1, PROT_READ); }
static void protect_many(void) { protect(MANY, PROT_READ); }
static void allow(void) { protect(MANY, RW); }

static void unmap(void)
{
	EXPECT_EQ(mm_munmap(mt_mm, mt_va(AT + 8), SOME * PAGE_SIZE), 0);
}

static void dontneed(void)
{
	EXPECT_EQ(mm_madvise(mt_mm, mt_va(AT + 8), SOME * PAGE_SIZE, MADV_DONTNEED), 0);
}

static void fork(void)
{
	children[calls] = mm_fork(mt_mm);
	EXPECT(children[calls]);
}

static void first_touch(void)
{
	for (unsigned i = 8; i < 8 + SOME; i++)
		EXPECT_EQ(mt_write(AT + i, i), 0);
}

/* The counters of one call: each of CPUs 1 to k is asked once if `rounds`, and nobody else. */
static void count(const char *name, void (*call)(void), unsigned k, unsigned rounds)
{
	uint64_t sent = tlb_stat_sum(TLB_IPI_SENT), flushes = tlb_stat_sum(TLB_REMOTE_FLUSH);

	for (unsigned i = 0; i < arch_ncpus; i++)
		asked[i] = (unsigned)tlb_stat(i, TLB_REMOTE_RECEIVED);
	call();
	sent = tlb_stat_sum(TLB_IPI_SENT) - sent;
	flushes = tlb_stat_sum(TLB_REMOTE_FLUSH) - flushes;
	if (sent != k * rounds || flushes != rounds)
		ktest_note("%s, %u CPUs touch: %lu rounds, %lu IPIs", name, k, flushes, sent);
	EXPECT_EQ(flushes, rounds);
	EXPECT_EQ(sent, k * rounds);
	for (unsigned i = 0; i < arch_ncpus; i++)
		EXPECT_EQ((unsigned)tlb_stat(i, TLB_REMOTE_RECEIVED) - asked[i],
			  i >= 1 && i <= k ? rounds : 0);
}

/* Among k CPUs that touch. */
static void count_calls(unsigned k)
{
	EXPECT(mt_anon(AT, MANY, RW));
	for (unsigned i = 0; i < MANY; i++)
		EXPECT_EQ(mt_write(AT + i, i), 0);
	for (calls = 0; calls < CALLS; calls++) {
		count("mprotect of a page", protect_one, k, 1);
		count("mprotect that gives", allow, k, 0);
		count("mprotect of many pages", protect_many, k, 1);
		count("mprotect that gives", allow, k, 0);
		count("dontneed", dontneed, k, 1);
		count("first touch", first_touch, k, 0);
		count("munmap", unmap, k, 1);
		EXPECT(mt_anon(AT + 8, SOME, RW));
		count("first touch", first_touch, k, 0);
	}
	for (calls = 0; calls < CALLS; calls++) {
		count("fork", fork, k, 1);
		EXPECT_EQ(mt_write(AT + 3, calls), 0);
	}
	touch_from_now(REST, 0);
}

KTEST(exact, calls)
{
	if (arch_ncpus == 1) {
		ktest_skip("one CPU");
		return;
	}
	for (unsigned k = 1; k < MIN(arch_ncpus, TOUCHERS); k = 2 * k + 1) {
		touchers_begin(k + 1, 0);
		__atomic_store_n(&quiet, true, __ATOMIC_SEQ_CST);
		count_calls(k);
		__atomic_store_n(&quiet, false, __ATOMIC_SEQ_CST);
		for (calls = 0; calls < CALLS; calls++)
			mm_put(children[calls]);
		touchers_end();
		ktest_note("%u of %u CPUs run the address space elsewhere: exactly these were asked", k,
			   arch_ncpus);
	}
}
