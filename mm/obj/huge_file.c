/*
 * Files of explicit huge pages (huge.h): their size, holes, and pages made before they are needed. As
 * write.c has it for others: first the pages leave the object, then every mapping; a fault that
 * has one ready sees under its table's lock that it is the object's no more, or is met by the walk.
 *
 * What a cut takes out of the file is promised to those who share it no more; a hole leaves the promises of what was not
 * there alone. Private copies go, too, and are promised again. All as on Linux.
 *
 * Locks: o->content around each change; huge_lock where a page is made.
 */
#include <mm/obj/huge.h>
#include <kernel/core/thread.h>
#include <lib/assert.h>
#include <lib/string.h>

#include <linux/errno.h>

static uint64_t page_size(const struct object *o)
{
	return PAGE_SIZE << huge_order(o);
}

void huge_grow(struct object *o, uint64_t end)
{
	spin_lock(&o->lock);
	o->size = MAX(o->size, end);
	spin_unlock(&o->lock);
}

/* content held. */
static void drop(struct object *o, uint64_t first, uint64_t last)
{
	object_drop_range(o, first, last);
	huge_zap(o, first, last);
}

int huge_truncate(struct object *o, uint64_t size)
{
	int err = 0;

	if (!IS_ALIGNED(size, page_size(o)))
		return -EINVAL;
	mutex_lock(&o->content);
	if ((size < o->size && o->seals & OBJECT_SEAL_SHRINK) || (size > o->size && o->seals & OBJECT_SEAL_GROW)) {
		err = -EPERM;
	} else {
		spin_lock(&o->lock);
		o->size = size;
		spin_unlock(&o->lock);
		drop(o, size >> PAGE_SHIFT, UINT64_MAX);
		huge_unreserve(o, size >> PAGE_SHIFT, UINT64_MAX);
	}
	mutex_unlock(&o->content);
	return err;
}

/* Zeros in [off, end), which lies in one page, if that is there. */
static void clear_part(struct object *o, uint64_t off, uint64_t end)
{
	uint64_t in = off % page_size(o);
	struct page *p = off < end ? huge_get(o, (off - in) >> PAGE_SHIFT) : NULL;

	if (!p)
		return;
	memset((char *)page_to_virt(p) + in, 0, end - off);
	page_put(p);
}

int huge_punch(struct object *o, uint64_t off, uint64_t len)
{
	uint64_t end = off + len, first = ALIGN_UP(off, page_size(o)), last = ALIGN_DOWN(end, page_size(o));
	int err = 0;

	mutex_lock(&o->content);
	if (o->seals & (OBJECT_SEAL_WRITE | OBJECT_SEAL_FUTURE_WRITE)) {
		err = -EPERM;
	} else if (first > last) {		/* inside of one page */
		clear_part(o, off, end);
	} else {
		clear_part(o, off, first);
		if (first < last)
			drop(o, first >> PAGE_SHIFT, (last >> PAGE_SHIFT) - 1);
		clear_part(o, last, end);
	}
	mutex_unlock(&o->content);
	return err;
}

static int make_one(struct object *o, uint64_t index)
{
	struct mutex *lock = huge_lock(o, index);
	struct page *p;
	int err;

	mutex_lock(lock);
	err = huge_make(o, index, true, &p);
	if (!err)
		page_put(p);
	mutex_unlock(lock);
	return err;
}

int huge_allocate(struct object *o, uint64_t off, uint64_t len, bool keep_size)
{
	int err = 0;

	mutex_lock(&o->content);
	if (o->seals & OBJECT_SEAL_GROW && off + len > o->size)
		err = -EPERM;
	for (uint64_t at = ALIGN_DOWN(off, page_size(o)); at < off + len && !err; at += page_size(o))
		err = make_one(o, at >> PAGE_SHIFT);
	if (!err && !keep_size)
		huge_grow(o, off + len);
	mutex_unlock(&o->content);
	return err;
}
