/*
 * Address spaces as a whole: random mapping, unmapping and protecting against
 * an array with one record per page; limits; calls that fail half way.
 */
#include <tests/kernel/mmtest.h>
#include <mm/vm/vma.h>
#include <tests/kernel/program.h>	/* random_next */

#define ANON	(MAP_PRIVATE | MAP_ANONYMOUS)
#define PAGES	300u
#define ROUNDS	3000u

/* promised: was writable at some time, which a mapping remembers */
static struct { bool used, promised; int prot; uint64_t word; } model[PAGES];
static uint64_t seed;

static unsigned below(unsigned n) { return random_next(&seed) % n; }

/* One VMA against the model. */
static int compare_vma(const struct vma_info *v, void *arg)
{
	unsigned *pages = arg;

	for (vaddr_t va = v->start; va < v->end; va += PAGE_SIZE, ++*pages) {
		unsigned i = (unsigned)((va - MT_BASE) / PAGE_SIZE);

		if (i >= PAGES || !model[i].used || model[i].prot != v->prot) {
			ktest_fail(__FILE__, __LINE__, "0x%lx-0x%lx: wrong at 0x%lx", v->start,
				   v->end, va);
			return 1;
		}
	}
	return 0;
}

static void compare(void)
{
	unsigned pages = 0, used = 0, vmas = 0;

	EXPECT_EQ(mm_for_each_vma(mt_mm, 0, compare_vma, &pages), 0);
	for (unsigned i = 0; i < PAGES; i++) {
		used += model[i].used;
		vmas += model[i].used &&
			(i == 0 || !model[i - 1].used || model[i - 1].prot != model[i].prot ||
			 model[i - 1].promised != model[i].promised);
	}
	EXPECT_EQ(pages, used);
	EXPECT_EQ(mt_mm->nvmas, vmas);
	EXPECT(!vma_verify(mt_mm));
}

static void touch(unsigned i)
{
	uint64_t word = random_next(&seed);

	EXPECT_EQ(mt_read(i), model[i].used && model[i].prot ? model[i].word : ~0ul);
	if (mt_write(i, word) == 0) {
		EXPECT(model[i].used && model[i].prot & PROT_WRITE);
		model[i].word = word;
	} else {
		EXPECT(!model[i].used || !(model[i].prot & PROT_WRITE));
	}
}

static void random_call(void)
{
	static const int prots[] = { RW, RW, PROT_READ, PROT_NONE };
	unsigned n = 1 + below(20), at = below(PAGES - n), what = below(6);
	int prot = prots[below(4)];
	bool whole = true;

	for (unsigned i = at; i < at + n; i++)
		whole &= model[i].used;
	switch (what) {
	case 0 ... 1:
		EXPECT(mt_anon(at, n, prot));
		break;
	case 2:
		EXPECT_EQ(mm_munmap(mt_mm, mt_va(at), n * PAGE_SIZE), 0);
		break;
	case 3:
		if (!whole)
			return;
		EXPECT_EQ(mm_mprotect(mt_mm, mt_va(at), n * PAGE_SIZE, prot), 0);
		break;
	default:
		touch(at);
		return;
	}
	for (unsigned i = at; i < at + n; i++) {
		model[i].used = what != 2;
		model[i].promised = (what == 3 && model[i].promised) || prot & PROT_WRITE;
		model[i].prot = prot;
		model[i].word = what == 3 ? model[i].word : 0;
	}
}

KTEST(vma, random_against_an_array)
{
	seed = 0x51ed2701;
	memset(model, 0, sizeof(model));
	mt_begin();
	for (unsigned i = 0; i < ROUNDS && !ktest_failed(); i++) {
		random_call();
		if (i % 20 == 0)
			compare();
	}
	compare();
	mt_end();
}

/* As many VMAs as there may be; then only calls that need no more succeed. */
KTEST(vma, limit)
{
	const unsigned pages = 2 * VMAS_MAX;
	unsigned i;

	if (page_free_count() < 8192) {
		ktest_skip("less than 32 MB of memory");
		return;
	}
	mt_begin();
	EXPECT(mt_map(0, pages, RW, ANON | MAP_NORESERVE, NULL, 0));
	for (i = 1; i < pages; i += 2)
		if (mm_mprotect(mt_mm, mt_va(i), PAGE_SIZE, PROT_READ))
			break;
	EXPECT_EQ(mm_mprotect(mt_mm, mt_va(i), PAGE_SIZE, PROT_READ), -ENOMEM);
	EXPECT_EQ(mt_mm->nvmas, VMAS_MAX - 1);		/* it takes two more */
	EXPECT_EQ(mm_munmap(mt_mm, mt_va(i + 2), PAGE_SIZE), 0);	/* one more */
	EXPECT_EQ(mm_munmap(mt_mm, mt_va(i + 5), PAGE_SIZE), -ENOMEM);
	while (mt_mm->nvmas <= VMAS_MAX)	/* one more than the limit, as on Linux */
		EXPECT(mm_mmap(mt_mm, MT_BASE - mt_mm->nvmas * 2 * PAGE_SIZE, PAGE_SIZE, RW, ANON,
			       NULL, 0) > 0);
	EXPECT_EQ(mm_mmap(mt_mm, 0, PAGE_SIZE, RW, ANON, NULL, 0), -ENOMEM);
	EXPECT_EQ(mm_munmap(mt_mm, mt_va(0), PAGE_SIZE), 0);
	EXPECT_EQ(mm_mprotect(mt_mm, mt_va(1), (i - 1) * PAGE_SIZE, RW), 0);
	EXPECT(mt_mm->nvmas < 10);
	mt_end();
}

/* Goes on until the memory for VMAs is used up: the call that fails has changed nothing. */
KTEST(vma, out_of_memory)
{
	unsigned i, n;

	mt_begin();
	EXPECT(mt_anon(0, 3000, RW));
	page_fail_nth = 1;
	for (i = 1; i < 3000; i += 4) {
		n = mt_mm->nvmas;
		if (mm_mprotect(mt_mm, mt_va(i), PAGE_SIZE, PROT_READ))
			break;
	}
	EXPECT(i < 3000 && !page_fail_nth);
	EXPECT_EQ(mt_mm->nvmas, n);
	EXPECT(!vma_verify(mt_mm));
	page_fail_nth = 1;
	for (; i < 3000; i += 4) {
		n = mt_mm->nvmas;
		if (mm_munmap(mt_mm, mt_va(i), PAGE_SIZE))
			break;
	}
	EXPECT(i < 3000);
	EXPECT_EQ(mt_mm->nvmas, n);
	EXPECT_EQ(mt_write(i, 1), 0);
	page_fail_nth = 1;
	for (n = 0; n < 3000; n++)
		if (!mt_map(4000 + 2 * n, 1, RW, ANON, NULL, 0))
			break;
	EXPECT(n < 3000);
	EXPECT(mt_map(4000 + 2 * n, 1, RW, ANON, NULL, 0));
	mt_end();
}

/* Neither a root nor an mm remains of one that could not be made. */
KTEST(vma, mm_create_fails)
{
	struct mm *mm;

	page_fail_nth = 1;
	mm = mm_create();
	if (!mm) {			/* else nothing had to be allocated anew */
		EXPECT_EQ(page_fail_nth, 0);
		return;
	}
	page_fail_nth = 0;
	mm_put(mm);
}

KTEST(vma, figures)
{
	struct mm_figures f;

	mt_begin();
	EXPECT(mt_anon(0, 2000, RW));
	for (unsigned i = 0; i < 1500; i++)
		EXPECT_EQ(mt_write(i, 1), 0);
	f = mt_figures();
	EXPECT_EQ(f.size_pages, 2000);
	EXPECT_EQ(f.anon, 1500);
	EXPECT_EQ(f.rss_max, 1500);
	EXPECT_EQ(f.nvmas, 1);
	EXPECT_EQ(f.minflt, 1500);
	EXPECT_EQ(f.table_bytes, (arch_levels - 2 + 3) * PAGE_SIZE);
	EXPECT_EQ(mm_munmap(mt_mm, mt_va(0), 1900 * PAGE_SIZE), 0);
	f = mt_figures();
	EXPECT_EQ(f.anon, 0);
	EXPECT_EQ(f.rss_max, 1500);		/* the high-water mark stays */
	mt_end();
}
