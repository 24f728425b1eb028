/*
 * System V's shared memory: segments known by a number and perhaps a key, that stay until somebody removes
 * them and nobody has them attached any more.
 */
#ifndef KERNEL_FS_SYSV_SHM_H
#define KERNEL_FS_SYSV_SHM_H

#include <arch/types.h>
#include <linux/ipc.h>
#include <asm/shmbuf.h>

/* What <linux/shm.h> has, which a kernel cannot include: it wants a C library. */
#define SHM_HUGETLB	04000		/* of shmget */
#define SHM_NORESERVE	010000
#define SHM_HUGE_SHIFT	26
#define SHM_HUGE_MASK	0x3fu
#define SHM_RDONLY	010000		/* of shmat */
#define SHM_RND		020000
#define SHM_REMAP	040000
#define SHM_EXEC	0100000
#define SHM_LOCK	11		/* of shmctl */
#define SHM_UNLOCK	12
#define SHM_STAT	13
#define SHM_INFO	14
#define SHM_STAT_ANY	15
#define SHM_DEST	01000		/* in the mode that is told */
#define SHM_LOCKED	02000

struct shm_info {
	int used_ids;
	unsigned long shm_tot, shm_rss, shm_swp;	/* pages */
	unsigned long swap_attempts, swap_successes;
};

#define SHM_MNI_MAX	32768u
extern uint64_t shm_max, shm_all, shm_mni;	/* bytes of one, pages of all, how many: /proc/sys/kernel */

struct object;

/* shmget(2): a number, or -errno. */
int shm_get(int32_t key, uint64_t size, unsigned flags);
/* What is told of one; pages of it in memory, in swap. */
struct shm_status { int id; struct shmid64_ds ds; uint64_t rss, swapped; };
/* By number. 0, -EINVAL: there is none; -EACCES: it may not be read. */
int __must_check shm_status(int id, struct shm_status *st);
/* By index, whatever the number is; `anybody`: also who may not read it. The same. */
int __must_check shm_status_at(int index, bool anybody, struct shm_status *st);
/* The first from *index on, which is moved to it; false: there is none. */
bool shm_status_next(uint64_t *index, struct shm_status *st);
/* Of all together; the highest index that there is (0: none). */
int shm_totals(struct shm_info *i);
/* IPC_SET, IPC_RMID, SHM_LOCK and SHM_UNLOCK of shmctl(2): 0, -EINVAL, -EPERM, -ENOMEM. */
int __must_check shm_set(int id, const struct ipc64_perm *to);
int __must_check shm_remove(int id);
int __must_check shm_lock(int id, bool on);

/*
 * The object of a segment, and its bytes, for who is about to map it, and may do what `may` (bits as of a mode) says;
 * until shm_attached it stays. 0, -EINVAL, -EACCES.
 */
int __must_check shm_attach(int id, unsigned may, struct object **o, uint64_t *size);
void shm_attached(struct object *o);
/* Is it a segment's? */
bool shm_is_segment(const struct object *o);

#endif
