/* ioctl(2) of the console: settings, window, flow, and who has it: termios(3), tty_ioctl(4). */
#include <kernel/dev/console_internal.h>
#include <arch/uaccess.h>
#include <asm/ioctls.h>
#include <kernel/fs/file.h>
#include <kernel/proc/terminal.h>
#include <linux/errno.h>
#include <lib/string.h>
#include <linux/signal.h>

#define SPEED		115200u

_Static_assert(offsetof(struct termios2, c_ispeed) == sizeof(struct termios) &&
	       offsetof(struct termios2, c_cc) == offsetof(struct termios, c_cc), "one begins as the other");

static long put_int(int v, uint64_t arg)
{
	return put_user_u32((uint32_t)v, (uint32_t __user *)arg);
}

/* A number that may be an error. */
static long put_result(int v, uint64_t arg)
{
	return v < 0 ? v : put_int(v, arg);
}

static long get_count(uint64_t arg)
{
	uint64_t flags = waitq_lock(&console.input);
	uint32_t n = ldisc_count(&console.ldisc);

	waitq_unlock(&console.input, flags);
	return put_int((int)n, arg);
}

/* ---- settings ---- */

static long get_settings(uint64_t arg)
{
	uint64_t flags = waitq_lock(&console.input);
	struct termios tio = console.ldisc.tio;

	waitq_unlock(&console.input, flags);
	return copy_to_user((void __user *)arg, &tio, sizeof(tio)) ? -EFAULT : 0;
}

/* The line has one speed, which is told whatever was set. */
static long get_settings2(uint64_t arg)
{
	struct termios2 tio = { .c_ispeed = SPEED, .c_ospeed = SPEED };
	uint64_t flags = waitq_lock(&console.input);

	memcpy(&tio, &console.ldisc.tio, sizeof(console.ldisc.tio));
	waitq_unlock(&console.input, flags);
	return copy_to_user((void __user *)arg, &tio, sizeof(tio)) ? -EFAULT : 0;
}

/*
 * Output is never waiting to be sent here, so it is all the same when they take effect. A struct termios2 begins as
 * a struct termios; its speeds are not the program's to choose.
 */
static long set_settings(uint64_t arg, bool flush)
{
	struct termios tio;
	uint64_t flags;
	int err = terminal_check(SIGTTOU);

	if (err)
		return err;
	if (copy_from_user(&tio, (const void __user *)arg, sizeof(tio)))
		return -EFAULT;
	if ((tio.c_cflag & CBAUD) == BOTHER)
		tio.c_cflag = (tio.c_cflag & ~(tcflag_t)CBAUD) | B115200;
	flags = waitq_lock(&console.input);
	if (flush)
		ldisc_flush(&console.ldisc);
	ldisc_set(&console.ldisc, &tio);
	waitq_unlock(&console.input, flags);
	console_changed();
	return 0;
}

static long get_winsize(uint64_t arg)
{
	uint64_t flags = waitq_lock(&console.input);
	struct winsize ws = console.winsize;

	waitq_unlock(&console.input, flags);
	return copy_to_user((void __user *)arg, &ws, sizeof(ws)) ? -EFAULT : 0;
}

static bool same_size(const struct winsize *a, const struct winsize *b)
{
	return a->ws_row == b->ws_row && a->ws_col == b->ws_col &&
	       a->ws_xpixel == b->ws_xpixel && a->ws_ypixel == b->ws_ypixel;
}

static long set_winsize(uint64_t arg)
{
	struct winsize ws;
	uint64_t flags;
	bool same;

	if (copy_from_user(&ws, (const void __user *)arg, sizeof(ws)))
		return -EFAULT;
	flags = waitq_lock(&console.input);
	same = same_size(&ws, &console.winsize);
	console.winsize = ws;
	waitq_unlock(&console.input, flags);
	if (!same)
		terminal_signal(SIGWINCH);
	return 0;
}

/* ---- flow ---- */

static long flush(uint64_t which)
{
	int err = terminal_check(SIGTTOU);
	uint64_t flags;

	if (err)
		return err;
	if (which > TCIOFLUSH)
		return -EINVAL;
	if (which == TCOFLUSH)		/* what is written is sent */
		return 0;
	flags = waitq_lock(&console.input);
	ldisc_flush(&console.ldisc);
	waitq_unlock(&console.input, flags);
	return 0;
}

static long hold(uint64_t what)
{
	int err = terminal_check(SIGTTOU);
	uint64_t flags;

	if (err)
		return err;
	if (what > TCOON)		/* the other side's output: it has no key for that here */
		return what > TCION ? -EINVAL : 0;
	flags = waitq_lock(&console.input);
	console.ldisc.stopped = what == TCOOFF;
	waitq_unlock(&console.input, flags);
	console_changed();
	return 0;
}

/* ---- who has it ---- */

static long set_foreground(uint64_t arg)
{
	uint32_t pgid;

	if (get_user_u32(&pgid, (const uint32_t __user *)arg))
		return -EFAULT;
	return terminal_set_foreground((int)pgid);
}

long console_pipe_ioctl(struct file *f, unsigned cmd, uint64_t arg)
{
	(void)f;
	return cmd == FIONREAD ? get_count(arg) : -ENOTTY;
}

long console_ioctl(struct file *f, unsigned cmd, uint64_t arg)
{
	(void)f;
	switch (cmd) {
	case FIONREAD:	return get_count(arg);
	case TIOCOUTQ:	return put_int(0, arg);
	case TCGETS:	return get_settings(arg);
	case TCGETS2:	return get_settings2(arg);
	case TCSETS:
	case TCSETSW:
	case TCSETS2:
	case TCSETSW2:	return set_settings(arg, false);
	case TCSETSF:
	case TCSETSF2:	return set_settings(arg, true);
	case TIOCGWINSZ: return get_winsize(arg);
	case TIOCSWINSZ: return set_winsize(arg);
	case TCFLSH:	return flush(arg);
	case TCXONC:	return hold(arg);
	case TCSBRK:
	case TCSBRKP:	return terminal_check(SIGTTOU);
	case TIOCSCTTY:	return terminal_take(arg == 1);
	case TIOCNOTTY:	return terminal_leave();
	case TIOCGPGRP:	return put_result(terminal_foreground(), arg);
	case TIOCSPGRP:	return set_foreground(arg);
	case TIOCGSID:	return put_result(terminal_session(), arg);
	default:	return -ENOTTY;
	}
}
