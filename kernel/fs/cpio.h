/*
 * newc archives (cpio(5); Linux's early-userspace/buffer-format): read from
 * memory, with nothing believed that was not checked against the bounds.
 */
#ifndef KERNEL_FS_CPIO_H
#define KERNEL_FS_CPIO_H

#include <arch/types.h>

struct cpio_entry {
	const char *name;		/* ended with NUL, in the archive */
	const uint8_t *data;
	uint64_t size;			/* of data */
	uint32_t ino, mode, uid, gid, nlink, mtime;
	uint32_t dev_major, dev_minor, rdev_major, rdev_minor;
};

/*
 * Calls fn for every entry of the archive, or of several put one after
 * another. Stops at the first result of fn that is not 0 and returns it; 0 at
 * a proper end (the trailer, then zeros only); -EINVAL on anything else, with
 * *bad the place (may be NULL).
 */
int cpio_parse(const void *archive, size_t size, int (*fn)(const struct cpio_entry *e, void *arg),
	       void *arg, size_t *bad);

#endif
