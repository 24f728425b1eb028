/* /dev/null, /dev/zero, /dev/full, /dev/random and /dev/urandom. */
#include <kernel/dev/console.h>
#include <arch/uaccess.h>
#include <kernel/fs/rootfs.h>
#include <kernel/fs/uio.h>
#include <linux/errno.h>

#define RANDOM_PIECE	256u
#define ZERO_PIECE	1024u

static ssize_t null_read(struct file *f, void __user *buf, size_t n, uint64_t off)
{
	(void)f;
	(void)buf;
	(void)n;
	(void)off;
	return 0;
}

static ssize_t null_write(struct file *f, const void __user *buf, size_t n, uint64_t off)
{
	(void)f;
	(void)buf;
	(void)off;
	return (ssize_t)n;
}

static ssize_t null_write_iter(struct file *f, struct io_iter *from, uint64_t *pos)
{
	size_t n = from->left;

	(void)f;
	(void)pos;
	from->left = 0;
	return (ssize_t)n;
}

/* Bytes of `piece`, again and again, as `make` (NULL: nobody) makes it anew. */
static ssize_t read_pieces(struct io_iter *to, void *piece, size_t size, void (*make)(void *piece, size_t size))
{
	size_t done = 0, part = 0, n = 0;

	for (; to->left && n == part; done += n) {
		part = MIN(to->left, size);
		if (make)
			make(piece, size);
		n = io_iter_put(to, piece, part);
		resched_point();
	}
	return done ? (ssize_t)done : -EFAULT;
}

static ssize_t zero_read_iter(struct file *f, struct io_iter *to)
{
	static uint8_t zeros[ZERO_PIECE];

	(void)f;
	return read_pieces(to, zeros, sizeof(zeros), NULL);
}

static ssize_t zero_read(struct file *f, void __user *buf, size_t n, uint64_t off)
{
	size_t left = clear_user(buf, n);

	(void)f;
	(void)off;
	return left == n ? -EFAULT : (ssize_t)(n - left);
}

static ssize_t full_write(struct file *f, const void __user *buf, size_t n, uint64_t off)
{
	(void)f;
	(void)buf;
	(void)n;
	(void)off;
	return -ENOSPC;
}

static void make_random(void *piece, size_t size)
{
	uint64_t *bits = piece;

	for (size_t i = 0; i < size / sizeof(*bits); i++)
		bits[i] = arch_random();
}

static ssize_t random_read_iter(struct file *f, struct io_iter *to)
{
	uint64_t bits[RANDOM_PIECE / 8];

	(void)f;
	return read_pieces(to, bits, sizeof(bits), make_random);
}

ssize_t random_read(void __user *to, size_t n)
{
	struct iovec one = { to, n };
	struct io_iter it = { .iov = &one, .left = n };

	return n ? random_read_iter(NULL, &it) : 0;
}

static ssize_t urandom_read(struct file *f, void __user *buf, size_t n, uint64_t off)
{
	(void)f;
	(void)off;
	return random_read(buf, n);
}

/* A mapping of zeros is anonymous memory. */
static int zero_mmap(struct file *f, struct object **obj)
{
	(void)f;
	*obj = NULL;
	return 0;
}

static const struct file_ops null_ops = {
	.read = null_read, .write = null_write, .write_iter = null_write_iter, .endless = true,
};
static const struct file_ops zero_ops = {
	.read = zero_read, .read_iter = zero_read_iter, .write = null_write, .write_iter = null_write_iter,
	.mmap = zero_mmap, .endless = true,
};
static const struct file_ops random_ops = {
	.read = urandom_read, .read_iter = random_read_iter, .write = null_write, .write_iter = null_write_iter,
	.endless = true,
};
static const struct file_ops full_ops = {
	.read = zero_read, .read_iter = zero_read_iter, .write = full_write, .endless = true,
};

void mem_devices_init(void)
{
	file_register_device(dev_number(1, 3), &null_ops);
	file_register_device(dev_number(1, 5), &zero_ops);
	file_register_device(dev_number(1, 7), &full_ops);
	file_register_device(dev_number(1, 8), &random_ops);
	file_register_device(dev_number(1, 9), &random_ops);
	rootfs_add_device("/dev/null", S_IFCHR | 0666, 1, 3);
	rootfs_add_device("/dev/zero", S_IFCHR | 0666, 1, 5);
	rootfs_add_device("/dev/full", S_IFCHR | 0666, 1, 7);
	rootfs_add_device("/dev/random", S_IFCHR | 0666, 1, 8);
	rootfs_add_device("/dev/urandom", S_IFCHR | 0666, 1, 9);
}
