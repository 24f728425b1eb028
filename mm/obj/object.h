/*
 * Objects own pages by index: a file's page cache, shared memory. A page of an
 * object has kind PAGE_FILE, owner and index set, and one reference of the
 * cache; each mapping adds a slot and a reference.
 */
#ifndef MM_OBJ_OBJECT_H
#define MM_OBJ_OBJECT_H

#include <kernel/core/mutex.h>
#include <mm/alloc/page.h>

struct object;

struct object_ops {
	/* Fills p (4 KB, kernel address by page_to_virt) with page `index` of the object; past its data: zeros. 0 or -EIO. May sleep. */
	int (*fill)(struct object *o, uint64_t index, struct page *p);
	/* The last reference went: frees what o is part of. Pages are gone by then. */
	void (*release)(struct object *o);
};

struct object {
	const struct object_ops *ops;
	uint64_t size;			/* bytes; lock */
	uint32_t refs;			/* atomic: files, mappings */
	struct spinlock lock;		/* RANK_OBJECT: the index */
	void *tree;			/* radix tree of pages by index; lock */
	unsigned height;		/* of it; lock */
	uint64_t npages;		/* in it; lock */
	struct waitq busy_wait;		/* for PG_BUSY of its pages */
};

void object_init(struct object *o, const struct object_ops *ops, uint64_t size);
static inline void object_get(struct object *o) { __atomic_fetch_add(&o->refs, 1, __ATOMIC_RELAXED); }
void object_put(struct object *o);

/*
 * The page at index, filled, with a reference for the caller. From the cache,
 * or read in (*major set). 0, -ENOMEM, -EIO, -ENXIO (past the end: SIGBUS).
 * May sleep in fill; no spinlock, no table lock held.
 */
int __must_check object_page(struct object *o, uint64_t index, struct page **out, bool *major);
/* The page if it is cached and up to date (with a reference), else NULL. Never sleeps. */
struct page *object_cached(struct object *o, uint64_t index);
/* read(2): up to n bytes from off to user memory; bytes copied, or -EFAULT, -EIO, -ENOMEM if none. */
ssize_t object_read(struct object *o, uint64_t off, void __user *dst, size_t n);
/* The same to kernel memory. */
ssize_t object_read_kernel(struct object *o, uint64_t off, void *dst, size_t n);
/* Drops every cached page that nobody maps or holds; returns how many. */
uint64_t object_drop_clean(struct object *o);

#endif
