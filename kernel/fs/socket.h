/*
 * Sockets of the family AF_UNIX, streams of bytes: two pipes, one each way, between two ends
 * (unix(7)). A socket is bound to a name in the file tree, or to one of its own (abstract), listens
 * there, and gives each that connects an end of two new pipes.
 */
#ifndef KERNEL_FS_SOCKET_H
#define KERNEL_FS_SOCKET_H

#include <kernel/fs/file.h>
#include <linux/un.h>

struct io_iter;

/* Of a socket: len counts the family and what is used of the path; 2: none. */
struct socket_name {
	struct sockaddr_un un;
	unsigned len;
};

struct socket_peer { uint32_t pid, uid, gid; };

int __must_check socket_open(unsigned flags, struct file **out);
int __must_check socket_open_pair(unsigned flags, struct file *end[2]);
bool is_socket(const struct file *f);
/* bind(2): node is the socket in the tree (counted by it), or NULL: an abstract name. 0, -EINVAL, -EADDRINUSE. */
int __must_check socket_bind(struct file *f, struct node *node, const struct socket_name *name);
/* listen(2): 0, -EINVAL. */
int __must_check socket_listen(struct file *f, unsigned backlog);
/* accept(2): a new open file. 0; -EINVAL, -EAGAIN, -ERESTARTSYS, -ENOMEM. */
int __must_check socket_accept(struct file *f, unsigned flags, struct file **out);
/* connect(2), to who is bound as socket_bind says: 0; -ECONNREFUSED, -EISCONN, -EINVAL, -EAGAIN, -ERESTARTSYS, -ENOMEM. */
int __must_check socket_connect(struct file *f, struct node *node, const struct socket_name *name);
/* shutdown(2): no more is received, sent. Of one that is not connected: nothing. */
void socket_shutdown(struct file *f, bool in, bool out);
/* Bytes, as read and write; also -ENOTCONN. flags: MSG_DONTWAIT, MSG_NOSIGNAL. */
ssize_t __must_check socket_receive(struct file *f, struct io_iter *to, unsigned flags);
ssize_t __must_check socket_send(struct file *f, struct io_iter *from, unsigned flags);
/* Its own name, and the other end's: -ENOTCONN. */
void socket_get_name(struct file *f, struct socket_name *name);
int __must_check socket_get_peer(struct file *f, struct socket_name *name, struct socket_peer *who);
bool socket_is_listening(struct file *f);

#define AF_UNIX		1

/* recv(2)'s and send(2)'s. */
#define MSG_DONTWAIT	0x40u
#define MSG_NOSIGNAL	0x4000u

bool file_is_socket(const struct file *f);
/* splice(2) of a connected one: slots go from or to the pipes that it is made of. As pipe_move; -EINVAL, -ENOTCONN, -EPIPE. */
ssize_t socket_to_pipe(struct file *f, struct file *pipe, size_t n, bool wait);
ssize_t socket_from_pipe(struct file *pipe, struct file *f, size_t n, bool wait);

#endif
