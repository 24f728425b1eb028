/*
 * Locks on files: flock(2), and those of fcntl(2), by ranges, of a process (POSIX) or of an
 * open file (OFD). Advice: nobody is kept from reading or writing.
 *
 * All are in one list under locks_lock (RANK_FS, a spinlock); who waits sleeps on one queue, and
 * looks again when any lock went.
 */
#ifndef KERNEL_FS_LOCKS_H
#define KERNEL_FS_LOCKS_H

#include <kernel/fs/file.h>

enum lock_kind { LOCK_FLOCK, LOCK_POSIX, LOCK_OFD };

/* What is asked for, or what is in the way. */
struct file_lock {
	enum lock_kind kind;
	short type;			/* F_RDLCK, F_WRLCK, F_UNLCK */
	uint64_t first, last;		/* bytes; UINT64_MAX: to the end, wherever that is */
	const void *owner;		/* open file; of POSIX locks: the table of open files */
	int pid;
};

void locks_init(void);
/*
 * The owner's locks on that range become l->type. 0, -ENOMEM; -EAGAIN: others have it (if it is not to wait),
 * -ERESTARTSYS.
 */
int __must_check locks_set(struct node *n, const struct file_lock *l, bool wait);
/* What would be in the way of l; type F_UNLCK: nothing. */
void locks_test(struct node *n, struct file_lock *l);
/* The owner has closed n, or comes to his end. */
void locks_drop(struct node *n, const void *owner);

#endif
