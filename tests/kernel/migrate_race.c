/*
 * Pages get other frames while threads on the other CPUs read and write them, and the boot CPU forks,
 * protects, unmaps and moves the memory they lie in: no word that was written is lost.
 *
 * Each worker has a word of its own in each page, and counts it up; a round in which the page
 * could not be written (it is protected, or elsewhere) does not count.
 */
#include <tests/kernel/crew.h>
#include <tests/kernel/forktest.h>
#include <tests/kernel/program.h>	/* random_next */
#include <mm/reclaim/migrate.h>

#define PAGES		48u		/* of those, the first FIXED stay what and where they are */
#define FIXED		32u
#define WORKERS		7u
#define ROUNDS		1200u
#define FAR		4096u

struct worker {
	struct member m;
	uint64_t seed;
	unsigned id;
	uint64_t word[PAGES];		/* what it last wrote to its own words of the fixed pages */
	uint64_t writes, wrong;
};

static struct worker workers[WORKERS];
static unsigned nworkers;
static struct crew crew = CREW_INIT(crew);
static bool stop;			/* atomic */
static uint64_t seed;

static void step(struct worker *w)
{
	unsigned page = (unsigned)(random_next(&w->seed) % PAGES);
	uint64_t __user *at = UP(mt_va(page) + 8 * (1 + w->id));
	uint64_t got;

	if (page >= FIXED) {		/* whatever is there now */
		if (!get_user_u64(&got, at))
			w->writes += !put_user_u64(got + 1, at);
		return;
	}
	if (get_user_u64(&got, at) || got != w->word[page] || put_user_u64(got + 1, at)) {
		w->wrong++;
		return;
	}
	w->word[page]++;
	w->writes++;
}

static void worker_main(void *arg)
{
	struct worker *w = arg;

	thread_set_aspace(mm_aspace(mt_mm));
	while (!__atomic_load_n(&stop, __ATOMIC_SEQ_CST)) {
		step(w);
		resched_point();
	}
	thread_set_aspace(NULL);
}

static void workers_start(void)
{
	stop = false;
	nworkers = MIN(arch_ncpus - 1, WORKERS);
	for (unsigned i = 0; i < nworkers; i++) {
		struct cpumask cpu = cpumask_of(i + 1);
		struct worker *w = &workers[i];

		memset(w, 0, sizeof(*w));
		w->id = i;
		w->seed = 77 + i;
		EXPECT(crew_start(&crew, &w->m, &cpu, worker_main, w));
	}
}

static void workers_stop(void)
{
	__atomic_store_n(&stop, true, __ATOMIC_SEQ_CST);
	crew_wait(&crew);
}

/* Up to a batch of the pages that are there. Returns how many were moved. */
static unsigned move_some(void)
{
	struct page *from[MIGRATE_BATCH], *to[MIGRATE_BATCH];
	unsigned n = 0, moved, left;

	for (unsigned i = 0; i < 8; i++) {
		unsigned page = (unsigned)(random_next(&seed) % PAGES);
		struct cursor c;
		pte_t e;

		to[n] = page_alloc(0, PAGE_KERNEL, 0);
		EXPECT(to[n]);
		cursor_find(&c, mm_aspace(mt_mm), mt_va(page), 1);
		e = cursor_get(&c);
		from[n] = c.level == 1 && pte_kind(e, 1) == PTE_PRESENT ? pfn_to_page(pte_pfn(e)) : NULL;
		if (from[n])
			page_get(from[n]);
		cursor_close(&c);
		if (from[n])
			n++;
		else
			page_free(to[n], 0);
	}
	left = migrate_pages(from, to, n, &moved);
	while (left--)
		page_free(to[--n], 0);
	return moved;
}

static int protect(unsigned page, int prot)
{
	return mm_mprotect(mt_mm, mt_va(page), PAGE_SIZE, prot);
}

/* Something else, to pages from FIXED on, or to all by a fork. */
static void disturb(void)
{
	unsigned page = FIXED + (unsigned)(random_next(&seed) % (PAGES - FIXED));
	struct mm *child;

	switch (random_next(&seed) % 8) {
	case 0:
		child = mm_fork(mt_mm);
		EXPECT(child);
		move_some();
		mm_put(child);
		break;
	case 1:
		EXPECT_EQ(protect(page, PROT_READ), 0);
		move_some();
		EXPECT_EQ(protect(page, RW), 0);
		break;
	case 2:
		EXPECT_EQ(protect(page, PROT_NONE), 0);
		move_some();
		EXPECT_EQ(protect(page, RW), 0);
		break;
	case 3:
		EXPECT(mt_anon(page, 1, RW));
		break;
	case 4:
		EXPECT(mm_mremap(mt_mm, mt_va(page), PAGE_SIZE, PAGE_SIZE, MREMAP_MAYMOVE | MREMAP_FIXED,
				 mt_va(FAR + 1)) > 0);
		EXPECT(mm_mremap(mt_mm, mt_va(FAR + 1), PAGE_SIZE, PAGE_SIZE,
				 MREMAP_MAYMOVE | MREMAP_FIXED, mt_va(page)) > 0);
		break;
	default:
		break;
	}
}

static void race(bool shared)
{
	unsigned moved = 0;

	if (arch_ncpus == 1) {
		ktest_skip("one CPU");
		return;
	}
	seed = 12345 + shared;
	mt_begin();
	if (shared) {
		struct object *o = shm_create(PAGES * PAGE_SIZE);

		EXPECT(o && mt_map(0, PAGES, RW, MAP_SHARED | MAP_ANONYMOUS, o, 0));
		object_put(o);
	} else {
		EXPECT(mt_anon(0, PAGES, RW));
	}
	for (unsigned i = 0; i < PAGES; i++)
		EXPECT_EQ(mt_write(i, i), 0);
	workers_start();
	for (unsigned i = 0; i < ROUNDS; i++) {
		moved += move_some();
		disturb();
		resched_point();
	}
	workers_stop();
	for (unsigned i = 0; i < nworkers; i++) {
		EXPECT_EQ(workers[i].wrong, 0);
		EXPECT(workers[i].writes > 0);
		ktest_note("worker %u: %lu writes", i, workers[i].writes);
	}
	ktest_note("%u pages moved", moved);
	EXPECT(moved > ROUNDS);
	for (unsigned i = 0; i < FIXED; i++)
		EXPECT_EQ(mt_read(i), i);
	EXPECT(ft_sound());
	mt_end();
}

KTEST(migrate_race, anonymous)
{
	race(false);
}

KTEST(migrate_race, shared)
{
	race(true);
}
