/*
 * Small pages of shared memory become huge ones: what they hold stays, whoever maps them finds the block, and where somebody
 * has one of them nothing changes. (Beside accesses of other CPUs: shmem_race.c.)
 */
#include <mm/alloc/busy.h>
#include <tests/kernel/crew.h>
#include <tests/kernel/shmemtest.h>
#include <tests/kernel/swapdisk.h>

#define TWIN		(5 * N)

static bool is_block(struct object *o)
{
	return object_look_at(o, 0).block;
}

/* An object of small pages, of which every step-th is there, no two in a row; mapped at AT and at TWIN. */
static struct object *some_pages(unsigned step)
{
	struct object *o = sh_map(AT, N);

	EXPECT(mt_map(TWIN, N, RW, MAP_SHARED, o, 0));
	for (unsigned i = N; i > 0; i -= step)
		EXPECT_EQ(mt_write(AT + i - step, 1000 + i - step), 0);
	for (unsigned i = 0; i < N; i += 3 * step)
		EXPECT_EQ(mt_read(TWIN + i), 1000 + i);
	EXPECT(!is_block(o) && !is_huge(AT));
	return o;
}

static bool holds(unsigned page, unsigned step)
{
	for (unsigned i = 0; i < N; i++)
		if (mt_read(page + i) != (i % step ? 0 : 1000 + i))
			return false;
	return true;
}

KTEST(shmem_collapse, pages_and_holes)
{
	sh_begin(SHMEM_NEVER);
	for (unsigned step = 1; step <= N && !ktest_failed(); step *= 8) {
		struct object *o = some_pages(step);
		uint64_t blocks = vm_event_sum(THP_COLLAPSE_ALLOC);

		EXPECT_EQ(collapse(AT), 0);
		EXPECT(is_block(o) && is_huge(AT) && !is_huge(TWIN) && mt_kind(TWIN) == PTE_NONE);
		EXPECT_EQ(vm_event_sum(THP_COLLAPSE_ALLOC), blocks + 1);
		EXPECT(holds(AT, step) && holds(TWIN, step));
		EXPECT(is_huge(TWIN) && o->npages == N && ft_sound());
		EXPECT_EQ(collapse(AT), 0);
		EXPECT_EQ(vm_event_sum(THP_COLLAPSE_ALLOC), blocks + 1);
		EXPECT_EQ(mm_munmap(mt_mm, mt_va(AT), HUGE_SIZE), 0);
		EXPECT_EQ(mm_munmap(mt_mm, mt_va(TWIN), HUGE_SIZE), 0);
		object_put(o);
	}
	sh_end();
}

/* What is a block, and mapped by 4 KB, is mapped by a leaf again; nothing is copied. */
KTEST(shmem_collapse, block_of_small_entries)
{
	struct page *head;
	struct object *o;

	sh_begin(SHMEM_ALWAYS);
	o = sh_fill(AT);
	head = sh_head(AT);
	EXPECT_EQ(mm_mprotect(mt_mm, mt_va(AT + 5), PAGE_SIZE, PROT_READ), 0);
	EXPECT_EQ(collapse(AT), -EINVAL);
	EXPECT_EQ(mm_mprotect(mt_mm, mt_va(AT + 5), PAGE_SIZE, RW), 0);
	EXPECT(!is_huge(AT));
	EXPECT_EQ(collapse(AT), 0);
	EXPECT(is_huge(AT) && sh_head(AT) == head && huge_holds(AT, 0, N));
	object_put(o);
	sh_end();
}

/* Locked memory is locked again at once, where it is asked for; elsewhere with the next fault. */
KTEST(shmem_collapse, locked)
{
	struct object *o;

	sh_begin(SHMEM_NEVER);
	o = some_pages(2);
	EXPECT_EQ(mm_mlock(mt_mm, mt_va(AT), HUGE_SIZE, true), 0);
	EXPECT_EQ(mm_mlock(mt_mm, mt_va(TWIN), HUGE_SIZE, true), 0);
	EXPECT_EQ(mt_page(AT)->nlocked, 2);
	EXPECT_EQ(collapse(AT), 0);
	EXPECT(is_huge(AT) && sh_head(AT)->nlocked == 1 && ft_sound());
	EXPECT(holds(TWIN, 2) && sh_head(AT)->nlocked == 2 && ft_sound());
	object_put(o);
	sh_end();
}

/* Copies of a private mapping are no pages of the object. */
KTEST(shmem_collapse, private_copies_stay)
{
	struct object *o;

	sh_begin(SHMEM_NEVER);
	o = some_pages(1);
	EXPECT(mt_map(TWIN, N, RW, MAP_PRIVATE, o, 0));
	EXPECT_EQ(mt_write(TWIN + 3, 7), 0);
	EXPECT_EQ(mt_read(TWIN + 4), 1004);
	EXPECT_EQ(collapse(TWIN), -EINVAL);
	EXPECT_EQ(collapse(AT), 0);
	EXPECT_EQ(mt_write(AT + 4, 8), 0);
	EXPECT(mt_read(TWIN + 3) == 7 && mt_read(TWIN + 4) == 8 && mt_read(TWIN + 5) == 1005);
	EXPECT(!is_huge(TWIN) && mt_read(AT + 3) == 1003);
	object_put(o);
	sh_end();
}

/* Nothing has changed: no page, no hole. */
static bool is_untouched(struct object *o, unsigned step, const struct page *first)
{
	struct object_run r = object_look_at(o, 0);
	struct page *p = object_cached(o, 0);

	EXPECT(p);
	page_put(p);
	return p == first && r.pages == N / step && !r.block && mt_read(AT) == 1000;
}

/* ---- refused ---- */

static struct crew crew = CREW_INIT(crew);
static bool held, enough;		/* atomic */

static void hold_mappings(void *arg)
{
	struct object *o = arg;

	write_lock(&o->maps_lock);
	__atomic_store_n(&held, true, __ATOMIC_SEQ_CST);
	while (!__atomic_load_n(&enough, __ATOMIC_SEQ_CST))
		sched_yield();
	write_unlock(&o->maps_lock);
}

/* That its mappings cannot be had is found out late, when the block's pages are in the index. */
KTEST(shmem_collapse, mappings_are_being_changed)
{
	static struct member m;
	struct page *first;
	struct object *o;

	sh_begin(SHMEM_NEVER);
	o = some_pages(4);
	first = mt_page(AT);
	held = enough = false;
	EXPECT(crew_start(&crew, &m, NULL, hold_mappings, o));
	while (!__atomic_load_n(&held, __ATOMIC_SEQ_CST))
		sched_yield();
	EXPECT_EQ(object_collapse(o, 0, page_alloc(ORDER_HUGE, PAGE_FILE, 0)), -EAGAIN);
	EXPECT(is_untouched(o, 4, first));
	__atomic_store_n(&enough, true, __ATOMIC_SEQ_CST);
	crew_wait(&crew);
	EXPECT(holds(AT, 4) && holds(TWIN, 4) && ft_sound());
	object_put(o);
	sh_end();
}

/* An entry that names p, and that the object's mappings do not lead to. */
static void map_astray(unsigned at, struct page *p)
{
	struct cursor c;

	EXPECT(mt_anon(at, 1, PROT_READ));
	EXPECT_EQ(cursor_open(&c, mm_aspace(mt_mm), mt_va(at), 1), 0);
	page_get(p);
	cursor_map(&c, p, PROT_R | PROT_U);
	cursor_close(&c);
}

/* All looks well then, until the mappings are empty. */
KTEST(shmem_collapse, entry_astray)
{
	struct page *first;
	struct object *o;

	sh_begin(SHMEM_NEVER);
	o = some_pages(4);
	first = mt_page(AT);
	map_astray(8 * N, mt_page(AT + 200));
	EXPECT_EQ(collapse(AT), -EAGAIN);
	EXPECT(is_untouched(o, 4, first));
	EXPECT_EQ(mm_munmap(mt_mm, mt_va(8 * N), PAGE_SIZE), 0);
	EXPECT(ft_sound());
	EXPECT_EQ(collapse(AT), 0);
	EXPECT(is_block(o) && holds(AT, 4) && holds(TWIN, 4));
	object_put(o);
	sh_end();
}

KTEST(shmem_collapse, somebody_has_a_page)
{
	struct page *first, *p;
	struct object *o;

	sh_begin(SHMEM_NEVER);
	o = some_pages(4);
	first = mt_page(AT);
	p = object_cached(o, 500);
	EXPECT_EQ(collapse(AT), -EAGAIN);
	EXPECT(is_untouched(o, 4, first));
	EXPECT(page_trylock(p));
	page_put(p);
	EXPECT_EQ(collapse(AT), -EAGAIN);
	page_unlock(p);
	EXPECT(is_untouched(o, 4, first));
	EXPECT(ft_sound());
	EXPECT_EQ(collapse(AT), 0);
	EXPECT(is_huge(AT) && holds(AT, 4));
	object_put(o);
	sh_end();
}

KTEST(shmem_collapse, refused)
{
	struct object_room room = { .max = 100 };
	struct object *o;

	sh_begin(SHMEM_NEVER);
	o = sh_map(AT, N);
	EXPECT_EQ(collapse(AT), -EINVAL);	/* nothing is there */
	EXPECT_EQ(mt_write(AT + 9, 9), 0);
	thp.shmem = SHMEM_DENY;
	EXPECT_EQ(collapse(AT), -EINVAL);
	thp.shmem = SHMEM_NEVER;
	o->room = &room;
	room.used = o->npages;
	EXPECT_EQ(collapse(AT), -EINVAL);	/* no room for what is not there */
	EXPECT(room.used == 1 && o->npages == 1);
	o->room = NULL;
	EXPECT_EQ(mm_madvise(mt_mm, mt_va(AT), HUGE_SIZE, MADV_NOHUGEPAGE), 0);
	EXPECT_EQ(collapse(AT), -EINVAL);
	EXPECT(mt_map(AT, N, RW, MAP_SHARED, o, 0));
	EXPECT_EQ(object_truncate(o, HUGE_SIZE - 1), 0);
	EXPECT_EQ(collapse(AT), 0);
	EXPECT_EQ(object_truncate(o, HUGE_SIZE - PAGE_SIZE), 0);
	EXPECT_EQ(collapse(AT), -EINVAL);	/* past the end */
	EXPECT(mt_map(AT + 1, N - 1, RW, MAP_SHARED, o, 0) && mt_map(TWIN, 2 * N, RW, MAP_SHARED, o, 1));
	EXPECT_EQ(mt_write(TWIN, 9), 0);
	EXPECT_EQ(collapse(TWIN), -EINVAL);	/* an odd place of the object */
	object_put(o);
	sh_end();
}

/* Every allocation fails once; then all is as it was. */
KTEST(shmem_collapse, no_memory)
{
	unsigned failed = 0;
	int err = -1;

	sh_begin(SHMEM_NEVER);
	for (unsigned nth = 1; err && nth < 100 && !ktest_failed(); nth++) {
		struct object *o = some_pages(128);
		const struct page *first = mt_page(AT);

		page_fail_objects = true;
		page_fail_nth = nth;
		err = collapse(AT);
		failed += err != 0;
		page_fail_nth = 0;
		page_fail_objects = false;
		EXPECT(err == 0 || (err == -ENOMEM && is_untouched(o, 128, first)));
		EXPECT(holds(AT, 128) && holds(TWIN, 128) && ft_sound());
		object_put(o);
	}
	EXPECT(err == 0 && failed >= 3);
	sh_end();
}

/* What is in swap comes back: on demand always, by khugepaged no more than it may. */
KTEST(shmem_collapse, swapped_out)
{
	struct page *page[32];
	struct object *o;

	begin(&fast_ops);
	sh_begin(SHMEM_NEVER);
	o = some_pages(1);
	for (unsigned i = 0; i < 96; i += 32) {
		for (unsigned k = 0; k < 32; k++)
			page[k] = object_cached(o, 7 + i + k);
		reclaim_pages(page, 32);
	}
	EXPECT(object_look_at(o, 0).swapped > 64);
	EXPECT_EQ(collapse(AT), 0);
	EXPECT(is_block(o) && is_huge(AT) && holds(AT, 1));
	EXPECT(!o->nswapped);
	object_put(o);
	sh_end();
	end();
}
