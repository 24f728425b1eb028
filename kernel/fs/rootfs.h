/* The file tree's beginning: the initramfs unpacked, and the device nodes that every system has. */
#ifndef KERNEL_FS_ROOTFS_H
#define KERNEL_FS_ROOTFS_H

#include <kernel/fs/node.h>

struct bootinfo;

struct unpack_stats { unsigned files, dirs, links, devices, left_out; uint64_t bytes; };

/*
 * Puts every entry of a newc archive into the tree below root: file contents
 * stay where they are in the archive. A later entry of a name replaces an
 * earlier one. 0; -EINVAL (from *bad on it is no archive; what came before is
 * kept), -ENOMEM. Entries that cannot be had (sockets, names with "..", a
 * file where a directory is) are left out and counted.
 */
int __must_check rootfs_unpack(struct node *root, const void *archive, size_t size,
			       struct unpack_stats *st, size_t *bad);
/*
 * Gives node (one more reference) the path below the directory top, whose directories are
 * made. 0, -EEXIST, -EINVAL, -ENOTDIR, -ENOMEM.
 */
int __must_check rootfs_add_below(struct node *top, const char *path, struct node *node);
/* A device's node and its path below /dev, at boot: it is put there unless the name is taken, and into each devtmpfs. */
void rootfs_add_node(const char *path, struct node *n);
/* The same with a new node; mode with its kind. */
void rootfs_add_device(const char *path, uint32_t mode, unsigned major, unsigned minor);
/* Nodes of all devices into an empty directory. 0 or -ENOMEM. */
int __must_check rootfs_fill_devices(struct node *root);
/* Makes fs_root out of the boot loader's initramfs. */
void fs_init(const struct bootinfo *bi);

/* The number of a device as stat(2) shows it. */
static inline uint64_t dev_number(unsigned major, unsigned minor)
{
	return (uint64_t)(major & 0xfffu) << 8 | (minor & 0xffu) | (uint64_t)(minor & ~0xffu) << 12;
}

#endif
