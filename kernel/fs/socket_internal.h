/* What a socket is made of: for socket.c, which has the picture, socket_data.c and socket_datagram.c. */
#ifndef KERNEL_FS_SOCKET_INTERNAL_H
#define KERNEL_FS_SOCKET_INTERNAL_H

#include <kernel/core/clock.h>
#include <kernel/core/wait.h>
#include <kernel/fs/socket_queue.h>
#include <linux/errno.h>

enum socket_state { SOCKET_NEW, SOCKET_LISTENING, SOCKET_CONNECTED };

struct socket {
	uint32_t refs;			/* atomic */
	struct waitq wait;
	uint64_t changes;		/* wait.lock */
	enum socket_state state;	/* socket_lock, as all that follows */
	struct socket_queue *in, *out;	/* counted; NULL: never connected. Datagrams: its own, and whom it is connected to */
	unsigned type;			/* const: SOCK_* */
	bool has_file;			/* it was made, or accepted */
	unsigned in_flight;		/* times that its file is in a packet */
	struct socket_options options;
	struct socket_name name, peer;
	struct socket_peer who;		/* of the other end */
	struct node *node;		/* where it is bound, counted */
	bool bound;
	bool shut_in, shut_out;		/* who listens: by shutdown(2); shut_out: of datagrams, too */
	unsigned backlog, nqueued;
	TAILQ_HEAD(socket_list, socket) queue;	/* to be accepted */
	TAILQ_ENTRY(socket) link;	/* of those bound, or of a queue */
};

extern struct spinlock socket_lock;
extern const struct file_ops socket_ops;	/* socket_data.c */

/* The running process, as others see it. */
struct socket_peer socket_myself(void);
/* It has changed: who waits looks again. socket_lock is not held. */
void socket_tell(struct socket *s);
/* What a wait returns that a signal has ended. One with a limit of time is not made again: it would have it anew. */
static inline int socket_interrupted(uint64_t deadline_ns)
{
	return deadline_ns == UINT64_MAX ? -ERESTARTSYS : -EINTR;
}
/* When a wait that begins now, and may take so long (0: as long as it takes), is over. */
static inline uint64_t socket_deadline(uint64_t timeout_ns)
{
	return timeout_ns ? clock_monotonic_ns() + timeout_ns : UINT64_MAX;
}
/* Its file is closed. */
void socket_release(struct file *f);
/* Who is bound there: 0, -ECONNREFUSED, -EPROTOTYPE. socket_lock is held. */
int __must_check socket_find(unsigned type, const struct node *node, const struct socket_name *name, struct socket **out);

/* ---- datagrams (socket_datagram.c) ---- */

/* They send each other theirs, and nobody else theirs to them. */
void datagram_connect_pair(struct socket *a, struct socket *b);
/* As socket_connect. */
int __must_check datagram_connect(struct socket *s, struct node *node, const struct socket_name *name);
/* Nobody has s any more. */
void datagram_leave(struct socket *s);
/* As socket_send. */
ssize_t __must_check datagram_send(struct socket *s, struct io_iter *from, struct socket_message *m);
unsigned datagram_poll(struct socket *s);

#endif
