/* stat and its family, statx, statfs. */
#include <asm/stat.h>
#include <asm/statfs.h>
#include <kernel/core/clock.h>
#include <kernel/fs/fs.h>
#include <kernel/fs/path.h>
#include <kernel/proc/process.h>
#include <kernel/sys/syscall.h>
#include <linux/fcntl.h>
#include <linux/magic.h>
#include <linux/stat.h>
#include <mm/mm.h>

/* ---- stat ---- */

/* What its content is had in. */
static uint64_t block_size(const struct node *n)
{
	const struct object *o = node_object(n);

	return object_is_huge(o) ? PAGE_SIZE << huge_order(o) : PAGE_SIZE;
}

/* Memory takes what it holds, in frames or in swap; what is in the archive as much as it is long. */
static uint64_t blocks_of(const struct node *n)
{
	const struct object *o = node_object(n);

	if (!o)
		return 0;
	if (o->ops->memory)
		return (READ_ONCE(o->npages) + READ_ONCE(o->nswapped)) * (block_size(n) / 512);
	return ALIGN_UP(o->size, PAGE_SIZE) / 512;
}

/* Seconds and nanoseconds of a time, which may be before 1970. */
static int64_t seconds(int64_t ns)
{
	return ns / (int64_t)NS_PER_SEC - (ns % (int64_t)NS_PER_SEC < 0);
}

static uint64_t rest_ns(int64_t ns)
{
	return (uint64_t)(ns - seconds(ns) * (int64_t)NS_PER_SEC);
}

static void fill_stat(const struct node *n, struct stat *st)
{
	*st = (struct stat){
		.st_dev = fs_dev(n),
		.st_ino = n->ino,
		.st_nlink = n->nlink,
		.st_mode = n->mode,
		.st_uid = n->uid,
		.st_gid = n->gid,
		.st_rdev = n->rdev,
		.st_size = (__kernel_long_t)node_size(n),
		.st_blksize = (__kernel_long_t)block_size(n),
		.st_blocks = (__kernel_long_t)blocks_of(n),
		.st_atime = (__kernel_ulong_t)seconds(n->atime),
		.st_atime_nsec = rest_ns(n->atime),
		.st_mtime = (__kernel_ulong_t)seconds(n->mtime),
		.st_mtime_nsec = rest_ns(n->mtime),
		.st_ctime = (__kernel_ulong_t)seconds(n->ctime),
		.st_ctime_nsec = rest_ns(n->ctime),
	};
}

static long put_stat(const struct node *n, struct stat __user *to)
{
	struct stat st;

	fill_stat(n, &st);
	return copy_to_user(to, &st, sizeof(st)) ? -EFAULT : 0;
}

static long stat_at(int dirfd, const char __user *path, struct stat __user *st, unsigned flags)
{
	struct node *n;
	long err = user_path(dirfd, path, flags, &n);

	if (err)
		return err;
	err = put_stat(n, st);
	node_put(n);
	return err;
}

SYSCALL2(stat, const char __user *, path, struct stat __user *, st)
{
	return stat_at(AT_FDCWD, path, st, 0);
}

SYSCALL2(lstat, const char __user *, path, struct stat __user *, st)
{
	return stat_at(AT_FDCWD, path, st, LOOKUP_NOFOLLOW);
}

SYSCALL2(fstat, int, fd, struct stat __user *, st)
{
	struct file *f __put_file = files_get(&current_process()->files, (unsigned)fd);

	return f ? put_stat(f->node, st) : -EBADF;
}

SYSCALL4(newfstatat, int, dirfd, const char __user *, path, struct stat __user *, st, int, flags)
{
	if (flags & ~(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH | AT_NO_AUTOMOUNT))
		return -EINVAL;
	return stat_at(dirfd, path, st, user_lookup_flags(flags));
}

/* ---- statx ---- */

static struct statx_timestamp statx_time(int64_t ns)
{
	return (struct statx_timestamp){ .tv_sec = seconds(ns), .tv_nsec = (uint32_t)rest_ns(ns) };
}

static void fill_statx(const struct node *n, struct statx *st)
{
	uint32_t dev = fs_dev(n);

	*st = (struct statx){
		.stx_mask = STATX_BASIC_STATS,
		.stx_blksize = (uint32_t)block_size(n),
		.stx_attributes_mask = STATX_ATTR_MOUNT_ROOT,
		.stx_nlink = n->nlink,
		.stx_uid = n->uid,
		.stx_gid = n->gid,
		.stx_mode = (uint16_t)n->mode,
		.stx_ino = n->ino,
		.stx_size = node_size(n),
		.stx_blocks = blocks_of(n),
		.stx_atime = statx_time(n->atime),
		.stx_mtime = statx_time(n->mtime),
		.stx_ctime = statx_time(n->ctime),
		.stx_rdev_major = (uint32_t)(n->rdev >> 8 & 0xfff),
		.stx_rdev_minor = (uint32_t)((n->rdev & 0xff) | (n->rdev >> 12 & 0xfff00)),
		.stx_dev_major = dev >> 8,
		.stx_dev_minor = dev & 0xff,
	};
	if (fs_is_root(n))
		st->stx_attributes |= STATX_ATTR_MOUNT_ROOT;
}

SYSCALL5(statx, int, dirfd, const char __user *, path, unsigned, flags, unsigned, mask, struct statx __user *, to)
{
	struct statx st;
	struct node *n;
	long err;

	if (mask & STATX__RESERVED || (flags & AT_STATX_SYNC_TYPE) == AT_STATX_SYNC_TYPE ||
	    flags & ~(unsigned)(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH | AT_NO_AUTOMOUNT | AT_STATX_SYNC_TYPE))
		return -EINVAL;
	err = user_path(dirfd, path, user_lookup_flags((int)flags), &n);
	if (err)
		return err;
	fill_statx(n, &st);
	node_put(n);
	return copy_to_user(to, &st, sizeof(st)) ? -EFAULT : 0;
}

/* ---- file systems ---- */

#define ST_VALID	0x20
#define ST_RELATIME	0x1000

/* Most are mount(2)'s own. */
static __statfs_word statfs_flags(unsigned flags)
{
	return (__statfs_word)((flags & (FS_KEPT_FLAGS & ~(unsigned)(MS_RELATIME | MS_DIRSYNC))) |
			       (flags & MS_RELATIME ? ST_RELATIME : 0));
}

static long put_statfs(const struct node *n, struct statfs __user *to)
{
	const struct fs *fs = n->fs;
	struct statfs s = {
		.f_type = object_is_huge(node_object(n)) ? HUGETLBFS_MAGIC : TMPFS_MAGIC,
		.f_bsize = (__statfs_word)block_size(n),
		.f_namelen = NAME_MAX,
		.f_frsize = (__statfs_word)block_size(n),
		.f_flags = ST_VALID,
	};

	if (fs) {
		uint64_t used = READ_ONCE(fs->room.used), names = READ_ONCE(fs->names);

		s.f_type = fs->type->magic;
		s.f_fsid.val[0] = (int)fs->minor;
		s.f_flags |= statfs_flags(READ_ONCE(fs->flags));
		if (fs->room.max != FS_UNLIMITED) {
			s.f_blocks = (__statfs_word)fs->room.max;
			s.f_bfree = s.f_bavail = (__statfs_word)(fs->room.max - MIN(used, fs->room.max));
		}
		if (fs->max_names != FS_UNLIMITED) {
			s.f_files = (__statfs_word)fs->max_names;
			s.f_ffree = (__statfs_word)(fs->max_names - MIN(names, fs->max_names));
		}
	}
	return copy_to_user(to, &s, sizeof(s)) ? -EFAULT : 0;
}

SYSCALL2(statfs, const char __user *, path, struct statfs __user *, st)
{
	struct node *n;
	long err = user_path(AT_FDCWD, path, 0, &n);

	if (err)
		return err;
	err = put_statfs(n, st);
	node_put(n);
	return err;
}

SYSCALL2(fstatfs, int, fd, struct statfs __user *, st)
{
	struct file *f __put_file = files_get(&current_process()->files, (unsigned)fd);

	return f ? put_statfs(f->node, st) : -EBADF;
}
