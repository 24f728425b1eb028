/*
 * Block devices as programs see them: /dev/ram0, /dev/vda.
 *
 * Nothing is cached: a read or write goes to the device before it returns, by way of
 * pages of the kernel's own. A write of a part of a page reads the page
 * first; the device's lock keeps two of those apart. It is not held while user memory is
 * touched: a fault there may need the same device.
 */
#include <kernel/dev/block.h>
#include <arch/uaccess.h>
#include <kernel/dev/ramdisk.h>
#include <kernel/dev/virtio_blk.h>
#include <kernel/fs/file.h>
#include <kernel/fs/proc.h>
#include <kernel/fs/rootfs.h>
#include <lib/log.h>
#include <lib/string.h>
#include <linux/errno.h>
#include <linux/fcntl.h>
#include <linux/fs.h>

static TAILQ_HEAD(, block_dev) devices = TAILQ_HEAD_INITIALIZER(devices);

/* ---- pages between the device and the program ---- */

static void bounce_free(struct page **page, unsigned n)
{
	while (n)
		page_free(page[--n], 0);
}

static int bounce_alloc(struct page **page, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		page[i] = page_alloc(0, PAGE_KERNEL, 0);
		if (!page[i]) {
			bounce_free(page, i);
			return -ENOMEM;
		}
	}
	return 0;
}

/* n bytes from byte `head` of the pages on, to or from user memory; how many it was. */
static size_t bounce_copy(struct page *const *page, size_t head, uint64_t buf, size_t n, bool in)
{
	size_t done = 0;

	while (done < n) {
		size_t at = (head + done) % PAGE_SIZE, len = MIN(n - done, PAGE_SIZE - at), left;
		char *kernel = (char *)page_to_virt(page[(head + done) / PAGE_SIZE]) + at;

		left = in ? copy_from_user(kernel, (const void __user *)(buf + done), len)
			  : copy_to_user((void __user *)(buf + done), kernel, len);
		done += len - left;
		if (left)
			break;
	}
	return done;
}

static unsigned pages_of(size_t bytes)
{
	return (unsigned)(ALIGN_UP(bytes, PAGE_SIZE) / PAGE_SIZE);
}

static ssize_t read_piece(struct block_dev *b, uint64_t buf, size_t n, uint64_t off)
{
	size_t head = off % PAGE_SIZE, done = 0;
	struct page *page[STORE_BATCH];
	int err = bounce_alloc(page, pages_of(head + n));

	if (err)
		return err;
	err = b->store.ops->read(&b->store, off / PAGE_SIZE, page, pages_of(head + n));
	if (!err)
		done = bounce_copy(page, head, buf, n, false);
	bounce_free(page, pages_of(head + n));
	return err ? err : done ? (ssize_t)done : -EFAULT;
}

/* Only [from, to) of p is new: the rest becomes what the device has at page `index`. */
static int keep_rest(struct block_dev *b, uint64_t index, struct page *p, size_t from, size_t to)
{
	char *new = page_to_virt(p);
	struct page *old;
	int err;

	if (from == 0 && to == PAGE_SIZE)
		return 0;
	err = bounce_alloc(&old, 1);
	if (err)
		return err;
	err = b->store.ops->read(&b->store, index, &old, 1);
	if (!err) {
		memcpy(new, page_to_virt(old), from);
		memcpy(new + to, (char *)page_to_virt(old) + to, PAGE_SIZE - to);
	}
	bounce_free(&old, 1);
	return err;
}

/* The n bytes that lie in page[] from head on. */
static int write_pages(struct block_dev *b, struct page *const *page, size_t head, size_t n, uint64_t index)
{
	unsigned count = pages_of(head + n), last = count - 1;
	size_t end = head + n - last * PAGE_SIZE;
	int err;

	mutex_lock(&b->lock);
	err = keep_rest(b, index, page[0], head, last ? PAGE_SIZE : end);
	if (!err && last)
		err = keep_rest(b, index + last, page[last], 0, end);
	if (!err)
		err = b->store.ops->write(&b->store, index, page, count);
	mutex_unlock(&b->lock);
	return err;
}

static ssize_t write_piece(struct block_dev *b, uint64_t buf, size_t n, uint64_t off)
{
	size_t head = off % PAGE_SIZE, done;
	struct page *page[STORE_BATCH];
	int err = bounce_alloc(page, pages_of(head + n));

	if (err)
		return err;
	done = bounce_copy(page, head, buf, n, true);
	err = done ? write_pages(b, page, head, done, off / PAGE_SIZE) : -EFAULT;
	bounce_free(page, pages_of(head + n));
	return err ? err : (ssize_t)done;
}

/* ---- the file ---- */

static ssize_t transfer(struct file *f, uint64_t buf, size_t n, uint64_t off, bool write)
{
	struct block_dev *b = f->data;
	size_t done = 0;

	n = MIN(n, b->bytes - MIN(off, b->bytes));
	while (done < n) {
		size_t room = STORE_BATCH * PAGE_SIZE - (off + done) % PAGE_SIZE;
		size_t len = MIN(n - done, room);
		ssize_t r = write ? write_piece(b, buf + done, len, off + done)
				  : read_piece(b, buf + done, len, off + done);

		if (r < 0)
			return done ? (ssize_t)done : r;
		done += (size_t)r;
		if ((size_t)r < len)
			break;
		resched_point();
	}
	return (ssize_t)done;
}

static ssize_t block_read(struct file *f, void __user *buf, size_t n, uint64_t off)
{
	return transfer(f, (uint64_t)buf, n, off, false);
}

static int is_named(const struct swap_info *i, void *name)
{
	return strcmp(i->name, name) == 0;
}

/* Programs may not write then. */
static bool in_swap(const struct block_dev *b)
{
	return swap_for_each(is_named, (void *)(uintptr_t)b->store.name);
}

static ssize_t block_write(struct file *f, const void __user *buf, size_t n, uint64_t off)
{
	struct block_dev *b = f->data;

	if (in_swap(b))
		return -ETXTBSY;
	return off >= b->bytes ? -ENOSPC : transfer(f, (uint64_t)buf, n, off, true);
}

static int block_open(struct file *f)
{
	struct block_dev *b = block_of_node(f->node);

	if (b->read_only && (f->flags & O_ACCMODE) != O_RDONLY)
		return -EACCES;
	f->data = b;
	return 0;
}

static int block_flush(struct block_dev *b)
{
	return b->flush ? b->flush(b) : 0;
}

static int block_sync(struct file *f)
{
	return block_flush(f->data);
}

static uint64_t block_size(const struct file *f)
{
	const struct block_dev *b = f->data;

	return b->bytes;
}

static long block_ioctl(struct file *f, unsigned cmd, uint64_t arg)
{
	struct block_dev *b = f->data;

	switch (cmd) {
	case BLKGETSIZE64:
		return put_user_u64(b->bytes, (uint64_t __user *)arg);
	case BLKGETSIZE:
		return put_user_u64(b->bytes / BLOCK_SECTOR, (uint64_t __user *)arg);
	case BLKSSZGET:
	case BLKPBSZGET:
		return put_user_u32(BLOCK_SECTOR, (uint32_t __user *)arg);
	case BLKBSZGET:
		return put_user_u32(PAGE_SIZE, (uint32_t __user *)arg);
	case BLKROGET:
		return put_user_u32(b->read_only, (uint32_t __user *)arg);
	case BLKFLSBUF:
		return block_flush(b);
	default:
		return -ENOTTY;
	}
}

static const struct file_ops block_ops = {
	.open = block_open, .read = block_read, .write = block_write, .ioctl = block_ioctl,
	.sync = block_sync, .size = block_size,
};

/* ---- /proc/diskstats ---- */

/* Linux's columns; merges, times and discards are not counted, or there are none. */
static int show_diskstats(struct text *t, int pid)
{
	(void)pid;
	for (struct block_dev *b = block_next(NULL); b; b = block_next(b)) {
		const struct block_count *r = &b->count[false], *w = &b->count[true];

		text_printf(t, "%4u %7u %s %lu 0 %lu 0 %lu 0 %lu 0 0 0 0 0 0 0 0 0 0\n", b->major, b->minor,
			    b->store.name + strlen("/dev/"), READ_ONCE(r->transfers), READ_ONCE(r->sectors),
			    READ_ONCE(w->transfers), READ_ONCE(w->sectors));
	}
	return 0;
}
PROC_FILE(diskstats, .path = "/proc/diskstats", .mode = S_IFREG | 0444, .show = show_diskstats);

/* ---- which there are ---- */

struct block_dev *block_next(struct block_dev *b)
{
	return b ? TAILQ_NEXT(b, link) : TAILQ_FIRST(&devices);
}

struct block_dev *block_find(const char *path)
{
	struct block_dev *b;

	TAILQ_FOREACH(b, &devices, link)
		if (strcmp(b->store.name, path) == 0)
			return b;
	return NULL;
}

struct block_dev *block_of_node(const struct node *n)
{
	struct block_dev *b;

	TAILQ_FOREACH(b, &devices, link)
		if (S_ISBLK(n->mode) && n->rdev == dev_number(b->major, b->minor))
			return b;
	return NULL;
}

void block_flush_all(void)
{
	struct block_dev *b;

	TAILQ_FOREACH(b, &devices, link)
		if (block_flush(b))
			log_warn("%s: what was written could not be flushed", b->store.name);
}

void block_register(struct block_dev *b)
{
	mutex_init(&b->lock, RANK_FS);
	TAILQ_INSERT_TAIL(&devices, b, link);
	file_register_block(dev_number(b->major, b->minor), &block_ops);
	rootfs_add_device(b->store.name, S_IFBLK | 0660, b->major, b->minor);
}

void block_init(void)
{
	ramdisk_init();
	virtio_blk_init();
}
