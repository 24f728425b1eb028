/*
 * Slab allocator for kernel objects: caches of one size, and kmalloc over a
 * row of such caches (up to half a page; larger: whole pages).
 * Never sleeps, never reclaims; NULL when there is no memory. Takes RANK_SLAB.
 */
#ifndef MM_ALLOC_SLAB_H
#define MM_ALLOC_SLAB_H

#include <arch/types.h>

struct kmem_cache;

/* Boot time only (or kmem_cache_destroy'd later). align 0: natural (8, or the size's own power of two up to 64). */
struct kmem_cache *kmem_cache_create(const char *name, size_t size, size_t align);
/* All objects must be back; panics otherwise, naming the cache. */
void kmem_cache_destroy(struct kmem_cache *c);
void *kmem_alloc(struct kmem_cache *c) __attribute__((malloc));	/* content undefined */
void *kmem_zalloc(struct kmem_cache *c) __attribute__((malloc));
void kmem_free(struct kmem_cache *c, void *obj);		/* obj may be NULL */

void *kmalloc(size_t n) __attribute__((malloc));
void *kzalloc(size_t n) __attribute__((malloc));
void kfree(const void *p);					/* NULL is fine */

void slab_init(void);
/* The CPUs are known, and only this one works so far: what each keeps for itself is made. */
void slab_cpus(void);
/* Gives empty slabs back to the buddy. */
void slab_shrink(void);
const char *slab_verify(void);

struct slab_stats { const char *name; size_t size; uint64_t active, total, pages; unsigned per_slab, slab_pages; };
/* The i-th cache's figures; false past the last. */
bool slab_stats(unsigned i, struct slab_stats *s);

#endif
