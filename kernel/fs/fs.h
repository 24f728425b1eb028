/*
 * File systems: each a tree of nodes with a number, a size and rules of its own, mounted at one
 * directory of the tree.
 *
 *	/		tmpfs	from the initramfs
 *	/dev/shm	tmpfs	POSIX shared memory
 *	/proc, /sys		made when read (proc.h); fixed
 *
 * and what programs add by mount(2). The name that a mounted file system is found by leads to its
 * root: the directory that it led to before is covered, kept by the file system, and comes back when that is
 * unmounted. So a walk along a path knows nothing of it: where a directory belongs to another file
 * system than the directory that it stands in, one begins. (Nothing can be seen at two places: no MS_BIND.)
 *
 * What has no place in the tree (pipes, memfds) belongs to none.
 *
 * Locks: mount_lock (RANK_MOUNT, sleeping) for whoever mounts, changes, lists or takes away; what a walk looks at
 * is tree_lock's, too. A file system that is mounted no more lasts as long as its last node.
 */
#ifndef KERNEL_FS_FS_H
#define KERNEL_FS_FS_H

#include <bsd/sys/queue.h>
#include <kernel/core/mutex.h>
#include <kernel/fs/node.h>
#include <linux/errno.h>
#include <linux/mount.h>

struct fs_options;
struct text;

struct fs_type {
	const char *name;
	uint32_t magic;			/* statfs's f_type */
	uint32_t mode;			/* of its root, unless it is told otherwise */
	bool fixed;			/* programs make and take away no names */
	bool memory;			/* of a size, with tmpfs's options */
	bool single;			/* there is one of it: not twice at the same place */
	/* What is in it from the beginning. 0 or -ENOMEM. */
	int (*fill)(struct node *root);
};

extern const struct fs_type fs_types[];	/* the last one has no name */

struct fs {
	const struct fs_type *type;	/* const, as what follows */
	const char *source;		/* what mount(2) called it; its own memory */
	unsigned id;			/* of the mount, as mountinfo tells it */
	uint32_t minor;			/* of stat's st_dev: 0:minor */
	struct node *root;		/* counted by the name that leads to it */
	struct dirent *at;		/* that name; NULL: none (/); const while mounted */
	struct node *covered;		/* what it led to before, counted; the same */
	TAILQ_ENTRY(fs) link;		/* of all mounts, oldest first; mount_lock, as what follows */
	bool mounted;			/* tree_lock, too */
	unsigned flags;			/* MS_* */
	uint32_t mode, uid, gid;	/* that the root began with */
	uint64_t max_names, max_default; /* max_default: of pages and names, where nobody says more */
	uint64_t names;			/* that there are, and the root; tree_lock */
	struct object_room room;	/* for the content of files, in pages */
	uint64_t members;		/* atomic: its nodes, and one while it is mounted: the last one frees */
	uint64_t nopen, nwriting;	/* atomic: open files, those for writing */
};

#define FS_UNLIMITED	UINT64_MAX	/* room.max, max_names */

TAILQ_HEAD(fs_list, fs);
extern struct fs_list fs_list;		/* mount_lock */
extern struct mutex mount_lock;

#define FS_DEV_NONE	1u		/* st_dev of what belongs to no file system */
/* stat's st_dev of a node. */
uint32_t fs_dev(const struct node *n);
/* Where fs is mounted, as path_of_node. mount_lock held. */
ssize_t __must_check fs_path(const struct fs *fs, char *buf, size_t n);

/* ---- mounts (mount.c) ---- */

/* The flags of mount(2) that say how files may be used, and stay. */
#define FS_KEPT_FLAGS	(MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_SYNCHRONOUS | MS_DIRSYNC | \
			 MS_NOATIME | MS_NODIRATIME | MS_RELATIME)

/*
 * mount(2): a new one over the directory `at` (NULL: the first one, /). data: "option,option=value", cut up; NULL:
 * none. 0, -ENODEV (no such type), -EINVAL (an option, or at is nowhere), -ENOTDIR, -EBUSY, -ENOENT, -ENOSPC (too
 * many), -ENOMEM.
 */
int __must_check fs_mount(const char *type, const char *source, struct node *at, unsigned flags, char *data);
/* MS_REMOUNT of what is mounted at root. 0, -EINVAL, -EBUSY (files are open for writing), -ENOMEM. */
int __must_check fs_remount(struct node *root, unsigned flags, char *data);
/* umount(2) of what is mounted at root; lazy: though it is used, with all below it. 0, -EINVAL, -EBUSY. */
int __must_check fs_unmount(struct node *root, bool lazy);

/* One more node, one less. */
static inline void fs_get(struct fs *fs)
{
	__atomic_fetch_add(&fs->members, 1, __ATOMIC_RELAXED);
}
void fs_put(struct fs *fs);
/* n, which is nobody's, is of fs from now on. */
static inline void fs_adopt(struct fs *fs, struct node *n)
{
	n->fs = fs;
	if (fs)
		fs_get(fs);
}
/* A file of fs (NULL: of none) is being opened: 0, -EROFS. And is open no more. */
int __must_check fs_opened(struct fs *fs, bool writes);
void fs_closed(struct fs *fs, bool writes);

/* Does one begin at n? (Also if it is mounted no more.) */
static inline bool fs_is_root(const struct node *n)
{
	return n->fs && n->fs->root == n;
}

/* Is n where MS_flag holds? */
static inline bool fs_has(const struct node *n, unsigned flag)
{
	return n->fs && READ_ONCE(n->fs->flags) & flag;
}
/* n may be changed: 0, or -EROFS. */
static inline int fs_may_change(const struct node *n)
{
	return fs_has(n, MS_RDONLY) ? -EROFS : 0;
}

/* ---- tmpfs (tmpfs.c) ---- */

struct fs_options {
	uint64_t pages, names;
	uint32_t mode, uid, gid;
	unsigned huge;			/* 1 + an enum shmem_mode; 0: nothing is said */
	bool has_pages, has_names;
};

/* Out of data (NULL: none), which is cut up. 0 or -EINVAL. */
int __must_check tmpfs_parse(char *data, struct fs_options *o);
/* fs begins so, or (not its root) goes on so. 0, -EINVAL: more than that is in it. */
int __must_check tmpfs_set(struct fs *fs, const struct fs_options *o);
/* As in /proc/mounts: ",size=4096k". */
void tmpfs_show(const struct fs *fs, struct text *t);

#endif
