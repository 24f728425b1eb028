/*
 * Objects own pages by index: a file's page cache, shared memory. A page of an
 * object has kind PAGE_FILE, owner and index set, and one reference of the
 * cache; each mapping adds a slot and a reference.
 */
#ifndef MM_OBJ_OBJECT_H
#define MM_OBJ_OBJECT_H

#include <arch/aspace.h>
#include <bsd/sys/tree.h>
#include <kernel/core/mutex.h>
#include <lib/ref.h>
#include <mm/alloc/page.h>
#include <mm/obj/radix.h>

struct object;

struct object_ops {
	/*
	 * Fills p (4 KB, kernel address by page_to_virt) with page `index` of the
	 * object; past its data: zeros. 0 or -EIO. May sleep.
	 */
	int (*fill)(struct object *o, uint64_t index, struct page *p);
	/* The last reference went: frees what o is part of. Pages are gone by then. */
	void (*release)(struct object *o);
	bool io;		/* fill waits for a device: a fault that needs it is a major one */
	bool memory;		/* pages are the only copy of their content: never dropped */
	bool huge;		/* memory of explicit huge pages (huge.h) */
};

/*
 * Where pages first to last of an object are to be seen: from address start of
 * an address space on. Embedded in the VMA; in the object's tree as long as
 * the VMA is in the mm's.
 */
struct mapping {
	RB_ENTRY(mapping) node;		/* maps_lock of the object, and so all of this */
	struct aspace *as;
	vaddr_t start;
	uint64_t first, last;
	uint64_t sub_last;		/* the greatest `last` of this subtree */
	bool writes;			/* shared, and may be made writable */
	bool promised;			/* what its object promises is for it (huge.h) */
};

RB_HEAD(mapping_tree, mapping);

/*
 * Who is told of an object's VMAs, one by one: each that is made or split off; each that has gone. They are never
 * joined, so that they can be counted. Its making is told with the mm's lock held, and more: a leaf lock can be
 * taken then, no more. Its end with none of memory's.
 */
struct object_watch {
	void (*shown)(struct object_watch *w);
	void (*hidden)(struct object_watch *w);
};

/* Room that memory objects share (a file system's size): how many pages they may have together. */
struct object_room {
	uint64_t max;			/* pages */
	uint64_t used;			/* atomic: in memory or in swap */
	unsigned huge;			/* where they get huge pages: 1 + an enum shmem_mode (mm/vm/thp.h); 0: nowhere */
};

/* What may not be done to a memory object any more (F_SEAL_* of fcntl(2)). */
#define OBJECT_SEAL_SEAL	0x1u
#define OBJECT_SEAL_SHRINK	0x2u
#define OBJECT_SEAL_GROW	0x4u
#define OBJECT_SEAL_WRITE	0x8u
#define OBJECT_SEAL_FUTURE_WRITE 0x10u
#define OBJECT_SEAL_EXEC	0x20u

struct object {
	const struct object_ops *ops;
	uint64_t size;			/* bytes; lock */
	uint32_t refs;			/* atomic: files, mappings */
	struct spinlock lock;		/* RANK_OBJECT: the index */
	struct radix pages;		/* by index: pages, slots of those in swap, shadows of evicted ones; lock */
	uint64_t npages, nswapped, nshadows; /* of each in it (a huge page counts as one); lock */
	uint64_t promised;		/* memory: pages charged for at its making; 0: each as it comes */
	struct object_room *room;	/* memory: whose pages its are counted in, or NULL; const */
	bool writable;			/* shared mappings may write to it; const after init */
	bool kept;			/* memory: its pages are not swapped out; lock to change */
	struct object_watch *watch;	/* NULL: nobody; const once it can be mapped */
	struct mutex content;		/* RANK_CONTENT: writes and changes of size, one at a time */
	struct rwlock maps_lock;	/* RANK_OBJECT; o->lock is not taken inside */
	struct mapping_tree maps;	/* by first page; maps_lock */
	unsigned nwriters;		/* of the mappings, those that write; maps_lock */
	unsigned seals;			/* OBJECT_SEAL_*; content and maps_lock to change */
	TAILQ_ENTRY(object) all_link;	/* list of all; objects_lock */
};

TAILQ_HEAD(object_list, object);
extern struct object_list objects;	/* all there are, for figures and mm_verify */
extern struct spinlock objects_lock;	/* RANK_LISTS */

/* One reference, the caller's. Not writable. */
void object_init(struct object *o, const struct object_ops *ops, uint64_t size);
static inline void object_get(struct object *o)
{
	ref_get(&o->refs);
}
void object_put(struct object *o);

/*
 * The page at index, filled, with a reference for the caller. From the cache,
 * or filled (*major set if that is I/O; else left as it is). 0, -ENOMEM, -EIO,
 * -ENXIO (past the end: SIGBUS).
 * May sleep in fill; no spinlock, no table lock held.
 */
int __must_check object_page(struct object *o, uint64_t index, struct page **out, bool *major);
/* The same past the end, too: for who is about to move it. */
int __must_check object_page_beyond(struct object *o, uint64_t index, struct page **out);
/* Takes every page from `first` on out of the cache, waiting where one is busy. */
void object_drop_from(struct object *o, uint64_t first);
/* The same for pages first to last. */
void object_drop_range(struct object *o, uint64_t first, uint64_t last);
/* The page if it is cached and up to date (with a reference), else NULL. Never sleeps. */
struct page *object_cached(struct object *o, uint64_t index);
/*
 * The page at index of a memory object, with a reference, or NULL where there is a hole. From swap, if it is
 * there: may sleep. 0, -ENOMEM, -EIO.
 */
int __must_check object_present(struct object *o, uint64_t index, struct page **out);
/* read(2): up to n bytes from off to user memory; bytes copied, if none -EFAULT, -EIO, -ENOMEM. */
ssize_t object_read(struct object *o, uint64_t off, void __user *dst, size_t n);
/* The same to kernel memory. */
ssize_t object_read_kernel(struct object *o, uint64_t off, void *dst, size_t n);
/*
 * The page with the byte at off, referenced, and where that is in it; how many of n bytes from there on lie there, in one
 * 4 KB. 0, and no page, at the end; -EIO, -ENOMEM.
 */
ssize_t __must_check object_borrow(struct object *o, uint64_t off, size_t n, struct page **p, unsigned *start);
/*
 * The cached and filled pages among the n (<= 64) from index first, each with
 * a reference and PG_BUSY (busy.h) for the caller; NULL where there is none or somebody else has it.
 * Returns how many there are. Never sleeps.
 */
unsigned object_lock_cached(struct object *o, uint64_t first, unsigned n, struct page **out);

/*
 * p, busy and referenced by the caller, unmapped, of no memory object: out of the cache, if nobody else has it; a
 * shadow stays in its place.
 * False: somebody has.
 */
bool __must_check object_evict(struct page *p);
/* If there are more shadows of evicted pages than that, half of them go at least. No lock held; may sleep. */
void objects_trim_shadows(uint64_t most);
/* Drops every cached page that nobody maps or holds; returns how many. */
uint64_t object_drop_clean(struct object *o);
/* The same for all objects: what can be had back when memory runs out. */
uint64_t objects_drop_clean(void);
/* The object after o in the list of all, or the first, with a reference; o's goes. */
struct object *object_next(struct object *o);
/* Is an object whose pages r counts mapped (so that it may be written)? */
bool objects_mapped(const struct object_room *r, bool writable);
/* Pages cached by all objects. */
uint64_t objects_npages(void);
/* The index against the pages' own records: 0, or a text. At rest. */
const char *object_verify(struct object *o);

/* ---- huge pages of memory objects (block.c; `first` is a multiple of BLOCK_PAGES) ---- */

/*
 * Pages of zeros from `first` on, in one block. 0, -EEXIST (some are there, or in swap), -ENXIO (past the
 * end), -ENOMEM, -ENOSPC.
 */
int __must_check object_make_block(struct object *o, uint64_t first);
/*
 * *head: the first of the pages from `first` on, if they are one block, all of which are filled, PG_BUSY, and referenced
 * now for the caller. -EAGAIN: *head: one of them, referenced, which somebody has. Else *head is NULL: -ENOENT: there
 * are none; -EINVAL: they are no block, or past the end.
 */
int __must_check object_lock_block(struct object *o, uint64_t first, struct page **head);
/* Not busy any more; `given`: the references are somebody else's now. */
void object_unlock_block(struct page *head, bool given);
/*
 * What there is of the pages from `first` on: in memory, in swap; does somebody have one besides its entries, are they one block?
 * All 0 where they reach past the end.
 */
struct object_run { unsigned pages, swapped; bool held, block; };
struct object_run object_look_at(struct object *o, uint64_t first);
/*
 * The pages from `first` on, of which some are there, become pages of head, with zeros where there were none: collapse.c.
 * head, a block of kind PAGE_FILE that nobody has used, is taken over. 0; -EAGAIN: somebody has one of them, or it
 * is in swap; -EINVAL: there are none, or past the end; -ENOMEM, -ENOSPC: all is as before. No lock held; may sleep.
 */
int __must_check object_collapse(struct object *o, uint64_t first, struct page *head);
/* Is head the first page of such a block? For figures: as good as a look without a lock can be. */
bool object_is_block(const struct page *head);

/* ---- pages in swap (swapped.c) ---- */

/*
 * p, a page of a memory object, busy, referenced by the caller, unmapped: it leaves the object for a
 * slot of swap, whose cache it is from now on, PG_DIRTY, and then of kind PAGE_ANON.
 * False: somebody else has it, or there is no slot.
 */
bool __must_check object_swap_out(struct page *p);
/* p, busy, is the page of slot s: back to its place, if o's index still names s there. */
void object_swapped_in(struct object *o, uint64_t index, swp_t s, struct page *p);
/*
 * Reads the page of slot s, which index of o names, and calls object_swapped_in: mm/reclaim's, set by
 * the first swapon. 0 (also if it is there no more), -ENOMEM, -EIO. May sleep.
 */
typedef int object_swap_in_fn(struct object *o, uint64_t index, swp_t s, bool *major);
extern object_swap_in_fn *object_swap_in;
/* From now on pages that are in memory stay there; or may go again. */
void object_keep(struct object *o, bool kept);
/* Everything that objects have on that device comes back. 0, -ENOMEM, -EIO. */
int __must_check objects_bring_back(unsigned device);
/* The first slot from *index on. o->lock held, or at rest. */
bool object_next_swapped(struct object *o, uint64_t *index, swp_t *s);

/* ---- mappings (mapping.c) ---- */

/* Puts m, filled in but for node and sub_last, among o's mappings; takes it out. May sleep. */
void object_map(struct object *o, struct mapping *m);
void object_unmap(struct object *o, struct mapping *m);
/*
 * A mapping that writes is about to be made: keeps the seal against writing
 * off until object_unpin_writer. -EPERM: it is there already.
 */
int __must_check object_pin_writer(struct object *o);
void object_unpin_writer(struct object *o);
/* Takes the pages first to last out of every mapping, private copies too. May sleep. */
void object_zap(struct object *o, uint64_t first, uint64_t last);
/*
 * The first part of [*first, last] that a mapping with `promised` shows: *first, and *end behind it. False: none.
 */
bool object_next_promised(struct object *o, uint64_t *first, uint64_t last, uint64_t *end);
/* Takes p, whose index that is, out of every mapping but as's. May sleep. */
void object_zap_others(struct object *o, uint64_t index, const struct page *p, const struct aspace *as);
/* Takes the pages first to last out of every mapping, but leaves private copies. May sleep. */
void object_zap_cached(struct object *o, uint64_t first, uint64_t last);
/* The same for a collapse, by who has these pages busy. False: mappings are just being changed, and nothing is done. */
bool __must_check object_zap_busy(struct object *o, uint64_t first, uint64_t last);
struct reclaim_gather;
/*
 * Takes p, a page of an object, busy and referenced by the caller, out of every mapping; what it
 * makes stale goes to r, dirty bits to PG_DIRTY. True: nobody maps it any more; false: a slot is locked
 * (mlock), or mappings are just being changed. Does not sleep; no spinlock held.
 */
bool __must_check object_unmap_page(struct page *p, struct reclaim_gather *r);
/*
 * For who moves pages (mm/reclaim/migrate.c). The entries of `from` name `to` now, as rmap_move; both have the owner and the index.
 * As many as can be found: mappings may just be changed.
 */
void object_move_entries(struct page *from, struct page *to, bool arrived, struct reclaim_gather *r);
/*
 * p, busy, referenced by the caller, unmapped, is replaced in its object by n, busy, which gets its content, if nobody
 * else has p. False: somebody has.
 */
bool __must_check object_move(struct page *p, struct page *n);
/* Takes the accessed bits of such a page away; returns how many entries had it. */
unsigned object_clear_young(struct page *p);
/* Order and sums of the tree: 0, or a text. */
const char *mapping_verify(struct object *o);

/* ---- memory objects (write.c) ---- */

/* Where the bytes of a write come from: the next n of them, to `to`; fewer: the rest of that memory is not there. */
struct object_source {
	size_t (*take)(struct object_source *s, void *to, size_t n);
};
/*
 * write(2), writev(2): n bytes at off, which grow the object where it ends sooner. Bytes
 * copied, or if none -EFAULT, -ENOMEM, -EPERM (sealed), -EFBIG. May sleep.
 */
ssize_t object_write(struct object *o, uint64_t off, struct object_source *src, size_t n);
/* The same at the end, wherever that is by then; *end: where it is now. */
ssize_t object_append(struct object *o, struct object_source *src, size_t n, uint64_t *end);
/*
 * A new size: pages behind it leave the cache and every mapping, and what is
 * left of the last one is zeros. 0, or -EPERM: sealed; -EINVAL: not whole huge pages. May sleep.
 */
int __must_check object_truncate(struct object *o, uint64_t size);
/*
 * A hole: [off, off + len) reads as zeros, and its whole pages leave the cache and every mapping,
 * but for private copies. The size stays. 0, or -EPERM: sealed; -EINVAL, -EFBIG: it begins, or ends, where no file
 * can be (a mapping may show that). May sleep.
 */
int __must_check object_punch(struct object *o, uint64_t off, uint64_t len);
/*
 * Makes sure of the pages of [off, off + len): no write there will find no room. Without keep_size
 * the object reaches so far then. 0, -EPERM (sealed); -ENOSPC, -ENOMEM: what was found stays.
 */
int __must_check object_allocate(struct object *o, uint64_t off, uint64_t len, bool keep_size);
/* Adds seals. 0, -EPERM (no more may be added), -EBUSY (a mapping may write). */
int __must_check object_seal(struct object *o, unsigned seals);
/* Where data (or a hole) begins at or after off: lseek(2)'s SEEK_DATA, SEEK_HOLE. -ENXIO: not before the end. */
int64_t object_seek(struct object *o, uint64_t off, bool data);

/* object_ops.fill of a memory object: zeros. */
int memory_fill(struct object *o, uint64_t index, struct page *p);

/*
 * An unnamed memory object of size bytes, zeros until written: what
 * MAP_SHARED|MAP_ANONYMOUS maps (shm.c). NULL: no memory.
 */
struct object *shm_create(uint64_t size);

#endif
