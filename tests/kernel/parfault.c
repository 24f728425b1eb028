/*
 * Faults of one address space on all CPUs at once: a thread on each other CPU
 * reads and writes pages, while the boot CPU maps, unmaps, protects, splits,
 * joins, moves and forks. A page has a version, odd while something is done to
 * it: an access that begins and ends in one version must have gone as the call
 * before it said, and found what this CPU wrote there before. So a fault that
 * used a VMA after munmap or mprotect of it had returned would be found.
 */
#include <kernel/core/grace.h>
#include <tests/kernel/racers.h>

#define ANON	(MAP_PRIVATE | MAP_ANONYMOUS)
#define PAGES	24u
#define FAR	1024u			/* where mremap takes a page to, from where it was */
#define ROUNDS	1500u

/* Of a page: version, and in it what the last call made of it. */
struct place {
	uint64_t version;		/* atomic */
	int prot;			/* -1: not mapped */
	uint64_t life;			/* the mapping: another one, other content */
};

/* What a racer knows. */
struct view {
	uint64_t life[PAGES], word[PAGES]; /* what it wrote, and in which life */
	uint64_t judged;
	const char *why;		/* something was wrong */
};

static struct place places[PAGES];
static struct view views[RACERS];
static uint64_t seed;

static void fail(struct racer *r, const char *why)
{
	r->wrong++;
	views[r->id].why = why;
}

/* One access, and what is to be said of it if nothing was done to the page meanwhile. */
static void access(struct racer *r, unsigned page, bool write)
{
	struct view *w = &views[r->id];
	uint64_t __user *at = racer_word(r, page);
	uint64_t before = __atomic_load_n(&places[page].version, __ATOMIC_SEQ_CST);
	uint64_t life = READ_ONCE(places[page].life), got = 0, put = r->steps + 1;
	int prot = READ_ONCE(places[page].prot);
	bool ok = write ? put_user_u64(put, at) == 0 : get_user_u64(&got, at) == 0;

	if (write && ok) {
		/* Whichever life it went to: it is known only if the version stayed. */
		w->word[page] = put;
		w->life[page] = ~0ul;
	}
	if (before & 1 || __atomic_load_n(&places[page].version, __ATOMIC_SEQ_CST) != before)
		return;
	w->judged++;
	if (ok != (prot >= 0 && prot & (write ? PROT_WRITE : PROT_READ)))
		fail(r, ok ? "an access went where it may not" : "an access was refused");
	else if (write && ok)
		w->life[page] = life;
	else if (ok && w->life[page] == life && got != w->word[page])
		fail(r, "what was written is not there");
	else if (ok && w->life[page] != life && w->life[page] != ~0ul && got)
		fail(r, "a new mapping holds something");
}

static void step(struct racer *r)
{
	access(r, random_next(&r->seed) % PAGES, random_next(&r->seed) % 2);
}

static void begin(void)
{
	seed = 1;
	mt_begin();
	memset(views, 0, sizeof(views));
	for (unsigned i = 0; i < PAGES; i++)
		places[i] = (struct place){ .prot = -1, .life = 1 };
	racers_start(step, 1);
}

static void end(void)
{
	uint64_t judged = 0;

	racers_stop();
	for (unsigned i = 0; i < nracers; i++) {
		judged += views[i].judged;
		if (racers[i].wrong)
			ktest_fail(__FILE__, __LINE__, "CPU %u: %lu times: %s", i + 1,
				   racers[i].wrong, views[i].why);
	}
	EXPECT(judged > nracers * 100);
	mt_end();
	grace_wait();
}

static void changing(unsigned from, unsigned n)
{
	for (unsigned i = from; i < from + n; i++)
		__atomic_fetch_add(&places[i].version, 1, __ATOMIC_SEQ_CST);
}

static void changed(unsigned from, unsigned n, int prot, bool new_life)
{
	for (unsigned i = from; i < from + n; i++) {
		places[i].prot = prot;
		places[i].life += new_life;
		__atomic_fetch_add(&places[i].version, 1, __ATOMIC_SEQ_CST);
	}
}

/* To another place and back: by entries, since it is less than a table. */
static void move_there_and_back(unsigned from, unsigned n)
{
	vaddr_t far = mt_va(from + FAR);

	EXPECT_EQ(mm_mremap(mt_mm, mt_va(from), n * PAGE_SIZE, n * PAGE_SIZE,
			    MREMAP_MAYMOVE | MREMAP_FIXED, far), (long)far);
	EXPECT_EQ(mm_mremap(mt_mm, far, n * PAGE_SIZE, n * PAGE_SIZE,
			    MREMAP_MAYMOVE | MREMAP_FIXED, mt_va(from)), (long)mt_va(from));
}

static bool all_mapped_alike(unsigned from, unsigned n)
{
	for (unsigned i = from; i < from + n; i++)
		if (places[i].prot < 0 || places[i].prot != places[from].prot)
			return false;
	return true;
}

static void fork_and_forget(void)
{
	struct mm *child = mm_fork(mt_mm);

	EXPECT(child);
	mm_put(child);
}

static void one_call(void)
{
	static const int prots[] = { PROT_READ, RW, RW, PROT_NONE };
	unsigned n = 1 + random_next(&seed) % 6, from = random_next(&seed) % (PAGES - n + 1);
	int prot = prots[random_next(&seed) % 4];

	switch (random_next(&seed) % 8) {
	case 0 ... 2:
		changing(from, n);
		EXPECT(mt_map(from, n, prot, ANON, NULL, 0));
		changed(from, n, prot, true);
		break;
	case 3:
		changing(from, n);
		EXPECT_EQ(mm_munmap(mt_mm, mt_va(from), n * PAGE_SIZE), 0);
		changed(from, n, -1, true);
		break;
	case 4 ... 5:
		if (!all_mapped_alike(from, n))
			break;
		changing(from, n);
		EXPECT_EQ(mm_mprotect(mt_mm, mt_va(from), n * PAGE_SIZE, prot), 0);
		changed(from, n, prot, false);
		break;
	case 6:
		if (!all_mapped_alike(from, n))
			break;
		changing(from, n);
		prot = places[from].prot;
		move_there_and_back(from, n);
		changed(from, n, prot, false);
		break;
	default:			/* nothing may change for those who go on */
		fork_and_forget();
	}
}

KTEST(parfault, beside_a_writer)
{
	struct mm_figures f;
	uint64_t before = vm_event_sum(PGFAULT) - vm_event_sum(PGMAJFAULT);

	if (arch_ncpus == 1) {
		ktest_skip("one CPU");
		return;
	}
	begin();
	for (unsigned i = 0; i < ROUNDS; i++) {
		one_call();
		if (i % 8 == 0)
			racers_go_on(5);
		resched_point();
	}
	racers_stop();
	mm_figures(mt_mm, &f);		/* every fault is counted, whatever became of its VMA */
	EXPECT_EQ(f.minflt, vm_event_sum(PGFAULT) - vm_event_sum(PGMAJFAULT) - before);
	end();
}

/* Pages of one VMA, each CPU its own: no fault needs mm.lock, and none is lost. */
KTEST(parfault, no_lock_of_the_whole)
{
	uint64_t missed;

	if (arch_ncpus == 1) {
		ktest_skip("one CPU");
		return;
	}
	begin();
	changing(0, PAGES);
	EXPECT(mt_map(0, PAGES, RW, ANON, NULL, 0));
	changed(0, PAGES, RW, true);
	missed = vm_event_sum(VMA_LOCK_MISS);
	for (unsigned i = 0; i < 200; i++) {
		changing(0, PAGES);
		EXPECT_EQ(mm_madvise(mt_mm, MT_BASE, PAGES * PAGE_SIZE, MADV_DONTNEED), 0);
		changed(0, PAGES, RW, true);
		racers_go_on(5);
	}
	EXPECT_EQ(vm_event_sum(VMA_LOCK_MISS), missed);
	end();
}
