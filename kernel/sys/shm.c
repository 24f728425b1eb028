/* System V's shared memory: shmget, shmat, shmdt, shmctl. */
#include <kernel/fs/sysv_shm.h>
#include <kernel/proc/process.h>
#include <kernel/sys/syscall.h>
#include <linux/mman.h>
#include <mm/mm.h>

SYSCALL3(shmget, int, key, size_t, size, int, flags)
{
	return shm_get(key, size, (unsigned)flags);
}

/* ---- attaching ---- */

/* *addr, and what mmap(2) is to make of it. */
static int place_flags(vaddr_t *addr, int how, int *flags)
{
	*flags = MAP_SHARED;
	if (!*addr)
		return how & SHM_REMAP ? -EINVAL : 0;
	if (!IS_ALIGNED(*addr, PAGE_SIZE)) {
		if (!(how & SHM_RND))
			return -EINVAL;
		*addr = ALIGN_DOWN(*addr, PAGE_SIZE);
		if (!*addr && how & SHM_REMAP)
			return -EINVAL;
	}
	*flags |= how & SHM_REMAP ? MAP_FIXED : MAP_FIXED_NOREPLACE;
	return 0;
}

static int prot_of(int how)
{
	return PROT_READ | (how & SHM_RDONLY ? MM_PROT_NEVER_WRITE : PROT_WRITE) | (how & SHM_EXEC ? PROT_EXEC : 0);
}

/* The rights that it takes, as bits of a mode. */
static unsigned rights_of(int how)
{
	return 0444u | (how & SHM_RDONLY ? 0 : 0222u) | (how & SHM_EXEC ? 0111u : 0);
}

SYSCALL3(shmat, int, id, vaddr_t, addr, int, how)
{
	struct object *o;
	uint64_t size;
	int flags, err = place_flags(&addr, how, &flags);
	long at;

	if (!err)
		err = shm_attach(id, rights_of(how), &o, &size);
	if (err)
		return err;
	if (addr + size < addr && !(how & SHM_REMAP))
		at = -EINVAL;
	else
		at = mm_mmap(current_process()->mm, addr, size, prot_of(how), flags, o, 0);
	shm_attached(o);
	return at == -EEXIST ? -EINVAL : at;
}

SYSCALL1(shmdt, vaddr_t, addr)
{
	return mm_detach(current_process()->mm, addr, shm_is_segment);
}

/* ---- shmctl ---- */

/* Copies what is told out: r, or -EFAULT. */
static long put(void __user *to, const void *from, size_t n, long r)
{
	return r >= 0 && copy_to_user(to, from, n) ? -EFAULT : r;
}

static long limits(void __user *to)
{
	struct shminfo64 i = { .shmmax = shm_max, .shmmin = 1, .shmmni = shm_mni, .shmseg = shm_mni,
			       .shmall = shm_all };
	struct shm_info all;

	return put(to, &i, sizeof(i), shm_totals(&all));
}

static long totals(void __user *to)
{
	struct shm_info i;
	long highest = shm_totals(&i);

	return put(to, &i, sizeof(i), highest);
}

static long status(int id, int cmd, void __user *to)
{
	struct shm_status st;
	long r = cmd == IPC_STAT ? shm_status(id, &st) : shm_status_at(id, cmd == SHM_STAT_ANY, &st);

	if (!r && cmd != IPC_STAT)
		r = st.id;
	return put(to, &st.ds, sizeof(st.ds), r);
}

static long set(int id, const void __user *from)
{
	struct shmid64_ds ds;

	return copy_from_user(&ds, from, sizeof(ds)) ? -EFAULT : shm_set(id, &ds.shm_perm);
}

SYSCALL3(shmctl, int, id, int, cmd, void __user *, buf)
{
	if (cmd < 0 || id < 0)
		return -EINVAL;
	switch (cmd) {
	case IPC_INFO: return limits(buf);
	case SHM_INFO: return totals(buf);
	case IPC_STAT:
	case SHM_STAT:
	case SHM_STAT_ANY: return status(id, cmd, buf);
	case IPC_SET: return set(id, buf);
	case IPC_RMID: return shm_remove(id);
	case SHM_LOCK:
	case SHM_UNLOCK: return shm_lock(id, cmd == SHM_LOCK);
	}
	return -EINVAL;
}
