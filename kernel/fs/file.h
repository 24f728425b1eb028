/*
 * Open files, and the table that gives them numbers.
 *
 * Locks: file.lock (RANK_POSITION, the outermost) guards the position; files.lock
 * (RANK_FS, spin) the table. A file's operations run with neither of a stream, with
 * file.lock of a file that has a position, if it is used; they copy to and from user
 * memory, which may fault: no lock that the fault path takes may be held (it takes none
 * of these).
 */
#ifndef KERNEL_FS_FILE_H
#define KERNEL_FS_FILE_H

#include <kernel/core/mutex.h>
#include <kernel/fs/node.h>
#include <lib/ref.h>
#include <linux/fcntl.h>

struct epoll_item;
struct file;
struct io_iter;
struct io_vector;

struct file_ops {
	/* NULL: nothing to do. 0 or -errno. O_NOCTTY, O_TRUNC are in its flags only here. */
	int (*open)(struct file *f);
	void (*release)(struct file *f);
	/* At off (streams: ignored). Bytes or -errno; NULL: EINVAL. n > 0. */
	ssize_t (*read)(struct file *f, void __user *buf, size_t n, uint64_t off);
	ssize_t (*write)(struct file *f, const void __user *buf, size_t n, uint64_t off);
	/*
	 * readv, writev in one go, it->left > 0; NULL: one piece after another. A read: of a stream. A write that is no
	 * stream's: at *pos, or (NULL) at the file's position, which is moved, the latter under file.lock.
	 */
	ssize_t (*read_iter)(struct file *f, struct io_iter *to);
	ssize_t (*write_iter)(struct file *f, struct io_iter *from, uint64_t *pos);
	/* getdents64(2). NULL: ENOTDIR. */
	ssize_t (*getdents)(struct file *f, void __user *buf, size_t n);
	/* NULL: ENOTTY. */
	long (*ioctl)(struct file *f, unsigned cmd, uint64_t arg);
	/* POLL* that hold now; NULL: always ready. Changes call file_poll_wake. */
	unsigned (*poll)(struct file *f);
	/* A count that goes on with each of these changes. NULL: every file's do (file_poll_changes). */
	uint64_t (*changes)(const struct file *f);
	/* Where its pages come from; *obj NULL: anonymous memory. NULL: ENODEV. */
	int (*mmap)(struct file *f, struct object **obj);
	/* fsync(2). NULL: nothing to do where there is a file system's file, else EINVAL. */
	int (*sync)(struct file *f);
	/* Of a device that has an end. NULL: the node's size. */
	uint64_t (*size)(const struct file *f);
	bool stream;			/* no position: lseek is ESPIPE */
	bool endless;			/* alike everywhere: lseek is 0 */
};

struct file {
	const struct file_ops *ops;
	struct node *node;		/* counted */
	void *data;			/* of its operations */
	uint32_t refs;			/* atomic: table entries, calls under way */
	unsigned flags;			/* O_* of open; atomic: O_APPEND, O_NONBLOCK may change */
	struct mutex lock;
	uint64_t pos;			/* lock */
	LIST_HEAD(, epoll_item) watchers; /* sets that it is in; epoll.c's lock */
};

/*
 * What f was opened for. Mode 3 (O_ACCMODE itself) asks for the right to read and to write, and
 * then does neither: device control alone.
 */
static inline bool file_can_read(const struct file *f)
{
	return !(f->flags & O_PATH) && (f->flags + 1) & 1;
}
static inline bool file_can_write(const struct file *f)
{
	return !(f->flags & O_PATH) && (f->flags + 1) & 2;
}

#define FILE_IO_MAX	0x7ffff000ul	/* bytes that one call moves: Linux's MAX_RW_COUNT */
#define FILES_MAX	1024		/* of one process, whatever its RLIMIT_NOFILE */

struct files {
	struct spinlock lock;
	unsigned max;			/* entries that there are; lock */
	struct file **file;		/* lock */
	uint64_t cloexec[FILES_MAX / 64]; /* lock */
};

extern const struct file_ops dir_file_ops;	/* dir.c */
extern const struct file_ops regular_file_ops;	/* regular.c */
extern const struct file_ops huge_file_ops;	/* of explicit huge pages: mapped and read, not written */

void file_init(void);
/* An open file of node (counts it) with one reference, its open operation called. 0 or -errno. */
int __must_check file_open(struct node *node, const struct file_ops *ops, unsigned flags,
			   struct file **out);
/*
 * The same by what kind of node it is: file, directory, device, fifo (may wait). Also -ELOOP,
 * -ENXIO, -EISDIR, -ENOSPC. Permissions are the caller's to look at.
 */
int __must_check file_open_node(struct node *node, unsigned flags, struct file **out);
static inline void file_get(struct file *f) { ref_get(&f->refs); }
void file_put(struct file *f);

/* pos NULL: at the file's own position, moving it. Bytes or -errno. */
ssize_t file_read(struct file *f, void __user *buf, size_t n, const uint64_t *pos);
ssize_t file_write(struct file *f, const void __user *buf, size_t n, const uint64_t *pos);
/* readv(2), writev(2). */
ssize_t file_vector(struct file *f, const struct io_vector *v, bool write);
/* lseek(2): the new position or -errno. */
int64_t file_seek(struct file *f, int64_t off, int whence);
/* fsync(2): 0 or -errno. */
int file_sync(struct file *f);
unsigned file_poll(struct file *f);
/*
 * Somebody's file_poll may answer differently now. Any context. It counts, then
 * looks for sleepers; a sleeper makes itself known, then looks at the count: one
 * of them sees the other.
 */
extern uint64_t file_poll_count;
extern uint32_t file_poll_sleepers;
void file_poll_wake_sleepers(void);
static inline void file_poll_wake(void)
{
	__atomic_fetch_add(&file_poll_count, 1, __ATOMIC_SEQ_CST);
	if (unlikely(READ_ONCE(file_poll_sleepers)))
		file_poll_wake_sleepers();
}
/*
 * How often that was so; and a sleep until it is so again: 0, -ETIMEDOUT (deadline
 * UINT64_MAX: never), -ERESTARTSYS.
 */
static inline uint64_t file_poll_changes(void)
{
	return __atomic_load_n(&file_poll_count, __ATOMIC_SEQ_CST);
}
int __must_check file_poll_sleep(uint64_t changes, uint64_t deadline_ns);

/* Character devices, block devices by number (dev_number). Boot time only. */
void file_register_device(uint64_t rdev, const struct file_ops *ops);
void file_register_block(uint64_t rdev, const struct file_ops *ops);

/* ---- the table (files.c) ---- */

/* Empty, one user. 0 or -ENOMEM. */
int __must_check files_init(struct files *fs);
/* The same numbers for the same open files. 0 or -ENOMEM. */
int __must_check files_copy(struct files *to, struct files *from);
/* Closes all of them. */
void files_destroy(struct files *fs);
/* Counted for the caller, or NULL. */
struct file *files_get(struct files *fs, unsigned fd);
/* Is no number below limit free? */
bool files_is_full(struct files *fs, unsigned limit);
/*
 * Takes over the caller's reference of f. The lowest free number from min on,
 * below limit; -EMFILE, -ENOMEM.
 */
int __must_check files_add(struct files *fs, struct file *f, unsigned min, unsigned limit,
			   bool cloexec);
/*
 * Puts f (reference taken over on success) at fd, closing what was there. 0,
 * -EBADF (fd not below limit), -ENOMEM.
 */
int __must_check files_put_at(struct files *fs, struct file *f, unsigned fd, unsigned limit,
			      bool cloexec);
int __must_check files_close(struct files *fs, unsigned fd);
/* All numbers in [first, last] that are open; mark: they are only to be closed at execve. */
void files_close_range(struct files *fs, unsigned first, unsigned last, bool mark);
/* The same if f, of which the caller has another reference, is still there. */
void files_take_back(struct files *fs, unsigned fd, struct file *f);
void files_close_on_exec(struct files *fs);
int files_get_cloexec(struct files *fs, unsigned fd);
int files_set_cloexec(struct files *fs, unsigned fd, bool on);

#endif
