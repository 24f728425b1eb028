// sources: tests/host/fake.c tests/host/fake_ram.c tests/host/fake_tlb.c tests/host/fake_core.c lib/lock.c lib/lz4.c
// sources: mm/alloc/*.c mm/pt/[!k]*.c mm/obj/*.c mm/reclaim/[!k]*.c mm/vm/[!k]*.c
/*
 * All of mm on the fake machine against a naive model: two address spaces are
 * mapped, unmapped, protected, and touched through the fake CPU's TLB at
 * random. The model knows for each page what is mapped there, with which
 * rights, and what its first word holds; every access must give that word or
 * the right kind of fault. Allocations fail at random: a call that says so
 * must have changed nothing. mm_verify and the TLB are checked all along, and
 * at the end nothing is lost.
 */
#include <tests/host/mm_machine.h>
#include <mm/alloc/stat.h>
#include <linux/mman.h>

#define PAGES		1200u		/* 16 .. 1215: parts of three tables */
#define BASE		USER_MIN
#define SPACES		2u
#define OPS		150000u

/* ---- the model ---- */

enum what { NOTHING, ANON, PRIVATE_FILE, SHARED_FILE, SHARED_ANON };

struct shared {				/* content of one MAP_SHARED|MAP_ANONYMOUS object */
	uint64_t word[64];
	unsigned refs;
};

struct record {
	enum what what;
	int prot;
	bool promised;			/* private, and was writable at some time */
	uint64_t word;			/* private ones: what is there now */
	struct object *obj;
	uint64_t index;
	struct shared *shared;
};

struct space {
	struct mm *mm;
	struct record page[PAGES];
};

static struct space space[SPACES], *cur;
static uint64_t unique;

static vaddr_t va_of(unsigned page) { return BASE + page * PAGE_SIZE; }

static void forget(struct record *r)
{
	if (r->shared && --r->shared->refs == 0)
		free(r->shared);
	*r = (struct record){ 0 };
}

static bool past_end(const struct record *r)
{
	return r->obj && r->index >= FILE_PAGES;
}

static uint64_t *model_word(struct record *r)
{
	static uint64_t word;

	switch (r->what) {
	case SHARED_ANON:
		return &r->shared->word[r->index];
	case SHARED_FILE:
		word = file_word(r->obj, r->index);
		return &word;
	default:
		return &r->word;
	}
}

/* ---- one access by the program ---- */

static enum fault_result expected(const struct record *r, unsigned access)
{
	int need = access == ACCESS_WRITE ? PROT_WRITE : access == ACCESS_EXEC ? PROT_EXEC :
		   PROT_READ | PROT_WRITE | PROT_EXEC;

	if (r->what == NOTHING)
		return FAULT_SEGV_MAPERR;
	/* Data are brought in before their execution is refused. */
	if (!(r->prot & need) && (access != ACCESS_EXEC || !r->prot || !past_end(r)))
		return FAULT_SEGV_ACCERR;
	return past_end(r) ? FAULT_BUS : FAULT_OK;
}

/* ---- the calls ---- */

static bool injected;			/* an allocation is to fail during this call */

static void inject(void)
{
	injected = tap_below(12) == 0;
	page_fail_nth = injected ? 1 + tap_below(4) : 0;
}

static bool injection_over(long result, long failure)
{
	page_fail_nth = 0;
	return injected && result == failure;
}

static unsigned raced_page, raced_access;
static uint64_t races;

/*
 * While one thread's fault prepares, another one touches or gives up the same
 * page. Not where the first may have a cached page busy: it would wait.
 */
static void race(void)
{
	struct record *r = &cur->page[raced_page];
	unsigned access = tap_below(2) ? ACCESS_WRITE : ACCESS_READ;
	uint64_t *word = NULL;

	bool free = r->what == ANON || (r->what == PRIVATE_FILE && raced_access == ACCESS_WRITE);

	if (!free || tap_below(3))
		return;
	races++;
	if (tap_below(3) == 0) {
		CHECK_EQ(mm_madvise(cur->mm, va_of(raced_page), PAGE_SIZE, MADV_DONTNEED), 0);
		if (r->what == ANON || r->what == PRIVATE_FILE)
			r->word = r->what == ANON ? 0 : file_word(r->obj, r->index);
		return;
	}
	if (expected(r, access) != FAULT_OK || touch(va_of(raced_page), access, &word) != FAULT_OK)
		return;
	CHECK_EQ(*word, *model_word(r));
	if (access == ACCESS_WRITE)
		*word = *model_word(r) = ++unique;
}

static void op_touch(unsigned page)
{
	struct record *r = &cur->page[page];
	unsigned access = (unsigned)tap_below(3);
	enum fault_result want = expected(r, access), got;
	uint64_t *word = NULL;

	inject();
	fill_fails = tap_below(20) == 0;
	raced_page = page;
	raced_access = access;
	mm_between = race;
	got = touch(va_of(page), access, &word);
	mm_between = NULL;
	if (fill_fails && got == FAULT_BUS && r->obj && r->prot &&
	    (want == FAULT_OK || access == ACCESS_EXEC))
		got = want = FAULT_BUS;
	fill_fails = false;
	if (injection_over(got, FAULT_OOM))
		return;
	CHECK_EQ(got, want);
	if (got != FAULT_OK || !word)
		return;
	CHECK_EQ(*word, *model_word(r));
	if (tap_below(8) == 0)		/* another CPU was here first, or this one's TLB is old */
		CHECK_EQ(vm_fault(cur->mm, va_of(page), access | ACCESS_USER | ACCESS_PRESENT),
			 FAULT_OK);
	if (access == ACCESS_WRITE)
		*word = *model_word(r) = ++unique;
}

static int random_prot(void)
{
	static const int prots[] = {
		PROT_READ, PROT_READ, PROT_READ | PROT_WRITE, PROT_READ | PROT_WRITE,
		PROT_READ | PROT_WRITE, PROT_READ | PROT_WRITE, PROT_NONE, PROT_READ | PROT_EXEC,
		PROT_READ | PROT_WRITE | PROT_EXEC, PROT_WRITE, PROT_EXEC,
	};

	return prots[tap_below(ARRAY_SIZE(prots))];
}

static bool is_free(unsigned from, unsigned n)
{
	for (unsigned i = from; i < from + n; i++)
		if (cur->page[i].what != NOTHING)
			return false;
	return true;
}

/* The highest free place for n pages in the arena, or 0. */
static vaddr_t top_place(unsigned n)
{
	unsigned run = 0;

	for (unsigned i = PAGES; i-- > 0; ) {
		run = cur->page[i].what == NOTHING ? run + 1 : 0;
		if (run == n)
			return va_of(i);
	}
	return 0;
}

static void model_map(unsigned from, unsigned n, const struct record *kind)
{
	struct shared *s = kind->what == SHARED_ANON ? calloc(1, sizeof(*s)) : NULL;

	for (unsigned i = 0; i < n; i++) {
		struct record *r = &cur->page[from + i];

		forget(r);
		*r = *kind;
		r->index += i;
		r->promised = kind->prot & PROT_WRITE &&
			      (r->what == ANON || r->what == PRIVATE_FILE);
		r->shared = s;
		if (s)
			s->refs++;
		if (r->what == PRIVATE_FILE)
			r->word = file_word(r->obj, r->index);
	}
}

static void op_mmap(unsigned from, unsigned n)
{
	struct record kind = { .what = (enum what)(1 + tap_below(4)), .prot = random_prot() };
	int flags = tap_below(4) ? MAP_FIXED : tap_below(2) ? MAP_FIXED_NOREPLACE : 0;
	vaddr_t want = va_of(from);
	long at;

	if (kind.what == SHARED_FILE)
		kind.prot &= ~PROT_WRITE;
	if (kind.what == PRIVATE_FILE || kind.what == SHARED_FILE) {
		kind.obj = &file[tap_below(FILES)];
		kind.index = tap_below(FILE_PAGES);
	}
	if (flags == 0)
		want = top_place(n);
	else if (flags == MAP_FIXED_NOREPLACE && !is_free(from, n))
		want = -(vaddr_t)EEXIST;
	flags |= kind.what == ANON || kind.what == PRIVATE_FILE ? MAP_PRIVATE : MAP_SHARED;
	flags |= kind.obj ? 0 : MAP_ANONYMOUS;
	flags |= tap_below(8) ? 0 : MAP_POPULATE;
	inject();
	at = mm_mmap(cur->mm, flags & (MAP_FIXED | MAP_FIXED_NOREPLACE) ? va_of(from) : 0,
		     n * PAGE_SIZE, kind.prot, flags, kind.obj, kind.index);
	if (injection_over(at, -ENOMEM))
		return;
	if (!want) {			/* none here: above a third of the user's half */
		CHECK((vaddr_t)at >= USER_END_4 / 3);
		CHECK_EQ(mm_munmap(cur->mm, (vaddr_t)at, n * PAGE_SIZE), 0);
		return;
	}
	CHECK_EQ(at, want);
	if (at > 0)
		model_map((unsigned)((vaddr_t)at - BASE) / PAGE_SIZE, n, &kind);
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

static void op_mprotect(unsigned from, unsigned n)
{
	int prot = random_prot(), want = 0, err;
	unsigned i;

	for (i = from; i < from + n && !want; i++) {
		if (cur->page[i].what == NOTHING)
			want = -ENOMEM;
		else if (cur->page[i].what == SHARED_FILE && prot & PROT_WRITE)
			want = -EACCES;
	}
	err = mm_mprotect(cur->mm, va_of(from), n * PAGE_SIZE, prot);
	CHECK_EQ(err, want);
	for (i = from; i < from + n; i++) {
		struct record *r = &cur->page[i];

		if (r->what == NOTHING || (r->what == SHARED_FILE && prot & PROT_WRITE))
			break;
		r->prot = prot;
		if (prot & PROT_WRITE && (r->what == ANON || r->what == PRIVATE_FILE))
			r->promised = true;
	}
}

static void op_dontneed(unsigned from, unsigned n)
{
	int want = 0;

	for (unsigned i = from; i < from + n; i++) {
		struct record *r = &cur->page[i];

		if (r->what == NOTHING)
			want = -ENOMEM;
		else if (r->what == ANON)
			r->word = 0;
		else if (r->what == PRIVATE_FILE)
			r->word = file_word(r->obj, r->index);
	}
	CHECK_EQ(mm_madvise(cur->mm, va_of(from), n * PAGE_SIZE, MADV_DONTNEED), want);
}

/* read(2) of a file's page into memory that may be mapped from it. */
static void op_read(unsigned page)
{
	struct record *r = &cur->page[page];
	struct object *o = &file[tap_below(FILES)];
	uint64_t index = tap_below(FILE_PAGES + 2), got = 0;
	ssize_t n = object_read(o, index * PAGE_SIZE, (void __user *)va_of(page), 8);

	if (index >= FILE_PAGES) {
		CHECK_EQ(n, 0);
		return;
	}
	if (expected(r, ACCESS_WRITE) != FAULT_OK) {
		CHECK_EQ(n, -EFAULT);
		return;
	}
	CHECK_EQ(n, 8);
	*model_word(r) = file_word(o, index);
	CHECK_EQ(object_read_kernel(o, index * PAGE_SIZE, &got, sizeof(got)), 8);
	CHECK_EQ(got, file_word(o, index));
}

static void op_switch(void)
{
	cur = &space[tap_below(SPACES)];
	mm_load(cur->mm);
}

static void one_op(void)
{
	unsigned n = 1 + (unsigned)tap_below(tap_below(4) ? 6 : 60);
	unsigned from = (unsigned)tap_below(PAGES - n);

	switch (tap_below(120)) {
	case 0 ... 2:
		op_mmap(from, n);
		return;
	case 3 ... 4:
		op_munmap(from, n);
		return;
	case 5 ... 8:
		op_mprotect(from, n);
		return;
	case 9:
		op_dontneed(from, n);
		return;
	case 10:
		op_read(from);
		return;
	case 11:
		op_switch();
		return;
	case 12:
		objects_drop_clean();
		return;
	case 13:
		fake_grace_run();
		return;
	default:		/* mostly where something is */
		for (unsigned i = 0; i < 8 && cur->page[from].what == NOTHING; i++)
			from = (unsigned)tap_below(PAGES);
		op_touch(from);
	}
}

/* ---- a test ---- */

static bool same_vma(const struct record *r)	/* r and the one behind it */
{
	return r[0].what != NOTHING && r[0].what == r[1].what && r[0].prot == r[1].prot &&
	       r[0].promised == r[1].promised &&
	       r[0].shared == r[1].shared && r[0].obj == r[1].obj &&
	       (r[0].what == ANON || r[0].index + 1 == r[1].index);
}

static void check_vmas(const struct space *s)
{
	unsigned n = 0;

	for (unsigned i = 0; i < PAGES; i++)
		n += s->page[i].what != NOTHING && (i == 0 || !same_vma(&s->page[i - 1]));
	CHECK_EQ(s->mm->nvmas, n);
}

static void begin(unsigned levels)
{
	static const vaddr_t places[] = {
		BASE, BASE + (100 << 12), BASE + (700 << 12), BASE + (1199 << 12),
	};

	mm_machine(levels);
	fake_speculate_at(places, ARRAY_SIZE(places));
	memset(&space, 0, sizeof(space));
	for (unsigned i = 0; i < SPACES; i++)
		space[i].mm = mm_create();
	cur = &space[0];
	mm_load(cur->mm);
}

static void end(void)
{
	mm_load(NULL);
	for (unsigned i = 0; i < SPACES; i++) {
		mm_put(space[i].mm);
		for (unsigned k = 0; k < PAGES; k++)
			forget(&space[i].page[k]);
	}
	mm_machine_end();
}

static void random_ops(unsigned levels)
{
	begin(levels);
	for (unsigned i = 0; i < SPACES; i++)
		space[i].mm->mmap_top = va_of(PAGES);
	for (unsigned i = 0; i < OPS && !tap_fails; i++) {
		one_op();
		if (i % 50)
			continue;
		mm_check();
		for (unsigned k = 0; k < SPACES; k++)
			check_vmas(&space[k]);
	}
	end();
	CHECK(races > 100);
	for (unsigned i = 0; i <= FAULT_OOM; i++)	/* every case was met, again and again */
		CHECK(seen[i] > 50);
	/*
	 * mprotect itself gives W back to a page that is its own: nothing is left for
	 * PGREUSE; with one CPU no fault is in a writer's way; and swap, the last ones, is
	 * not enabled here.
	 */
	for (unsigned i = 0; i < PSWPIN; i++)
		CHECK(i == STACK_GROWN || i == PGREUSE || i == VMA_LOCK_WAIT || vm_event_sum(i) > 50);
}
BOTH(random_ops)

int main(void)
{
	TAP_RUN(random_ops_4_levels);
	TAP_RUN(random_ops_5_levels);
	return tap_done();
}
