/* What slab.c, slab_debug.c, slab_verify.c and kmalloc.c know of each other. */
#ifndef MM_ALLOC_SLAB_INTERNAL_H
#define MM_ALLOC_SLAB_INTERNAL_H

#include <arch/cpu.h>
#include <mm/alloc/page.h>
#include <mm/alloc/slab.h>

#define CACHES_MAX	64
#define SLAB_ORDER_MAX	3
#define MAGAZINE_SIZE	15
#define MAGAZINE_BATCH	8
#define EMPTY_MAX	1		/* slabs kept without an object in use, per cache */

struct kmem_cache {
	const char *name;
	uint32_t size;			/* of an object, as asked for */
	uint32_t stride;		/* from one object to the next */
	uint32_t guard_at;		/* debug: offset of the guard word; release: 0 */
	uint32_t link_at;		/* offset of the link of a free object */
	uint16_t index;			/* place in caches[], and of its magazine */
	uint8_t order;			/* of its slabs */
	bool exists;			/* caches_lock */
	uint32_t per_slab;
	struct spinlock lock;		/* RANK_SLAB: everything below */
	uint64_t nslabs, nempty;
	uint64_t inuse;			/* objects out of the slabs, those in magazines too */
	struct page_list partial, full, empty;	/* slabs, by slab_link */
};

/* Free objects of one cache on one CPU, which alone touches it: a stack. */
struct magazine {
	uint64_t count;
	void *obj[MAGAZINE_SIZE];
};
_Static_assert(sizeof(struct magazine) == 128, "two cache lines");

extern struct kmem_cache caches[CACHES_MAX];
extern struct spinlock caches_lock;		/* RANK_SLAB: which of caches exist */
extern struct magazine *magazines[MAX_CPUS];	/* CACHES_MAX each; NULL: none yet; own CPU */

static __always_inline_ struct magazine *magazine_of(const struct kmem_cache *c, unsigned cpu)
{
	struct magazine *m = magazines[cpu];

	return m ? m + c->index : NULL;
}

/* The slab that an object of c lies in: slabs are aligned to their size. */
static __always_inline_ struct page *slab_of(const struct kmem_cache *c, const void *obj)
{
	return virt_to_page((void *)((uintptr_t)obj & ~((PAGE_SIZE << c->order) - 1)));
}

static inline void **object_link(const struct kmem_cache *c, void *obj)
{
	return (void **)((char *)obj + c->link_at);
}

void kmalloc_init(void);

/* slab_debug.c; in release builds nothing. */
#ifdef DEBUG
/* Sets c->stride and the offsets for objects with a guard word behind each. */
void object_layout(struct kmem_cache *c, size_t align);
/* An object that is free from now on: full of poison, guarded as free. */
void object_poison(const struct kmem_cache *c, void *obj);
/* On its way back: an object of c, in use, not written past its end. Panics. Then poisoned. */
void object_free(const struct kmem_cache *c, void *obj);
/* On its way out: still poisoned. Panics. Then guarded as in use. */
void object_alloc(const struct kmem_cache *c, void *obj);
/* NULL, or what is wrong with a free object, or with one in use. */
const char *object_wrong(const struct kmem_cache *c, const void *obj, bool is_free);
#else
static inline void object_layout(struct kmem_cache *c, size_t align)
{
	c->stride = (uint32_t)ALIGN_UP(MAX(c->size, (uint32_t)sizeof(void *)), (uint32_t)align);
}
static inline void object_poison(const struct kmem_cache *c, void *obj) { (void)c; (void)obj; }
static inline void object_free(const struct kmem_cache *c, void *obj) { (void)c; (void)obj; }
static inline void object_alloc(const struct kmem_cache *c, void *obj) { (void)c; (void)obj; }
static inline const char *object_wrong(const struct kmem_cache *c, const void *obj, bool is_free)
{
	(void)c;
	(void)obj;
	(void)is_free;
	return NULL;
}
#endif

#endif
