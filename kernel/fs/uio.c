/* Lists of pieces of memory; see uio.h. */
#include <kernel/fs/uio.h>
#include <arch/uaccess.h>
#include <kernel/fs/file.h>
#include <lib/string.h>
#include <linux/errno.h>
#include <mm/alloc/slab.h>

int io_vector_read(struct io_vector *v, const struct iovec __user *from, uint64_t n)
{
	int err = 0;

	if (n > UIO_MAXIOV)
		return -EINVAL;
	v->n = (unsigned)n;
	v->iov = n > IO_VECTOR_FAST ? kmalloc(n * sizeof(*v->iov)) : v->fast;
	if (!v->iov)
		return -ENOMEM;
	if (copy_from_user(v->iov, from, n * sizeof(*v->iov)))
		err = -EFAULT;
	for (unsigned i = 0; i < n && !err; i++)
		if ((int64_t)v->iov[i].iov_len < 0)
			err = -EINVAL;
	if (err)
		io_vector_free(v);
	return err;
}

int io_vector_read_own(struct io_vector *v, const struct iovec __user *from, uint64_t n)
{
	int err = io_vector_read(v, from, n);

	if (err)
		return err;
	v->total = 0;
	for (unsigned i = 0; i < v->n; i++) {
		struct iovec *one = &v->iov[i];

		if (!user_range_ok(one->iov_base, one->iov_len)) {
			io_vector_free(v);
			return -EFAULT;
		}
		one->iov_len = MIN(one->iov_len, FILE_IO_MAX - v->total);
		v->total += one->iov_len;
	}
	return 0;
}

void io_vector_free(struct io_vector *v)
{
	if (v->iov != v->fast)
		kfree(v->iov);
}

/* ---- a way through one ---- */

/* The next place, and how much of n bytes it has room for. */
static size_t next_piece(struct io_iter *it, size_t n, char __user **at)
{
	while (it->at == it->iov->iov_len) {
		it->iov++;
		it->at = 0;
	}
	*at = (char __user *)it->iov->iov_base + it->at;
	return MIN(n, it->iov->iov_len - it->at);
}

size_t io_iter_span(struct io_iter *it)
{
	char __user *at;
	size_t n = next_piece(it, it->left, &at);

	return MIN(n, PAGE_SIZE - (uintptr_t)at % PAGE_SIZE);
}

static void advance(struct io_iter *it, size_t n)
{
	it->at += n;
	it->left -= n;
}

/* Bytes that could not be copied. */
static size_t copy_out(const struct io_iter *it, char __user *to, const void *from, size_t n)
{
	if (likely(!it->kernel))
		return copy_to_user(to, from, n);
	memcpy((void *)(uintptr_t)to, from, n);
	return 0;
}

static size_t copy_in(const struct io_iter *it, void *to, const char __user *from, size_t n)
{
	if (likely(!it->kernel))
		return copy_from_user(to, from, n);
	memcpy(to, (const void *)(uintptr_t)from, n);
	return 0;
}

size_t io_iter_put(struct io_iter *it, const void *from, size_t n)
{
	size_t done = 0, piece, moved;
	char __user *at;

	do {
		piece = next_piece(it, n - done, &at);
		moved = piece - copy_out(it, at, (const char *)from + done, piece);
		advance(it, moved);
		done += moved;
	} while (done < n && moved == piece);
	return done;
}

size_t io_iter_take(struct io_iter *it, void *to, size_t n)
{
	size_t done = 0, piece, moved;
	char __user *at;

	do {
		piece = next_piece(it, n - done, &at);
		moved = piece - copy_in(it, (char *)to + done, at, piece);
		advance(it, moved);
		done += moved;
	} while (done < n && moved == piece);
	return done;
}
