/*
 * Copy-on-write: whose page a write changes, when it is copied and when not,
 * with the page's slots and references exact at each step.
 */
#include <tests/kernel/forktest.h>

static uint64_t copies, reuses;

static void count(void)
{
	copies = vm_event_sum(FAULT_COPY);
	reuses = vm_event_sum(PGREUSE);
}

static void expect_counts(uint64_t c, uint64_t r)
{
	EXPECT_EQ(vm_event_sum(FAULT_COPY) - copies, c);
	EXPECT_EQ(vm_event_sum(PGREUSE) - reuses, r);
}

/* The first writer copies, the last one has the page to himself: in a copied and a shared table. */
KTEST(cow, first_copies_last_reuses)
{
	static const unsigned sizes[] = { 20, 512 };

	for (unsigned i = 0; i < ARRAY_SIZE(sizes); i++) {
		struct mm *child;
		struct page *p;

		ft_begin(sizes[i]);
		p = mt_page(3);
		child = ft_fork(ft_parent);
		count();
		EXPECT_EQ(mt_write(3, 1003), 0);
		expect_counts(1, 0);
		EXPECT(mt_page(3) != p && p->slots == 1 && p->refs == 1);
		ft_in(child);
		EXPECT(mt_page(3) == p);
		EXPECT_EQ(mt_read(3), 103);
		EXPECT_EQ(mt_write(3, 2003), 0);
		expect_counts(1, 1);
		EXPECT(mt_page(3) == p && pte_writable(mt_entry(3)));
		ft_expect(ft_parent, 3, 1003);
		EXPECT(ft_sound());
		ft_put(child);
		ft_end();
	}
}

/* The child wrote everything and is gone: each page of the parent is its own again, uncopied. */
KTEST(cow, child_wrote_all_and_is_gone)
{
	struct mm *child;

	ft_begin(512);
	child = ft_fork(ft_parent);
	ft_in(child);
	count();
	for (unsigned i = 0; i < 512; i++)
		EXPECT_EQ(mt_write(i, 9), 0);
	expect_counts(512, 0);
	ft_put(child);
	EXPECT(ft_sound());
	count();
	for (unsigned i = 0; i < 512; i++) {
		EXPECT_EQ(mt_read(i), 100 + i);
		EXPECT_EQ(mt_write(i, i), 0);
	}
	expect_counts(0, 512);
	ft_end();
}

/* A page that three generations share is copied twice. */
KTEST(cow, three_owners)
{
	struct mm *child, *grandchild;
	struct page *p;

	ft_begin(10);
	p = mt_page(0);
	child = ft_fork(ft_parent);
	grandchild = ft_fork(child);
	EXPECT(p->slots == 3 && p->refs == 3 && pte_pfn(*p->slot).v == page_to_pfn(p).v);
	count();
	EXPECT_EQ(mt_write(0, 1), 0);
	EXPECT_EQ(p->slots, 2);
	ft_in(grandchild);
	EXPECT_EQ(mt_write(0, 3), 0);
	EXPECT_EQ(p->slots, 1);
	expect_counts(2, 0);
	ft_in(child);
	EXPECT_EQ(mt_write(0, 2), 0);
	expect_counts(2, 1);
	ft_expect(ft_parent, 0, 1);
	ft_expect(grandchild, 0, 3);
	EXPECT(ft_sound());
	ft_put(grandchild);
	ft_put(child);
	ft_end();
}

/* The kernel's own write on a program's behalf breaks the sharing, too. */
KTEST(cow, user_copy)
{
	static const char text[] = "written by the kernel";
	struct mm *child;

	ft_begin(512);
	child = ft_fork(ft_parent);
	EXPECT_EQ(copy_to_user(UP(mt_va(5)), text, sizeof(text)), 0);
	ft_expect(child, 5, 105);
	EXPECT(mt_read(5) != 105);
	ft_put(child);
	ft_end();
}

/* The zero page is in every table alike, and never written. */
KTEST(cow, zero_page)
{
	struct mm *child;

	ft_begin(100);
	EXPECT_EQ(mt_read(200), 0);
	child = ft_fork(ft_parent);
	EXPECT_EQ(mt_write(200, 1), 0);
	ft_expect(child, 200, 0);
	ft_in(child);
	EXPECT_EQ(mt_write(200, 2), 0);
	ft_expect(ft_parent, 200, 1);
	EXPECT(ft_sound());		/* looks at the zero page, too */
	ft_put(child);
	ft_end();
}

/* A private page of a file: both read the cached page; each gets a copy of its own. */
KTEST(cow, private_file)
{
	static struct mt_file file;
	struct mm *child;

	mt_file_init(&file, 64 * PAGE_SIZE);
	ft_begin(100);
	EXPECT(mt_map(100, 64, RW, MAP_PRIVATE, &file.obj, 0));
	EXPECT_EQ(mt_read(105), 6);
	EXPECT_EQ(mt_write(106, 700), 0);
	child = ft_fork(ft_parent);
	EXPECT_EQ(mt_write(105, 1), 0);
	EXPECT_EQ(mt_write(106, 2), 0);
	ft_expect(child, 105, 6);
	ft_expect(child, 106, 700);
	ft_expect(child, 107, 8);
	ft_put(child);
	EXPECT_EQ(mm_munmap(ft_parent, mt_va(100), 64 * PAGE_SIZE), 0);
	ft_end();
	object_put(&file.obj);
}
