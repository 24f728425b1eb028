/* Lists of pieces of memory (struct iovec), as system calls take them. */
#ifndef KERNEL_SYS_UIO_H
#define KERNEL_SYS_UIO_H

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

#endif
