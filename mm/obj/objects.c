/*
 * Objects from their making to their end: references, the list of all, the figures and the
 * check that go over it.
 *
 * Locks: objects_lock (RANK_LISTS) guards the list. Who goes along it has a reference of the object
 * that he is at; one without references is on its way out, and passed over.
 */
#include <mm/obj/object.h>
#include <lib/assert.h>
#include <lib/string.h>
#include <mm/alloc/commit.h>
#include <mm/obj/swapped.h>

struct object_list objects = TAILQ_HEAD_INITIALIZER(objects);
struct spinlock objects_lock = SPINLOCK_INIT(RANK_LISTS);

void object_init(struct object *o, const struct object_ops *ops, uint64_t size)
{
	memset(o, 0, sizeof(*o));
	o->ops = ops;
	o->size = size;
	o->refs = 1;
	spin_init(&o->lock, RANK_OBJECT);
	mutex_init(&o->content, RANK_CONTENT);
	rwlock_init(&o->maps_lock, RANK_OBJECT);
	RB_INIT(&o->maps);
	spin_lock(&objects_lock);
	TAILQ_INSERT_TAIL(&objects, o, all_link);
	spin_unlock(&objects_lock);
}

void object_put(struct object *o)
{
	if (!ref_put(&o->refs))
		return;
	spin_lock(&objects_lock);
	TAILQ_REMOVE(&objects, o, all_link);
	spin_unlock(&objects_lock);
	object_drop_all(o);
	assert(o->npages == 0 && o->nswapped == 0 && o->nshadows == 0 && RB_EMPTY(&o->maps) && o->nwriters == 0);
	if (o->promised)
		commit_release(o->promised);
	if (o->ops->release)
		o->ops->release(o);
}

struct object *object_next(struct object *o)
{
	struct object *next;

	spin_lock(&objects_lock);
	next = o ? TAILQ_NEXT(o, all_link) : TAILQ_FIRST(&objects);
	while (next && !ref_tryget(&next->refs))
		next = TAILQ_NEXT(next, all_link);
	spin_unlock(&objects_lock);
	if (o)
		object_put(o);
	return next;
}

uint64_t objects_drop_clean(void)
{
	uint64_t n = 0;

	for (struct object *o = object_next(NULL); o; o = object_next(o))
		n += object_drop_clean(o);
	return n;
}

bool objects_mapped(const struct object_room *r, bool writable)
{
	bool found = false;

	for (struct object *o = object_next(NULL); o; o = object_next(o)) {
		if (o->room != r)
			continue;
		read_lock(&o->maps_lock);
		found |= writable ? o->nwriters : !RB_EMPTY(&o->maps);
		read_unlock(&o->maps_lock);
	}
	return found;
}

uint64_t objects_npages(void)
{
	struct object *o;
	uint64_t n = 0;

	spin_lock(&objects_lock);
	TAILQ_FOREACH(o, &objects, all_link)
		n += o->ops->huge ? 0 : READ_ONCE(o->npages);
	spin_unlock(&objects_lock);
	return n;
}

const char *object_verify(struct object *o)
{
	const char *why = radix_verify(&o->pages);
	uint64_t n = 0, swapped = 0, shadows = 0;
	struct page *p;

	if (!why)
		why = mapping_verify(o);
	if (why)
		return why;
	for (uint64_t i = 0; (p = radix_next(&o->pages, &i)) != NULL; i++) {
		swapped += item_is_swap(p);
		shadows += item_is_shadow(p);
		if (!item_page(p))
			continue;
		n++;
		if (!pfn_valid(page_to_pfn(p)) ||
		    p->kind != (o->ops->huge ? PAGE_HUGETLB : PAGE_FILE))
			return "object holds what is no page of a file";
		if (p->owner != o || p->index != i)
			return "object's page does not name its owner and index";
		if (!p->refs)
			return "object's page has no reference";
	}
	if (swapped != o->nswapped || (swapped && !o->ops->memory))
		return "object's count of slots is wrong";
	if (shadows != o->nshadows || (shadows && o->ops->memory))
		return "object's count of shadows is wrong";
	return n == o->npages ? NULL : "object's count of pages is wrong";
}
