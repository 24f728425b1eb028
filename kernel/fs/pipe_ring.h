/* What a pipe is made of: for pipe.c, which has the picture, and pipe_open.c. */
#ifndef KERNEL_FS_PIPE_RING_H
#define KERNEL_FS_PIPE_RING_H

#include <kernel/fs/pipe.h>
#include <mm/mm.h>

#define SLOTS		16u
#define SIZE_MAX_BYTES	(1u << 31)

struct slot {
	struct page *page;
	unsigned start;			/* of what it holds */
	unsigned len : 30;
	unsigned packet : 1;
	unsigned fixed : 1;		/* nothing goes behind it: others have the page, too */
};

struct pipe {
	struct spinlock lock;
	struct slot *slot;		/* lock: nslots of them */
	unsigned nslots;		/* lock: a power of two */
	struct slot few[SLOTS];		/* where slot points at first */
	unsigned head, tail;		/* lock: the next to be filled, to be read; they count on */
	struct page *spare;		/* lock: kept for the next write; NULL */
	unsigned readers, writers;	/* lock: open files of each end */
	bool being_read;		/* lock: somebody copies from the first slot */
	bool contended;			/* lock: another reader waits for that to end */
	struct waitq wait;
	unsigned waiting;		/* lock: how many sleep, or are about to */
	uint64_t events;		/* lock to change */
	uint64_t ropens, wopens;	/* lock: how often an end was opened */
	unsigned users;			/* tree_lock: open files, and who is about to have one */
};

static inline bool is_empty(const struct pipe *p) { return p->head == p->tail; }
static inline bool is_full(const struct pipe *p) { return p->head - p->tail == p->nslots; }
static inline struct slot *slot_at(struct pipe *p, unsigned i) { return &p->slot[i & (p->nslots - 1)]; }
static inline struct slot *first_slot(struct pipe *p) { return slot_at(p, p->tail); }
static inline struct slot *last_slot(struct pipe *p) { return slot_at(p, p->head - 1); }

/* A pipe's file as one call sees it: waiting or not. */
static inline struct file pipe_view(const struct file *f, bool wait)
{
	return (struct file){ .data = f->data, .flags = (f->flags & ~(unsigned)O_NONBLOCK) | (wait ? 0 : O_NONBLOCK) };
}

/* pipe_drain, which waits unless f's O_NONBLOCK says otherwise. */
ssize_t pipe_read_to(struct pipe *p, const struct file *f, struct pipe_sink *to);

/* -- the lock is held -- */

/* Until there is a free slot, or n bytes go behind what is in the last one. 0; -EPIPE, -EAGAIN, -ERESTARTSYS. */
int __must_check pipe_wait_room(struct pipe *p, const struct file *f, size_t n);
/* s goes into the ring, which is not full. */
void pipe_push(struct pipe *p, struct slot s);
/* The first slot is none any more; its page is the caller's. */
void pipe_pop(struct pipe *p);
/* A slot's page, with a reference, is needed no more; perhaps by the next write. */
void pipe_give_up(struct pipe *p, struct page *page);
/* Something has changed that somebody may wait for. The lock is held. */
void pipe_tell(struct pipe *p);
/* Until the next event, without the lock, which is held. 0; -EAGAIN, -ERESTARTSYS. */
int __must_check pipe_wait(struct pipe *p, const struct file *f);
/* An open file of it goes. */
void pipe_release(struct file *f);

extern const struct file_ops pipe_ops;

#endif
