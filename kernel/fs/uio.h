/* Lists of pieces of memory (struct iovec), as system calls take them. */
#ifndef KERNEL_FS_UIO_H
#define KERNEL_FS_UIO_H

#include <arch/types.h>
#include <linux/uio.h>

#define IO_VECTOR_FAST	8

struct io_vector {
	struct iovec fast[IO_VECTOR_FAST], *iov;
	unsigned n;
	size_t total;			/* io_vector_read_own: bytes of all pieces */
};

/* Copies the list in. 0; -EINVAL: too many, or a negative length; -EFAULT; -ENOMEM. */
int __must_check io_vector_read(struct io_vector *v, const struct iovec __user *from, uint64_t n);
/*
 * The same for pieces of the program's own memory: all lie in the user's half,
 * else -EFAULT; what is past the most that a call moves is cut off.
 */
int __must_check io_vector_read_own(struct io_vector *v, const struct iovec __user *from,
				    uint64_t n);
/* After either, where it succeeded. */
void io_vector_free(struct io_vector *v);

/* A way through such a list of pieces of the program's memory (or the kernel's). */
struct io_iter {
	const struct iovec *iov;	/* the piece it is in */
	size_t at;			/* how much of that is done */
	size_t left;			/* bytes, of all */
	bool kernel;			/* it is the kernel's memory */
};

static inline struct io_iter io_iter_of(const struct io_vector *v)
{
	return (struct io_iter){ .iov = v->iov, .left = v->total };
}
/* From where it stands: how many bytes lie in one piece, and in one page of its addresses. it->left > 0. */
size_t io_iter_span(struct io_iter *it);
/* n bytes, at most what is left, to or from where it stands. Bytes; less: the rest of that memory is not there. */
size_t __must_check io_iter_put(struct io_iter *it, const void *from, size_t n);
size_t __must_check io_iter_take(struct io_iter *it, void *to, size_t n);

#endif
