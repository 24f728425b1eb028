// sources: tests/host/fake.c tests/host/fake_ram.c tests/host/fake_tlb.c tests/host/fake_core.c lib/lock.c lib/lz4.c
// sources: mm/alloc/*.c mm/pt/[!k]*.c mm/obj/*.c mm/reclaim/[!k]*.c mm/vm/[!k]*.c
/*
 * A family of address spaces on the fake machine against a naive model: they
 * fork, end in any order, write, read, unmap, protect, give memory up, while
 * allocations fail now and then; reclaim takes pages, whoever shares them, to swap, or takes
 * those that were given up. The model holds for each space and page what
 * is mapped there, with which rights, and its first word: what one writes no
 * other may see, and what was given up may be zeros until it is written. A second CPU runs another member of the family, walks ahead,
 * and keeps all upper entries that it ever saw: after each call nothing that
 * any CPU keeps may be stale.
 */
#include <tests/host/mm_machine.h>
#include <mm/alloc/stat.h>
#include <mm/pt/table.h>
#include <mm/reclaim/reclaim.h>
#include <mm/reclaim/swap.h>
#include <mm/reclaim/swap_header.h>
#include <linux/mman.h>

#define PAGES		1300u		/* of three tables, the last one in another upper table */
#define BASE		(LEVEL_SIZE(3) - 2 * LEVEL_SIZE(2))
#define SPACES		11u
#define OPS		120000u
#define DISK_PAGES	16384u		/* of swap */

enum what { NOTHING, ANON, SHARED };

struct cell {				/* a page of shared memory */
	uint64_t word;
	unsigned refs;
};

struct record {
	enum what what;
	int prot;
	bool given_up;			/* by MADV_FREE, and not written since: zeros are right, too */
	uint64_t word;
	struct cell *cell;
};

struct space {
	struct mm *mm;			/* NULL: ended, or not born */
	struct record page[PAGES];
};

static struct space space[SPACES], *cur, *other;
static uint64_t unique, forks, shared_tables;

static vaddr_t va_of(unsigned page) { return BASE + page * PAGE_SIZE; }

static void forget(struct record *r)
{
	if (r->cell && --r->cell->refs == 0)
		free(r->cell);
	*r = (struct record){ 0 };
}

static uint64_t *model_word(struct record *r)
{
	return r->cell ? &r->cell->word : &r->word;
}

/* ---- who runs where ---- */

/* The second CPU runs s, or nobody. */
static void run_other(struct space *s)
{
	other = s;
	fake_on_cpu(1);
	aspace_load(s ? &s->mm->as : &kernel_aspace);
	fake_on_cpu(0);
}

static void run(struct space *s)
{
	if (s && s == other)
		run_other(NULL);
	cur = s;
	mm_load(s ? s->mm : NULL);
}

static struct space *random_space(bool alive)
{
	for (;;) {
		struct space *s = &space[tap_below(SPACES)];

		if ((s->mm != NULL) == alive)
			return s;
	}
}

static unsigned alive(void)
{
	unsigned n = 0;

	for (unsigned i = 0; i < SPACES; i++)
		n += space[i].mm != NULL;
	return n;
}

static void op_switch(void)
{
	struct space *s = random_space(true);

	run(random_space(true));
	run_other(s == cur ? NULL : s);
}

/* ---- the calls ---- */

static bool injected;

static void inject(void)
{
	injected = tap_below(10) == 0;
	page_fail_nth = injected ? 1 + tap_below(4) : 0;
}

static bool injection_over(long result, long failure)
{
	page_fail_nth = 0;
	return injected && result == failure;
}

static void count_shared(const struct mm *mm)
{
	struct cursor c;

	for (unsigned i = 0; i < PAGES; i += 100) {
		cursor_find(&c, &((struct mm *)mm)->as, va_of(i), 1);
		shared_tables += c.level == 1 && c.table->shared;
		cursor_close(&c);
	}
}

static void op_fork(void)
{
	struct space *s;
	struct mm *child;

	if (alive() == SPACES)
		return;
	s = random_space(false);
	inject();
	child = mm_fork(cur->mm);
	if (injection_over(!child, true))
		return;
	CHECK(child);
	s->mm = child;
	memcpy(s->page, cur->page, sizeof(s->page));
	for (unsigned i = 0; i < PAGES; i++)
		if (s->page[i].cell)
			s->page[i].cell->refs++;
	forks++;
	count_shared(child);
}

static void end_of(struct space *s)
{
	if (s == other)
		run_other(NULL);
	if (s == cur)
		run(NULL);
	mm_put(s->mm);
	s->mm = NULL;
	for (unsigned i = 0; i < PAGES; i++)
		forget(&s->page[i]);
}

static void op_exit(void)
{
	if (alive() == 1)
		return;
	end_of(random_space(true));
	if (!cur)
		run(random_space(true));
}

static enum fault_result expected(const struct record *r, unsigned access)
{
	int need = access == ACCESS_WRITE ? PROT_WRITE : PROT_READ | PROT_WRITE;

	if (r->what == NOTHING)
		return FAULT_SEGV_MAPERR;
	return r->prot & need ? FAULT_OK : FAULT_SEGV_ACCERR;
}

static void op_touch(unsigned page)
{
	struct record *r = &cur->page[page];
	unsigned access = tap_below(2) ? ACCESS_WRITE : ACCESS_READ;
	enum fault_result got;
	uint64_t *word = NULL;

	inject();
	got = touch(va_of(page), access, &word);
	if (injection_over(got, FAULT_OOM))
		return;
	CHECK_EQ(got, expected(r, access));
	if (got != FAULT_OK || !word)
		return;
	if (r->given_up && !*word)
		r->word = 0;
	CHECK_EQ(*word, *model_word(r));
	if (access == ACCESS_WRITE)
		*word = *model_word(r) = ++unique;
	r->given_up &= access != ACCESS_WRITE;
}

static void op_mmap(unsigned from, unsigned n)
{
	bool shared = tap_below(6) == 0;
	int prot = tap_below(4) ? PROT_READ | PROT_WRITE : PROT_READ;
	int flags = MAP_FIXED | MAP_ANONYMOUS | (shared ? MAP_SHARED : MAP_PRIVATE) |
		    (tap_below(2) ? MAP_POPULATE : 0);
	long at;

	inject();
	at = mm_mmap(cur->mm, va_of(from), n * PAGE_SIZE, prot, flags, NULL, 0);
	if (injection_over(at, -ENOMEM))
		return;
	CHECK_EQ(at, va_of(from));
	for (unsigned i = from; i < from + n; i++) {
		struct record *r = &cur->page[i];

		forget(r);
		r->what = shared ? SHARED : ANON;
		r->prot = prot;
		if (shared) {
			r->cell = calloc(1, sizeof(*r->cell));
			r->cell->refs = 1;
		}
	}
}

static void op_munmap(unsigned from, unsigned n)
{
	int err;

	inject();
	err = mm_munmap(cur->mm, va_of(from), n * PAGE_SIZE);
	if (injection_over(err, -ENOMEM))
		return;
	CHECK_EQ(err, 0);
	for (unsigned i = from; i < from + n; i++)
		forget(&cur->page[i]);
}

static bool all_mapped(unsigned from, unsigned n)
{
	for (unsigned i = from; i < from + n; i++)
		if (cur->page[i].what == NOTHING)
			return false;
	return true;
}

/* Pages that are one VMA: a failure has then changed all or nothing. */
static void op_mprotect(unsigned from, unsigned n)
{
	static const int prots[] = { PROT_NONE, PROT_READ, PROT_READ | PROT_WRITE };
	int prot = prots[tap_below(ARRAY_SIZE(prots))], err;

	if (!all_mapped(from, n))
		return;
	inject();
	for (unsigned i = from; i < from + n; i++) {
		err = mm_mprotect(cur->mm, va_of(i), PAGE_SIZE, prot);
		if (injection_over(err, -ENOMEM))
			return;
		CHECK_EQ(err, 0);
		cur->page[i].prot = prot;
	}
	page_fail_nth = 0;
}

static void op_protect_all(unsigned from, unsigned n)
{
	if (!all_mapped(from, n))
		return;
	CHECK_EQ(mm_mprotect(cur->mm, va_of(from), n * PAGE_SIZE, PROT_READ | PROT_WRITE), 0);
	for (unsigned i = from; i < from + n; i++)
		cur->page[i].prot = PROT_READ | PROT_WRITE;
}

static void op_dontneed(unsigned from, unsigned n)
{
	bool hole = !all_mapped(from, n);

	CHECK_EQ(mm_madvise(cur->mm, va_of(from), n * PAGE_SIZE, MADV_DONTNEED),
		 hole ? -ENOMEM : 0);
	for (unsigned i = from; i < from + n; i++)
		if (cur->page[i].what == ANON)
			cur->page[i].word = 0;
}

/* ---- reclaim ---- */

static char disk[DISK_PAGES][PAGE_SIZE];

static int disk_read(struct store *s, uint64_t first, struct page *const *pages, unsigned n)
{
	(void)s;
	for (unsigned i = 0; i < n; i++)
		memcpy(page_to_virt(pages[i]), disk[first + i], PAGE_SIZE);
	return 0;
}

static int disk_write(struct store *s, uint64_t first, struct page *const *pages, unsigned n)
{
	(void)s;
	for (unsigned i = 0; i < n; i++)
		memcpy(disk[first + i], page_to_virt(pages[i]), PAGE_SIZE);
	return 0;
}

static const struct store_ops disk_ops = { .read = disk_read, .write = disk_write, .memory = true };
static struct store store = { .ops = &disk_ops, .name = "test", .npages = DISK_PAGES };

static void start_swap(void)
{
	struct swap_header *h = (void *)disk[0];

	*h = (struct swap_header){ .version = SWAP_VERSION, .last_page = DISK_PAGES - 1 };
	memcpy(h->magic, SWAP_MAGIC, sizeof(h->magic));
	CHECK_EQ(swap_on(&store, 0), 0);
}

/* Whatever cur has there, and others, too, goes. */
static void op_reclaim(unsigned from, unsigned n)
{
	struct page *some[STORE_BATCH];
	unsigned k = 0, level;

	for (unsigned i = from; i < from + n && k < STORE_BATCH; i++) {
		pte_t e = pt_lookup(&cur->mm->as, va_of(i), &level);
		struct page *p = level == 1 ? entry_slot_page(e, 1) : NULL;

		if (!p)
			continue;
		page_get(p);
		some[k++] = p;
	}
	reclaim_pages(some, k);
}

static void op_give_up(unsigned from, unsigned n)
{
	for (unsigned i = from; i < from + n; i++) {
		struct record *r = &cur->page[i];

		CHECK_EQ(mm_madvise(cur->mm, va_of(i), PAGE_SIZE, MADV_FREE),
			 r->what == ANON ? 0 : r->what == SHARED ? -EINVAL : -ENOMEM);
		r->given_up = r->what == ANON;
	}
}

static void one_op(void)
{
	unsigned n = 1 + (unsigned)tap_below(tap_below(4) ? 10 : 600);
	unsigned from = (unsigned)tap_below(PAGES - n);

	switch (tap_below(170)) {
	case 0 ... 4:
		op_mmap(from, n);
		return;
	case 5:
		op_munmap(from, n);
		return;
	case 6 ... 7:
		op_mprotect(from, n % 8 + 1);
		return;
	case 8 ... 9:
		op_protect_all(from, n);
		return;
	case 10:
		op_dontneed(from, n);
		return;
	case 11 ... 18:
		op_fork();
		return;
	case 19 ... 23:
		op_exit();
		return;
	case 24 ... 40:
		op_switch();
		return;
	case 41:
		fake_grace_run();
		return;
	case 42 ... 53:
		op_reclaim(from, n);
		return;
	case 54 ... 57:
		op_give_up(from, MIN(n, 40u));
		return;
	case 58:
		mm_clear_refs(cur->mm, CLEAR_REFS_ALL);
		return;
	default:
		for (unsigned i = 0; i < 8 && cur->page[from].what == NOTHING; i++)
			from = (unsigned)tap_below(PAGES);
		op_touch(from);
	}
}

/* ---- the tests ---- */

static void begin(unsigned levels)
{
	static const vaddr_t places[] = {
		BASE, BASE + (100 << 12), BASE + (600 << 12), BASE + (1100 << 12),
		BASE + (1299 << 12),
	};

	mm_machine_cpus(levels, 2);
	fake_speculate_at(places, ARRAY_SIZE(places));
	start_swap();
	memset(&space, 0, sizeof(space));
	forks = shared_tables = 0;
	space[0].mm = mm_create();
	other = NULL;
	run(&space[0]);
}

static void end(void)
{
	run(NULL);
	for (unsigned i = 0; i < SPACES; i++)
		if (space[i].mm)
			end_of(&space[i]);
	CHECK_EQ(swap_off(&store), 0);
	mm_machine_end();
}

static void random_ops(unsigned levels)
{
	uint64_t in = vm_event_sum(PSWPIN), freed = vm_event_sum(PGLAZYFREED);

	begin(levels);
	for (unsigned i = 0; i < OPS && !tap_fails; i++) {
		one_op();
		check_tlb();
		if (i % 64 == 0)
			mm_check();
	}
	mm_check();
	in = vm_event_sum(PSWPIN) - in;
	freed = vm_event_sum(PGLAZYFREED) - freed;
	printf("# %lu forks, %lu looks at a child's table that is shared, %lu pages from swap, %lu given up\n",
	       forks, shared_tables, in, freed);
	CHECK(shared_tables > 1000 && in > 100 && freed > 100);
	end();
}
BOTH(random_ops)

/* Ten generations; then each member is asked for every word, and they end in a random order. */
static void chains(unsigned levels)
{
	for (unsigned round = 0; round < 30 && !tap_fails; round++) {
		begin(levels);
		op_mmap(0, PAGES - 1);
		for (unsigned i = 0; i < 5; i++)
			op_protect_all(0, PAGES - 1);
		for (unsigned i = 1; i < SPACES; i++) {
			for (unsigned k = 0; k < 200; k++)
				op_touch((unsigned)tap_below(PAGES));
			op_fork();
			if (space[i].mm)
				run(&space[i]);
			check_tlb();
		}
		for (unsigned i = 0; i < SPACES; i++) {
			if (!space[i].mm)
				continue;
			run(&space[i]);
			for (unsigned k = 0; k < 300; k++)
				op_touch((unsigned)tap_below(PAGES));
		}
		mm_check();
		while (alive() > 1) {
			op_exit();
			mm_check();
		}
		end();
	}
}
BOTH(chains)

int main(void)
{
	TAP_RUN(random_ops_4_levels);
	TAP_RUN(random_ops_5_levels);
	TAP_RUN(chains_4_levels);
	TAP_RUN(chains_5_levels);
	return tap_done();
}
