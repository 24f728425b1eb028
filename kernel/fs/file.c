/* Open files: opening by the kind of node, reading, writing, seeking; see file.h. */
#include <kernel/fs/file.h>
#include <kernel/fs/epoll.h>
#include <kernel/fs/fs.h>
#include <kernel/fs/locks.h>
#include <kernel/fs/pipe.h>
#include <kernel/fs/regular.h>
#include <kernel/fs/uio.h>
#include <lib/assert.h>
#include <linux/errno.h>
#include <linux/fcntl.h>
#include <linux/fs.h>
#include <linux/poll.h>
#include <mm/alloc/slab.h>

#define DEVICES_MAX	16

static struct waitq poll_wait;
uint64_t file_poll_count;		/* atomic: changes */
uint32_t file_poll_sleepers;		/* atomic: who sleeps on poll_wait, or is about to */
static struct kmem_cache *file_cache;
static struct { uint32_t kind; uint64_t rdev; const struct file_ops *ops; } devices[DEVICES_MAX];
static unsigned ndevices;

void file_init(void)
{
	waitq_init(&poll_wait);
	file_cache = kmem_cache_create("file", sizeof(struct file), 0);
	if (!file_cache)
		panic("no memory for the cache of open files");
	locks_init();
	pipe_init();
	epoll_init();
}

static void register_device(uint32_t kind, uint64_t rdev, const struct file_ops *ops)
{
	assert(ndevices < DEVICES_MAX);
	devices[ndevices].kind = kind;
	devices[ndevices].rdev = rdev;
	devices[ndevices++].ops = ops;
}

void file_register_device(uint64_t rdev, const struct file_ops *ops)
{
	register_device(S_IFCHR, rdev, ops);
}

void file_register_block(uint64_t rdev, const struct file_ops *ops)
{
	register_device(S_IFBLK, rdev, ops);
}

static const struct file_ops *device_ops(const struct node *n)
{
	for (unsigned i = 0; i < ndevices; i++)
		if (devices[i].rdev == n->rdev && devices[i].kind == (n->mode & S_IFMT))
			return devices[i].ops;
	return NULL;
}

/* Does f keep its file system from becoming read-only? */
static bool changes_fs(const struct file *f)
{
	return node_is_reg(f->node) && file_can_write(f);
}

int file_open(struct node *node, const struct file_ops *ops, unsigned flags, struct file **out)
{
	struct file *f = kmem_zalloc(file_cache);
	int err;

	if (!f)
		return -ENOMEM;
	f->ops = ops;
	f->node = node;
	f->refs = 1;
	f->flags = flags;
	mutex_init(&f->lock, RANK_POSITION);
	err = fs_opened(node->fs, changes_fs(f));
	if (!err && ops->open) {
		err = ops->open(f);
		if (err)
			fs_closed(node->fs, changes_fs(f));
	}
	if (err) {
		kmem_free(file_cache, f);
		return err;
	}
	f->flags &= ~(unsigned)(O_NOCTTY | O_TRUNC);
	node_get(node);
	*out = f;
	return 0;
}

void file_put(struct file *f)
{
	if (!ref_put(&f->refs))
		return;
	if (unlikely(!LIST_EMPTY(&f->watchers)))
		epoll_forget(f);
	locks_drop(f->node, f);
	if (f->ops->release)
		f->ops->release(f);
	fs_closed(f->node->fs, changes_fs(f));
	node_put(f->node);
	kmem_free(file_cache, f);
}

/* ---- by kind ---- */

/* O_PATH: a place in the tree, and nothing that could be done with what is there. */
static const struct file_ops place_ops = { .stream = true };

static int open_regular(struct node *n, unsigned flags, struct file **out)
{
	int err = file_open(n, &regular_file_ops, flags, out);

	if (err)
		return err;
	if (flags & O_TRUNC)
		err = regular_truncate(n, 0);
	else if ((flags & O_ACCMODE) != O_RDONLY)
		err = node_own_content(n, true);
	if (err)
		file_put(*out);
	return err;
}

int file_open_node(struct node *node, unsigned flags, struct file **out)
{
	bool writes = (flags & O_ACCMODE) != O_RDONLY || flags & O_TRUNC;
	const struct file_ops *ops;

	if (flags & O_DIRECTORY && !node_is_dir(node))
		return -ENOTDIR;
	if (flags & O_PATH)
		return file_open(node, &place_ops, flags & (O_PATH | O_DIRECTORY | O_NOFOLLOW), out);
	if (node_is_dir(node)) {
		if (writes || flags & O_CREAT)
			return -EISDIR;
		return file_open(node, node->fops ? node->fops : &dir_file_ops, flags, out);
	}
	if (node_is_link(node))
		return -ELOOP;
	if (node->fops)
		return file_open(node, node->fops, flags, out);
	if (node_object(node))
		return open_regular(node, flags, out);
	if (S_ISFIFO(node->mode))
		return fifo_open(node, flags, out);
	if (fs_has(node, MS_NODEV))
		return -EACCES;
	ops = device_ops(node);
	return ops ? file_open(node, ops, flags, out) : -ENXIO;
}

/* ---- reading and writing ---- */

typedef ssize_t transfer_fn(struct file *f, uint64_t buf, size_t n, uint64_t off);

static ssize_t do_read(struct file *f, uint64_t buf, size_t n, uint64_t off)
{
	return f->ops->read(f, (void __user *)buf, n, off);
}

static ssize_t do_write(struct file *f, uint64_t buf, size_t n, uint64_t off)
{
	return f->ops->write(f, (const void __user *)buf, n, off);
}

/* A write that moves the position as the file's own operation says. */
static ssize_t write_by_iter(struct file *f, uint64_t buf, size_t n)
{
	struct iovec one = { (void __user *)buf, n };
	struct io_iter it = { .iov = &one, .left = n };

	return f->ops->write_iter(f, &it, NULL);
}

static ssize_t file_transfer(struct file *f, transfer_fn *fn, uint64_t buf, size_t n,
			     const uint64_t *pos)
{
	ssize_t done;

	if (f->ops->stream)
		return fn(f, buf, n, 0);
	if (pos && (int64_t)(*pos + n) < 0)
		return -EINVAL;
	if (pos)
		return fn(f, buf, n, *pos);
	if (fn == do_write && f->ops->write_iter)
		return write_by_iter(f, buf, n);
	mutex_lock(&f->lock);
	done = fn(f, buf, n, f->pos);
	if (done > 0)
		f->pos += (uint64_t)done;
	mutex_unlock(&f->lock);
	return done;
}

ssize_t file_read(struct file *f, void __user *buf, size_t n, const uint64_t *pos)
{
	if (!file_can_read(f))
		return -EBADF;
	if (!f->ops->read)
		return node_is_dir(f->node) ? -EISDIR : -EINVAL;
	n = MIN(n, FILE_IO_MAX);
	return n ? file_transfer(f, do_read, (uint64_t)buf, n, pos) : 0;
}

ssize_t file_write(struct file *f, const void __user *buf, size_t n, const uint64_t *pos)
{
	if (!file_can_write(f))
		return -EBADF;
	if (!f->ops->write)
		return -EINVAL;
	n = MIN(n, FILE_IO_MAX);
	return n ? file_transfer(f, do_write, (uint64_t)buf, n, pos) : 0;
}

/*
 * One piece after another, until one comes up short. A read of a stream ends
 * after its first piece: another could wait for what may never come.
 */
static ssize_t vector_by_pieces(struct file *f, const struct io_vector *v, bool write)
{
	ssize_t done = 0;

	for (unsigned i = 0; i < v->n; i++) {
		size_t len = v->iov[i].iov_len;
		void __user *buf = v->iov[i].iov_base;
		ssize_t r = write ? file_write(f, buf, len, NULL) : file_read(f, buf, len, NULL);

		if (r < 0)
			return done ? done : r;
		done += r;
		if ((size_t)r < len || (r && !write && f->ops->stream))
			break;
	}
	return done;
}

ssize_t file_vector(struct file *f, const struct io_vector *v, bool write)
{
	struct io_iter it = io_iter_of(v);

	if (!(write ? file_can_write(f) : file_can_read(f)))
		return -EBADF;
	if (write ? !f->ops->write_iter : !f->ops->read_iter)
		return vector_by_pieces(f, v, write);
	if (!it.left)
		return 0;
	return write ? f->ops->write_iter(f, &it, NULL) : f->ops->read_iter(f, &it);
}

/* Where an offset of SEEK_DATA or SEEK_HOLE leads; what is no regular file has no holes. */
static int64_t seek_hole(struct file *f, int64_t off, int64_t size, int whence)
{
	if (off < 0 || off >= size)
		return -ENXIO;
	if (node_object(f->node))
		return object_seek(node_object(f->node), (uint64_t)off, whence == SEEK_DATA);
	return whence == SEEK_DATA ? off : size;
}

static int64_t seek_target(struct file *f, int64_t off, int whence)
{
	int64_t size = (int64_t)(f->ops->size ? f->ops->size(f) : node_size(f->node)), base;

	switch (whence) {
	case SEEK_SET: base = 0; break;
	case SEEK_CUR: base = (int64_t)f->pos; break;
	case SEEK_END: base = size; break;
	case SEEK_DATA:
	case SEEK_HOLE:
		return f->ops->size ? -EINVAL : seek_hole(f, off, size, whence);
	default:
		return -EINVAL;
	}
	if (__builtin_add_overflow(base, off, &off))
		return -EOVERFLOW;
	return off < 0 || (f->ops->size && off > size) ? -EINVAL : off;
}

int64_t file_seek(struct file *f, int64_t off, int whence)
{
	if (f->flags & O_PATH)
		return -EBADF;
	if (f->ops->stream)
		return -ESPIPE;
	mutex_lock(&f->lock);
	off = f->ops->endless ? 0 : seek_target(f, off, whence);
	if (off >= 0)
		f->pos = (uint64_t)off;
	mutex_unlock(&f->lock);
	return off;
}

int file_sync(struct file *f)
{
	if (f->flags & O_PATH)
		return -EBADF;
	if (f->ops->sync)
		return f->ops->sync(f);
	return node_is_dir(f->node) || f->ops == &regular_file_ops ? 0 : -EINVAL;
}

unsigned file_poll(struct file *f)
{
	if (f->ops->poll)
		return f->ops->poll(f);
	return POLLIN | POLLOUT | POLLRDNORM | POLLWRNORM;
}

void file_poll_wake_sleepers(void)
{
	uint64_t flags = waitq_lock(&poll_wait);

	waitq_wake_all(&poll_wait);
	waitq_unlock(&poll_wait, flags);
}

int file_poll_sleep(uint64_t changes, uint64_t deadline_ns)
{
	uint64_t flags;
	int err = 0;

	__atomic_fetch_add(&file_poll_sleepers, 1, __ATOMIC_SEQ_CST);
	flags = waitq_lock(&poll_wait);
	while (file_poll_changes() == changes && !err)
		err = waitq_sleep_interruptible_until(&poll_wait, &flags, deadline_ns);
	waitq_unlock(&poll_wait, flags);
	__atomic_fetch_sub(&file_poll_sleepers, 1, __ATOMIC_RELAXED);
	return err;
}
