/*
 * A file system: a tree of nodes with a number, a size and rules of its own. Where
 * a directory belongs to another one than the directory that it stands in,
 * a file system begins: there are no mount points besides.
 *
 *	/		tmpfs	from the initramfs
 *	/dev/shm	tmpfs	POSIX shared memory
 *	/proc, /sys		made when read (proc.h); fixed
 *
 * What has no place in the tree (pipes, memfds) belongs to none.
 */
#ifndef KERNEL_FS_FS_H
#define KERNEL_FS_FS_H

#include <mm/obj/object.h>

struct node;

struct fs {
	const char *type, *where;	/* as /proc/mounts tells it; const, as what follows */
	uint32_t dev, magic;		/* stat's st_dev, statfs's f_type */
	bool fixed;			/* programs make and take away no names */
	uint64_t max_names;
	uint64_t names;			/* that there are; tree_lock */
	struct object_room room;	/* for the content of files, in pages */
};

extern struct fs fs_list[];		/* / first; the last one has no type */
enum fs_index { FS_ROOT, FS_PROC, FS_SYS, FS_SHM };

#define FS_DEV_NONE	1u		/* st_dev of what belongs to no file system */
uint32_t fs_dev(const struct node *n);

#endif
