/*
 * One direction of a connection between two sockets, or all that is sent to a socket of datagrams: packets that were
 * sent and not received, each with its sender's identity and maybe open files (cargo). A stream's packets are read
 * across their borders, but never beyond one with cargo; records and datagrams are received one by one, and a datagram
 * has its sender's name.
 *
 * A socket in a packet of its own queue would keep itself alive for ever. So that there are no such circles,
 * the ends that sockets are sent to are not sent themselves, and the other way round: -ETOOMANYREFS.
 *
 * Locks: q->lock (RANK_FS, spin) for what is queued and the marks; socket_lock, outside of it and never with it, for
 * who is in flight. User memory is copied with neither: a reader marks the queue as being read.
 */
#ifndef KERNEL_FS_SOCKET_QUEUE_H
#define KERNEL_FS_SOCKET_QUEUE_H

#include <kernel/fs/socket.h>
#include <kernel/core/wait.h>

struct packet;

struct socket_queue {
	uint32_t refs;			/* atomic */
	struct spinlock lock;
	struct waitq wait;
	uint64_t changes;		/* wait.lock */
	TAILQ_HEAD(, packet) packets;	/* lock, as what follows */
	size_t bytes;			/* of data, not received */
	size_t charged;			/* the same with what keeping it costs */
	unsigned npackets;
	bool no_reader, no_writer;
	bool reset;			/* its writer went with bytes that it had not received: told once */
	bool datagrams;			/* const: it has many writers */
	bool being_read, contended;	/* somebody receives; another one waits for that */
	struct socket *reader;		/* socket_lock; NULL: gone */
	unsigned carries;		/* socket_lock: sockets in its packets */
};

/* How many datagrams a socket takes, one more, from who it is not connected to: Linux's max_dgram_qlen. */
#define DATAGRAMS_MAX	10u

struct socket_queue *socket_queue_create(struct socket *reader);
static inline void socket_queue_get(struct socket_queue *q) { ref_get(&q->refs); }
void socket_queue_put(struct socket_queue *q);
/* What nobody will receive is dropped: its reader is closed for good. */
void socket_queue_drain(struct socket_queue *q);
/* The same while it is used, but for what is being received just now. Returns whether there was anything. */
bool socket_queue_purge(struct socket_queue *q);
/* An end is closed, or shut down. */
void socket_queue_close_reader(struct socket_queue *q);
void socket_queue_close_writer(struct socket_queue *q, bool reset);

/*
 * Bytes; -EPIPE, -EAGAIN, -ERESTARTSYS, -EINTR (there is a limit of time), -ENOMEM, -EFAULT, -EMSGSIZE, -ETOOMANYREFS.
 * m->cargo becomes NULL where it is sent.
 */
ssize_t __must_check socket_queue_send(struct socket_queue *q, struct io_iter *from, struct socket_message *m);
/* Bytes, 0: no more will come; -ECONNRESET, -EAGAIN, -ERESTARTSYS, -EINTR, -EFAULT, -ENOMEM. */
ssize_t __must_check socket_queue_receive(struct socket_queue *q, struct io_iter *to, struct socket_message *m);
/* POLLIN, POLLRDHUP, POLLERR for its reader; POLLOUT, POLLHUP for its writer (limited: as in a message). */
unsigned socket_queue_poll_in(struct socket_queue *q);
unsigned socket_queue_poll_out(struct socket_queue *q, bool limited);
/* What FIONREAD tells: the bytes that wait, of datagrams those of the first one. */
size_t socket_queue_waiting(struct socket_queue *q);
/* Who reads it is told of a reset. */
void socket_queue_reset(struct socket_queue *q);
/* Was it reset? Told once. */
bool socket_queue_take_reset(struct socket_queue *q);

/* ---- cargo (socket_cargo.c) ---- */

/* The same files once more; NULL: no memory. */
struct socket_cargo *cargo_copy(const struct socket_cargo *c);
/* It is in a packet of q from now on: 0, -ETOOMANYREFS. And is no more. */
int __must_check cargo_load(struct socket_queue *q, const struct socket_cargo *c);
void cargo_unload(struct socket_queue *q, const struct socket_cargo *c);

#endif
