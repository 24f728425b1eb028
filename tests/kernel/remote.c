/*
 * Memory of another address space (process_vm_readv, process_vm_writev): whose
 * page is written, with slots and references exact; the other one may end
 * meanwhile; each allocation may fail.
 */
#include <tests/kernel/crew.h>
#include <tests/kernel/forktest.h>

#define OWN	600u			/* page of the parent that gets what is read */

/* The first word of `page` of mm, read from the running address space; ~0: it cannot be. */
static uint64_t remote_word(struct mm *mm, unsigned page)
{
	uint64_t v;

	if (mm_remote_read(mm, mt_va(page), UP(mt_va(OWN)), sizeof(v)) != sizeof(v))
		return ~0ul;
	return get_user_u64(&v, UP(mt_va(OWN))) ? ~0ul : v;
}

static bool remote_put(struct mm *mm, unsigned page, uint64_t v)
{
	return mm_remote_write(mm, mt_va(page), &v, sizeof(v));
}

static void begin(unsigned n)
{
	ft_begin(n);
	EXPECT(mt_map(OWN, 1, RW, MAP_PRIVATE | MAP_ANONYMOUS, NULL, 0));
}

/* A write breaks COW for the other alone, in a copied and a shared table; a read breaks nothing. */
KTEST(remote, cow)
{
	static const unsigned sizes[] = { 20, 512 };

	for (unsigned i = 0; i < ARRAY_SIZE(sizes); i++) {
		struct mm *child;
		struct page *p;

		begin(sizes[i]);
		p = mt_page(3);
		child = ft_fork(ft_parent);
		EXPECT_EQ(remote_word(child, 3), 103);
		EXPECT(p->refs == p->slots && mt_page(3) == p);
		EXPECT(remote_put(child, 3, 2003));
		EXPECT(mt_page(3) == p && p->slots == 1 && p->refs == 1);
		EXPECT_EQ(mt_read(3), 103);
		ft_expect(child, 3, 2003);
		ft_expect(child, 4, 104);
		EXPECT_EQ(remote_word(child, 3), 2003);
		EXPECT(remote_put(child, 3, 2004));	/* its own by now */
		ft_expect(child, 3, 2004);
		EXPECT(ft_sound());
		ft_put(child);
		ft_end();
	}
}

/* What was never touched: zeros to read, a page of its own when written; D is set. */
KTEST(remote, untouched)
{
	struct mm *child;

	begin(1);
	child = ft_fork(ft_parent);
	EXPECT_EQ(remote_word(child, 100), 0);
	EXPECT(remote_put(child, 100, 7));
	ft_in(child);
	EXPECT(pte_dirty(mt_entry(100)) && mt_page(100)->slots == 1);
	EXPECT_EQ(mt_read(100), 7);
	ft_put(child);
	EXPECT(pte_is_none(mt_entry(100)));
	ft_end();
}

/* The rights of the mapping count, not those of the CPU; holes; a page in pieces. */
KTEST(remote, rights)
{
	uint64_t v = 5;

	begin(8);
	EXPECT_EQ(mm_mprotect(mt_mm, mt_va(1), PAGE_SIZE, PROT_READ), 0);
	EXPECT_EQ(mm_mprotect(mt_mm, mt_va(2), PAGE_SIZE, PROT_WRITE), 0);
	EXPECT_EQ(mm_mprotect(mt_mm, mt_va(3), PAGE_SIZE, PROT_NONE), 0);
	EXPECT_EQ(mm_munmap(mt_mm, mt_va(5), PAGE_SIZE), 0);
	EXPECT_EQ(remote_word(mt_mm, 1), 101);
	EXPECT(!remote_put(mt_mm, 1, v) && remote_put(mt_mm, 2, v));
	EXPECT_EQ(remote_word(mt_mm, 2), ~0ul);
	EXPECT(remote_word(mt_mm, 3) == ~0ul && !remote_put(mt_mm, 3, v));
	EXPECT(remote_word(mt_mm, 5) == ~0ul && !remote_put(mt_mm, 5, v));
	EXPECT_EQ(mm_remote_fault(mt_mm, mt_va(0) + 8, 8 * PAGE_SIZE, false), 2 * PAGE_SIZE - 8);
	EXPECT_EQ(mm_remote_fault(mt_mm, mt_va(6), PAGE_SIZE / 2, true), PAGE_SIZE / 2);
	EXPECT_EQ(mm_remote_fault(mt_mm, (vaddr_t)-PAGE_SIZE, PAGE_SIZE, false), 0);
	EXPECT_EQ(mm_remote_fault(mt_mm, KERNEL_HALF, PAGE_SIZE, false), 0);
	EXPECT_EQ(mm_remote_read(mt_mm, mt_va(0), UP(mt_va(5)), 8), 0);
	ft_end();
}

static void give_up(void *arg)
{
	mm_put(arg);
}

/* The process ends in the midst of it: what was begun is finished on memory that is kept. */
KTEST(remote, other_ends)
{
	static struct crew crew = CREW_INIT(crew);
	static struct member other;
	struct mm *child;

	begin(40);
	child = ft_fork(ft_parent);
	mm_get(child);
	EXPECT_EQ(remote_word(child, 0), 100);
	crew_start(&crew, &other, NULL, give_up, child);
	for (unsigned i = 1; i < 40; i++) {
		EXPECT_EQ(remote_word(child, i), 100 + i);
		EXPECT(remote_put(child, i, i));
		EXPECT_EQ(remote_word(child, i), i);
		sched_yield();
	}
	crew_wait(&crew);
	ft_put(child);
	for (unsigned i = 0; i < 40; i++)
		EXPECT_EQ(mt_read(i), 100 + i);
	ft_end();
}

/* The n-th allocation fails: nothing is written, or all of it. */
KTEST(remote, no_memory)
{
	begin(512);
	for (unsigned n = 1, left = 1; left; n++) {
		struct mm *child = mm_fork(ft_parent);
		bool ok;

		EXPECT(child);
		page_fail_nth = n;
		ok = remote_put(child, 9, 1);
		left = page_fail_nth == 0;
		page_fail_nth = 0;
		EXPECT(n < 20 && (ok || left));
		ft_expect(child, 9, ok ? 1 : 109);
		EXPECT_EQ(mt_read(9), 109);
		EXPECT(ft_sound());
		ft_put(child);
	}
	ft_end();
}
