/*
 * The page fault, case by case as drawn in mm/vm/fault.c: what the entry was,
 * what the VMA is, what the entry is afterwards, what is read there, and what
 * was counted.
 */
#include <tests/kernel/mmtest.h>

#define ANON	(MAP_PRIVATE | MAP_ANONYMOUS)

static enum fault_result fault(unsigned page, unsigned access)
{
	return vm_fault(mt_mm, mt_va(page), access | ACCESS_USER);
}

/* ---- anonymous memory ---- */

KTEST(fault, anon_read_gets_the_zero_page)
{
	mt_begin();
	EXPECT(mt_anon(0, 4, RW));
	EXPECT_EQ(mt_read(1), 0);
	EXPECT_EQ(mt_kind(1), PTE_SPECIAL_LEAF);
	EXPECT_EQ(pte_pfn(mt_entry(1)).v, zero_pfn.v);
	EXPECT(!pte_writable(mt_entry(1)));
	EXPECT_EQ(mt_kind(0), PTE_NONE);
	EXPECT_EQ(mt_figures().anon, 0);
	EXPECT_EQ(mt_figures().minflt, 1);
	mt_end();
}

KTEST(fault, anon_write_gets_a_fresh_zeroed_page)
{
	struct page *p;

	mt_begin();
	EXPECT(mt_anon(0, 4, RW));
	EXPECT_EQ(mt_write(2, 77), 0);
	p = mt_page(2);
	EXPECT_EQ(mt_kind(2), PTE_PRESENT);
	EXPECT_EQ(p->kind, PAGE_ANON);
	EXPECT_EQ(p->slots, 1);
	EXPECT_EQ(p->refs, 1);
	EXPECT_EQ(p->index, mt_va(2) >> PAGE_SHIFT);
	EXPECT_EQ(mt_read(2), 77);
	for (unsigned i = 1; i < PAGE_SIZE / 8; i++)
		EXPECT_EQ(((uint64_t *)page_to_virt(p))[i], 0);
	EXPECT_EQ(mt_figures().anon, 1);
	EXPECT_EQ(mt_figures().minflt, 1);
	mt_end();
}

KTEST(fault, write_after_read_leaves_the_zero_page)
{
	mt_begin();
	EXPECT(mt_anon(0, 2, RW));
	EXPECT_EQ(mt_read(0), 0);
	EXPECT_EQ(mt_write(0, 5), 0);
	EXPECT_EQ(mt_read(0), 5);		/* not what the TLB had */
	EXPECT(pte_writable(mt_entry(0)));
	EXPECT_EQ(mt_read(1), 0);
	EXPECT_EQ(mt_figures().anon, 1);
	EXPECT_EQ(mt_figures().minflt, 3);
	mt_end();
}

KTEST(fault, own_page_gets_w_back)
{
	uint64_t reused = vm_event_sum(PGREUSE);
	pfn_t f;

	mt_begin();
	EXPECT(mt_anon(0, 1, RW));
	EXPECT_EQ(mt_write(0, 1), 0);
	f = pte_pfn(mt_entry(0));
	EXPECT_EQ(mm_mprotect(mt_mm, mt_va(0), PAGE_SIZE, PROT_READ), 0);
	EXPECT_EQ(mt_write(0, 2), -EFAULT);
	EXPECT_EQ(mm_mprotect(mt_mm, mt_va(0), PAGE_SIZE, RW), 0);
	EXPECT(pte_writable(mt_entry(0)));	/* at once */
	EXPECT_EQ(mm_mprotect(mt_mm, mt_va(0), PAGE_SIZE, PROT_READ), 0);
	page_get(mt_page(0));
	EXPECT_EQ(mm_mprotect(mt_mm, mt_va(0), PAGE_SIZE, RW), 0);
	page_put(mt_page(0));
	EXPECT(!pte_writable(mt_entry(0)));	/* somebody had it: by the fault */
	EXPECT_EQ(mt_write(0, 3), 0);
	EXPECT_EQ(pte_pfn(mt_entry(0)).v, f.v);
	EXPECT_EQ(mt_read(0), 3);
	EXPECT_EQ(vm_event_sum(PGREUSE), reused + 1);
	mt_end();
}

/* Somebody else holds the page: a writer gets a copy, and the other keeps what it had. */
KTEST(fault, held_page_is_copied_on_write)
{
	struct page *p;

	mt_begin();
	EXPECT(mt_anon(0, 1, RW));
	EXPECT_EQ(mt_write(0, 10), 0);
	p = mt_page(0);
	page_get(p);
	EXPECT_EQ(mm_mprotect(mt_mm, mt_va(0), PAGE_SIZE, PROT_READ), 0);
	EXPECT_EQ(mm_mprotect(mt_mm, mt_va(0), PAGE_SIZE, RW), 0);
	EXPECT_EQ(mt_write(0, 11), 0);
	EXPECT(mt_page(0) != p);
	EXPECT_EQ(mt_read(0), 11);
	EXPECT_EQ(*(uint64_t *)page_to_virt(p), 10);
	EXPECT_EQ(p->slots, 0);
	EXPECT_EQ(p->refs, 1);
	page_put(p);
	EXPECT_EQ(mt_figures().anon, 1);
	mt_end();
}

KTEST(fault, noaccess_keeps_the_page)
{
	pfn_t f;

	mt_begin();
	EXPECT(mt_anon(0, 3, RW));
	EXPECT_EQ(mt_write(0, 42), 0);
	EXPECT_EQ(mt_read(1), 0);
	f = pte_pfn(mt_entry(0));
	EXPECT_EQ(mm_mprotect(mt_mm, mt_va(0), 3 * PAGE_SIZE, PROT_NONE), 0);
	EXPECT_EQ(mt_kind(0), PTE_NOACCESS);
	EXPECT_EQ(mt_read(0), ~0ul);
	EXPECT_EQ(fault(0, ACCESS_READ), FAULT_SEGV_ACCERR);
	EXPECT_EQ(fault(1, ACCESS_READ), FAULT_SEGV_ACCERR);
	EXPECT_EQ(fault(2, ACCESS_READ), FAULT_SEGV_ACCERR);
	EXPECT_EQ(mt_figures().anon, 1);
	EXPECT_EQ(mm_mprotect(mt_mm, mt_va(0), 3 * PAGE_SIZE, RW), 0);
	EXPECT_EQ(mt_read(0), 42);
	EXPECT_EQ(pte_pfn(mt_entry(0)).v, f.v);
	EXPECT_EQ(mt_write(1, 1), 0);
	EXPECT_EQ(mt_write(0, 43), 0);
	EXPECT_EQ(pte_pfn(mt_entry(0)).v, f.v);
	mt_end();
}

/* The entry already allows the access: another CPU was here first, or this one's TLB is old. */
KTEST(fault, spurious)
{
	uint64_t n = vm_event_sum(FAULT_SPURIOUS);
	pte_t e;

	mt_begin();
	EXPECT(mt_anon(0, 2, RW));
	EXPECT_EQ(mt_write(0, 1), 0);
	EXPECT_EQ(mt_read(1), 0);
	e = mt_entry(0);
	EXPECT_EQ(fault(0, ACCESS_WRITE | ACCESS_PRESENT), FAULT_OK);
	EXPECT_EQ(fault(0, ACCESS_WRITE), FAULT_OK);	/* with a page prepared for nothing */
	EXPECT_EQ(fault(0, ACCESS_READ), FAULT_OK);
	EXPECT_EQ(fault(1, ACCESS_READ | ACCESS_PRESENT), FAULT_OK);
	EXPECT_EQ(mt_entry(0).v, e.v);
	EXPECT_EQ(vm_event_sum(FAULT_SPURIOUS), n + 4);
	mt_end();
}

/* What the error code said of the entry is only a hint. */
KTEST(fault, wrong_guess_is_put_right)
{
	mt_begin();
	EXPECT(mt_anon(0, 2, RW));
	EXPECT_EQ(fault(0, ACCESS_WRITE | ACCESS_PRESENT), FAULT_OK);
	EXPECT_EQ(mt_page(0)->kind, PAGE_ANON);
	EXPECT_EQ(mt_read(1), 0);
	EXPECT_EQ(fault(1, ACCESS_WRITE), FAULT_OK);
	EXPECT_EQ(mt_page(1)->kind, PAGE_ANON);
	mt_end();
}

/* ---- refusals ---- */

KTEST(fault, nothing_mapped)
{
	mt_begin();
	EXPECT(mt_anon(1, 1, RW));
	EXPECT_EQ(fault(0, ACCESS_READ), FAULT_SEGV_MAPERR);
	EXPECT_EQ(fault(2, ACCESS_WRITE), FAULT_SEGV_MAPERR);
	EXPECT_EQ(vm_fault(mt_mm, 0, ACCESS_READ), FAULT_SEGV_MAPERR);
	EXPECT_EQ(vm_fault(mt_mm, USER_END_4, ACCESS_READ), FAULT_SEGV_MAPERR);
	EXPECT_EQ(vm_fault(mt_mm, DIRECT_BASE, ACCESS_READ), FAULT_SEGV_MAPERR);
	EXPECT_EQ(mt_figures().minflt, 0);
	EXPECT_EQ(mt_figures().table_bytes, 0);
	mt_end();
}

KTEST(fault, rights)
{
	static const struct { int prot; bool r, w, x; } row[] = {
		{ PROT_NONE, false, false, false }, { PROT_READ, true, false, false },
		{ PROT_READ | PROT_WRITE, true, true, false }, { PROT_WRITE, true, true, false },
		{ PROT_READ | PROT_EXEC, true, false, true }, { PROT_EXEC, true, false, true },
		{ PROT_READ | PROT_WRITE | PROT_EXEC, true, true, true },
	};

	mt_begin();
	for (unsigned i = 0; i < ARRAY_SIZE(row); i++) {
		EXPECT(mt_anon(3 * i, 3, row[i].prot));
		EXPECT_EQ(fault(3 * i, ACCESS_READ), row[i].r ? FAULT_OK : FAULT_SEGV_ACCERR);
		EXPECT_EQ(fault(3 * i + 1, ACCESS_WRITE), row[i].w ? FAULT_OK : FAULT_SEGV_ACCERR);
		/* Data are brought in first; what is there and not to be executed has no right. */
		EXPECT_EQ(fault(3 * i + 2, ACCESS_EXEC), row[i].r ? FAULT_OK : FAULT_SEGV_ACCERR);
		EXPECT_EQ(fault(3 * i + 2, ACCESS_EXEC | ACCESS_PRESENT),
			  row[i].x ? FAULT_OK : FAULT_SEGV_ACCERR);
		if (row[i].r)
			EXPECT_EQ(pte_exec(mt_entry(3 * i)), row[i].x);
		EXPECT_EQ(mt_kind(3 * i + 1) == PTE_PRESENT, row[i].w);
	}
	mt_end();
}

/* ---- stacks ---- */

KTEST(fault, stack_grows_to_its_limit)
{
	const size_t limit = 1ul << 20;
	uint64_t v;
	vaddr_t top;

	mt_begin();
	mt_mm->limits.stack = limit;
	top = (vaddr_t)mm_map_stack(mt_mm);
	EXPECT_EQ(put_user_u64(1, UP(top - 8)), 0);
	EXPECT_EQ(put_user_u64(2, UP(top - limit / 2)), 0);
	EXPECT_EQ(put_user_u64(3, UP(top - limit)), 0);
	EXPECT_EQ(put_user_u64(4, UP(top - limit - 8)), -EFAULT);
	EXPECT_EQ(get_user_u64(&v, UP(top - limit / 2)), 0);
	EXPECT_EQ(v, 2);
	EXPECT_EQ(mt_figures().size_pages, limit / PAGE_SIZE);
	EXPECT_EQ(mt_figures().anon, 3);
	mt_end();
}

KTEST(fault, stack_keeps_its_guard_gap)
{
	const unsigned gap = 256;

	mt_begin();
	EXPECT(mt_map(1000, 1, RW, ANON | MAP_GROWSDOWN, NULL, 0));
	EXPECT(mt_anon(600, 1, PROT_READ));
	EXPECT_EQ(mt_write(601 + gap, 1), 0);
	EXPECT_EQ(mt_write(600 + gap, 1), -EFAULT);
	EXPECT_EQ(fault(600 + gap, ACCESS_WRITE), FAULT_SEGV_MAPERR);
	EXPECT_EQ(mm_mprotect(mt_mm, mt_va(600), PAGE_SIZE, PROT_NONE), 0);
	EXPECT_EQ(mt_write(601, 1), 0);		/* a guard of the program's own */
	EXPECT_EQ(fault(600, ACCESS_WRITE), FAULT_SEGV_ACCERR);
	EXPECT_EQ(mt_figures().size_pages, 401);
	mt_end();
}

/* ---- no memory ---- */

/* Every allocation on the way fails in turn: the fault says so, and leaves nothing. */
KTEST(fault, out_of_memory)
{
	unsigned failed = 0;

	mt_begin();
	EXPECT(mt_anon(0, 2, RW));
	objects_drop_clean();
	for (unsigned n = 1; n < 10; n++) {
		enum fault_result r;

		page_fail_nth = n;
		r = fault(0, n & 1 ? ACCESS_WRITE : ACCESS_READ);
		if (page_fail_nth)
			break;
		failed++;
		EXPECT_EQ(r, FAULT_OOM);
		EXPECT_EQ(mt_kind(0), PTE_NONE);
	}
	page_fail_nth = 0;
	EXPECT(failed >= 3);
	EXPECT_EQ(mt_write(0, 1), 0);
	EXPECT_EQ(mt_read(1), 0);
	page_fail_nth = 1;
	EXPECT_EQ(fault(1, ACCESS_WRITE | ACCESS_PRESENT), FAULT_OOM);	/* leaving the zero page */
	EXPECT_EQ(mt_kind(1), PTE_SPECIAL_LEAF);
	page_fail_nth = 0;
	mt_end();
}

/* Cached pages that nobody maps are no reason to be out of memory. */
KTEST(fault, cache_is_dropped_before_giving_up)
{
	struct mt_file f;
	uint64_t word;

	mt_begin();
	mt_file_init(&f, PAGE_SIZE);
	EXPECT_EQ(object_read_kernel(&f.obj, 0, &word, sizeof(word)), sizeof(word));
	EXPECT_EQ(f.obj.npages, 1);
	EXPECT(mt_anon(0, 1, RW));
	page_fail_nth = 1;
	EXPECT_EQ(fault(0, ACCESS_WRITE), FAULT_OK);
	EXPECT_EQ(f.obj.npages, 0);
	object_put(&f.obj);
	mt_end();
}
