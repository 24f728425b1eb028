/* Pipes: bytes that one open file takes in and another gives out. */
#ifndef KERNEL_FS_PIPE_H
#define KERNEL_FS_PIPE_H

#include <kernel/fs/file.h>

void pipe_init(void);
/* end[0] to read from, end[1] to write to. flags: O_NONBLOCK, O_DIRECT. 0 or -ENOMEM. */
int __must_check pipe_create(unsigned flags, struct file *end[2]);
/* Opens n, a fifo; without O_NONBLOCK it waits for somebody at the other end. 0, -ENXIO, -ENOMEM, -ERESTARTSYS. */
int __must_check fifo_open(struct node *n, unsigned flags, struct file **out);
/* fcntl(2)'s F_GETPIPE_SZ and F_SETPIPE_SZ: bytes, -EBADF: no pipe; -EINVAL, -EBUSY, -EPERM, -ENOMEM. */
long pipe_size(const struct file *f);
long pipe_set_size(struct file *f, unsigned bytes);

/* ---- splice(2) and its kin (pipe_splice.c); f, from and to are pipes, at the end that is meant ---- */

struct io_iter;
struct page;
struct pipe_sink;

bool file_is_pipe(const struct file *f);
/* Are both ends of one? */
bool pipes_are_same(const struct file *a, const struct file *b);
/*
 * These bytes of a page become a slot of the pipe, with a reference of their own. Waits for room; wait false: -EAGAIN. 0;
 * -EPIPE (SIGPIPE is sent), -ERESTARTSYS.
 */
int __must_check pipe_add(const struct file *to, struct page *page, unsigned start, unsigned len, bool wait);
/* Is there room for pipe_add, or waits for it? The same. */
int __must_check pipe_has_room(const struct file *to, bool wait);
/* What comes out of it: up to sink->left bytes go there. Bytes; 0: nobody writes; -errno. */
ssize_t pipe_drain(const struct file *from, struct pipe_sink *sink, bool wait);
/* The same into memory. */
ssize_t pipe_read_bytes(const struct file *from, struct io_iter *it, bool wait);
/* Up to n bytes from one pipe to another, by their slots; keep: they stay where they are, too. The same. */
ssize_t pipe_move(const struct file *from, const struct file *to, size_t n, bool keep, bool wait);

/* Where bytes go that come out of a pipe. */
struct pipe_sink {
	/* Of the next n bytes; how many it has taken, or -errno and none. No lock is held. */
	ssize_t (*take)(struct pipe_sink *s, const void *from, size_t n);
	size_t left;			/* bytes that are asked for */
	bool packets;			/* what is left of a packet goes */
};

/* What a write finds where nobody reads: SIGPIPE to the running thread. */
void pipe_broken(void);

#endif
