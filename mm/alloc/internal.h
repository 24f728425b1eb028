/*
 * What the files of the frame allocator know of each other: page.c (the face)
 * over percpu.c (lists of single frames) over buddy.c (blocks), filled at boot
 * from early.c (ranges).
 */
#ifndef MM_ALLOC_INTERNAL_H
#define MM_ALLOC_INTERNAL_H

#include <arch/cpu.h>
#include <mm/alloc/pageblock.h>
#include <mm/alloc/rangeset.h>

/* ---- early.c ---- */

/* Const after early_init, early_left after early_close. */
extern struct rangeset early_ram;	/* struct pages and the direct map cover it */
extern struct rangeset early_usable;	/* of that, the kernel's to use */
extern struct rangeset early_left;	/* of that, not handed out yet */
/* No early_alloc from now on: the buddy has the rest. */
void early_close(void);

/* ---- buddy.c ---- */

/* All memory that is alike. Letter z: the field is guarded by the lock. */
struct zone {
	struct spinlock lock;			/* RANK_ZONE */
	uint32_t orders[PAGE_MOBILITIES];	/* z: bit n: list[][n] is not empty */
	uint64_t free;				/* z: frames on the lists; racy reads are guesses */
	uint64_t min, low, high;		/* watermarks in frames; set at any time, read as guesses */
	uint64_t total;				/* frames ever given; const after page_init */
	uint64_t nfree[PAGE_MOBILITIES][ORDER_MAX + 1]; /* z: blocks on each list */
	struct page_list list[PAGE_MOBILITIES][ORDER_MAX + 1]; /* z: kind PAGE_FREE, linked by link */
};
extern struct zone zone;

void buddy_init(void);
/* Gives [start, end) of usable memory to the zone, struct pages made from zeros. Boot only. */
void buddy_add(pfn_t start, pfn_t end);
/* A block of kind PAGE_PERCPU (nobody's, on no list), or NULL. reserve: below min, too. */
struct page *buddy_alloc(unsigned order, enum page_mobility type, bool reserve);
void buddy_free(struct page *p, unsigned order);
/*
 * Up to n single frames of kind PAGE_PERCPU, the last of them with the lowest
 * address of its block; how many. When the reserve is touched: one.
 */
unsigned buddy_alloc_batch(struct page **out, unsigned n, enum page_mobility type, bool reserve);
/* What is free in a pageblock that is not so as a whole, up to n frames, as single ones. */
unsigned buddy_take_from(struct page *block, struct page **out, unsigned n);
void buddy_free_batch(struct page *const *in, unsigned n);

/* ---- percpu.c ---- */

#define PCP_MAX		58
#define PCP_BATCH	32

/*
 * One for each type. Touched by its own CPU only; others read the numbers for sums. 512 bytes.
 */
struct pcp {
	uint64_t count;
	uint64_t allocs, frees, fails;		/* of all orders */
	uint64_t refills, drains;
	struct page *page[PCP_MAX];		/* a stack: the last freed is the first allocated */
};
_Static_assert(sizeof(struct pcp) == 512, "indexed by a shift");
extern struct pcp pcps[MAX_CPUS][PAGE_MOBILITIES];

static __always_inline_ struct pcp *this_pcp(enum page_mobility type)
{
	return &pcps[this_cpu()->id][type];
}
/* Makes count > 0; false: no memory. */
bool __must_check pcp_refill(struct pcp *pcp, enum page_mobility type, bool reserve);
/* Gives the n frames that lay there longest back to the buddy. */
void pcp_drain(struct pcp *pcp, unsigned n);

/* ---- page.c ---- */

const char *page_kind_name(unsigned kind);
/* Wakes page_low_wait if there are fewer frames than the low watermark. */
void page_wake_reclaim(void);

/* ---- junk.c ---- */

#ifdef DEBUG
/* Fills the frames of a block that is being freed, and marks them PG_JUNK. */
void junk_fill(struct page *p, unsigned order);
/* Of a block that is being allocated: those marked must still hold their junk. */
void junk_check(const struct page *p, unsigned order);
#else
static inline void junk_fill(struct page *p, unsigned order) { (void)p; (void)order; }
static inline void junk_check(const struct page *p, unsigned order) { (void)p; (void)order; }
#endif

/* Everything that the last owner may have left in the record, and what the new one may rely on. */
static __always_inline_ void page_make(struct page *p, unsigned order, enum page_kind kind)
{
	*(uint64_t *)p = (uint64_t)kind << 32 | (uint64_t)order << 40;
	p->refs = 1;
	p->slots = 0;
	p->slot = NULL;
	p->owner = NULL;
	p->index = 0;
	p->policy = 0;
	p->nlocked = 0;
}
_Static_assert(offsetof(struct page, kind) == 4 && offsetof(struct page, order) == 5, "page_make");

#endif
