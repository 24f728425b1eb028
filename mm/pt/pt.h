/*
 * Page tables: the only writer of them. A cursor stands on one entry and
 * holds the lock of the table it stands in; a gather collects what a change
 * makes stale or free, and gives it back only after the flush.
 *
 * The lower floors' laws that this interface keeps: unhook, flush, free; the
 * table's counts agree with its entries at every unlock; after locking a
 * table the cursor re-reads the upper entry and `dead`, and starts again on a
 * mismatch; empty tables unlink themselves (upper lock, then the table's) and
 * are freed after the flush and a grace period.
 */
#ifndef MM_PT_PT_H
#define MM_PT_PT_H

#include <arch/aspace.h>
#include <arch/pte.h>
#include <lib/assert.h>
#include <mm/alloc/page.h>

/* ---- gather: unhook, flush, free (gather.c) ---- */

#define GATHER_PAGES	128
#define GATHER_OWNERS	28

/*
 * slot pointed to the shared table until now, and is still in the list of its owners. Without a
 * slot: a reference of a block (mm/alloc/block.h), by its head.
 */
struct gather_owner { struct page *table; pte_t *slot; };

/* What takes rights away; option skipflush (debug builds) makes one of them forget to flush. */
enum flush_kind {
	FLUSH_OTHER,
	FLUSH_UNMAP,			/* munmap, and whatever else takes mappings out */
	FLUSH_PROTECT,
	FLUSH_COW,			/* a fault replaces a page by another */
	FLUSH_FORK,
	FLUSH_UNSHARE,			/* a table that a fork shares is copied */
	FLUSH_MREMAP,
	FLUSH_DONTNEED,
	FLUSH_TRUNCATE,
	FLUSH_AGE,			/* pages count as unused */
	FLUSH_LAZYFREE,			/* pages count as not written (MADV_FREE) */
	FLUSH_RECLAIM,			/* a page is to be written, or freed (rmap.h) */
	FLUSH_SPLIT,			/* a huge leaf becomes a table */
	FLUSH_COLLAPSE,			/* a table becomes a huge leaf */
	FLUSH_MIGRATE,			/* a page gets another frame (migrate.c) */
};

/* What an address space has lost, and CPUs may still know. */
struct stale {
	struct aspace *as;
#ifdef DEBUG
	enum flush_kind kind;
#endif
	vaddr_t start, end;		/* the range: end 0: none yet */
	uint64_t first, last;		/* generations that were made for it; first: if bumps */
	uint64_t target;		/* up to which CPUs are to flush; while they do */
	unsigned bumps;			/* how many those are */
	unsigned huge;			/* of these, for ranges of huge leaves */
	unsigned cpu;			/* that flushes */
};

struct gather {
	struct stale stale;
	unsigned npages;
	struct page *page[GATHER_PAGES]; /* references to drop after the flush */
	unsigned nowners;
	struct gather_owner owner[GATHER_OWNERS]; /* to leave their tables after the flush */
	struct grace_head *dead_tables;	/* to free after the flush and a grace period */
};

static inline void stale_set_kind(struct stale *s, enum flush_kind kind)
{
#ifdef DEBUG
	s->kind = kind;
#endif
	(void)s, (void)kind;
}

static inline void stale_reset(struct stale *s)
{
	s->start = s->end = 0;
	s->bumps = s->huge = 0;
	s->last = 0;
}

static inline void gather_reset(struct gather *g)
{
	stale_reset(&g->stale);
	g->npages = 0;
	g->nowners = 0;
	g->dead_tables = NULL;
}

static inline void gather_init_for(struct gather *g, struct aspace *as, enum flush_kind kind)
{
	g->stale.as = as;
	stale_set_kind(&g->stale, kind);
	gather_reset(g);
}

static inline void gather_init(struct gather *g, struct aspace *as)
{
	gather_init_for(g, as, FLUSH_OTHER);
}
/* Notes that [va, va + size) lost a right or its frame. Table lock held. */
void gather_range(struct gather *g, vaddr_t va, size_t size);
/* The same where the leaves are of that level. */
static inline void gather_leaves(struct gather *g, vaddr_t va, size_t size, unsigned level)
{
	gather_range(g, va, size);
	if (unlikely(level > 1))
		g->stale.huge++;
}
/*
 * Takes over one reference of p. False: now full; the caller unlocks and calls
 * gather_flush before going on.
 */
bool __must_check gather_page(struct gather *g, struct page *p);
static inline bool gather_full(const struct gather *g) { return g->npages == GATHER_PAGES; }
static inline bool gather_owners_full(const struct gather *g)
{
	return g->nowners == GATHER_OWNERS;
}
/* Takes over a reference of a block. There is room: !gather_owners_full. */
void gather_block(struct gather *g, struct page *head);
/* Takes over a table just unlinked and marked dead. Its lock and the upper table's held. */
void gather_table(struct gather *g, struct page *table);
/*
 * Flushes every CPU that may hold something stale, waits for it, drops what
 * was gathered. No spinlock held, interrupts on.
 */
void gather_flush(struct gather *g);
/* gather_flush at the end of an operation (nothing to do if nothing was noted). */
static inline void gather_finish(struct gather *g) { gather_flush(g); }

/* What TLBs were made to forget; /proc/vmstat's names. */
enum tlb_stat {
	TLB_REMOTE_FLUSH,	/* flushes that other CPUs were asked for */
	TLB_REMOTE_RECEIVED,	/* requests that CPUs took */
	TLB_LOCAL_ALL,		/* flushes of everything, of each CPU */
	TLB_LOCAL_ONE,		/* pages flushed one by one, of each CPU */
	TLB_IPI_SENT,		/* other CPUs asked */
	TLB_LAZY_SKIPPED,	/* CPUs not asked, since they idle or run a kernel thread */
	TLB_STATS
};
uint64_t tlb_stat_sum(enum tlb_stat s);
uint64_t tlb_stat(unsigned cpu, enum tlb_stat s);
const char *tlb_stat_name(enum tlb_stat s);
/*
 * Every CPU leaves as, which no thread runs on any more, for the kernel's root.
 * No spinlock held, interrupts on.
 */
void aspace_leave(struct aspace *as);

/* ---- cursor (cursor.c) ---- */

struct cursor {
	struct aspace *as;
	vaddr_t va;			/* aligned to the level's size */
	unsigned level;			/* 1: PT */
	struct page *table;		/* locked */
	pte_t *slot;
};

/*
 * Stands on va's entry of the table at `level`, making the tables on the way,
 * to change it: a last-level table that has other owners (fork) is copied
 * first. No spinlock held. 0 (locked), -ENOMEM, or -EEXIST: a huge leaf stands
 * in the way above (the cursor is then on that leaf, locked, c->level says where).
 */
int __must_check cursor_open(struct cursor *c, struct aspace *as, vaddr_t va, unsigned level);
/*
 * Closed by the caller, who has not slept since: stands on the same entry
 * again, locked, if the table is still as's own. False: cursor_open must look.
 */
bool cursor_reopen(struct cursor *c);
/*
 * Makes nothing: stands on the lowest entry that exists on the way to va, at
 * `level` or above (c->level says). Always locked on return. The table may be
 * shared with other address spaces (c->table->shared): then it is only looked at, but for cursor_swap_in.
 */
void cursor_find(struct cursor *c, struct aspace *as, vaddr_t va, unsigned level);
/* To the next entry of the same table; false at its end (the cursor stays). */
static inline bool cursor_next(struct cursor *c)
{
	if (((uintptr_t)(c->slot + 1) & (PAGE_SIZE - 1)) == 0)
		return false;
	c->slot++;
	c->va += LEVEL_SIZE(c->level);
	return true;
}
/* Where c's last-level table ends, or the entry above, if there is none. */
static inline vaddr_t cursor_behind(const struct cursor *c)
{
	unsigned level = c->level > 1 ? c->level : 2;

	return (c->va & -LEVEL_SIZE(level)) + LEVEL_SIZE(level);
}
static inline void cursor_close(struct cursor *c) { spin_unlock(&c->table->lock); }

static inline pte_t cursor_get(const struct cursor *c) { return pte_read(c->slot); }

/*
 * Maps page p (4 KB; at level 2 or 3 a block of that size: huge.h) over a none entry:
 * leaf with prot, slot counted, the caller's reference becomes the slot's.
 */
void cursor_map(struct cursor *c, struct page *p, unsigned prot);
/* The same for a frame without slot and count (zero page, device). */
void cursor_map_special(struct cursor *c, pfn_t f, unsigned prot);
/*
 * Replaces what is there by page p (zero page to written page, COW), with the
 * caller's reference; the old one's slot and reference go to the gather, which
 * has room.
 */
void cursor_replace(struct cursor *c, struct page *p, unsigned prot, struct gather *g);
/*
 * The swap entry there becomes a leaf of p (no R, W, X: a noaccess entry), without W, with its soft bits.
 * p, busy, has the content of the slot; the caller's reference becomes the entry's, the slot's count
 * is still the caller's to give up. False: it is a stray entry (rmap.h), and
 * must have a copy of p; nothing has changed.
 */
bool __must_check cursor_swap_in(struct cursor *c, struct page *p, unsigned prot);
/*
 * The migrating entry there, whose page is not busy any more, becomes what it was. False: that page
 * is none (an object's that was not moved in the end); the entry must go.
 */
bool __must_check cursor_arrive(struct cursor *c);
/*
 * Another frame, p, with the same content and the caller's reference, for the private
 * leaf or noaccess entry there, which keeps all else but W. g as for cursor_replace.
 */
void cursor_replace_frame(struct cursor *c, struct page *p, struct gather *g);
/*
 * Takes the entry out, whatever leaf kind it is; returns it (A and D final).
 * *full: g must be flushed before the next.
 */
pte_t cursor_clear(struct cursor *c, struct gather *g, bool *full);
/*
 * New rights for the leaf there, A and D kept; notes a flush if a right goes
 * (or NX comes). No R, W, X: a noaccess entry.
 */
void cursor_protect(struct cursor *c, unsigned prot, struct gather *g);
/* The kernel wrote to the page by way of the direct map: A and D say so. */
static inline void cursor_mark_written(struct cursor *c)
{
	__atomic_fetch_or(&c->slot->v, PTE_A | PTE_D, __ATOMIC_RELAXED);
}

/* The page counts as not used until it is used again. Legal in a shared table. */
static inline void cursor_clear_young(struct cursor *c, struct gather *g)
{
	if (__atomic_fetch_and(&c->slot->v, ~PTE_A, __ATOMIC_RELAXED) & PTE_A)
		gather_leaves(g, c->va, LEVEL_SIZE(c->level), c->level);
}

/* The page counts as not used and not written, until it is again. In no shared table. */
static inline void cursor_clear_dirty(struct cursor *c, struct gather *g)
{
	pte_t was = { __atomic_fetch_and(&c->slot->v, ~(PTE_A | PTE_D), __ATOMIC_RELAXED) };

	debug_assert(!c->table->shared);
	if (pte_present(was) && was.v & (PTE_A | PTE_D))
		gather_leaves(g, c->va, LEVEL_SIZE(c->level), c->level);
}

/*
 * W for the private leaf there, whose page has no other slot. A CPU that still
 * knows it without takes a fault that finds W: nothing to flush.
 */
static inline void cursor_give_write(struct cursor *c)
{
	debug_assert(!c->table->shared && pte_present(cursor_get(c)));
	__atomic_fetch_or(&c->slot->v, PTE_W, __ATOMIC_RELAXED);
}

/* ---- ranges (range.c) ---- */

/*
 * Empties [start, end) of as (page-aligned): every kind; empty tables go too.
 * Flushes in between as it must (and may yield then: no spinlock held); the
 * rest is the caller's gather_finish, before which it must not sleep, nor give
 * up mm.lock. A huge leaf must lie in the range as a whole, or stays; one of an object's pages goes as a
 * whole if it does not. A table shared with other address spaces is left to them; pt_own_zap has been called.
 */
void pt_zap(struct aspace *as, vaddr_t start, vaddr_t end, struct gather *g);
/*
 * The same for entries that name pages of an object's cache (huge leaves as a whole); private copies stay. Tables that
 * are shared have no such entries: an object's mapping shares none.
 */
void pt_zap_cached(struct aspace *as, vaddr_t start, vaddr_t end, struct gather *g);
/*
 * Empties all of as, a user's, and takes its tables but the root: nobody has it
 * loaded, no object knows a mapping in it, nobody will fill it again. g and
 * flushes as for pt_zap. Returns how many pages were resident.
 */
uint64_t pt_end(struct aspace *as, struct gather *g);
/*
 * New rights for every leaf in [start, end); no R, W or X: noaccess entries,
 * which know no W and come back without it. Write rights are only taken, not
 * given (the fault gives them), but with PROT_GIVE_W, which is for private
 * memory: then each anonymous page that nobody else has gets W at once. PROT_U is taken for granted in a user aspace.
 * pt_own has been called.
 */
#define PROT_GIVE_W	64u
void pt_protect(struct aspace *as, vaddr_t start, vaddr_t end, unsigned prot, struct gather *g);

/* ---- shared tables (share.c, fork.c): fork's child has the parent's tables ---- */

int __must_check pt_own_range(struct aspace *as, vaddr_t start, vaddr_t end);
int __must_check pt_own_edges(struct aspace *as, vaddr_t start, vaddr_t end);
/*
 * Makes every table that has entries in [start, end) as's own, by copies where
 * others have it too, and splits huge leaves that lie across an end: before rights, kinds or
 * places of entries there change. Until mm.lock is released it stays so. 0, or -errno
 * (-ENOMEM; -EINVAL: a leaf of 1 GB, or of an explicit huge page, cannot be split): nothing has changed.
 */
static inline int __must_check pt_own(struct aspace *as, vaddr_t start, vaddr_t end)
{
	return unlikely(as->uncommon) ? pt_own_range(as, start, end) : 0;
}
/* The same, but for tables with no entries outside of the range: before pt_zap. */
static inline int __must_check pt_own_zap(struct aspace *as, vaddr_t start, vaddr_t end)
{
	return unlikely(as->uncommon) ? pt_own_edges(as, start, end) : 0;
}

/*
 * `to` gets the tables of [start, end), which consists of whole spans of
 * last-level tables: shared, the small ones copied. Who writes first to a table
 * copies it. The rest as for pt_copy.
 */
int __must_check pt_share(struct aspace *to, struct aspace *from, vaddr_t start, vaddr_t end,
			  struct gather *g);
/* How many upper entries point to the shared table t, locked. */
unsigned pt_table_owners(const struct page *t);
/*
 * Moves the entries of [old, old + len) to new, where there are none: by whole
 * tables where both places allow. Tables that are then empty stay: pt_zap of
 * the range takes them. g is to be flushed by the caller, who holds mm.lock
 * for writing. 0, or -ENOMEM: all is as before. May yield.
 */
int __must_check pt_move(struct aspace *as, vaddr_t old, vaddr_t new, size_t len, struct gather *g);

/*
 * Copies the entries of [start, end) to the same place of `to`, where they are
 * none; writable leaves lose W on both sides, each page gains a slot and a
 * reference. g is from's, to be flushed by the caller, also on failure. The
 * caller keeps from's tables from being unlinked, and others off `to`. 0 or -ENOMEM.
 */
int __must_check pt_copy(struct aspace *to, struct aspace *from, vaddr_t start, vaddr_t end,
			 struct gather *g);

/*
 * mlock (lock.c): the entries of [start, end) that have a page are locked, or not
 * any more, and their pages count it. pt_own has been called.
 */
void pt_lock(struct aspace *as, vaddr_t start, vaddr_t end, bool lock);

/*
 * Calls visit for every non-none entry of every level in [start, end), upper
 * entries before what they point to; no lock held by the walk itself: for
 * verification and reports with the aspace at rest. Nonzero stops and is returned.
 */
int pt_walk(struct aspace *as, vaddr_t start, vaddr_t end,
	    int (*visit)(void *arg, vaddr_t va, unsigned level, pte_t *slot, pte_t e), void *arg);
/*
 * The leaf (or lowest entry) that translates va, without locks: entry and
 * level. For reports and tests.
 */
pte_t pt_lookup(struct aspace *as, vaddr_t va, unsigned *level);

/* The same for who asks only for what there is at level 1: none where there is no such table. */
pte_t pt_peek(struct aspace *as, vaddr_t va);

/* ---- address spaces (aspace.c) ---- */

/* A fresh root with the kernel's half in it. 0 or -ENOMEM. */
int __must_check aspace_init(struct aspace *as);
/* All user entries are gone (pt_zap) and no CPU has it loaded: frees the root. */
void aspace_destroy(struct aspace *as);

/* Pages of each sort; swap entries; tables without the root. */
struct aspace_counts { uint64_t anon, file, shmem, swap, table_pages; };
/* as stays, even at its end, until it is unpinned. Pinned with one of its tables locked. */
static inline void aspace_pin(struct aspace *as)
{
	__atomic_fetch_add(&as->pins, 1, __ATOMIC_RELAXED);
}
static inline void aspace_unpin(struct aspace *as)
{
	__atomic_fetch_sub(&as->pins, 1, __ATOMIC_RELEASE);
}
/* Sums over the tables, taken at the moment of the call. */
void aspace_count(struct aspace *as, struct aspace_counts *n);

/*
 * Every count of every table of as against its entries, and what each entry
 * names against its struct page: 0, or a text (a static buffer). At rest.
 */
const char *pt_verify(struct aspace *as);

/* ---- the kernel's own (kmap.c, kstack.c) ---- */

struct bootinfo;
/*
 * Builds the kernel's tables from early_alloc (image W^X, direct map, vmemmap)
 * and loads them. Before page_init.
 */
void kmap_build(const struct bootinfo *bi);
extern bool kmap_4k;	/* option map4k */
/* After page_init: struct pages of those tables; the KMAP area. */
void kmap_init(void);
/* Maps device memory uncached; address of pa. Panics without memory (boot only). */
void *kmap_mmio(paddr_t pa, size_t bytes);

#define KSTACK_SIZE	(16 * 1024ul)
/* A kernel stack with an unmapped guard page below. 0 or -ENOMEM; bottom and top are virtual. */
int __must_check kstack_alloc(uint64_t *bottom, uint64_t *top);
void kstack_free(uint64_t bottom);
/* Gives the stacks that this CPU keeps for reuse back to the allocator. */
void kstack_drain(void);
/* Memory of all stacks of kstack_alloc, those kept for reuse included. */
uint64_t kstack_bytes(void);
/* True if va lies in the guard page of a kernel stack. */
bool kstack_is_guard(vaddr_t va);

/* The shared frame of zeros, and its 4 KB. Never written. */
extern pfn_t zero_pfn;

#endif
