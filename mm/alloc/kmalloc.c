/*
 * kmalloc: a row of caches by size for up to half a page, whole blocks of
 * frames (PAGE_KERNEL) above. What a pointer came from is read off its frame,
 * so that kfree needs no size.
 */
#include <mm/alloc/slab_internal.h>
#include <lib/assert.h>
#include <lib/string.h>

#define KMALLOC_MAX	2048ul		/* from caches */
#define GRAIN		16ul

static const struct { uint16_t size; const char *name; } classes[] = {
	{ 16, "kmalloc-16" }, { 32, "kmalloc-32" }, { 48, "kmalloc-48" },
	{ 64, "kmalloc-64" }, { 96, "kmalloc-96" }, { 128, "kmalloc-128" },
	{ 192, "kmalloc-192" }, { 256, "kmalloc-256" }, { 384, "kmalloc-384" },
	{ 512, "kmalloc-512" }, { 768, "kmalloc-768" }, { 1024, "kmalloc-1024" },
	{ 1536, "kmalloc-1536" }, { 2048, "kmalloc-2048" },
};

/* By size in grains, rounded up: the smallest cache that fits. */
static struct kmem_cache *class_of[KMALLOC_MAX / GRAIN + 1];

void kmalloc_init(void)
{
	size_t n = 0;

	for (unsigned i = 0; i < ARRAY_SIZE(classes); i++) {
		struct kmem_cache *c = kmem_cache_create(classes[i].name, classes[i].size, 0);

		for (; n * GRAIN <= classes[i].size; n++)
			class_of[n] = c;
	}
	assert(n == ARRAY_SIZE(class_of));
}

static void *kmalloc_block(size_t n, unsigned flags)
{
	unsigned order = 0;
	struct page *p;

	if (n > PAGE_SIZE << ORDER_MAX)
		return NULL;
	while (PAGE_SIZE << order < n)
		order++;
	p = page_alloc(order, PAGE_KERNEL, flags);
	return p ? page_to_virt(p) : NULL;
}

void *kmalloc(size_t n)
{
	if (unlikely(n > KMALLOC_MAX))
		return kmalloc_block(n, 0);
	return kmem_alloc(class_of[(n + GRAIN - 1) / GRAIN]);
}

void *kzalloc(size_t n)
{
	void *p;

	if (unlikely(n > KMALLOC_MAX))
		return kmalloc_block(n, ALLOC_ZERO);
	p = kmem_alloc(class_of[(n + GRAIN - 1) / GRAIN]);
	if (p)
		memset(p, 0, n);
	return p;
}

/*
 * The slab that a tail is part of, or NULL. Blocks nest in each other or lie
 * apart: a slab's head at the place and of the order that would cover the
 * tail is the head of its block.
 */
static struct page *slab_head(struct page *tail)
{
	for (unsigned order = 1; order <= SLAB_ORDER_MAX; order++) {
		struct page *head = pfn_to_page(pfn(ALIGN_DOWN(page_to_pfn(tail).v, 1ul << order)));

		if (head->kind == PAGE_SLAB && head->order == order)
			return head;
	}
	return NULL;
}

static __attribute__((noinline)) void kfree_other(struct page *page, void *p)
{
	struct page *head = page->kind == PAGE_TAIL ? slab_head(page) : NULL;

	if (head)
		kmem_free(head->cache, p);
	else if (page->kind == PAGE_KERNEL && IS_ALIGNED((uintptr_t)p, PAGE_SIZE))
		page_free(page, page->order);
	else
		panic("kfree: %p was not allocated, or freed twice (frame 0x%lx)", p,
		      page_to_pfn(page).v);
}

void kfree(const void *p)
{
	struct page *page;

	if (!p)
		return;
	page = virt_to_page(p);
	debug_assert(pfn_valid(page_to_pfn(page)));
	if (likely(page->kind == PAGE_SLAB))
		kmem_free(page->cache, (void *)(uintptr_t)p);
	else
		kfree_other(page, (void *)(uintptr_t)p);
}
