/*
 * Objects of explicit huge pages (hugepool.h): what MAP_HUGETLB maps, and memfd_create(MFD_HUGETLB) makes.
 *
 * Such an object has pages of one size, and keeps promises of the pool: a page of it that is promised stands for one
 * of the pool that nobody else can take, until it is taken for that index. Shared mappings take pages
 * into the object, and what they were promised stays the object's until it is cut short or ends. A private mapping
 * takes pages for itself. Its promises are its own, so it has an object of its own: an unnamed one, or, where it shows
 * a file, an **account** of that file, which has no pages, and no size but the file's. Only the mapping for
 * which it was made is promised something, not the copies that fork makes of it.
 *
 * Where the pool has nothing left for the copy that such an owner needs, those who share the page lose it, and
 * get a SIGBUS where they look for it.
 *
 * Indices count 4 KB pages here too, and are those of the huge page's first.
 */
#ifndef MM_OBJ_HUGE_H
#define MM_OBJ_HUGE_H

#include <mm/alloc/hugepool.h>
#include <mm/obj/object.h>

/* Before the first one is made. */
void huge_boot(void);
/*
 * An object of size bytes, whole huge pages; nothing is promised so far (huge_reserve). user: whom it is for, told
 * by gone at its end; or both NULL. NULL: no memory.
 */
struct object *huge_create(struct hugepool *pool, uint64_t size, void *user, void (*gone)(void *user));
void *huge_user(const struct object *o);
/* An account of file, for a private mapping. NULL: no memory. */
struct object *huge_create_account(struct object *file);
static inline bool object_is_huge(const struct object *o)
{
	return o && o->ops->huge;
}
/* The object whose pages o shows: itself, or the file of an account. */
struct object *huge_file(struct object *o);
struct hugepool *huge_pool(const struct object *o);
/* Of its pages. */
unsigned huge_order(const struct object *o);
/* Does what it shows go on up to the end of the page at index? */
bool huge_reaches(struct object *o, uint64_t index);

/* ---- promises ---- */

/*
 * Promises the pages from `first` to before `end` that are neither in o nor promised; more: as hugepool_reserve. 0, or
 * -ENOMEM: the pool cannot, and nothing is changed; or there is no memory.
 */
int __must_check huge_reserve(struct object *o, uint64_t first, uint64_t end, bool more);
/* The promises for that range are taken back, where they still are. */
void huge_unreserve(struct object *o, uint64_t first, uint64_t end);
/* How many promises it has. At rest. */
uint64_t huge_promised(const struct object *o);

/* ---- pages; huge_lock of the index held ---- */

/* One thread at a time makes the page of that index of o: sleeping, outer to the locks of an address space. */
struct mutex *huge_lock(const struct object *o, uint64_t index);
/* The page that is shown at index, with a reference, or NULL. Also without huge_lock. */
struct page *huge_get(struct object *o, uint64_t index);
/*
 * A page of the pool for index, content undefined; by o's promise if `ours` and there is one: *promised, and
 * huge_took must be called. NULL: none is to be had.
 */
struct page *huge_take(struct object *o, uint64_t index, bool ours, bool *promised);
/* What huge_take took by promise has found its place; or `unused`, whose only reference is given, goes back. */
void huge_took(struct object *o, uint64_t index, struct page *unused);
/* p's frames become copies of those of `from`, or zeros. */
void huge_fill(struct page *p, struct page *from);
/* huge_get, or a page of zeros put there, if the object (or `beyond`) reaches so far; else NULL. 0, -ENOMEM, -ENXIO, -ENOSPC. */
int __must_check huge_make(struct object *o, uint64_t index, bool beyond, struct page **out);
/* Those who share the page of that index with o's owner are about to lose it. 0 or -ENOMEM. */
int __must_check huge_lose(struct object *o, uint64_t index);
bool huge_lost(struct object *o, uint64_t index);

/* ---- files (huge_file.c): what object_truncate, _punch and _allocate are for such objects ---- */

/* 0; -EINVAL: no whole huge pages; -EPERM: sealed. */
int __must_check huge_truncate(struct object *o, uint64_t size);
/* Private copies go, too. 0 or -EPERM. */
int __must_check huge_punch(struct object *o, uint64_t off, uint64_t len);
/* 0, -EPERM, -ENOSPC, -ENOMEM. */
int __must_check huge_allocate(struct object *o, uint64_t off, uint64_t len, bool keep_size);
/* It reaches to `end` now, if it did not. */
void huge_grow(struct object *o, uint64_t end);
/* [first, last] goes out of all that shows o. */
void huge_zap(struct object *o, uint64_t first, uint64_t last);

#endif
