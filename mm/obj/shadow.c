/*
 * Shadows: where a page of a file was in an object's index until reclaim took it, a number stays that
 * tells the policy how long it was away, if it comes back (lists.h). It takes the page's place: nothing is
 * allocated to keep it.
 *
 * A shadow that is older than half of memory has pages tells nothing any more. When there are that many
 * shadows, those older than half of this go: no more than so many evictions are
 * younger, so half of them go at least. Shadows die with their object.
 *
 * Locks: o->lock.
 */
#include <mm/obj/swapped.h>
#include <kernel/core/thread.h>
#include <lib/assert.h>
#include <mm/alloc/lists.h>

#define SOME	64u			/* looked at under one hold of the lock */

static uint64_t nshadows;		/* of all objects; atomic */

static void count(struct object *o, int64_t n)
{
	o->nshadows += (uint64_t)n;
	__atomic_fetch_add(&nshadows, (uint64_t)n, __ATOMIC_RELAXED);
}

void object_leave_shadow(struct object *o, const struct page *p)
{
	radix_replace(&o->pages, p->index, shadow_item(lists_evicted(p)));
	count(o, 1);
}

int object_place(struct object *o, uint64_t index, struct page *p)
{
	void *was = radix_get(&o->pages, index);

	if (!item_is_shadow(was))
		return radix_insert(&o->pages, index, p);
	lists_returns(p, item_shadow(was));
	radix_replace(&o->pages, index, p);
	count(o, -1);
	return 0;
}

void object_drop_shadow(struct object *o, uint64_t index)
{
	void *was = radix_remove(&o->pages, index);

	assert(item_is_shadow(was) && o->nshadows > 0);
	count(o, -1);
}

/* Some of o's shadows from *index on go, if they are older than that; false: it has no more. */
static bool trim_some(struct object *o, uint64_t *index, uint32_t oldest)
{
	void *item = NULL;

	spin_lock(&o->lock);
	for (unsigned i = 0; i < SOME && (item = radix_next(&o->pages, index)); i++, ++*index)
		if (item_is_shadow(item) && lists_distance(item_shadow(item)) > oldest)
			object_drop_shadow(o, *index);
	spin_unlock(&o->lock);
	return item;
}

void objects_trim_shadows(uint64_t most)
{
	if (READ_ONCE(nshadows) <= most)
		return;
	for (struct object *o = object_next(NULL); o; o = object_next(o)) {
		uint64_t index = 0;

		while (READ_ONCE(o->nshadows) && trim_some(o, &index, (uint32_t)(most / 2)))
			resched_point();
	}
}
