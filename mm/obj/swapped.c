/*
 * Pages of memory objects in swap. The index holds the slot in the place of the page; nobody
 * maps it: entries of tables that showed it are none, and fault it in again by the object.
 *
 * Out: reclaim has p busy and unmapped; under o->lock p leaves the index, if nobody else has
 * it, for a slot whose cache it becomes: from there on it is like an anonymous page in the swap cache.
 * In: whoever finds a slot in the index reads its page (swap_page), and under PG_BUSY and o->lock
 * puts it back, if the slot still stands there.
 *
 * Locks: o->lock, and inside of it the slot map's.
 */
#include <mm/obj/swapped.h>
#include <lib/assert.h>
#include <mm/alloc/busy.h>
#include <mm/alloc/commit.h>
#include <mm/alloc/lists.h>
#include <mm/alloc/slots.h>

#include <linux/errno.h>

object_swap_in_fn *object_swap_in;

bool object_swap_out(struct page *p)
{
	struct object *o = p->owner;
	bool goes;
	swp_t s;

	assert(p->flags & PG_BUSY && p->flags & PG_SHMEM && !p->slots);
	if (!slot_new(&s))
		return false;
	spin_lock(&o->lock);
	goes = READ_ONCE(p->refs) == 2;		/* the index's, and the caller's */
	if (goes) {
		radix_replace(&o->pages, p->index, swap_item(s));
		o->npages--;
		o->nswapped++;
		p->owner = NULL;
		p->kind = PAGE_ANON;
		__atomic_fetch_and(&p->flags, ~PG_SHMEM, __ATOMIC_RELAXED);
		slot_cache_new(s, p);
	}
	spin_unlock(&o->lock);
	if (goes)
		page_put(p);			/* the cache has its own */
	else
		slot_put(s);
	return goes;
}

void object_swapped_in(struct object *o, uint64_t index, swp_t s, struct page *p)
{
	assert(p->flags & PG_BUSY && !p->slots);
	spin_lock(&o->lock);
	if (radix_get(&o->pages, index) == swap_item(s)) {
		slot_put(s);
		slot_give_up(p);
		page_get(p);
		radix_replace(&o->pages, index, p);
		o->npages++;
		o->nswapped--;
		__atomic_fetch_or(&p->flags, PG_SHMEM, __ATOMIC_RELAXED);
		p->kind = PAGE_FILE;
		p->owner = o;
		p->index = index;
	}
	spin_unlock(&o->lock);
}

void object_keep(struct object *o, bool kept)
{
	uint64_t index = 0;
	void *item;

	spin_lock(&o->lock);
	WRITE_ONCE(o->kept, kept);
	spin_unlock(&o->lock);
	do {				/* what reclaim has left off is worth a look again */
		spin_lock(&o->lock);
		item = kept ? NULL : radix_next(&o->pages, &index);
		if (item_page(item))
			lists_new(item);
		spin_unlock(&o->lock);
		index++;
		resched_point();
	} while (item);
}

void object_drop_swap(struct object *o, uint64_t index)
{
	void *item = radix_remove(&o->pages, index);

	assert(item_is_swap(item) && o->nswapped > 0);
	o->nswapped--;
	object_unpay(o, 1);
	slot_put(item_swp(item));
}

bool object_next_swapped(struct object *o, uint64_t *index, swp_t *s)
{
	void *item;

	while ((item = radix_next(&o->pages, index)) != NULL) {
		if (item_is_swap(item)) {
			*s = item_swp(item);
			return true;
		}
		++*index;
	}
	return false;
}

static int bring_back(struct object *o, unsigned device)
{
	uint64_t index = 0;
	struct page *p;
	bool found;
	int err = 0;
	swp_t s;

	for (; !err; index++) {
		spin_lock(&o->lock);
		do
			found = object_next_swapped(o, &index, &s);
		while (found && swp_device(s) != device && ++index);
		spin_unlock(&o->lock);
		if (!found)
			break;
		err = object_page_beyond(o, index, &p);
		if (!err)
			page_put(p);
		resched_point();
	}
	return err;
}

int objects_bring_back(unsigned device)
{
	struct object *o;
	int err = 0;

	for (o = object_next(NULL); o && !err; o = object_next(o))
		if (READ_ONCE(o->nswapped))
			err = bring_back(o, device);
	if (o)
		object_put(o);
	return err;
}
