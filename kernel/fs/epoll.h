/*
 * epoll(7): a set of open files, and which of them are ready. A file is in a set under the
 * number that it was added by; it leaves all sets when it is closed for the last time.
 */
#ifndef KERNEL_FS_EPOLL_H
#define KERNEL_FS_EPOLL_H

#include <kernel/fs/file.h>
#include <linux/eventpoll.h>

void epoll_init(void);
int __must_check epoll_open(struct file **out);
bool is_epoll(const struct file *f);
/* epoll_ctl(2) on the file f, which is number fd. 0, -EEXIST, -ENOENT, -EPERM, -ELOOP, -EINVAL, -ENOMEM. */
int __must_check epoll_change(struct file *set, int op, struct file *f, int fd,
			      const struct epoll_event *event);
/*
 * Fills in up to max events, waiting for the first one until the deadline: how many, or
 * -ERESTARTNOHAND. *turn: the number of the first.
 */
int epoll_collect(struct file *set, struct epoll_event *events, unsigned max, uint64_t deadline_ns, uint64_t *turn);
/* The n events from number `turn` on could not be given to who asked: they are to be told anew. */
void epoll_untell(struct file *set, uint64_t turn, unsigned n);
/* f is closed for the last time, and is in a set. */
void epoll_forget(struct file *f);

#endif
