/* Bytes that go from file to file without a program's memory: splice(2), sendfile(2), copy_file_range(2). */
#ifndef KERNEL_FS_SPLICE_H
#define KERNEL_FS_SPLICE_H

#include <kernel/fs/file.h>

/*
 * n bytes of an object from pos on to out: a file, at *out_pos (NULL: where it stands), or a pipe, which gets the pages
 * themselves. Bytes, fewer where the object ends or out takes no more; -errno. wait: for room in a pipe.
 */
ssize_t splice_content(struct object *in, uint64_t pos, struct file *out, uint64_t *out_pos, size_t n, bool wait);
/* From a file at *pos (NULL: where it stands), or a socket or device, to a pipe, as much as has room. Also -EINVAL: not from such. */
ssize_t splice_to_pipe(struct file *in, uint64_t *pos, struct file *pipe, size_t n, bool wait);
/* From a pipe to a file, or socket or device: as much as there is. The same. */
ssize_t splice_from_pipe(struct file *pipe, struct file *out, uint64_t *pos, size_t n, bool wait);
/* The program's memory to a pipe, each page (of its addresses) a slot. Bytes, -EFAULT, -ENOMEM, … */
ssize_t splice_memory(struct io_iter *from, struct file *pipe, bool wait);

#endif
