/*
 * read(2) from an object: page by page from the cache, no lock held while
 * copying, since the copy may fault, and on a page of the same object.
 */
#include <mm/obj/huge.h>
#include <arch/uaccess.h>
#include <lib/string.h>
#include <mm/pt/pt.h>

#include <linux/errno.h>

/* Bytes of src that could not be copied. */
typedef size_t copy_fn(void *dst, const void *src, size_t n);

static size_t copy_user(void *dst, const void *src, size_t n)
{
	return copy_to_user((void __user *)dst, src, n);
}

static size_t copy_kernel(void *dst, const void *src, size_t n)
{
	memcpy(dst, src, n);
	return 0;
}

/* The page of memory object o that has byte off, with a reference, or NULL: a hole. *at: where its 4 KB are. */
static int present(struct object *o, uint64_t off, struct page **p, const char **at)
{
	uint64_t size = o->ops->huge ? PAGE_SIZE << huge_order(o) : PAGE_SIZE;
	int err = 0;

	if (o->ops->huge)
		*p = huge_get(o, ALIGN_DOWN(off, size) >> PAGE_SHIFT);
	else
		err = object_present(o, off >> PAGE_SHIFT, p);
	if (!err && *p)
		*at = (char *)page_to_virt(*p) + ALIGN_DOWN(off % size, PAGE_SIZE);
	return err;
}

/* object_page, for a use that no accessed bit tells of. */
static int page_for_read(struct object *o, uint64_t off, struct page **p, const char **at)
{
	int err;

	if (o->ops->memory) {
		err = present(o, off, p, at);
		if (err || *p)
			return err;
		*p = pfn_to_page(zero_pfn);	/* a hole stays one */
		page_get(*p);
	} else {
		err = object_page(o, off >> PAGE_SHIFT, p, NULL);
		if (err)
			return err;
		if (!(READ_ONCE((*p)->flags) & PG_REFERENCED))
			__atomic_fetch_or(&(*p)->flags, PG_REFERENCED, __ATOMIC_RELAXED);
	}
	*at = page_to_virt(*p);
	return 0;
}

ssize_t object_borrow(struct object *o, uint64_t off, size_t n, struct page **p, unsigned *start)
{
	uint64_t size = READ_ONCE(o->size), in = off % PAGE_SIZE;
	const char *at;
	int err;

	if (off >= size)
		return 0;
	err = page_for_read(o, off, p, &at);
	if (err)
		return err == -ENXIO ? 0 : err;	/* cut short meanwhile: the end of the file */
	*start = (unsigned)(at + in - (char *)page_to_virt(*p));
	return (ssize_t)MIN(MIN(PAGE_SIZE - in, n), size - off);
}

static ssize_t read_by(struct object *o, uint64_t off, void *dst, size_t n, copy_fn *copy)
{
	size_t done = 0, left = 0;
	ssize_t r = 0;

	while (done < n && !left) {
		unsigned start;
		struct page *p;

		r = object_borrow(o, off + done, n - done, &p, &start);
		if (r <= 0)
			break;
		left = copy((char *)dst + done, (char *)page_to_virt(p) + start, (size_t)r);
		page_put(p);
		done += (size_t)r - left;
		resched_point();
	}
	return done ? (ssize_t)done : left ? -EFAULT : r;
}

ssize_t object_read(struct object *o, uint64_t off, void __user *dst, size_t n)
{
	return read_by(o, off, (void *)dst, n, copy_user);
}

ssize_t object_read_kernel(struct object *o, uint64_t off, void *dst, size_t n)
{
	return read_by(o, off, dst, n, copy_kernel);
}
