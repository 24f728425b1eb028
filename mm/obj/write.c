/*
 * Memory objects change: write(2), a new size, seals. The object's pages are
 * the one truth: who has them mapped sees a write as it is made.
 *
 * Truncate, in this order: the size, so that no fault brings a page back that
 * lies behind it; the pages out of the cache, each under its PG_BUSY, under
 * which alone it can be mapped; then the translations, private copies too. A
 * fault that prepared a copy before sees under its table's lock that the page
 * has no owner any more, or is met by the walk. A hole is made in the same way; who
 * looks at it meanwhile may find a new page of zeros there, which is what it holds.
 *
 * Locks: o->content around each change. The copy from the program may fault,
 * on a page of the same object, too: the fault takes none of what is held.
 */
#include <mm/obj/huge.h>
#include <lib/assert.h>
#include <lib/string.h>

#include <linux/errno.h>

#define SIZE_LIMIT	(1ul << 63)	/* bytes: offsets are signed */

/* Moves the end to `end` if it is sooner. */
static void grow_to(struct object *o, uint64_t end)
{
	spin_lock(&o->lock);
	o->size = MAX(o->size, end);
	spin_unlock(&o->lock);
}

/* n bytes, all in one page. How many were copied, or -errno. content held. */
static ssize_t write_page(struct object *o, uint64_t off, struct object_source *src, size_t n)
{
	struct page *p;
	size_t done;
	int err;

	if (o->seals & (OBJECT_SEAL_WRITE | OBJECT_SEAL_FUTURE_WRITE) ||
	    (o->seals & OBJECT_SEAL_GROW && off + n > o->size))
		return -EPERM;
	err = object_page_beyond(o, off >> PAGE_SHIFT, &p);
	if (err)
		return err;
	done = src->take(src, (char *)page_to_virt(p) + off % PAGE_SIZE, n);
	page_put(p);
	if (done)
		grow_to(o, off + done);
	else if (off >> PAGE_SHIFT >= ALIGN_UP(o->size, PAGE_SIZE) >> PAGE_SHIFT)
		object_drop_from(o, off >> PAGE_SHIFT);
	return done ? (ssize_t)done : -EFAULT;
}

/* content held. */
static ssize_t write_pages(struct object *o, uint64_t off, struct object_source *src, size_t n)
{
	size_t done = 0;
	ssize_t r = 0;

	assert(o->ops->memory && !o->ops->huge);
	if (off >= SIZE_LIMIT - 1)
		return -EFBIG;
	n = MIN(n, SIZE_LIMIT - 1 - off);
	while (done < n) {
		size_t part = MIN(PAGE_SIZE - (off + done) % PAGE_SIZE, n - done);

		r = write_page(o, off + done, src, part);
		if (r <= 0)
			break;
		done += (size_t)r;	/* less than asked for: the rest may be there by now */
		resched_point();
	}
	return done ? (ssize_t)done : r;
}

ssize_t object_write(struct object *o, uint64_t off, struct object_source *src, size_t n)
{
	ssize_t r;

	mutex_lock(&o->content);
	r = write_pages(o, off, src, n);
	mutex_unlock(&o->content);
	return r;
}

ssize_t object_append(struct object *o, struct object_source *src, size_t n, uint64_t *end)
{
	ssize_t r;

	mutex_lock(&o->content);
	r = write_pages(o, o->size, src, n);
	*end = o->size;
	mutex_unlock(&o->content);
	return r;
}

/* Zeros from off on, n bytes, all in one page, if that page is there. 0, -ENOMEM, -EIO. */
static int clear_part(struct object *o, uint64_t off, size_t n)
{
	struct page *p = NULL;
	int err = n ? object_present(o, off >> PAGE_SHIFT, &p) : 0;

	if (err || !p)
		return err;
	memset((char *)page_to_virt(p) + off % PAGE_SIZE, 0, n);
	page_put(p);
	return 0;
}

/* A smaller size. The page that is cut in two is brought in first: then nothing can fail. content held. */
static int cut_to(struct object *o, uint64_t size)
{
	uint64_t first = ALIGN_UP(size, PAGE_SIZE) >> PAGE_SHIFT;
	struct page *tail = NULL;
	int err = size % PAGE_SIZE ? object_present(o, size >> PAGE_SHIFT, &tail) : 0;

	if (err)
		return err;
	spin_lock(&o->lock);
	o->size = size;
	spin_unlock(&o->lock);
	object_drop_from(o, first);
	object_zap(o, first, UINT64_MAX);
	if (tail) {
		memset((char *)page_to_virt(tail) + size % PAGE_SIZE, 0, PAGE_SIZE - size % PAGE_SIZE);
		page_put(tail);
	}
	return 0;
}

int object_truncate(struct object *o, uint64_t size)
{
	int err = 0;

	assert(o->ops->memory && size < SIZE_LIMIT);
	if (o->ops->huge)
		return huge_truncate(o, size);
	mutex_lock(&o->content);
	if (size < o->size && o->seals & OBJECT_SEAL_SHRINK) {
		err = -EPERM;
	} else if (size < o->size) {
		err = cut_to(o, size);
	} else if (size > o->size) {
		if (o->seals & OBJECT_SEAL_GROW)
			err = -EPERM;
		else
			grow_to(o, size);
	}
	mutex_unlock(&o->content);
	return err;
}

int object_punch(struct object *o, uint64_t off, uint64_t len)
{
	uint64_t end = off + len, first = ALIGN_UP(off, PAGE_SIZE), last = ALIGN_DOWN(end, PAGE_SIZE);
	int err = 0;

	assert(o->ops->memory && len);
	if (off >= SIZE_LIMIT)
		return -EINVAL;
	if (len >= SIZE_LIMIT - off)
		return -EFBIG;
	if (o->ops->huge)
		return huge_punch(o, off, len);
	mutex_lock(&o->content);
	if (o->seals & (OBJECT_SEAL_WRITE | OBJECT_SEAL_FUTURE_WRITE)) {
		err = -EPERM;
	} else if (first > last) {		/* inside of one page */
		err = clear_part(o, off, len);
	} else {
		err = clear_part(o, off, first - off);
		if (!err && first < last) {
			object_drop_range(o, first >> PAGE_SHIFT, (last >> PAGE_SHIFT) - 1);
			object_zap_cached(o, first >> PAGE_SHIFT, (last >> PAGE_SHIFT) - 1);
		}
		if (!err)
			err = clear_part(o, last, end - last);
	}
	mutex_unlock(&o->content);
	return err;
}

/* Holes among the pages first to last, and whether o's room has place for as many. */
static bool fits_holes(struct object *o, uint64_t first, uint64_t last)
{
	uint64_t left, holes = 0;

	if (!o->room)
		return true;
	left = o->room->max - MIN(READ_ONCE(o->room->used), o->room->max);
	if (last - first >= o->room->max)
		return false;
	spin_lock(&o->lock);
	for (uint64_t i = first; i <= last && holes <= left; i++)
		holes += !radix_get(&o->pages, i);
	spin_unlock(&o->lock);
	return holes <= left;
}

int object_allocate(struct object *o, uint64_t off, uint64_t len, bool keep_size)
{
	uint64_t first = off >> PAGE_SHIFT, last = (off + len - 1) >> PAGE_SHIFT;
	struct page *p;
	int err = 0;

	assert(o->ops->memory && len && off + len < SIZE_LIMIT);
	if (o->ops->huge)
		return huge_allocate(o, off, len, keep_size);
	mutex_lock(&o->content);
	if (o->seals & OBJECT_SEAL_GROW && off + len > o->size)
		err = -EPERM;
	else if (!fits_holes(o, first, last))
		err = -ENOSPC;
	for (uint64_t i = first; i <= last && !err; i++) {
		err = object_page_beyond(o, i, &p);
		if (!err)
			page_put(p);
		resched_point();
	}
	if (!err && !keep_size)
		grow_to(o, off + len);
	mutex_unlock(&o->content);
	return err;
}

int object_seal(struct object *o, unsigned seals)
{
	int err = 0;

	mutex_lock(&o->content);
	write_lock(&o->maps_lock);
	if (o->seals & OBJECT_SEAL_SEAL)
		err = -EPERM;
	else if (seals & ~o->seals & OBJECT_SEAL_WRITE && o->nwriters)
		err = -EBUSY;
	else
		o->seals |= seals;
	write_unlock(&o->maps_lock);
	mutex_unlock(&o->content);
	return err;
}

int64_t object_seek(struct object *o, uint64_t off, bool data)
{
	uint64_t size = READ_ONCE(o->size), index = off >> PAGE_SHIFT, at;

	if (off >= size)
		return -ENXIO;
	if (!o->ops->memory || o->ops->huge)	/* as on Linux: no holes */
		return data ? (int64_t)off : (int64_t)size;
	spin_lock(&o->lock);
	if (data)
		at = radix_next(&o->pages, &index) ? index << PAGE_SHIFT : size;
	else
		for (at = off; at < size && radix_get(&o->pages, at >> PAGE_SHIFT);)
			at = ALIGN_DOWN(at, PAGE_SIZE) + PAGE_SIZE;
	spin_unlock(&o->lock);
	if (data && at >= size)
		return -ENXIO;
	return (int64_t)MIN(MAX(at, off), size);
}
