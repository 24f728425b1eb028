/* Calls about processes by file: pidfd_open, pidfd_send_signal, pidfd_getfd, process_madvise. */
#include <kernel/fs/pidfd.h>
#include <asm/mman.h>
#include <kernel/fs/uio.h>
#include <kernel/proc/look.h>
#include <kernel/sys/syscall.h>
#include <linux/pidfd.h>
#include <mm/mm.h>

SYSCALL2(pidfd_open, int, pid, unsigned, flags)
{
	struct file *f;
	int err;

	if (flags & ~(unsigned)PIDFD_NONBLOCK || pid <= 0)
		return -EINVAL;
	err = pidfd_open(pid, flags, &f);
	return err ? err : file_number(f, true);
}

/* The open file fd, if it is a process, counted; or NULL. */
static struct file *get_pidfd(int fd)
{
	struct file *f = user_file(fd);

	if (!f || pidfd_process(f))
		return f;
	file_put(f);
	return NULL;
}

/* A siginfo of the caller's own, for p. */
static int check_info(const struct sig_info *info, int sig, const struct process *p)
{
	if (info->signo != sig)
		return -EINVAL;
	return p != current_process() && (info->code >= 0 || info->code == SI_TKILL) ? -EPERM : 0;
}

SYSCALL4(pidfd_send_signal, int, fd, int, sig, const void __user *, from, unsigned, flags)
{
	struct file *f __put_file = flags ? NULL : get_pidfd(fd);
	struct sig_info info = signal_info_user(sig, SI_USER);
	int err;

	if (!f)
		return flags ? -EINVAL : -EBADF;
	if (from && copy_from_user(&info, from, sizeof(info)))
		return -EFAULT;
	err = from ? check_info(&info, sig, pidfd_process(f)) : 0;
	return err ? err : signal_send_process(pidfd_process(f), &info);
}

SYSCALL3(pidfd_getfd, int, pidfd, int, fd, unsigned, flags)
{
	struct file *f __put_file = flags ? NULL : get_pidfd(pidfd), *got;
	int err;

	if (!f)
		return flags ? -EINVAL : -EBADF;
	err = process_may_look_inside(pidfd_process(f));
	if (err)
		return err;
	got = files_get(&pidfd_process(f)->files, (unsigned)fd);
	return got ? file_number(got, true) : -EBADF;
}

/* ---- process_madvise ---- */

static bool is_for_others(int advice)
{
	return advice == MADV_COLD || advice == MADV_PAGEOUT || advice == MADV_WILLNEED || advice == MADV_COLLAPSE;
}

/* How many bytes of the pieces were advised, or the first error. */
static long advise(struct mm *mm, const struct io_vector *v, int advice)
{
	long done = 0, err = 0;

	for (unsigned i = 0; i < v->n && !err; i++) {
		size_t n = v->iov[i].iov_len;

		err = n ? mm_madvise(mm, (vaddr_t)v->iov[i].iov_base, n, advice) : 0;
		if (!err)
			done += (long)n;
	}
	return done ? done : err;
}

static long advise_process(struct process *p, const struct io_vector *v, int advice)
{
	struct mm *mm;
	long r = process_open_mm(p, &mm);

	if (r)
		return r == -EPERM ? -EACCES : r;
	r = is_for_others(advice) ? advise(mm, v, advice) : -EINVAL;
	mm_put(mm);
	return r;
}

SYSCALL5(process_madvise, int, fd, const struct iovec __user *, iov, size_t, n, int, advice, unsigned, flags)
{
	struct file *f __put_file = flags ? NULL : get_pidfd(fd);
	struct io_vector v;
	long r = flags ? -EINVAL : io_vector_read(&v, iov, n);

	if (r)
		return r;
	r = f ? advise_process(pidfd_process(f), &v, advice) : -EBADF;
	io_vector_free(&v);
	return r;
}
