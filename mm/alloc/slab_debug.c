/*
 * Debug builds: what is watched of every object. Behind it stands a guard
 * word that says free or in use, and behind that the link of a free one, so
 * that all of a free object is poison:
 *
 *	| object, size rounded up to 8 | guard | link | up to the stride |
 *
 * A guard that says neither was overwritten from before or from behind; one
 * that says free when an object comes back: it came back before; poison that
 * is broken: somebody wrote after he gave it back.
 */
#include <mm/alloc/slab_internal.h>
#include <lib/assert.h>
#include <lib/string.h>

#ifdef DEBUG
#define POISON		0x6b
#define UNINIT		0xa5		/* what an allocated object holds before it is written */
#define GUARD_FREE	0x5ca1ab1e0ff1ceedul
#define GUARD_LIVE	0xa11ca7edb10c6a2dul

static uint64_t *guard(const struct kmem_cache *c, const void *obj)
{
	return (uint64_t *)((uintptr_t)obj + c->guard_at);
}

void object_layout(struct kmem_cache *c, size_t align)
{
	c->guard_at = (uint32_t)ALIGN_UP(c->size, 8u);
	c->link_at = c->guard_at + 8;
	c->stride = (uint32_t)ALIGN_UP(c->link_at + 8, (uint32_t)align);
}

void object_poison(const struct kmem_cache *c, void *obj)
{
	memset(obj, POISON, c->guard_at);
	*guard(c, obj) = GUARD_FREE;
}

static bool is_poison(const struct kmem_cache *c, const void *obj)
{
	const uint8_t *b = obj;

	for (uint32_t i = 0; i < c->guard_at; i++)
		if (b[i] != POISON)
			return false;
	return true;
}

const char *object_wrong(const struct kmem_cache *c, const void *obj, bool is_free)
{
	uint64_t g = *guard(c, obj);

	if (g != GUARD_FREE && g != GUARD_LIVE)
		return "was written past its end";
	if (is_free && g == GUARD_LIVE)
		return "is free and marked as in use";
	if (!is_free && g == GUARD_FREE)
		return "was freed twice";
	if (is_free && !is_poison(c, obj))
		return "was written after it was freed";
	return NULL;
}

static void object_check(const struct kmem_cache *c, const void *obj, bool is_free)
{
	const char *wrong = object_wrong(c, obj, is_free);

	if (wrong)
		panic("object %p of cache %s %s (guard 0x%lx)", obj, c->name, wrong,
		      *guard(c, obj));
}

/* An object of c at all? */
static void object_belongs(const struct kmem_cache *c, const void *obj)
{
	const struct page *s = slab_of(c, obj);
	size_t offset = (uintptr_t)obj & ((PAGE_SIZE << c->order) - 1);

	if (s->kind != PAGE_SLAB || s->cache != c)
		panic("object %p given to cache %s is of %s", obj, c->name,
		      s->kind == PAGE_SLAB ? s->cache->name : "no cache");
	if (offset % c->stride || offset / c->stride >= c->per_slab)
		panic("%p is inside of an object of cache %s", obj, c->name);
}

void object_free(const struct kmem_cache *c, void *obj)
{
	object_belongs(c, obj);
	object_check(c, obj, false);
	object_poison(c, obj);
}

void object_alloc(const struct kmem_cache *c, void *obj)
{
	object_check(c, obj, true);
	memset(obj, UNINIT, c->guard_at);
	*guard(c, obj) = GUARD_LIVE;
}
#endif
