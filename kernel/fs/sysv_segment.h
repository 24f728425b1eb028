/* What a segment of System V's shared memory is made of: for sysv_shm.c, which has the picture, and sysv_shmctl.c. */
#ifndef KERNEL_FS_SYSV_SEGMENT_H
#define KERNEL_FS_SYSV_SEGMENT_H

#include <kernel/core/clock.h>
#include <kernel/fs/node.h>
#include <kernel/fs/sysv_shm.h>
#include <kernel/proc/cred.h>
#include <mm/mm.h>

struct segment {
	struct object_watch watch;	/* const */
	struct node *node;		/* const; the table's reference */
	int id;				/* const once it is in the table */
	uint32_t name;			/* the key that it was made with: const */
	uint32_t locker;		/* SHM_LOCKED: whose locked memory it is */
	struct shmid64_ds ds;		/* as shmctl(2) tells of it */
};

extern struct spinlock shm_table_lock;	/* RANK_IPC */
extern struct radix shm_table;		/* segments by index; shm_table_lock */

static inline uint64_t shm_pages(uint64_t bytes)
{
	return (bytes >> PAGE_SHIFT) + !!(bytes & (PAGE_SIZE - 1));
}

/* As shmctl(2) tells times. */
static inline int64_t shm_now(void)
{
	return (int64_t)(clock_realtime_ns() / NS_PER_SEC);
}

/* ---- shm_table_lock is held ---- */

struct segment *segment_at(int index);
/* By number. NULL: there is none. */
struct segment *segment_find(int id);
/* Is c its owner or maker? */
bool segment_is_owner(const struct segment *s, const struct cred *c);
/* The running process; what: bits of a mode, for whomever. */
bool segment_may(const struct segment *s, unsigned what);
/* If it is removed and nobody has it: the node, whose reference is the caller's now, to be put without the lock. */
struct node *segment_take_unused(struct segment *s);

#endif
