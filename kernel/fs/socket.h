/*
 * Sockets of the family AF_UNIX (unix(7)). Those of streams of bytes or of records are connected: two queues, one each
 * way, between two ends. A socket is bound to a name in the file tree, or to one of its own (abstract), listens
 * there, and gives each that connects an end of two new queues. Those of datagrams have one queue each, which
 * all send to who know its name.
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

/* Open files that are sent along; each is counted. */
struct socket_cargo {
	unsigned n;
	struct file *file[];
};

/* Room for n, none in it yet; NULL: no memory. */
struct socket_cargo *socket_cargo_create(unsigned n);
/* With the files in it. NULL is fine. */
void socket_cargo_free(struct socket_cargo *c);

/* What a call sends or receives besides its bytes. */
struct socket_message {
	unsigned flags;			/* MSG_* */
	struct socket_cargo *cargo;	/* to send, NULL where it was sent; or received; NULL: none */
	struct socket_peer who;		/* who sends; has_who: said so himself */
	bool has_who;
	bool cut;			/* a record was longer than there was room for */
	struct socket_queue *to;	/* of a datagram: socket_aim's, counted; NULL: whom the socket is connected to */
	struct socket_name from;	/* received: the sender's name; len 0: none */
	/* filled in by socket_send and socket_receive */
	bool limited;			/* the receiver takes few datagrams at a time from this one */
	bool record, wants_sender;
	uint64_t deadline_ns;
};

/* type: SOCK_*. */
int __must_check socket_open(unsigned type, unsigned flags, struct file **out);
int __must_check socket_open_pair(unsigned type, unsigned flags, struct file *end[2]);
bool is_socket(const struct file *f);
/* bind(2): node is the socket in the tree (counted by it), or NULL: an abstract name. 0, -EINVAL, -EADDRINUSE. */
int __must_check socket_bind(struct file *f, struct node *node, const struct socket_name *name);
/* listen(2): 0, -EINVAL, -EOPNOTSUPP (datagrams). */
int __must_check socket_listen(struct file *f, unsigned backlog);
/* accept(2): a new open file. 0; -EINVAL, -EOPNOTSUPP, -EAGAIN, -ERESTARTSYS, -EINTR, -ENOMEM. */
int __must_check socket_accept(struct file *f, unsigned flags, struct file **out);
/* There is no number for it: it waits to be accepted again, as the next one. */
void socket_give_back(struct file *f, struct file *accepted);
/*
 * connect(2), to who is bound as socket_bind says: 0; -ECONNREFUSED, -EPROTOTYPE (of another type), -EISCONN, -EINVAL,
 * -EAGAIN, -ERESTARTSYS, -ENOMEM; datagrams: -EPERM (who is connected to another one).
 */
int __must_check socket_connect(struct file *f, struct node *node, const struct socket_name *name);
/* Datagrams go nowhere from now on, unless they are told. */
void socket_disconnect(struct file *f);
/* Where datagrams to that name go: m->to. 0, -ECONNREFUSED, -EPROTOTYPE. */
int __must_check socket_aim(struct file *f, struct node *node, const struct socket_name *name, struct socket_message *m);
/* shutdown(2): no more is received, sent, or accepted. Of one that is neither connected nor listens: nothing. */
void socket_shutdown(struct file *f, bool in, bool out);
/* Bytes, as read and write; also -ENOTCONN, -ECONNRESET, -ECONNREFUSED, -EPERM, -EMSGSIZE, -ETOOMANYREFS. */
ssize_t __must_check socket_receive(struct file *f, struct io_iter *to, struct socket_message *m);
ssize_t __must_check socket_send(struct file *f, struct io_iter *from, struct socket_message *m);
/* Its own name, and the other end's: -ENOTCONN. */
void socket_get_name(struct file *f, struct socket_name *name);
int __must_check socket_get_peer(struct file *f, struct socket_name *name, struct socket_peer *who);
bool socket_is_listening(struct file *f);
unsigned socket_type(const struct file *f);
/* SO_ERROR: the error that was not told yet, which is told by that. */
int socket_take_error(struct file *f);
/* SO_PASSCRED, SO_RCVTIMEO and SO_SNDTIMEO (ns; 0: as long as it takes). */
struct socket_options { bool passcred; uint64_t receive_ns, send_ns; };
struct socket_options socket_get_options(const struct file *f);
void socket_set_options(struct file *f, const struct socket_options *o);

#define AF_UNIX		1

#define SOCK_STREAM	1u
#define SOCK_DGRAM	2u
#define SOCK_SEQPACKET	5u

#define SOCKET_BUFFER	212992u		/* bytes that may wait each way, with what keeping them costs: Linux's default */

/* recv(2)'s and send(2)'s. */
#define MSG_PEEK	0x2u
#define MSG_CTRUNC	0x8u
#define MSG_TRUNC	0x20u
#define MSG_DONTWAIT	0x40u
#define MSG_EOR		0x80u
#define MSG_WAITALL	0x100u
#define MSG_NOSIGNAL	0x4000u
#define MSG_CMSG_CLOEXEC 0x40000000u

/* splice(2) from a connected one: bytes, as socket_receive, or as pipe_add. */
ssize_t socket_to_pipe(struct file *f, struct file *pipe, size_t n, bool wait);

#endif
