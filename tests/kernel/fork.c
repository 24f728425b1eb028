/*
 * fork of address spaces: which tables the child shares, what each may then
 * do without the other seeing it, and that nothing is left behind in any order
 * of ends. (What becomes of the pages: cow.c.)
 */
#include <tests/kernel/forktest.h>

#define PER_TABLE	512u
#define SPAN		(PER_TABLE * PAGE_SIZE)

KTEST(fork, tables_are_shared)
{
	struct mm *child;
	struct page *t;

	ft_begin(PER_TABLE + 40);
	t = ft_table(ft_parent, 0);
	child = ft_fork(ft_parent);
	EXPECT(ft_table(child, 0) == t);
	EXPECT(t->shared && !ft_upper_writable(ft_parent, 0) && !ft_upper_writable(child, 0));
	EXPECT(ft_table(child, PER_TABLE) == ft_table(ft_parent, PER_TABLE));
	EXPECT_EQ(mt_page(0)->slots, 1);
	EXPECT_EQ(ft_figures(child).anon, PER_TABLE + 40);
	EXPECT_EQ(ft_figures(child).table_bytes, ft_figures(ft_parent).table_bytes);
	ft_expect(child, 0, 100);
	ft_expect(child, PER_TABLE + 39, 100 + PER_TABLE + 39);
	ft_put(child);
	EXPECT(ft_sound());
	EXPECT(!t->shared);
	ft_end();
}

KTEST(fork, small_tables_are_copied)
{
	struct mm *child;

	ft_begin(32);
	child = ft_fork(ft_parent);
	EXPECT(ft_table(child, 0) != ft_table(ft_parent, 0));
	EXPECT_EQ(mt_page(0)->slots, 2);
	EXPECT(!pte_writable(mt_entry(0)));
	ft_expect(child, 31, 131);
	ft_put(child);
	ft_end();
}

KTEST(fork, first_write_copies_the_table)
{
	struct mm *child;
	struct page *t;

	ft_begin(PER_TABLE);
	t = ft_table(ft_parent, 0);
	child = ft_fork(ft_parent);
	EXPECT_EQ(mt_write(7, 1007), 0);
	EXPECT(ft_table(ft_parent, 0) != t && ft_table(child, 0) == t);
	EXPECT(!t->shared && t->as == mm_aspace(child));
	EXPECT(ft_upper_writable(ft_parent, 0) && !ft_upper_writable(child, 0));
	EXPECT_EQ(mt_page(7)->slots, 1);
	EXPECT_EQ(mt_page(8)->slots, 2);
	EXPECT(ft_sound());
	ft_expect(child, 7, 107);
	ft_in(child);			/* the last owner takes the table without a copy */
	EXPECT_EQ(mt_write(7, 2007), 0);
	EXPECT(ft_table(child, 0) == t && ft_upper_writable(child, 0));
	EXPECT_EQ(mt_write(8, 2008), 0);
	EXPECT(ft_sound());
	ft_expect(ft_parent, 7, 1007);
	ft_expect(ft_parent, 8, 108);
	ft_put(child);
	ft_end();
}

KTEST(fork, last_owner_takes_the_table_back)
{
	uint64_t faults;
	struct mm *child;
	struct page *t;

	ft_begin(PER_TABLE);
	t = ft_table(ft_parent, 0);
	child = ft_fork(ft_parent);
	ft_put(child);
	EXPECT(ft_sound());
	EXPECT(!ft_upper_writable(ft_parent, 0));
	faults = vm_event_sum(PGFAULT);
	for (unsigned i = 0; i < PER_TABLE; i++)
		EXPECT_EQ(mt_write(i, 1000 + i), 0);
	EXPECT_EQ(vm_event_sum(PGFAULT) - faults, 1);
	EXPECT(ft_table(ft_parent, 0) == t && ft_upper_writable(ft_parent, 0));
	ft_end();
}

/* A read that must fill an entry copies the table, too. */
KTEST(fork, a_none_entry_of_a_shared_table)
{
	struct mm *child;
	struct page *t;

	ft_begin(PER_TABLE / 2);
	t = ft_table(ft_parent, 0);
	child = ft_fork(ft_parent);
	EXPECT_EQ(mt_read(400), 0);
	EXPECT(ft_table(ft_parent, 0) != t);
	EXPECT(pte_is_none(table_entries(t)[400]));
	ft_expect(child, 400, 0);
	EXPECT(ft_table(child, 0) == t);
	ft_put(child);
	ft_end();
}

/* What changes entries makes the table its own; what covers all of them leaves it. */
KTEST(fork, calls_on_shared_tables)
{
	struct mm *child;
	struct page *t;

	for (unsigned what = 0; what < 6; what++) {
		ft_begin(PER_TABLE);
		t = ft_table(ft_parent, 0);
		child = ft_fork(ft_parent);
		switch (what) {
		case 0:
			EXPECT_EQ(mm_munmap(ft_parent, mt_va(10), 20 * PAGE_SIZE), 0);
			EXPECT_EQ(mt_read(10), ~0ul);
			break;
		case 1:
			EXPECT_EQ(mm_mprotect(ft_parent, mt_va(10), 20 * PAGE_SIZE, PROT_READ), 0);
			EXPECT_EQ(mt_write(10, 5), -EFAULT);
			break;
		case 2:
			EXPECT_EQ(mm_mprotect(ft_parent, mt_va(0), SPAN, PROT_NONE), 0);
			EXPECT_EQ(mt_read(10), ~0ul);
			break;
		case 3:
			EXPECT_EQ(mm_madvise(ft_parent, mt_va(10), PAGE_SIZE, MADV_DONTNEED), 0);
			EXPECT_EQ(mt_read(10), 0);
			break;
		case 4:
			EXPECT_EQ(mm_madvise(ft_parent, mt_va(0), SPAN, MADV_DONTNEED), 0);
			EXPECT(!ft_table(ft_parent, 0));
			EXPECT_EQ(mt_read(10), 0);
			break;
		case 5:
			EXPECT_EQ(mm_munmap(ft_parent, mt_va(0), SPAN), 0);
			EXPECT(!ft_table(ft_parent, 0));
			break;
		}
		EXPECT(ft_table(ft_parent, 0) != t && ft_table(child, 0) == t && !t->shared);
		EXPECT(ft_sound());
		for (unsigned i = 0; i < PER_TABLE; i += 5)
			ft_expect(child, i, 100 + i);
		ft_put(child);
		ft_end();
	}
}

/* A span whose VMAs are not all inherited as they are is copied, without what is not. */
KTEST(fork, what_is_not_inherited)
{
	struct mm *child;
	struct vma *v;

	ft_begin(200);
	EXPECT(mt_map(200, 8, RW, MAP_SHARED | MAP_ANONYMOUS, NULL, 0));
	EXPECT_EQ(mt_write(201, 77), 0);
	child = ft_fork(ft_parent);
	EXPECT(ft_table(child, 0) != ft_table(ft_parent, 0));
	ft_expect(child, 199, 299);
	ft_expect(child, 201, 77);
	ft_in(child);
	EXPECT_EQ(mt_write(201, 78), 0);
	ft_expect(ft_parent, 201, 78);
	ft_put(child);
	ft_in(ft_parent);
	EXPECT(mt_map(208, 4, RW, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, NULL, 0));
	EXPECT(mt_anon(300, 4, RW | PROT_EXEC));
	EXPECT_EQ(mt_write(208, 5) | mt_write(300, 6), 0);
	v = vma_find(ft_parent, mt_va(300));
	v->flags |= VM_DONTCOPY;
	v = vma_find(ft_parent, mt_va(208));
	v->flags |= VM_WIPEONFORK;
	child = ft_fork(ft_parent);
	ft_expect(child, 208, 0);
	ft_expect(child, 300, ~0ul);
	ft_expect(child, 5, 105);
	ft_expect(ft_parent, 208, 5);
	ft_expect(ft_parent, 300, 6);
	ft_put(child);
	ft_end();
}

/* Rights taken away, pages never touched or only read: the child has them alike. */
KTEST(fork, every_kind_of_entry)
{
	struct mm *child;

	ft_begin(100);
	EXPECT(mt_anon(100, 4, RW));
	EXPECT_EQ(mt_read(100), 0);		/* the zero page */
	EXPECT_EQ(mm_mprotect(ft_parent, mt_va(3), PAGE_SIZE, PROT_NONE), 0);
	for (unsigned copied = 0; copied < 2; copied++) {
		child = ft_fork(ft_parent);
		ft_expect(child, 3, ~0ul);
		ft_expect(child, 100, 0);
		ft_in(child);
		EXPECT_EQ(mt_write(100, 9), 0);
		EXPECT_EQ(mm_mprotect(child, mt_va(3), PAGE_SIZE, RW), 0);
		EXPECT_EQ(mt_read(3), 103);
		EXPECT_EQ(mt_write(3, 4), 0);
		ft_expect(ft_parent, 3, ~0ul);
		ft_expect(ft_parent, 100, 0);
		ft_put(child);
		ft_in(ft_parent);
		EXPECT(mt_map(200, 1, RW, MAP_SHARED | MAP_ANONYMOUS, NULL, 0));
	}
	EXPECT_EQ(mm_mprotect(ft_parent, mt_va(3), PAGE_SIZE, RW), 0);
	EXPECT_EQ(mt_read(3), 103);
	ft_end();
}

/* Three generations, ended in every order, each having written something of its own. */
KTEST(fork, ends_in_every_order)
{
	static const unsigned char order[6][3] = {
		{ 0, 1, 2 }, { 0, 2, 1 }, { 1, 0, 2 }, { 1, 2, 0 }, { 2, 0, 1 }, { 2, 1, 0 },
	};

	for (unsigned n = 0; n < 48; n++) {
		struct mm *mm[3];

		ft_begin(PER_TABLE + 50);
		mm[0] = ft_parent;
		mm[1] = ft_fork(mm[0]);
		mm[2] = ft_fork(mm[1]);
		for (unsigned i = 0; i < 3; i++) {
			if (!(n / 6 & 1u << i))
				continue;
			ft_in(mm[i]);
			EXPECT_EQ(mt_write(3, 1000 + i) | mt_write(PER_TABLE + i, 2000 + i), 0);
		}
		EXPECT(ft_sound());
		for (unsigned i = 0; i < 3; i++)
			ft_expect(mm[i], 3, n / 6 & 1u << i ? 1000 + i : 103);
		thread_set_aspace(NULL);
		for (unsigned i = 0; i < 3; i++) {
			mm_put(mm[order[n % 6][i]]);
			EXPECT(ft_sound());
		}
	}
}

/* Each generation forks the next; every second one writes. */
KTEST(fork, chain_of_ten)
{
	struct mm *mm[11];

	ft_begin(PER_TABLE);
	mm[0] = ft_parent;
	for (unsigned i = 1; i < 11; i++) {
		mm[i] = ft_fork(mm[i - 1]);
		ft_in(mm[i]);
		if (i % 2)
			EXPECT_EQ(mt_write(i, 1000 + i), 0);
	}
	EXPECT(ft_sound());
	for (unsigned i = 0; i < 11; i++)
		for (unsigned p = 1; p < 11; p++)
			ft_expect(mm[i], p, p % 2 && p <= i ? 1000 + p : 100 + p);
	thread_set_aspace(NULL);
	for (unsigned i = 0; i < 11; i++) {
		mm_put(mm[i * 4 % 11]);
		EXPECT(ft_sound());
	}
}

/* Many children of one table, which leave in another order than they came. */
KTEST(fork, many_owners)
{
	static struct mm *mm[64];

	ft_begin(PER_TABLE);
	for (unsigned i = 0; i < 64; i++)
		mm[i] = ft_fork(ft_parent);
	EXPECT(ft_sound());
	for (unsigned i = 0; i < 64; i++)
		mm_put(mm[i * 29 % 64]);
	EXPECT(ft_sound());
	EXPECT(!ft_table(ft_parent, 0)->shared);
	ft_end();
}

/* Memory runs out at every point of a fork: the parent has lost nothing. */
KTEST(fork, no_memory)
{
	struct mm *child = NULL;
	unsigned n;

	ft_begin(3 * PER_TABLE);
	EXPECT(mt_anon(4 * PER_TABLE, 4, RW));
	EXPECT_EQ(mt_write(4 * PER_TABLE, 1), 0);
	EXPECT(mt_map(5 * PER_TABLE, 1, RW, MAP_SHARED | MAP_ANONYMOUS, NULL, 0));
	for (n = 1; n < 200 && !child; n++) {
		page_fail_nth = n;
		child = mm_fork(ft_parent);
		page_fail_nth = 0;
		EXPECT(ft_sound());
		EXPECT_EQ(mt_read(3), 103);
	}
	EXPECT(n > 3 && child);
	for (unsigned i = 0; i < 3 * PER_TABLE; i += 37)
		ft_expect(child, i, 100 + i);
	ft_put(child);
	ft_end();
}

/* A table that cannot be copied: the call fails with nothing changed, the fault says so. */
KTEST(fork, no_memory_to_leave_a_table)
{
	struct mm *child;
	struct page *t;

	ft_begin(PER_TABLE);
	child = ft_fork(ft_parent);
	t = ft_table(ft_parent, 0);
	page_fail_nth = 1;
	EXPECT_EQ(mm_munmap(ft_parent, mt_va(3), PAGE_SIZE), -ENOMEM);
	page_fail_nth = 1;
	EXPECT_EQ(mm_mprotect(ft_parent, mt_va(3), PAGE_SIZE, PROT_READ), -ENOMEM);
	page_fail_nth = 1;
	EXPECT_EQ(mm_madvise(ft_parent, mt_va(3), PAGE_SIZE, MADV_DONTNEED), -ENOMEM);
	for (unsigned n = 1; n < 3; n++) {	/* the table, the page */
		page_fail_nth = n;
		EXPECT_EQ(vm_fault(ft_parent, mt_va(3), ACCESS_WRITE | ACCESS_PRESENT), FAULT_OOM);
		page_fail_nth = 0;
		EXPECT_EQ(ft_table(ft_parent, 0) == t, n == 1);
		EXPECT(ft_sound());
		EXPECT_EQ(mt_read(3), 103);
	}
	EXPECT_EQ(mt_write(3, 5), 0);
	ft_expect(child, 3, 103);
	ft_put(child);
	ft_end();
}
