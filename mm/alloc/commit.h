/*
 * Memory promised: pages that private writable mappings and shared memory may
 * still come to need, whether frames are behind them or not (Linux's
 * Committed_AS). Who promises charges first, and releases exactly that at the
 * end: a VMA that was charged for has VM_ACCOUNT, an object knows its figure,
 * and mm_verify adds them up.
 *
 * /proc/sys/vm/overcommit_memory, one of OVERCOMMIT_* of <linux/mman.h>, says
 * what is refused: GUESS (0): a single request for more pages than there are;
 * ALWAYS (1): nothing; NEVER (2): what would take the whole to commit_limit().
 */
#ifndef MM_ALLOC_COMMIT_H
#define MM_ALLOC_COMMIT_H

#include <arch/types.h>
#include <lib/assert.h>

/* By /proc/sys/vm; _kbytes count where they are not 0. */
extern uint64_t vm_overcommit_memory, vm_overcommit_ratio, vm_overcommit_kbytes;
extern uint64_t vm_admin_reserve_kbytes, vm_user_reserve_kbytes;

/* On whose behalf, in mode 2: who has much mapped leaves others some, all leave the administrator some. */
struct commit_for { uint64_t mapped; bool admin; };

/* Promises pages more, on behalf of w. 0 or -ENOMEM. No lock is taken. */
int __must_check commit_charge(uint64_t pages, struct commit_for w);
/* The same without asking: for who is about to release as many elsewhere. */
void commit_add(uint64_t pages);
/* Takes back what commit_charge promised. */
void commit_release(uint64_t pages);

/* Pages promised now; what they may be in mode 2. */
uint64_t commit_total(void);
uint64_t commit_limit(void);

/* Boot: the reserves, from the memory that is free now. */
void commit_init(void);

#endif
