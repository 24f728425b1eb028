// sources: tests/host/fake.c tests/host/fake_ram.c tests/host/fake_tlb.c tests/host/fake_core.c lib/lock.c
// sources: mm/alloc/early.c mm/alloc/rangeset.c mm/alloc/buddy.c mm/alloc/pageblock.c mm/alloc/percpu.c mm/alloc/page.c mm/alloc/hugepool.c mm/alloc/limit.c mm/alloc/lists.c mm/alloc/slots.c mm/alloc/slot_kept.c mm/alloc/slot_area.c mm/alloc/zpool.c
// sources: mm/alloc/junk.c mm/alloc/stat.c mm/alloc/block.c mm/alloc/verify.c mm/pt/aspace.c mm/pt/verify.c mm/pt/share.c
// sources: mm/pt/fork.c mm/pt/family.c mm/pt/lock.c mm/pt/huge.c mm/pt/huge_zero.c
/*
 * Several CPUs (real threads of the host) on one address space that nobody
 * has loaded: each maps, changes and zaps pages of its own, side by side in
 * the same tables, so that tables are made by one CPU and found empty, locked
 * or dead by another at every step. Grace periods end when all have come to
 * the same point. Each CPU's pages must be as it left them; at the end
 * everything is recounted.
 *
 * The code under test is compiled into this file, with a rest now and then
 * after a lock is given up and before one is taken: where others get in.
 */
#include <pthread.h>
#include <tests/host/pt_machine.h>
#include <string.h>
#include <time.h>

static __thread uint64_t rests;

static void rest(void)
{
	rests = rests * 6364136223846793005ul + 1442695040888963407ul;
	if (rests >> 58 == 0)
		nanosleep(&(struct timespec){ .tv_nsec = 1 }, NULL);
}

static void rest_then_lock(struct spinlock *l)
{
	rest();
	spin_lock(l);
}

static void unlock_then_rest(struct spinlock *l)
{
	spin_unlock(l);
	rest();
}

#define sched_yield	quire_sched_yield	/* not the C library's */
#define spin_lock	rest_then_lock
#define spin_unlock	unlock_then_rest
#include <mm/pt/cursor.c>
#include <mm/pt/table.c>
#include <mm/pt/gather.c>
#include <mm/pt/range.c>

void quire_sched_yield(void)
{
}

#define CPUS		4
#define PLACES		6		/* of each CPU: few, so that tables are often empty */
#define ROUNDS		400
#define STEPS		150		/* between two grace periods */

static struct aspace as;
static pthread_barrier_t all_here;
static unsigned bad;			/* atomic */

struct racer {
	unsigned cpu;
	uint64_t seed;
	struct page *page[PLACES];
};

static uint64_t below(struct racer *r, uint64_t n)
{
	r->seed ^= r->seed << 13;
	r->seed ^= r->seed >> 7;
	r->seed ^= r->seed << 17;
	return (r->seed >> 11) % n;
}

/* Neighbours are of different CPUs; a third of the places each in one PT, one PD, one PDPT. */
static vaddr_t place(const struct racer *r, unsigned i)
{
	unsigned level = 1 + i % 3;

	return (1ul << 39) + level * (1ul << 40) + (i / 3 * CPUS + r->cpu) * LEVEL_SIZE(level);
}

static void expect(bool ok)
{
	if (!ok)
		__atomic_fetch_add(&bad, 1, __ATOMIC_RELAXED);
}

static void race_map(struct racer *r, unsigned i)
{
	struct page *p = page_alloc(0, PAGE_ANON, 0);
	struct cursor c;

	if (cursor_open(&c, &as, place(r, i), 1)) {
		page_free(p, 0);
		return;
	}
	expect(pte_is_none(cursor_get(&c)) == !r->page[i]);
	if (!r->page[i]) {
		cursor_map(&c, p, RWU);
		r->page[i] = p;
		p = NULL;
	}
	cursor_close(&c);
	if (p)
		page_free(p, 0);
}

static void race_zap(struct racer *r, unsigned i)
{
	struct gather g;

	gather_init(&g, &as);
	pt_zap(&as, place(r, i), place(r, i) + PAGE_SIZE, &g);
	gather_finish(&g);
	r->page[i] = NULL;
}

static void race_look(struct racer *r, unsigned i)
{
	struct cursor c;

	cursor_find(&c, &as, place(r, i), 1);
	if (c.level > 1)
		expect(!r->page[i]);
	else
		expect(r->page[i] ? pte_pfn(cursor_get(&c)).v == page_to_pfn(r->page[i]).v :
				    pte_is_none(cursor_get(&c)));
	cursor_close(&c);
}

static void *race(void *arg)
{
	struct racer *r = arg;

	fake_on_cpu(r->cpu);
	rests = r->seed;
	for (unsigned n = 0; n < ROUNDS; n++) {
		for (unsigned k = 0; k < STEPS; k++) {
			unsigned i = (unsigned)below(r, PLACES);

			switch (below(r, 6)) {
			case 0 ... 1:	race_map(r, i); break;
			case 2 ... 4:	race_zap(r, i); break;
			default:	race_look(r, i);
			}
		}
		pthread_barrier_wait(&all_here);
		if (r->cpu == 0) {
			const char *why = pt_verify(&as);

			if (why)
				printf("# %s\n", why);
			expect(!why);
			fake_grace_run();
		}
		pthread_barrier_wait(&all_here);
	}
	return NULL;
}

static void race_on_tables(unsigned levels)
{
	static struct racer racer[CPUS];
	pthread_t thread[CPUS];

	machine(levels, CPUS, 64 << 20);
	aspace_start(&as);
	memset(racer, 0, sizeof(racer));
	pthread_barrier_init(&all_here, NULL, CPUS);
	for (unsigned i = 0; i < CPUS; i++) {
		racer[i].cpu = i;
		racer[i].seed = tap_random();
		pthread_create(&thread[i], NULL, race, &racer[i]);
	}
	for (unsigned i = 0; i < CPUS; i++)
		pthread_join(thread[i], NULL);
	CHECK_EQ(bad, 0);
	aspace_end(&as);
	machine_end();
}
BOTH(race_on_tables)

int main(void)
{
	TAP_RUN(race_on_tables_4_levels);
	TAP_RUN(race_on_tables_5_levels);
	return tap_done();
}
