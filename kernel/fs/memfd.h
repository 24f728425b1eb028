/* Memory with a number: files that memfd_create(2) makes, and their seals. */
#ifndef KERNEL_FS_MEMFD_H
#define KERNEL_FS_MEMFD_H

#include <kernel/fs/file.h>

#define MEMFD_NAME_MAX	249u

struct hugepool;
/*
 * A file of that name, open for reading and writing, with these seals; of explicit huge pages of that pool, if it is not
 * NULL. 0 or -ENOMEM.
 */
int __must_check memfd_create(const char *name, bool exec, unsigned seals, struct hugepool *pool,
			      struct file **out);
/* fcntl(2)'s F_ADD_SEALS and F_GET_SEALS: 0 or the seals, or -errno. */
long memfd_add_seals(struct file *f, unsigned seals);
long memfd_get_seals(struct file *f);

#endif
