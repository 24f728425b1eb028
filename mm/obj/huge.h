/*
 * Objects of explicit huge pages (hugepool.h): what MAP_HUGETLB maps, and memfd_create(MFD_HUGETLB) makes.
 *
 * Such an object has pages of one size. It also keeps the promise of the pool, page by page: a
 * page of the object that is reserved stands for one of the pool that nobody else can take, until it is
 * taken for that index. Shared mappings take pages into the object; a private mapping of it takes them for
 * itself, on the account of the object if it is the owner's, the address space that made the
 * mapping: its children have no promise of their own.
 *
 * Indices count 4 KB pages here too, and are those of the huge page's first.
 */
#ifndef MM_OBJ_HUGE_H
#define MM_OBJ_HUGE_H

#include <mm/alloc/hugepool.h>
#include <mm/obj/object.h>

/* Before the first one is made. */
void huge_boot(void);
/* An unnamed one for a mapping; private: of that address space. NULL: no memory. */
struct object *huge_create(struct hugepool *pool, uint64_t size, const struct aspace *owner);
static inline bool object_is_huge(const struct object *o)
{
	return o && o->ops->huge;
}
/* Of its pages. */
unsigned huge_order(const struct object *o);

/*
 * Promises the pages from `first` to before `end` that are neither in o nor promised. 0, or -ENOMEM: the pool
 * cannot, and nothing is changed.
 */
int __must_check huge_reserve(struct object *o, uint64_t first, uint64_t end);
/* The promise for that range is taken back, where it is still one. */
void huge_unreserve(struct object *o, uint64_t first, uint64_t end);
/* A page of the pool for index, content undefined; by o's promise if `ours`. NULL: none is to be had. */
struct page *huge_take(struct object *o, uint64_t index, bool ours);
/* Is as the address space whose private mapping o's promises are for? */
bool huge_is_owner(const struct object *o, const struct aspace *as);

/* The page of o at index with a reference, or NULL. */
struct page *huge_get(struct object *o, uint64_t index);
/*
 * p, filled, becomes the page of o at index, where there is none; the caller keeps his reference. 0,
 * -ENOMEM, -ENXIO: past the end.
 */
int __must_check huge_insert(struct object *o, uint64_t index, struct page *p);
/* One thread at a time makes the page of that index of o: sleeping, outer to the locks of an address space. */
struct mutex *huge_lock(const struct object *o, uint64_t index);

#endif
