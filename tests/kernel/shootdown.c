/*
 * Shootdowns: a thread on each other CPU reads one user address without end;
 * the boot CPU takes the page away, replaces it, takes its table away. No read
 * that begins after the flush may see what was there, exactly the CPUs that
 * use the address space are asked, and idle ones look when they come back. That
 * the old page is still seen before the flush shows that a missing one would be found.
 */
#include <arch/uaccess.h>
#include <kernel/core/grace.h>
#include <lib/ktest.h>
#include <lib/string.h>
#include <mm/pt/table.h>
#include <tests/kernel/crew.h>

#define RW	(PROT_R | PROT_W | PROT_U)
#define VA	0x7000000000ul
#define READERS	7u
#define ROUNDS	20u

struct reader {
	struct member m;
	uint64_t reads;			/* atomic: so many have ended */
	uint64_t value;			/* of the last */
};

static struct reader readers[READERS];
static unsigned nreaders;
static struct crew crew = CREW_INIT(crew);
static struct waitq bed = WAITQ_INIT(bed);
static struct aspace as;
static struct gather g;
static bool stop, asleep;		/* atomic: what readers are to do */

static uint64_t look(vaddr_t va)
{
	uint64_t v;

	return get_user_u64(&v, (uint64_t __user *)va) ? 0 : v;
}

static void reader_main(void *arg)
{
	struct reader *r = arg;
	uint64_t flags;

	thread_set_aspace(&as);
	while (!__atomic_load_n(&stop, __ATOMIC_SEQ_CST)) {
		r->value = look(VA);
		__atomic_add_fetch(&r->reads, 1, __ATOMIC_SEQ_CST);
		resched_point();
		if (!__atomic_load_n(&asleep, __ATOMIC_SEQ_CST))
			continue;
		flags = waitq_lock(&bed);
		while (__atomic_load_n(&asleep, __ATOMIC_SEQ_CST))
			waitq_sleep(&bed, &flags);
		waitq_unlock(&bed, flags);
	}
}

static void map(uint64_t n)
{
	struct page *p = page_alloc(0, PAGE_ANON, ALLOC_ZERO);
	struct cursor c;

	*(uint64_t *)page_to_virt(p) = n;
	EXPECT_EQ(cursor_open(&c, &as, VA, 1), 0);
	cursor_map(&c, p, RW);
	cursor_close(&c);
}

/* Every reader has begun and ended a read since. */
static void wait_for_reads(void)
{
	for (unsigned i = 0; i < nreaders; i++) {
		uint64_t from = __atomic_load_n(&readers[i].reads, __ATOMIC_SEQ_CST);

		while (__atomic_load_n(&readers[i].reads, __ATOMIC_SEQ_CST) < from + 2)
			cpu_relax();
	}
}

/* How many readers see v. */
static unsigned seeing(uint64_t v)
{
	unsigned n = 0;

	wait_for_reads();
	for (unsigned i = 0; i < nreaders; i++)
		n += READ_ONCE(readers[i].value) == v;
	return n;
}

static bool begin(void)
{
	if (arch_ncpus == 1) {
		ktest_skip("one CPU");
		return false;
	}
	EXPECT_EQ(aspace_init(&as), 0);
	gather_init(&g, &as);
	stop = asleep = false;
	map(1);
	thread_set_aspace(&as);
	nreaders = MIN(arch_ncpus - 1, READERS);
	memset(readers, 0, sizeof(readers));
	for (unsigned i = 0; i < nreaders; i++) {
		struct cpumask m = cpumask_of(i + 1);
		struct reader *r = &readers[i];

		crew_start(&crew, &r->m, &m, reader_main, r);
	}
	EXPECT_EQ(seeing(1), nreaders);
	return true;
}

static void wake_readers(void)
{
	uint64_t flags = waitq_lock(&bed);

	__atomic_store_n(&asleep, false, __ATOMIC_SEQ_CST);
	waitq_wake_all(&bed);
	waitq_unlock(&bed, flags);
}

static void end(void)
{
	__atomic_store_n(&stop, true, __ATOMIC_SEQ_CST);
	wake_readers();
	crew_wait(&crew);
	pt_zap(&as, 0, VA + GIANT_SIZE, &g);
	gather_finish(&g);
	thread_set_aspace(NULL);
	aspace_destroy(&as);
	grace_wait();
}

/* A flush of g asks as many CPUs as that. */
static void flush_asking(unsigned cpus)
{
	uint64_t sent = tlb_stat_sum(TLB_IPI_SENT), got = tlb_stat_sum(TLB_REMOTE_RECEIVED);

	gather_flush(&g);
	EXPECT_EQ(tlb_stat_sum(TLB_IPI_SENT) - sent, cpus);
	EXPECT_EQ(tlb_stat_sum(TLB_REMOTE_RECEIVED) - got, cpus);
}

static void take_away(void)
{
	struct cursor c;
	bool full;

	EXPECT_EQ(cursor_open(&c, &as, VA, 1), 0);
	cursor_clear(&c, &g, &full);
	cursor_close(&c);
}

static void put_other(uint64_t n)
{
	struct page *p = page_alloc(0, PAGE_ANON, ALLOC_ZERO);
	struct cursor c;

	*(uint64_t *)page_to_virt(p) = n;
	EXPECT_EQ(cursor_open(&c, &as, VA, 1), 0);
	cursor_replace(&c, p, RW, &g);
	cursor_close(&c);
}

KTEST(shootdown, unmapped)
{
	unsigned stale = 0;

	if (!begin())
		return;
	for (unsigned i = 1; i <= ROUNDS; i++) {
		take_away();
		stale += seeing(i);
		flush_asking(nreaders);
		EXPECT_EQ(seeing(0), nreaders);
		map(i + 1);
		EXPECT_EQ(seeing(i + 1), nreaders);
	}
	ktest_note("before the flush %u of %u reads found the page", stale, ROUNDS * nreaders);
	EXPECT(stale > 0);		/* else the test shows nothing */
	end();
}

KTEST(shootdown, replaced)
{
	unsigned stale = 0;

	if (!begin())
		return;
	for (unsigned i = 1; i <= ROUNDS; i++) {
		put_other(i + 1);
		stale += seeing(i);
		flush_asking(nreaders);
		EXPECT_EQ(seeing(i + 1), nreaders);
	}
	ktest_note("before the flush %u of %u reads found the old page", stale, ROUNDS * nreaders);
	EXPECT(stale > 0);
	end();
}

/* With the last page its tables go; another comes in by new ones. */
KTEST(shootdown, table)
{
	if (!begin())
		return;
	for (unsigned i = 1; i <= ROUNDS; i++) {
		pt_zap(&as, VA, VA + PAGE_SIZE, &g);
		EXPECT(g.dead_tables);
		flush_asking(nreaders);
		EXPECT_EQ(seeing(0), nreaders);
		map(i + 1);
		EXPECT_EQ(seeing(i + 1), nreaders);
	}
	end();
}

/* Who finds the entry gone does not come back before the others have forgotten it. */
KTEST(shootdown, somebody_elses_change)
{
	struct gather other;

	if (!begin())
		return;
	for (unsigned i = 1; i <= ROUNDS; i++) {
		take_away();
		gather_init(&other, &as);
		gather_finish(&other);		/* has noted nothing itself */
		EXPECT_EQ(seeing(0), nreaders);
		flush_asking(nreaders);
		map(i + 1);
		EXPECT_EQ(seeing(i + 1), nreaders);
	}
	end();
}

static void wait_until_idle(void)
{
	for (unsigned i = 0; i < nreaders; i++)
		while (!READ_ONCE(arch_cpus[i + 1]->lazy) ||
		       READ_ONCE(arch_cpus[i + 1]->current) != arch_cpus[i + 1]->idle)
			sched_yield();
}

KTEST(shootdown, lazy_cpus_look_later)
{
	uint64_t skipped;

	if (!begin())
		return;
	for (unsigned i = 1; i <= ROUNDS; i++) {
		__atomic_store_n(&asleep, true, __ATOMIC_SEQ_CST);
		wait_until_idle();
		skipped = tlb_stat_sum(TLB_LAZY_SKIPPED);
		put_other(i + 1);
		flush_asking(0);
		EXPECT_EQ(tlb_stat_sum(TLB_LAZY_SKIPPED) - skipped, nreaders);
		wake_readers();
		EXPECT_EQ(seeing(i + 1), nreaders);
	}
	end();
}

/* If tables go, idle CPUs leave the address space: they may walk it on their own. */
KTEST(shootdown, lazy_cpus_leave_tables)
{
	if (!begin())
		return;
	__atomic_store_n(&asleep, true, __ATOMIC_SEQ_CST);
	wait_until_idle();
	pt_zap(&as, VA, VA + PAGE_SIZE, &g);
	flush_asking(nreaders);
	for (unsigned i = 0; i < nreaders; i++)
		EXPECT(READ_ONCE(arch_cpus[i + 1]->aspace) == &kernel_aspace);
	map(2);
	wake_readers();
	EXPECT_EQ(seeing(2), nreaders);
	end();
}
