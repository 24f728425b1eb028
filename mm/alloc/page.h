/*
 * struct page: one 64-byte record for each 4 KB frame of RAM, and the
 * allocator's public face.
 *
 *  byte  0       4    5     6        8      12      16      24       40      48      56     64
 *        +-------+----+-----+--------+------+-------+-------+--------+-------+-------+------+
 *  page  | flags |kind|order|limit_id| refs | slots | slot  | link   | owner | index |policy|
 *        +-------+----+-----+--------+------+-------+-------+--------+-------+-------+------+
 *  table | flags |kind|order|limit_id|    lock      |lvl,state,used, |anon,file,|base|owner |comp. |
 *        |       |    |     |        |              |first,last      |shm,swap  |    |slot  |or kin|
 *        +-------+----+-----+--------+--------------+----------------+----------+----+------+------+
 *
 * refs = slots + caches + pins + gathers: a frame is freed when the last goes.
 * slots = PTEs that map it (present, noaccess, migrating). An anonymous page
 * knows one of them, and finds the others by it (mm/pt/rmap.h). The table's
 * lock is never overlaid by another use.
 */
#ifndef MM_ALLOC_PAGE_H
#define MM_ALLOC_PAGE_H

#include <arch/layout.h>
#include <arch/page.h>
#include <arch/types.h>
#include <bsd/sys/queue.h>
#include <kernel/core/grace.h>
#include <lib/lock.h>

enum page_kind {
	PAGE_HOLE,	/* no RAM, or never the kernel's to give (firmware, image, initrd) */
	PAGE_FREE,	/* head of a free block in the buddy, of .order */
	PAGE_TAIL,	/* inside of a block whose head says what it is */
	PAGE_PERCPU,	/* free, on a per-CPU list */
	PAGE_KERNEL,	/* the kernel's own, of .order */
	PAGE_SLAB,
	PAGE_TABLE,	/* a page table of any level */
	PAGE_ANON,	/* anonymous memory of a process */
	PAGE_FILE,	/* cached page of an object */
	PAGE_HUGETLB,	/* an explicit huge page, in use or in its pool (hugepool.h) */
	PAGE_LAST = PAGE_HUGETLB,
};

/* flags, changed atomically */
#define PG_BUSY		(1u << 0)	/* sleeping lock (busy.h): I/O or a change of owner goes on */
#define PG_UPTODATE	(1u << 1)	/* a file's or a swap slot's content has been read in */
#define PG_DIRTY	(1u << 2)
#define PG_REFERENCED	(1u << 3)
#define PG_LRU		(1u << 4)	/* on a list of the reclaim policy (lists.h) */
#define PG_MIXED	(1u << 5)	/* huge leaves are among its slots (block.h) */
#define PG_JUNK		(1u << 6)	/* debug: free and filled with junk */
#define PG_WAITERS	(1u << 7)	/* somebody may be asleep until PG_BUSY goes (busy.c) */
#define PG_SHMEM	(1u << 8)	/* of a memory object: set with the kind, and kept */
#define PG_SWAPCACHE	(1u << 9)	/* anonymous or shmem: it is the cache of slot `swp` (slots.h) */
#define PG_BATCH	(1u << 10)	/* noted for the lists of reclaim (lists.h) */
#define PG_AHEAD	(1u << 11)	/* in the swap cache, and not asked for so far: read ahead */
#define PG_LAZYFREE	(1u << 12)	/* anonymous, given up by MADV_FREE; lists_lock, once lists are kept; of a whole block: its lock */
#define PG_LEFT_OFF	(1u << 13)	/* off the lists of reclaim, which know it (lists.h) */
/* bits 14 and up: mm_verify's tally of the entries that name the page; 0 between its runs */
#define PG_TALLY_SHIFT	14

struct page {
	uint32_t flags;
	uint8_t kind;			/* enum page_kind; owner of the page */
	uint8_t order;			/* of the block, in its head */
	uint16_t limit_id;		/* memory limit that pays for it; 0: none */
	union {
		struct {		/* page view */
			uint32_t refs;		/* atomic */
			uint32_t slots;		/* table lock of each slot; atomic */
			union {
				pte_t *slot;	/* anonymous: its PTE (direct-map address); rmap */
				uint64_t leaves; /* first page of an object's block: huge leaves that name it (mm/pt/huge.c); atomic */
			};
			TAILQ_ENTRY(page) link;	/* free list (zone), per-CPU list, gather, LRU (lists) */
			union {
				struct object *owner;	/* object whose page it is, or NULL */
				swp_t swp;	/* with PG_SWAPCACHE: its slot (slots.h); its cluster's lock */
				uintptr_t leaf;	/* head of an anonymous block: its first huge leaf (mm/pt/huge.c); the block's lock */
			};
			uint64_t index;		/* page index in the object; anonymous: va >> 12 where it was first mapped */
			uint32_t policy;	/* the reclaim policy's own; lists_lock */
			uint32_t nlocked;	/* how many of its slots mlock holds */
		};
		struct {		/* table view */
			struct spinlock lock;	/* RANK_TABLE, RANK_UPPER_TABLE */
			uint8_t level;		/* const while in use */
			uint8_t dead : 1;	/* unlinked: a cursor that locked it starts again; lock */
			uint8_t shared : 1;	/* several owners, linked in the companions; lock */
			uint16_t used;		/* entries that are not none; lock */
			uint16_t first, last;	/* bounds of the used ones (may be loose); lock */
			uint16_t anon, file, shmem, swap; /* entries of each sort; lock */
			union {
				struct {
					vaddr_t base;	/* lowest address it maps, for its (first) owner; lock */
					pte_t *owner_slot; /* (first) upper slot pointing here; root: NULL; lock */
				};
				struct grace_head dead_link; /* dead: in its gather, then in a grace period */
			};
			union {
				struct page *companion; /* upper: links of its slots; NULL: none needed yet; lock */
				struct { uint32_t kin_next, kin_prev; }; /* last level: its family (rmap.h), as frame numbers; kin_lock */
			};
			struct aspace *as;	/* whose table (shared: the first owner's); lock */
		};
		struct {		/* slab view */
			struct kmem_cache *cache;
			void *free;
			uint16_t inuse, total;
			uint32_t slab_pad;
			TAILQ_ENTRY(page) slab_link;
		};
		struct {		/* pool view (zpool.c), in the first page of a block */
			uint64_t pool_refs;	/* refs and slots, as above */
			struct page *pool_next;	/* the block's next page: all of its pages have that; const */
			TAILQ_ENTRY(page) pool_link; /* blocks of its class; the class's lock, as the rest */
			uint64_t pool_used;	/* bit n: place n is taken */
			uint64_t pool_age;	/* when it became full */
			uint32_t pool_class;	/* const */
		};
	};
};
_Static_assert(sizeof(struct page) == 64, "struct page is 64 bytes");

TAILQ_HEAD(page_list, page);

#ifndef HOST_TEST
#define vmemmap ((struct page *)VMEMMAP_BASE)
#else
extern struct page *vmemmap;
#endif
static inline struct page *pfn_to_page(pfn_t f) { return vmemmap + f.v; }
static inline pfn_t page_to_pfn(const struct page *p) { return pfn((uint64_t)(p - vmemmap)); }
static inline paddr_t page_to_phys(const struct page *p) { return pfn_to_paddr(page_to_pfn(p)); }
static inline void *page_to_virt(const struct page *p) { return phys_to_virt(page_to_phys(p)); }
static inline struct page *virt_to_page(const void *v) { return pfn_to_page(paddr_to_pfn(virt_to_phys(v))); }
/* True if f is a frame of RAM that struct page covers (safe for any number). */
bool pfn_valid(pfn_t f);

#define ORDER_MAX	18		/* 1 GB */
#define ORDER_HUGE	9
#define ORDER_GIANT	18

#define ALLOC_ZERO	1u		/* cleared */
#define ALLOC_RESERVE	2u		/* may dip below the min watermark (reclaim, OOM victims) */

/*
 * A block of 2^order frames of the given kind, refs = 1, or NULL: never sleeps,
 * never reclaims. Any context but interrupt handlers; takes RANK_ZONE. Without
 * ALLOC_ZERO the content is undefined.
 */
struct page *page_alloc(unsigned order, enum page_kind kind, unsigned flags);
/* Back to the allocator, whatever refs say (they must be 0 or 1 and no slot left). order as allocated. */
void page_free(struct page *p, unsigned order);
static inline void page_get(struct page *p)
{
	__atomic_fetch_add(&p->refs, 1, __ATOMIC_RELAXED);
}
/* Drops a reference; the last one frees the block. */
void page_put(struct page *p);

/* Frames free now, per-CPU lists counted; frames under management at all. */
uint64_t page_free_count(void);
uint64_t page_total_count(void);
/* The watermark below which memory counts as short. */
uint64_t page_low_mark(void);
/* The one below which only ALLOC_RESERVE gets any; the one up to which reclaim goes on. */
uint64_t page_min_mark(void);
uint64_t page_high_mark(void);
/* Sets min, and the others by it and by the number of CPUs. */
void page_set_marks(uint64_t min);
/* What is held against the watermarks: free frames without those of per-CPU lists. */
uint64_t page_buddy_count(void);
/* Gives the per-CPU lists of this CPU back to the buddy. */
void page_drain(void);
/* The same of all CPUs, which are parked for it. No lock held. */
void page_drain_all(void);
/* Is there a free block of at least that order? A guess. */
bool page_has_block(unsigned order);
/*
 * For who moves pages: up to n frames, PAGE_KERNEL, of what is free in the 2 MB from `block` on, which are
 * not free as a whole; how many.
 */
unsigned page_alloc_from(struct page *block, struct page **out, unsigned n);

/* Can frames be given another place while they are in use? (pageblock.h) */
enum page_mobility { PAGES_UNMOVABLE, PAGES_MOVABLE, PAGE_MOBILITIES };

struct alloc_stats {
	uint64_t free_blocks[PAGE_MOBILITIES][ORDER_MAX + 1];	/* by the type of their pageblock */
	uint64_t pageblocks[PAGE_MOBILITIES];
	uint64_t allocs, frees, fails, pcp_refills, pcp_drains;
};
void page_stats(struct alloc_stats *s);
/* Checks free lists, kinds, orders, counts against each other: 0, or a text of the first disagreement. */
const char *page_verify(void);

/* Failure injection: the n-th allocation from now on fails (1: the next); 0: none. Option fail_alloc=. */
extern uint64_t page_fail_nth;
/* Objects of the slab allocator are counted as well, not only pages. */
extern bool page_fail_objects;
/* Whose allocations are counted for that; NULL: everybody's. */
extern const struct thread *page_fail_thread;
/* Counts one allocation of the running thread; true if it is the one that shall fail. */
bool page_fail_now(void);
/* t ends: another thread may get its place in memory. */
void page_fail_forget(const struct thread *t);

/*
 * Woken when there are fewer free frames than the low watermark; NULL as long
 * as nobody reclaims.
 */
struct waitq;
extern struct waitq *page_low_wait;

/* -- boot -- */
struct bootinfo;
/* The early allocator: hands out RAM of the memory map before struct pages exist. */
void early_init(const struct bootinfo *bi);
/* Zeroed; aligned (a power of two, at least 4 KB); below 4 GB until early_limit_lift(). Panics if there is none. */
paddr_t early_alloc(size_t bytes, size_t align);
void early_limit_lift(void);
/* Bytes that early_alloc has not handed out. */
uint64_t early_left_bytes(void);
/*
 * Takes bytes (whole pages) from the highest RAM on down away from the kernel: no frame of
 * it is counted or ever allocated, the direct map still has it. fn is given each
 * range. False: there is not so much; nothing is taken. Before page_init.
 */
bool __must_check early_set_aside(uint64_t bytes, void (*fn)(uint64_t start, uint64_t end));
/* Calls fn for each range of RAM (page-aligned, firmware's and image's parts included). */
void early_for_each_ram(void (*fn)(uint64_t start, uint64_t end, void *arg), void *arg);
/* One past the highest byte of RAM. */
uint64_t early_ram_end(void);
/* Struct pages are mapped by now (mm/pt): fills them, gives all RAM that early_alloc left to the buddy. Logs. */
void page_init(void);

#endif
