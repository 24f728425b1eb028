/* What the files of calls about sockets share. */
#ifndef KERNEL_SYS_SOCKET_H
#define KERNEL_SYS_SOCKET_H

#include <kernel/fs/socket.h>
#include <arch/uaccess.h>

/* The open socket fd, counted; NULL with *err. */
struct file *socket_of(int fd, long *err);

/* ---- control messages (socket_control.c) ---- */

/*
 * What the program sends along, n bytes at `from`: files (SCM_RIGHTS) and who it says it is (SCM_CREDENTIALS). 0; -EINVAL,
 * -EBADF, -EPERM, -ESRCH, -EFAULT, -ENOMEM, -ENOBUFS; m->cargo is the caller's to free in any case.
 */
int __must_check socket_get_control(const void __user *from, size_t n, struct socket_message *m);
/*
 * Tells the program what came along: into n bytes at `to`; *used: how many. The files get numbers; true: not all
 * of it found room. m->cargo stays the caller's.
 */
bool socket_put_control(void __user *to, size_t n, const struct socket_message *m, size_t *used);

#endif
