/* Calls about locks on files: flock, and the commands of fcntl. */
#include <kernel/sys/lock.h>
#include <asm/fcntl.h>
#include <kernel/fs/locks.h>
#include <kernel/proc/process.h>
#include <kernel/sys/syscall.h>
#include <linux/fs.h>

static int type_of_flock(unsigned op, short *type)
{
	switch (op & ~(unsigned)LOCK_NB) {
	case LOCK_SH:	*type = F_RDLCK; return 0;
	case LOCK_EX:	*type = F_WRLCK; return 0;
	case LOCK_UN:	*type = F_UNLCK; return 0;
	default:	return -EINVAL;
	}
}

SYSCALL2(flock, int, fd, unsigned, op)
{
	struct file_lock l = { .kind = LOCK_FLOCK, .last = UINT64_MAX, .pid = current_process()->pid };
	struct file *f __put_file = NULL;
	int err = type_of_flock(op, &l.type);

	if (err)
		return err;
	f = user_file(fd);
	if (!f)
		return -EBADF;
	l.owner = f;
	return locks_set(f->node, &l, !(op & LOCK_NB));
}

/* ---- ranges ---- */

static int64_t base_of(struct file *f, int whence)
{
	switch (whence) {
	case SEEK_SET:	return 0;
	case SEEK_CUR:	return (int64_t)READ_ONCE(f->pos);
	case SEEK_END:	return (int64_t)node_size(f->node);
	default:	return -EINVAL;
	}
}

static int range_of(struct file *f, const struct flock *u, struct file_lock *l)
{
	int64_t base = base_of(f, u->l_whence), start, end;

	if (base < 0)
		return -EINVAL;
	if (__builtin_add_overflow(base, u->l_start, &start))
		return -EOVERFLOW;
	if (start < 0 || (u->l_len < 0 && start + u->l_len < 0))
		return -EINVAL;
	if (u->l_len > 0 && __builtin_add_overflow(start, u->l_len - 1, &end))
		return -EOVERFLOW;
	l->first = (uint64_t)(u->l_len < 0 ? start + u->l_len : start);
	l->last = !u->l_len ? UINT64_MAX : (uint64_t)(u->l_len < 0 ? start - 1 : end);
	return 0;
}

static void tell_range(struct flock *u, const struct file_lock *l)
{
	u->l_type = l->type;
	if (l->type == F_UNLCK)
		return;
	u->l_whence = SEEK_SET;
	u->l_start = (int64_t)l->first;
	u->l_len = l->last == UINT64_MAX ? 0 : (int64_t)(l->last - l->first + 1);
	u->l_pid = l->kind == LOCK_OFD ? -1 : l->pid;
}

static bool may_lock(const struct file *f, short type)
{
	return type == F_UNLCK || (type == F_RDLCK ? file_can_read(f) : file_can_write(f));
}

static bool is_ofd(unsigned cmd)
{
	return cmd == F_OFD_GETLK || cmd == F_OFD_SETLK || cmd == F_OFD_SETLKW;
}

static bool is_test(unsigned cmd)
{
	return cmd == F_OFD_GETLK || cmd == F_GETLK;
}

bool lock_is_command(unsigned cmd)
{
	return is_ofd(cmd) || cmd == F_GETLK || cmd == F_SETLK || cmd == F_SETLKW;
}

long lock_command(struct file *f, unsigned cmd, struct flock __user *to)
{
	struct process *p = current_process();
	struct file_lock l = {
		.kind = is_ofd(cmd) ? LOCK_OFD : LOCK_POSIX, .pid = p->pid,
		.owner = is_ofd(cmd) ? (const void *)f : &p->files,
	};
	struct flock u;
	int err;

	if (copy_from_user(&u, to, sizeof(u)))
		return -EFAULT;
	l.type = u.l_type;
	if ((is_ofd(cmd) && u.l_pid) || (l.type != F_RDLCK && l.type != F_WRLCK && (l.type != F_UNLCK || is_test(cmd))))
		return -EINVAL;
	err = range_of(f, &u, &l);
	if (err)
		return err;
	if (!is_test(cmd))
		return may_lock(f, l.type) ? locks_set(f->node, &l, cmd == F_SETLKW || cmd == F_OFD_SETLKW) : -EBADF;
	locks_test(f->node, &l);
	tell_range(&u, &l);
	return copy_to_user(to, &u, sizeof(u)) ? -EFAULT : 0;
}
