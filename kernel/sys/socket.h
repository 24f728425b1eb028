/* What the files of calls about sockets share. */
#ifndef KERNEL_SYS_SOCKET_H
#define KERNEL_SYS_SOCKET_H

#include <kernel/fs/socket.h>
#include <arch/uaccess.h>

/* The open socket fd, counted; NULL with *err. */
struct file *socket_of(int fd, long *err);

/* ---- names (socket_name.c) ---- */

/* A name of the program's; the path in it is ended by NUL. 0, -EINVAL, -EFAULT. */
int __must_check socket_name_get(const void __user *from, unsigned len, struct socket_name *name);
/* Tells the program a name, as much as there is room for. 0, -EINVAL, -EFAULT. */
long __must_check socket_name_put(const struct socket_name *name, void __user *to, uint32_t __user *len);
/*
 * The socket in the tree that the name, if it is a path, leads to, counted; else NULL, as on errors. make: a new one. 0; -EADDRINUSE,
 * -ECONNREFUSED, -EACCES, -ENOMEM, and what walks and makes may say.
 */
int __must_check socket_name_node(struct socket_name *name, bool make, struct node **node);

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
