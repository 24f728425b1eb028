/*
 * Out of memory: when a fault finds none and none can be had back, a process is killed: the one
 * that has the most to give, by what it has in memory and swap, and by its oom_score_adj
 * (-1000: never; the kernel's own process, pid 1, neither).
 */
#ifndef KERNEL_PROC_OOM_H
#define KERNEL_PROC_OOM_H

#include <arch/types.h>

struct mm_figures;
struct process;

/* What /proc/vmstat has as oom_kill; atomic. */
extern uint64_t oom_kills;

/* Starts the thread that chooses and kills. */
void oom_init(void);
/*
 * The running thread's fault at va, its attempt number `tries` (from 0), got FAULT_OOM. Waits until
 * memory has come back: true: it is worth another try. False: the running process is to end,
 * or there is none. No spinlock held.
 */
bool __must_check oom_wait(vaddr_t va, unsigned tries);
/*
 * For who finds memory short, but not out: waits for what is on its way back from one that was
 * killed, if there is one. No spinlock held.
 */
void oom_settle(void);
/* How much it has to give: pages, and oom_score_adj thousandths of `all`, which are all there are. */
int64_t oom_points(const struct mm_figures *f, int oom_score_adj, uint64_t all);
/* p, which is OOM_VICTIM, has left its memory. process_lock held. */
void oom_given_back(struct process *p);

#endif
