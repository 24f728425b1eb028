/* Calls that wait for children: wait4, waitid. */
#include <asm/siginfo.h>
#include <kernel/fs/pidfd.h>
#include <kernel/proc/process.h>
#include <kernel/sys/syscall.h>
#include <kernel/sys/usage.h>
#include <linux/wait.h>

#define WAIT4_OPTIONS	(WNOHANG | WUNTRACED | WCONTINUED | __WNOTHREAD | __WCLONE | __WALL)
#define WAITID_OPTIONS	(WNOHANG | WEXITED | WSTOPPED | WCONTINUED | WNOWAIT | \
			 __WNOTHREAD | __WCLONE | __WALL)

static int put_usage(const struct usage *u, struct rusage __user *to)
{
	struct rusage r;

	if (!to)
		return 0;
	usage_to_user(u, &r);
	return copy_to_user(to, &r, sizeof(r)) ? -EFAULT : 0;
}

/* Whom a pid of wait4(2) means. */
static void choose(struct wait_for *w, int pid)
{
	if (pid == -1) {
		w->whom = WAIT_ALL;
	} else if (pid > 0) {
		w->whom = WAIT_PID;
		w->id = pid;
	} else {
		w->whom = WAIT_GROUP;
		w->id = pid ? -pid : current_process()->pgid;
	}
}

SYSCALL4(wait4, int, pid, int __user *, status, unsigned, options, struct rusage __user *, usage)
{
	struct wait_for w = { .options = options | WEXITED };
	struct wait_news news;
	int err;

	if (options & ~WAIT4_OPTIONS)
		return -EINVAL;
	if (pid == INT32_MIN)
		return -ESRCH;
	choose(&w, pid);
	err = process_wait_child(&w, &news);
	if (err || !news.pid)
		return err;
	if (status && put_user_u32((uint32_t)news.status, (uint32_t __user *)status))
		return -EFAULT;
	err = put_usage(&news.used, usage);
	return err ? err : news.pid;
}

/* What a SIGCHLD's siginfo says of a status of wait4(2). */
static void describe(int status, int *code, int *value)
{
	if (status == STATUS_CONTINUED) {
		*code = CLD_CONTINUED;
		*value = SIGCONT;
	} else if ((status & 0xff) == 0x7f) {
		*code = CLD_STOPPED;
		*value = status >> 8 & 0xff;
	} else if (status & 0x7f) {
		*code = status & 0x80 ? CLD_DUMPED : CLD_KILLED;
		*value = status & 0x7f;
	} else {
		*code = CLD_EXITED;
		*value = status >> 8 & 0xff;
	}
}

/* The six words that waitid(2) sets; all 0: no news. */
static int put_info(const struct wait_news *news, siginfo_t __user *to)
{
	int code = 0, value = 0;
	uint32_t word[6];

	if (!to)
		return 0;
	if (news->pid)
		describe(news->status, &code, &value);
	word[0] = news->pid ? SIGCHLD : 0;	/* si_signo */
	word[1] = 0;				/* si_errno */
	word[2] = (uint32_t)code;		/* si_code */
	word[3] = (uint32_t)news->pid;		/* si_pid, behind a gap of four bytes */
	word[4] = news->pid ? news->uid : 0;	/* si_uid */
	word[5] = (uint32_t)value;		/* si_status */
	return copy_to_user(to, word, 12) ||
	       copy_to_user((char __user *)to + 16, word + 3, 12) ? -EFAULT : 0;
}

/* The process that an open file stands for, and keeps; without waiting, where that says so. */
static int choose_file(struct wait_for *w, const struct file *f)
{
	w->whom = WAIT_PROCESS;
	w->process = f ? pidfd_process(f) : NULL;
	if (!w->process)
		return -EBADF;
	if (f->flags & O_NONBLOCK)
		w->options |= WNOHANG;
	return 0;
}

static int choose_id(struct wait_for *w, int which, int id, const struct file *f)
{
	switch (which) {
	case P_ALL:
		w->whom = WAIT_ALL;
		return 0;
	case P_PID:
		w->whom = WAIT_PID;
		w->id = id;
		return id > 0 ? 0 : -EINVAL;
	case P_PGID:
		w->whom = WAIT_GROUP;
		w->id = id ? id : current_process()->pgid;
		return id >= 0 ? 0 : -EINVAL;
	case P_PIDFD:
		return id < 0 ? -EINVAL : choose_file(w, f);
	default:
		return -EINVAL;
	}
}

SYSCALL5(waitid, int, which, int, id, siginfo_t __user *, info, unsigned, options,
	 struct rusage __user *, usage)
{
	struct file *f __put_file = which == P_PIDFD ? user_file(id) : NULL;
	struct wait_for w = { .options = options };
	struct wait_news news;
	int err;

	if (options & ~WAITID_OPTIONS || !(options & (WEXITED | WSTOPPED | WCONTINUED)))
		return -EINVAL;
	err = choose_id(&w, which, id, f);
	if (!err)
		err = process_wait_child(&w, &news);
	if (!err && !news.pid && w.options & ~options)
		err = -EAGAIN;
	if (err)
		return err;
	if (news.pid && put_usage(&news.used, usage))
		return -EFAULT;
	return put_info(&news, info);
}
