/*
 * Objects own pages by index: a file's page cache, shared memory. A page of an
 * object has kind PAGE_FILE, owner and index set, and one reference of the
 * cache; each mapping adds a slot and a reference.
 */
#ifndef MM_OBJ_OBJECT_H
#define MM_OBJ_OBJECT_H

#include <kernel/core/mutex.h>
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
};

struct object {
	const struct object_ops *ops;
	uint64_t size;			/* bytes; lock */
	uint32_t refs;			/* atomic: files, mappings */
	struct spinlock lock;		/* RANK_OBJECT: the index */
	struct radix pages;		/* by index; lock */
	uint64_t npages;		/* in it; lock */
	struct waitq busy_wait;		/* for PG_BUSY of its pages */
	bool writable;			/* shared mappings may write to it; const after init */
	TAILQ_ENTRY(object) all_link;	/* list of all; objects_lock */
};

TAILQ_HEAD(object_list, object);
extern struct object_list objects;	/* all there are, for figures and mm_verify */
extern struct spinlock objects_lock;	/* RANK_LISTS */

/* One reference, the caller's. Not writable. */
void object_init(struct object *o, const struct object_ops *ops, uint64_t size);
static inline void object_get(struct object *o)
{
	__atomic_fetch_add(&o->refs, 1, __ATOMIC_RELAXED);
}
void object_put(struct object *o);

/*
 * The page at index, filled, with a reference for the caller. From the cache,
 * or filled (*major set if that is I/O; else left as it is). 0, -ENOMEM, -EIO,
 * -ENXIO (past the end: SIGBUS).
 * May sleep in fill; no spinlock, no table lock held.
 */
int __must_check object_page(struct object *o, uint64_t index, struct page **out, bool *major);
/* The page if it is cached and up to date (with a reference), else NULL. Never sleeps. */
struct page *object_cached(struct object *o, uint64_t index);
/* read(2): up to n bytes from off to user memory; bytes copied, if none -EFAULT, -EIO, -ENOMEM. */
ssize_t object_read(struct object *o, uint64_t off, void __user *dst, size_t n);
/* The same to kernel memory. */
ssize_t object_read_kernel(struct object *o, uint64_t off, void *dst, size_t n);
/*
 * The cached and filled pages among the n (<= 64) from index first, each with
 * a reference and PG_BUSY for the caller, who gives both back by
 * object_unlock_page; NULL where there is none or somebody else has it.
 * Returns how many there are. Never sleeps.
 */
unsigned object_lock_cached(struct object *o, uint64_t first, unsigned n, struct page **out);
void object_unlock_page(struct object *o, struct page *p);
/* Sleeps until p, referenced by the caller, is not busy. */
void object_wait_page(struct object *o, struct page *p);

/* Drops every cached page that nobody maps or holds; returns how many. */
uint64_t object_drop_clean(struct object *o);
/* The same for all objects: what can be had back when memory runs out. */
uint64_t objects_drop_clean(void);
/* Pages cached by all objects. */
uint64_t objects_npages(void);
/* The index against the pages' own records: 0, or a text. At rest. */
const char *object_verify(struct object *o);

/*
 * An unnamed memory object of size bytes, zeros until written: what
 * MAP_SHARED|MAP_ANONYMOUS maps (shm.c). NULL: no memory.
 */
struct object *shm_create(uint64_t size);

#endif
