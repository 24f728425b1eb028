/*
 * mm_verify finds what it is there to find. Each test plants one wrong thing,
 * sees that it is reported, by the words expected, takes it back, and sees
 * that all is well again.
 */
#include <tests/kernel/mmtest.h>
#include <arch/tlb.h>
#include <mm/vm/vma.h>

static bool contains(const char *text, const char *word)
{
	size_t n = strlen(word);

	for (; *text; text++)
		if (strncmp(text, word, n) == 0)
			return true;
	return false;
}

/* mm_verify's first report contains `word`. */
static void expect_report(const char *word)
{
	char why[200];
	unsigned n = mm_verify(why, sizeof(why));

	if (n == 0)
		ktest_fail(__FILE__, __LINE__, "nothing reported, expected '%s'", word);
	else if (!contains(why, word))
		ktest_fail(__FILE__, __LINE__, "reported '%s', expected '%s'", why, word);
}

static void expect_well(void)
{
	char why[200];

	if (mm_verify(why, sizeof(why)))
		ktest_fail(__FILE__, __LINE__, "reported '%s', expected nothing", why);
}

/* Plants `wrong` into an lvalue, and puts back what was there. */
#define PLANT(lvalue, wrong, word) \
	do { \
		__typeof__(((void)0, (lvalue))) kept_ = (lvalue); \
		(lvalue) = (wrong); \
		expect_report(word); \
		(lvalue) = kept_; \
	} while (0)

static struct mt_file file;

/*
 * Pages 0-3: anonymous: 0 written, 1 the zero page, 2 and 3 untouched; 4: read
 * only, written before; 8-11: private, of the file: 8 cached, 9 copied; 12-13:
 * shared memory, 12 written; 16: PROT_NONE with a page.
 */
static void begin(void)
{
	mt_begin();
	mt_file_init(&file, 4 * PAGE_SIZE);
	EXPECT(mt_anon(0, 4, RW));
	EXPECT_EQ(mt_write(0, 1), 0);
	EXPECT_EQ(mt_read(1), 0);
	EXPECT(mt_anon(4, 1, RW));
	EXPECT_EQ(mt_write(4, 1), 0);
	EXPECT_EQ(mm_mprotect(mt_mm, mt_va(4), PAGE_SIZE, PROT_READ), 0);
	EXPECT(mt_map(8, 4, RW, MAP_PRIVATE, &file.obj, 0));
	EXPECT_EQ(mt_read(8), 1);
	EXPECT_EQ(mt_write(9, 1), 0);
	EXPECT(mt_map(12, 2, RW, MAP_SHARED | MAP_ANONYMOUS, NULL, 0));
	EXPECT_EQ(mt_write(12, 1), 0);
	EXPECT(mt_anon(16, 1, RW));
	EXPECT_EQ(mt_write(16, 1), 0);
	EXPECT_EQ(mm_mprotect(mt_mm, mt_va(16), PAGE_SIZE, PROT_NONE), 0);
	expect_well();
}

static void end(void)
{
	expect_well();
	mt_end();
	object_put(&file.obj);
}

static void plant_bits(unsigned page, uint64_t set, uint64_t clear, const char *word)
{
	pte_t *slot = mt_slot(page);
	uint64_t was = slot->v;

	PLANT(slot->v, (was | set) & ~clear, word);
	tlb_flush_local();
}

KTEST(verify, entries_and_rights)
{
	begin();
	plant_bits(4, PTE_W, 0, "is writable, its VMA is not");
	plant_bits(0, 0, PTE_NX, "is executable, its VMA is not");
	plant_bits(0, 0, PTE_U, "is not the user's");
	plant_bits(1, PTE_W, 0, "the zero page is writable");
	plant_bits(8, PTE_W, 0, "cached page writable in a private mapping");
	plant_bits(0, PTE_NP_MARKER, PTE_P | PTE_NP_NOACCESS | PTE_NP_SWAP, "of a kind that nothing makes");
	plant_bits(16, PTE_P | PTE_U, PTE_NP_MASK, "in a VMA of rights 0");
	end();
}

KTEST(verify, entries_and_places)
{
	struct page *p;
	pte_t none = pte_none();
	pte_t *free_slot, *outside;

	begin();
	p = mt_page(0);
	free_slot = mt_slot(2);
	outside = mt_slot(6);
	PLANT(*free_slot, pte_leaf(page_to_pfn(p), 1, PROT_R | PROT_U), "");
	PLANT(*outside, pte_leaf(page_to_pfn(p), 1, PROT_R | PROT_U), "outside of every VMA");
	PLANT(*free_slot, pte_leaf(pfn(1ul << 38), 1, PROT_R | PROT_U), "names no frame of RAM");
	PLANT(*free_slot, pte_leaf(paddr_to_pfn(mt_mm->as.root), 1, PROT_R | PROT_U),
	      "names a page of kind");
	PLANT(*mt_slot(10), mt_entry(8), "page of a file or place that is not mapped here");
	PLANT(*mt_slot(13), mt_entry(0), "anonymous page in a shared mapping");
	PLANT(*mt_slot(11), mt_entry(1), "the zero page in a mapping of an object");
	PLANT(*mt_slot(0), none, "");
	tlb_flush_local();
	end();
}

KTEST(verify, pages)
{
	struct page *anon, *cached;

	begin();
	anon = mt_page(0);
	cached = mt_page(8);
	PLANT(anon->slots, 0, "");
	PLANT(anon->slots, 2, "");
	PLANT(cached->slots, 3, "");
	PLANT(anon->refs, 2, "1 slots and 2 references");
	PLANT(cached->refs, 1, "");
	PLANT(cached->refs, 3, "1 slots, cached, and 3 references");
	PLANT(anon->slot, anon->slot + 1, "does not know its slot");
	PLANT(cached->index, 3, "page of a file or place");
	PLANT(cached->owner, NULL, "page of a file or place");
	PLANT(cached->kind, PAGE_KERNEL, "");
	end();
}

/* A page that nobody maps and nobody gave back. */
KTEST(verify, lost_page)
{
	struct page *p;

	begin();
	p = page_alloc(0, PAGE_ANON, 0);
	expect_report("1 references");
	page_put(p);
	end();
}

KTEST(verify, zero_page)
{
	uint64_t *word = phys_to_virt(pfn_to_paddr(zero_pfn));

	begin();
	PLANT(word[511], 7, "the zero page holds 0x7");
	end();
}

KTEST(verify, vmas)
{
	struct vma *v, *next;

	begin();
	v = vma_find(mt_mm, mt_va(0));
	next = vma_next(v);
	PLANT(v->end, v->end + PAGE_SIZE, "VMA");
	PLANT(v->end, v->end - PAGE_SIZE, "");
	PLANT(v->start, v->start + 1, "bounds");
	PLANT(next->start, v->start, "overlap");
	PLANT(v->pgoff, v->pgoff + 1, "pgoff");
	PLANT(v->gap_max, 1, "sums");
	PLANT(v->gap, v->gap + PAGE_SIZE, "sums");
	PLANT(v->mm, NULL, "another mm");
	PLANT(v->prot, v->prot | PROT_X, "gives its leaves rights");
	PLANT(v->flags, v->flags & ~VM_ACCOUNT, "pages promised, but VMAs and objects have");
	PLANT(v->flags, v->flags & ~VM_WRITE, "sum of the sizes of data");
	PLANT(v->flags, v->flags | VM_LOCKED, "sum of locked VMAs");
	PLANT(mt_mm->nvmas, mt_mm->nvmas - 1, "count of VMAs");
	PLANT(mt_mm->size_pages, 1, "sum of VMA sizes");
	PLANT(mt_mm->data_pages, 1, "sum of the sizes of data");
	PLANT(mt_mm->locked_pages, 1, "sum of locked VMAs");
	end();
}

KTEST(verify, tables)
{
	struct page *table;

	begin();
	table = virt_to_page(mt_slot(0));
	EXPECT_EQ(table->kind, PAGE_TABLE);
	PLANT(table->used, table->used + 1, "used");
	PLANT(table->anon, table->anon - 1, "anon");
	PLANT(table->dead, 1, "dead");
	PLANT(table->base, 0, "");
	PLANT(mt_mm->as.table_bytes, 0, "bytes");
	end();
}

KTEST(verify, objects)
{
	struct page *p;

	begin();
	p = mt_page(8);
	PLANT(file.obj.npages, 7, "object's count of pages");
	PLANT(file.obj.pages.height, 0, "not in its object's index");
	PLANT(p->flags, p->flags & ~PG_UPTODATE, "neither up to date nor busy");
	EXPECT(radix_remove(&file.obj.pages, 0) == p);
	expect_report("not in its object's index");
	EXPECT_EQ(radix_insert(&file.obj.pages, 0, p), 0);
	end();
}

/* What the tally leaves in the pages' flags is taken away again. */
KTEST(verify, leaves_no_trace)
{
	begin();
	for (unsigned i = 0; i < 3; i++)
		expect_well();
	EXPECT_EQ(mt_page(0)->flags >> PG_TALLY_SHIFT, 0);
	EXPECT_EQ(mt_page(8)->flags >> PG_TALLY_SHIFT, 0);
	end();
}
