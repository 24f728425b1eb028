/*
 * What the suites of mm share: an address space loaded on the test's own
 * (kernel) thread, a file made of numbers, and looks at single entries.
 */
#ifndef TESTS_KERNEL_MMTEST_H
#define TESTS_KERNEL_MMTEST_H

#include <arch/uaccess.h>
#include <arch/upcall.h>
#include <kernel/core/thread.h>
#include <lib/ktest.h>
#include <lib/string.h>
#include <linux/errno.h>
#include <linux/mman.h>
#include <mm/mm.h>
#include <mm/pt/pt.h>
#include <mm/alloc/stat.h>

#define UP(a)		((void __user *)(uintptr_t)(a))
#define RW		(PROT_READ | PROT_WRITE)
#define MT_BASE		0x10000000ul	/* where mt_map maps: 2 MB-aligned */

/* ---- a file: page i holds i + 1 in its first word, zeros behind ---- */

struct mt_file {
	struct object obj;
	unsigned fills;			/* calls of fill */
	int error;			/* what fill answers */
	bool slow;			/* fill lets others run first */
};

static inline int mt_fill(struct object *o, uint64_t index, struct page *p)
{
	struct mt_file *f = container_of(o, struct mt_file, obj);
	uint64_t *word = page_to_virt(p);

	f->fills++;
	if (f->slow)
		sched_yield();
	if (f->error)
		return f->error;
	clear_page(word);
	word[0] = index + 1;
	return 0;
}

static const struct object_ops mt_file_ops = { .fill = mt_fill, .io = true };

static inline void mt_file_init(struct mt_file *f, uint64_t size)
{
	memset(f, 0, sizeof(*f));
	object_init(&f->obj, &mt_file_ops, size);
}

/* ---- the address space ---- */

static struct mm *mt_mm;

static inline void mt_begin(void)
{
	mt_mm = mm_create();
	EXPECT(mt_mm);
	thread_set_aspace(mm_aspace(mt_mm));
}

static inline void mt_end(void)
{
	thread_set_aspace(NULL);
	mm_put(mt_mm);
	mt_mm = NULL;
}

/* n pages at page `at` from MT_BASE on, replacing what is there; true: that is where they are. */
static inline bool mt_map(unsigned at, unsigned n, int prot, int flags, struct object *o,
			  uint64_t pgoff)
{
	long va = (long)(MT_BASE + at * PAGE_SIZE);

	return mm_mmap(mt_mm, (vaddr_t)va, n * PAGE_SIZE, prot, flags | MAP_FIXED, o, pgoff) == va;
}

static inline bool mt_anon(unsigned at, unsigned n, int prot)
{
	return mt_map(at, n, prot, MAP_PRIVATE | MAP_ANONYMOUS, NULL, 0);
}

static inline vaddr_t mt_va(unsigned page) { return MT_BASE + page * PAGE_SIZE; }

/* ---- accesses, by way of the CPU and the #PF handler ---- */

/* The first word of a page; ~0: it cannot be read. */
static inline uint64_t mt_read(unsigned page)
{
	uint64_t v;

	return get_user_u64(&v, UP(mt_va(page))) ? ~0ul : v;
}

/* 0 or -EFAULT. */
static inline int mt_write(unsigned page, uint64_t v)
{
	return put_user_u64(v, UP(mt_va(page)));
}

/* ---- entries ---- */

static inline pte_t mt_entry(unsigned page)
{
	unsigned level;
	pte_t e = pt_lookup(mm_aspace(mt_mm), mt_va(page), &level);

	return level == 1 ? e : pte_none();
}

static inline enum pte_kind mt_kind(unsigned page) { return pte_kind(mt_entry(page), 1); }
static inline struct page *mt_page(unsigned page) { return pfn_to_page(pte_pfn(mt_entry(page))); }

/* The entry itself, for planting faults; its table must be there. */
static inline pte_t *mt_slot(unsigned page)
{
	struct cursor c;

	cursor_find(&c, mm_aspace(mt_mm), mt_va(page), 1);
	cursor_close(&c);
	EXPECT_EQ(c.level, 1);
	return c.slot;
}

/* All of memory agrees with itself; else a note says what does not. */
static inline bool mt_sound(void)
{
	char why[200];
	unsigned bad = mm_verify(why, sizeof(why));

	if (bad)
		ktest_note("%s", why);
	return bad == 0;
}

static inline struct mm_figures mt_figures(void)
{
	struct mm_figures f;

	mm_figures(mt_mm, &f);
	return f;
}

#endif
