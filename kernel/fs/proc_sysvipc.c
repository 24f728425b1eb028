/* /proc/sysvipc: what ipcs(1) reads. */
#include <kernel/fs/proc.h>
#include <kernel/fs/sysv_shm.h>

static void put_segment(struct text *t, const struct shm_status *st)
{
	const struct shmid64_ds *ds = &st->ds;
	const struct ipc64_perm *p = &ds->shm_perm;

	text_printf(t, "%10d %10d  %4o %21lu %5u %5u  %5lu %5u %5u %5u %5u %10lu %10lu %10lu %21lu %21lu\n",
		    p->key, st->id, p->mode, ds->shm_segsz, (unsigned)ds->shm_cpid, (unsigned)ds->shm_lpid,
		    ds->shm_nattch, p->uid, p->gid, p->cuid, p->cgid, (uint64_t)ds->shm_atime,
		    (uint64_t)ds->shm_dtime, (uint64_t)ds->shm_ctime, st->rss << PAGE_SHIFT,
		    st->swapped << PAGE_SHIFT);
}

static int show_shm(struct text *t, int pid)
{
	struct shm_status st;

	(void)pid;
	text_printf(t, "       key      shmid perms                  size  cpid  lpid nattch   uid   gid  cuid  cgid "
		       "     atime      dtime      ctime                   rss                  swap\n");
	for (uint64_t i = 0; shm_status_next(&i, &st); i++)
		put_segment(t, &st);
	return 0;
}
PROC_FILE(sysvipc_shm, .path = "/proc/sysvipc/shm", .mode = S_IFREG | 0444, .show = show_shm);
