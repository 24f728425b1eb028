/* /dev/null, /dev/zero and /dev/full. */
#include <kernel/dev/console.h>
#include <arch/uaccess.h>
#include <kernel/fs/rootfs.h>
#include <linux/errno.h>

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

/* A mapping of zeros is anonymous memory. */
static int zero_mmap(struct file *f, struct object **obj)
{
	(void)f;
	*obj = NULL;
	return 0;
}

static const struct file_ops null_ops = { .read = null_read, .write = null_write };
static const struct file_ops zero_ops = {
	.read = zero_read, .write = null_write, .mmap = zero_mmap,
};
static const struct file_ops full_ops = { .read = zero_read, .write = full_write };

void mem_devices_init(void)
{
	file_register_device(dev_number(1, 3), &null_ops);
	file_register_device(dev_number(1, 5), &zero_ops);
	file_register_device(dev_number(1, 7), &full_ops);
	rootfs_add_device("/dev/null", 0666, 1, 3);
	rootfs_add_device("/dev/zero", 0666, 1, 5);
	rootfs_add_device("/dev/full", 0666, 1, 7);
}
