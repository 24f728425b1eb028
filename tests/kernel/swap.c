/*
 * Swap: areas and their headers, pages out and in, who gets them back with W, what failing
 * devices do, read-ahead.
 */
#include <tests/kernel/crew.h>
#include <tests/kernel/swapdisk.h>
#include <mm/vm/fault.h>

/* ---- areas ---- */

static void refused(void)
{
	struct swap_header *h;

	h = make_header();
	h->magic[3] = '!';
	EXPECT_EQ(swap_on(&store, 0), -EINVAL);
	h = make_header();
	h->version = 2;
	EXPECT_EQ(swap_on(&store, 0), -EINVAL);
	h = make_header();
	h->last_page = 0;
	EXPECT_EQ(swap_on(&store, 0), -EINVAL);
	h->last_page = PAGES;
	EXPECT_EQ(swap_on(&store, 0), -EINVAL);
	h = make_header();
	h->nr_badpages = SWAP_BAD_MAX + 1;
	EXPECT_EQ(swap_on(&store, 0), -EINVAL);
	h->nr_badpages = 1;
	h->badpages[0] = 0;
	EXPECT_EQ(swap_on(&store, 0), -EINVAL);
	h->badpages[0] = PAGES;
	EXPECT_EQ(swap_on(&store, 0), -EINVAL);
	h->last_page = 2;
	h->nr_badpages = 2;
	h->badpages[0] = 1;
	h->badpages[1] = 2;
	EXPECT_EQ(swap_on(&store, 0), -EINVAL);
	fail_reads = true;
	make_header();
	EXPECT_EQ(swap_on(&store, 0), -EIO);
	fail_reads = false;
	EXPECT_EQ(swap_off(&store), -EINVAL);
}

KTEST(swap, headers)
{
	uint64_t free;
	struct look l = { .name = "test" };
	struct swap_header *h;

	begin(&fast_ops);
	EXPECT_EQ(swap_on(&store, 0), -EBUSY);
	EXPECT_EQ(used(), 0);
	EXPECT_EQ(swap_off(&store), 0);
	free = page_free_count();
	refused();
	EXPECT_EQ(page_free_count(), free);
	h = make_header();
	h->nr_badpages = 2;
	h->badpages[0] = 1;
	h->badpages[1] = PAGES - 1;
	EXPECT_EQ(swap_on(&store, -1), 0);
	EXPECT_EQ(swap_for_each(look_for, &l), 1);
	EXPECT_EQ(l.info.size, (PAGES - 3) * PAGE_SIZE);
	EXPECT(l.info.priority <= -2);
	end();
}

/* ---- out and in ---- */

KTEST(swap, out_and_in)
{
	uint64_t major;

	begin(&fast_ops);
	mt_begin();
	EXPECT(mt_anon(0, 8, RW));
	for (unsigned i = 0; i < 8; i++)
		EXPECT_EQ(mt_write(i, 1000 + i), 0);
	for (unsigned i = 0; i < 8; i++)
		EXPECT(out(i) && mt_kind(i) == PTE_SWAP);
	EXPECT_EQ(used(), 8);
	EXPECT_EQ(mt_figures().swap, 8);
	EXPECT(sound());
	EXPECT_EQ(writes, 8);
	major = vm_event_sum(PGMAJFAULT);
	for (unsigned i = 0; i < 8; i++) {
		EXPECT_EQ(mt_read(i), 1000 + i);
		EXPECT(!pte_writable(mt_entry(i)) && mt_page(i)->flags & PG_SWAPCACHE);
	}
	EXPECT_EQ(reads, 8);
	EXPECT_EQ(vm_event_sum(PGMAJFAULT) - major, 8);
	EXPECT_EQ(used(), 8);
	EXPECT(sound());
	for (unsigned i = 0; i < 4; i++)		/* clean: not written again */
		EXPECT(out(i));
	EXPECT_EQ(writes, 8);
	for (unsigned i = 0; i < 8; i++) {		/* 4 major ones, 4 that find their page */
		EXPECT_EQ(mt_write(i, 2000 + i), 0);
		EXPECT(pte_writable(mt_entry(i)) && !(mt_page(i)->flags & PG_SWAPCACHE));
	}
	EXPECT_EQ(vm_event_sum(PGMAJFAULT) - major, 12);
	EXPECT_EQ(used(), 0);
	for (unsigned i = 0; i < 8; i++)
		EXPECT_EQ(mt_read(i), 2000 + i);
	for (unsigned i = 0; i < 8; i++)		/* what ends swapped, or in the cache, is given back */
		EXPECT(out(i));
	EXPECT_EQ(mt_read(3), 2003);
	mt_end();
	end();
}

/* Forked: both name the slots; one reads, one writes, one ends. */
KTEST(swap, shared_slots)
{
	struct mm *parent, *child;

	begin(&fast_ops);
	mt_begin();
	EXPECT(mt_anon(0, 64, RW));
	for (unsigned i = 0; i < 64; i++)
		EXPECT_EQ(mt_write(i, 100 + i), 0);
	for (unsigned i = 0; i < 32; i++)
		EXPECT(out(i));
	parent = mt_mm;
	child = mm_fork(parent);
	EXPECT(child);
	for (unsigned i = 32; i < 64; i++)		/* mapped twice by now */
		EXPECT(out(i));
	EXPECT_EQ(used(), 64);
	for (unsigned i = 0; i < 64; i += 2)
		EXPECT_EQ(mt_read(i), 100 + i);
	thread_set_aspace(mm_aspace(child));
	mt_mm = child;
	reads = 0;
	for (unsigned i = 0; i < 64; i += 4) {
		EXPECT_EQ(mt_write(i, 500 + i), 0);	/* the parent has it, too: a copy */
		EXPECT_EQ(mt_write(i + 1, 600 + i), 0);
	}
	for (unsigned i = 0; i < 64; i++)
		EXPECT_EQ(mt_read(i), i % 4 == 0 ? 500 + i : i % 4 == 1 ? 599 + i : 100 + i);
	EXPECT_EQ(reads, 32);
	thread_set_aspace(mm_aspace(parent));
	mt_mm = parent;
	for (unsigned i = 0; i < 64; i++)
		EXPECT_EQ(mt_read(i), 100 + i);
	mm_put(child);
	for (unsigned i = 0; i < 64; i++)
		EXPECT_EQ(mt_write(i, 7), 0);
	EXPECT_EQ(used(), 0);
	mt_end();
	end();
}

static int add_swap(const struct vma_info *v, const struct vma_usage *u, void *arg)
{
	struct vma_usage *sum = arg;

	(void)v;
	sum->swap += u->swap;
	sum->swap_pss += u->swap_pss;
	return 0;
}

/* Is what mm has in swap so many pages, of which `part` 12ths of a page are its own? */
static bool has_share(struct mm *mm, unsigned pages, unsigned part)
{
	struct vma_usage sum = { 0 };
	uint64_t want = part * (PAGE_SIZE << 12) / 12;

	EXPECT_EQ(mm_for_each_usage(mm, 0, add_swap, &sum), 0);
	return sum.swap == pages * PAGE_SIZE && sum.swap_pss <= want && want - sum.swap_pss < PAGE_SIZE;
}

/* Slots count in part for each who has them, by a table of his own or a shared one. */
KTEST(swap, shares_of_slots)
{
	struct mm *parent, *child, *grandchild;
	struct mem_usage u;

	begin(&fast_ops);
	mt_begin();
	EXPECT(mt_anon(0, 64, RW));
	for (unsigned i = 0; i < 64; i++)
		EXPECT(!mt_write(i, i) && out(i) && writeback == 1);
	EXPECT_EQ(swap_writeback, 0);
	parent = mt_mm;
	EXPECT(has_share(parent, 64, 64 * 12));
	child = mm_fork(parent);
	EXPECT(child && has_share(parent, 64, 64 * 6) && has_share(child, 64, 64 * 6));
	thread_set_aspace(mm_aspace(child));
	mt_mm = child;
	EXPECT_EQ(mt_write(0, 5), 0);			/* by a table of its own from now on */
	EXPECT(has_share(parent, 64, 63 * 6 + 12) && has_share(child, 63, 63 * 6));
	grandchild = mm_fork(child);
	EXPECT(grandchild && has_share(parent, 64, 63 * 4 + 12));
	EXPECT(has_share(child, 63, 63 * 4) && has_share(grandchild, 63, 63 * 4));
	mm_usage(&u);
	EXPECT_EQ(u.swapcache, 1);			/* page 0, the parent's */
	EXPECT_EQ(mt_read(1), 1);
	mm_usage(&u);
	EXPECT_EQ(u.swapcache, 2);
	mm_put(grandchild);
	thread_set_aspace(mm_aspace(parent));
	mt_mm = parent;
	mm_put(child);
	mt_end();
	end();
}

static bool is_shared(unsigned i)
{
	struct cursor c;
	bool shared;

	cursor_find(&c, mm_aspace(mt_mm), mt_va(i), 1);
	shared = c.level == 1 && c.table->shared;
	cursor_close(&c);
	return shared;
}

/* Reading leaves a table shared: the page comes in for all owners, without W and X. */
KTEST(swap, in_place)
{
	struct mm *parent, *child;
	uint64_t tables;

	begin(&fast_ops);
	mt_begin();
	EXPECT(mt_anon(0, 64, RW) && mt_anon(64, 8, RW | PROT_EXEC));
	for (unsigned i = 0; i < 72; i++)
		EXPECT(!mt_write(i, 100 + i) && out(i));
	parent = mt_mm;
	child = mm_fork(parent);
	EXPECT(child);
	tables = mt_figures().table_bytes;
	for (unsigned i = 0; i < 72; i += 2)
		EXPECT_EQ(mt_read(i), 100 + i);
	EXPECT_EQ(fault_bring_back(parent, mt_va(1)), FAULT_OK);	/* as swapoff does */
	EXPECT(is_shared(0) && mt_figures().table_bytes == tables);
	EXPECT_EQ(reads, 37);
	EXPECT(sound());
	thread_set_aspace(mm_aspace(child));
	mt_mm = child;
	for (unsigned i = 0; i < 72; i += 2) {
		EXPECT_EQ(mt_read(i), 100 + i);
		EXPECT(mt_kind(i) == PTE_PRESENT && !pte_writable(mt_entry(i)) && !pte_exec(mt_entry(i)));
	}
	EXPECT(is_shared(0) && reads == 37);
	EXPECT_EQ(vm_fault(child, mt_va(66), ACCESS_EXEC | ACCESS_PRESENT), FAULT_OK);
	EXPECT(!is_shared(0) && pte_exec(mt_entry(66)));
	EXPECT(!mt_write(2, 7) && !mt_write(3, 8));
	thread_set_aspace(mm_aspace(parent));
	mt_mm = parent;
	EXPECT(!pte_exec(mt_entry(66)));
	for (unsigned i = 0; i < 72; i++)
		EXPECT_EQ(mt_read(i), 100 + i);
	EXPECT(out(2) && out(4));			/* out of both tables */
	EXPECT(sound());
	EXPECT_EQ(mt_read(4), 104);
	mm_put(child);
	for (unsigned i = 0; i < 72; i++)
		EXPECT(!mt_write(i, 9) && mt_read(i) == 9);
	EXPECT_EQ(used(), 0);
	mt_end();
	end();
}

/* ---- failing devices ---- */

KTEST(swap, failing_reads)
{
	begin(&fast_ops);
	for (unsigned slow = 0; slow < 2; slow++) {
		store.ops = slow ? &slow_ops : &fast_ops;
		mt_begin();
		EXPECT(mt_anon(0, 2, RW));
		EXPECT(!mt_write(0, 1) && !mt_write(1, 2));
		EXPECT(out(0) && out(1));
		fail_reads = true;
		EXPECT_EQ(mt_read(0), ~0ul);
		EXPECT_EQ(vm_fault(mt_mm, mt_va(0), ACCESS_READ), FAULT_BUS);
		EXPECT_EQ(mt_kind(0), PTE_SWAP);
		fail_reads = false;
		EXPECT_EQ(mt_read(1), 2);
		EXPECT_EQ(mt_read(0), 1);		/* it was the device's mood: nothing is lost */
		mt_end();
	}
	end();
}

KTEST(swap, failing_writes)
{
	struct look before = { .name = "test" }, after = { .name = "test" };
	swp_t s;

	begin(&fast_ops);
	mt_begin();
	EXPECT(mt_anon(0, 1, RW));
	EXPECT_EQ(mt_write(0, 77), 0);
	EXPECT_EQ(swap_for_each(look_for, &before), 1);
	fail_writes = true;
	EXPECT(!out(0));
	EXPECT_EQ(mt_kind(0), PTE_SWAP);
	s = pte_swp(mt_entry(0));
	EXPECT(slot_is_bad(s));
	EXPECT_EQ(mt_read(0), 77);			/* the page has stayed */
	EXPECT_EQ(reads, 0);
	EXPECT_EQ(mt_write(0, 78), 0);
	fail_writes = false;
	EXPECT(out(0));
	EXPECT(pte_swp(mt_entry(0)).v != s.v);
	EXPECT_EQ(mt_read(0), 78);
	mt_end();
	EXPECT_EQ(swap_for_each(look_for, &after), 1);
	EXPECT_EQ(after.info.size, before.info.size - PAGE_SIZE);
	end();
}

/* ---- a device that takes its time ---- */

#define READERS	3u

static struct member readers[READERS];
static struct crew crew = CREW_INIT(crew);
static unsigned wrong;			/* atomic */

static void reader_main(void *arg)
{
	(void)arg;
	thread_set_aspace(mm_aspace(mt_mm));
	for (unsigned i = 0; i < 16; i++)
		if (mt_read(i) != 300 + i)
			__atomic_fetch_add(&wrong, 1, __ATOMIC_RELAXED);
	thread_set_aspace(NULL);
}

static void read_by_all(void)
{
	for (unsigned i = 0; i < READERS; i++)
		crew_start(&crew, &readers[i], NULL, reader_main, NULL);
	crew_wait(&crew);
}

KTEST(swap, read_once)
{
	begin(&slow_ops);
	mt_begin();
	EXPECT(mt_anon(0, 16, RW));
	for (unsigned i = 0; i < 16; i++)
		EXPECT_EQ(mt_write(i, 300 + i), 0);
	for (unsigned i = 0; i < 16; i++)
		EXPECT(out(i));
	reads = read_pages = wrong = 0;
	read_by_all();
	EXPECT_EQ(wrong, 0);
	EXPECT_EQ(read_pages, 16);
	EXPECT(reads < 16);				/* some were read ahead */
	mt_end();
	end();
}

/* MADV_WILLNEED reads what the range has in swap, and looks no further than addresses go. */
KTEST(swap, wanted_beyond_all_addresses)
{
	begin(&fast_ops);
	mt_begin();
	EXPECT(mt_anon(0, 4, RW));
	for (unsigned i = 0; i < 4; i++)
		EXPECT_EQ(mt_write(i, 300 + i), 0);
	EXPECT(out(3));
	reads = 0;
	EXPECT_EQ(mm_madvise(mt_mm, mt_va(0), -mt_va(8), MADV_WILLNEED), -ENOMEM);
	EXPECT_EQ(reads, 1);
	EXPECT_EQ(mt_read(3), 303);
	mt_end();
	end();
}

/* ---- swapoff ---- */

KTEST(swap, off_brings_all_back)
{
	begin(&fast_ops);
	mt_begin();
	EXPECT(mt_anon(0, 600, RW));
	for (unsigned i = 0; i < 600; i++)
		EXPECT_EQ(mt_write(i, 9000 + i), 0);
	for (unsigned i = 0; i < 600; i++)
		EXPECT(out(i));
	EXPECT_EQ(mt_read(7), 9007);			/* in the cache */
	EXPECT_EQ(mm_mprotect(mt_mm, mt_va(100), 10 * PAGE_SIZE, PROT_NONE), 0);
	fail_reads = true;
	EXPECT_EQ(swap_off(&store), -EIO);
	fail_reads = false;
	EXPECT_EQ(used(), 599);				/* nothing is lost */
	page_fail_nth = 5;
	page_fail_thread = this_cpu()->current;
	EXPECT_EQ(swap_off(&store), -ENOMEM);
	page_fail_thread = NULL;
	EXPECT_EQ(swap_off(&store), 0);
	EXPECT_EQ(mt_figures().swap, 0);
	EXPECT_EQ(mt_kind(105), PTE_NOACCESS);
	EXPECT_EQ(mm_mprotect(mt_mm, mt_va(100), 10 * PAGE_SIZE, RW), 0);
	memset(page_to_virt(disk), 0, PAGE_SIZE << ORDER);
	for (unsigned i = 0; i < 600; i++)
		EXPECT(mt_read(i) == 9000 + i && !(mt_page(i)->flags & PG_SWAPCACHE));
	mt_end();
	page_free(disk, ORDER);
}

/* ---- memory objects ---- */

static bool object_out(struct object *o, uint64_t index)
{
	struct page *p = object_cached(o, index);
	bool failed = true;

	EXPECT(p && page_trylock(p));
	reclaim_gather_init(&gather);
	EXPECT(object_unmap_page(p, &gather));
	reclaim_gather_flush(&gather);
	if (object_swap_out(p)) {
		swap_write(&p, 1, &failed);
		failed = failed || !slot_uncache(p, 5);
	}
	page_unlock(p);
	page_put(p);
	return !failed;
}

KTEST(swap, objects)
{
	struct object *o = shm_create(64 * PAGE_SIZE);
	uint64_t word;
	struct page *p;

	EXPECT(o);
	begin(&fast_ops);
	for (unsigned i = 0; i < 64; i++) {
		EXPECT_EQ(object_page(o, i, &p, NULL), 0);
		*(uint64_t *)page_to_virt(p) = 40 + i;
		page_put(p);
		EXPECT(object_out(o, i));
		EXPECT(!object_cached(o, i));
	}
	EXPECT_EQ(used(), 64);
	EXPECT_EQ(o->npages, 0);
	EXPECT(sound());
	EXPECT_EQ(object_seek(o, 5 * PAGE_SIZE, true), 5 * PAGE_SIZE);
	EXPECT_EQ(object_read_kernel(o, 3 * PAGE_SIZE, &word, 8), 8);
	EXPECT_EQ(word, 43);
	mt_begin();
	EXPECT(mt_map(0, 64, RW, MAP_SHARED, o, 0));
	for (unsigned i = 0; i < 32; i++)
		EXPECT_EQ(mt_read(i), 40 + i);
	EXPECT(mt_map(64, 64, RW, MAP_PRIVATE, o, 0));
	for (unsigned i = 32; i < 40; i++) {
		EXPECT_EQ(mt_write(64 + i, 7), 0);
		EXPECT_EQ(mt_read(i), 40 + i);
	}
	EXPECT_EQ(used(), 24);
	EXPECT(sound());
	for (unsigned i = 0; i < 8; i++) {		/* mapped, and written since */
		EXPECT_EQ(mt_write(i, 800 + i), 0);
		EXPECT(object_out(o, i));
		EXPECT_EQ(mt_kind(i), PTE_NONE);
		EXPECT_EQ(mt_read(i), 800 + i);
	}
	EXPECT_EQ(used(), 24);
	EXPECT(sound());
	mt_end();
	EXPECT_EQ(object_truncate(o, 45 * PAGE_SIZE + 4), 0);
	EXPECT_EQ(used(), 5);
	EXPECT_EQ(object_read_kernel(o, 45 * PAGE_SIZE, &word, 8), 4);
	EXPECT_EQ(object_truncate(o, 64 * PAGE_SIZE), 0);
	EXPECT_EQ(object_read_kernel(o, 50 * PAGE_SIZE, &word, 8), 8);
	EXPECT_EQ(word, 0);
	fail_reads = true;
	EXPECT_EQ(object_page(o, 41, &p, NULL), -EIO);
	fail_reads = false;
	EXPECT_EQ(objects_bring_back(31), 0);
	EXPECT_EQ(used(), 5);
	EXPECT(object_out(o, 3));
	EXPECT_EQ(swap_off(&store), 0);
	EXPECT_EQ(o->nswapped, 0);
	EXPECT(sound());
	make_header();
	EXPECT_EQ(swap_on(&store, 32000), 0);
	EXPECT(object_out(o, 3) && object_out(o, 44));
	object_put(o);					/* its slots go with it */
	end();
}
