/*
 * COM1 as a terminal.
 *
 * Input: the interrupt handler puts bytes through the line discipline as long
 * as there is room; what does not fit stays in the UART, and the reader that
 * makes room fetches it. Output: as many bytes as the line takes, then a wait
 * for its interrupt. Nothing is added to either: no CR.
 *
 * Locks: input.lock (of the wait queue, interrupts off) guards the line
 * discipline; out_lock (RANK_FS) keeps pieces of OUT_PIECE bytes whole.
 */
#include <kernel/dev/console.h>
#include <arch/machine.h>
#include <arch/uaccess.h>
#include <asm/ioctls.h>
#include <asm/termios.h>
#include <kernel/dev/ldisc.h>
#include <kernel/fs/rootfs.h>
#include <lib/assert.h>
#include <lib/option.h>
#include <lib/string.h>
#include <linux/errno.h>
#include <linux/fcntl.h>
#include <linux/poll.h>

#define OUT_PIECE	512u
#define IN_PIECE	512u

static unsigned stdin_framed;
static uint64_t tty_mask = 7;

option_choice(stdin, &stdin_framed, "raw|framed",
	      "COM1's input: as typed, or with 0xFF as an escape (FF FF: that byte, FF 00: end)");
option_uint(tty, &tty_mask, 0, 7, "bit n set: a program's fd n is a terminal, else like a pipe");

static struct waitq input;
static struct ldisc ldisc;			/* input.lock */
static struct waitq room;			/* who waits to write */
static struct mutex out_lock;
static struct winsize winsize = { .ws_row = 24, .ws_col = 80 };	/* input.lock */
static struct node *pipe_node, *tty_node;	/* what fstat says of the standard files */

/*
 * Fetches what has come in and has room. Whoever does so tells the others who wait: the
 * interrupt finds nothing then, and tells nobody. True: so he is to do with those who
 * poll, when input.lock, which is held, is free.
 */
static bool input_fetch(void)
{
	char echo[LDISC_ECHO_MAX];
	bool any = false;
	int c;

	while (ldisc_room(&ldisc) && (c = arch_serial_getc()) >= 0) {
		size_t n = ldisc_input(&ldisc, (uint8_t)c, echo);

		if (n)
			arch_serial_write(echo, n);
		any = true;
	}
	any = any && ldisc_readable(&ldisc);
	if (any)
		waitq_wake_all(&input);
	return any;
}

static void serial_event(void *arg)
{
	uint64_t flags = waitq_lock(&input);

	(void)arg;
	(void)input_fetch();
	waitq_unlock(&input, flags);
	flags = waitq_lock(&room);
	waitq_wake_all(&room);
	waitq_unlock(&room, flags);
	file_poll_wake();
}

/* ---- reading ---- */

/* Up to n bytes into buf; 0: end of file; -EAGAIN, -ERESTARTSYS. */
static ssize_t input_take(struct file *f, uint8_t *buf, size_t n)
{
	uint64_t flags = waitq_lock(&input);
	bool fetched = input_fetch();
	ssize_t got = -EAGAIN;
	int err = 0;

	while (!ldisc_readable(&ldisc) && !(f->flags & O_NONBLOCK) && !err) {
		err = waitq_sleep_interruptible(&input, &flags);
		fetched |= input_fetch();
	}
	if (ldisc_readable(&ldisc))
		got = (ssize_t)ldisc_read(&ldisc, buf, n);
	else if (err)
		got = err;
	fetched |= input_fetch();
	waitq_unlock(&input, flags);
	if (fetched)
		file_poll_wake();
	return got;
}

/* One piece: read(2) of a terminal or a pipe gives what is there. */
static ssize_t console_read(struct file *f, void __user *buf, size_t n, uint64_t off)
{
	uint8_t piece[IN_PIECE];
	ssize_t got = input_take(f, piece, MIN(n, sizeof(piece)));

	(void)off;
	if (got > 0 && copy_to_user(buf, piece, (size_t)got))
		return -EFAULT;
	return got;
}

/* ---- writing ---- */

static void output_put(const char *s, size_t n)
{
	mutex_lock(&out_lock);
	while (n) {
		uint64_t flags = waitq_lock(&room);
		size_t done;

		while (!(done = arch_serial_try_write(s, n)))
			waitq_sleep(&room, &flags);
		waitq_unlock(&room, flags);
		s += done;
		n -= done;
	}
	mutex_unlock(&out_lock);
}

static ssize_t console_write(struct file *f, const void __user *buf, size_t n, uint64_t off)
{
	const char __user *from = buf;
	char piece[OUT_PIECE];
	size_t done = 0;

	(void)f;
	(void)off;
	while (done < n) {
		size_t want = MIN(n - done, sizeof(piece));
		size_t got = want - copy_from_user(piece, from + done, want);

		output_put(piece, got);
		done += got;
		if (got < want)
			return done ? (ssize_t)done : -EFAULT;
		resched_point();
	}
	return (ssize_t)done;
}

/* ---- the rest ---- */

static unsigned console_poll(struct file *f)
{
	uint64_t flags = waitq_lock(&input);
	bool fetched = input_fetch(), in = ldisc_readable(&ldisc);

	(void)f;
	waitq_unlock(&input, flags);
	if (fetched)
		file_poll_wake();
	return POLLOUT | POLLWRNORM | (in ? POLLIN | POLLRDNORM : 0);
}

static long get_count(uint64_t arg)
{
	uint64_t flags = waitq_lock(&input);
	uint32_t n = ldisc_count(&ldisc);

	waitq_unlock(&input, flags);
	return put_user_u32(n, (uint32_t __user *)arg);
}

static long get_settings(uint64_t arg)
{
	uint64_t flags = waitq_lock(&input);
	struct termios tio = ldisc.tio;

	waitq_unlock(&input, flags);
	return copy_to_user((void __user *)arg, &tio, sizeof(tio)) ? -EFAULT : 0;
}

static long set_settings(uint64_t arg, bool flush)
{
	struct termios tio;
	uint64_t flags;

	if (copy_from_user(&tio, (const void __user *)arg, sizeof(tio)))
		return -EFAULT;
	flags = waitq_lock(&input);
	if (flush)
		ldisc_flush(&ldisc);
	ldisc_set(&ldisc, &tio);
	waitq_wake_all(&input);
	waitq_unlock(&input, flags);
	file_poll_wake();
	return 0;
}

static long get_winsize(uint64_t arg)
{
	uint64_t flags = waitq_lock(&input);
	struct winsize ws = winsize;

	waitq_unlock(&input, flags);
	return copy_to_user((void __user *)arg, &ws, sizeof(ws)) ? -EFAULT : 0;
}

static long set_winsize(uint64_t arg)
{
	struct winsize ws;
	uint64_t flags;

	if (copy_from_user(&ws, (const void __user *)arg, sizeof(ws)))
		return -EFAULT;
	flags = waitq_lock(&input);
	winsize = ws;
	waitq_unlock(&input, flags);
	return 0;
}

static long pipe_ioctl(struct file *f, unsigned cmd, uint64_t arg)
{
	(void)f;
	return cmd == FIONREAD ? get_count(arg) : -ENOTTY;
}

static long tty_ioctl(struct file *f, unsigned cmd, uint64_t arg)
{
	(void)f;
	switch (cmd) {
	case FIONREAD:	return get_count(arg);
	case TCGETS:	return get_settings(arg);
	case TCSETS:
	case TCSETSW:	return set_settings(arg, false);
	case TCSETSF:	return set_settings(arg, true);
	case TIOCGWINSZ: return get_winsize(arg);
	case TIOCSWINSZ: return set_winsize(arg);
	default:	return -ENOTTY;
	}
}

static const struct file_ops tty_ops = {
	.read = console_read, .write = console_write, .poll = console_poll, .ioctl = tty_ioctl,
	.stream = true,
};
static const struct file_ops pipe_ops = {
	.read = console_read, .write = console_write, .poll = console_poll, .ioctl = pipe_ioctl,
	.stream = true,
};

int console_open_std(unsigned fd, struct file **out)
{
	if (tty_mask >> fd & 1)
		return file_open(tty_node, &tty_ops, O_RDWR, out);
	return file_open(pipe_node, &pipe_ops, fd ? O_WRONLY : O_RDONLY, out);
}

void console_init(void)
{
	waitq_init(&input);
	waitq_init(&room);
	mutex_init(&out_lock, RANK_FS);
	ldisc_init(&ldisc, stdin_framed);
	pipe_node = node_create(S_IFIFO | 0600);
	tty_node = node_create(S_IFCHR | 0620);
	if (!pipe_node || !tty_node)
		panic("no memory for the console");
	pipe_node->fops = &pipe_ops;		/* what /proc/PID/fd/N opens */
	tty_node->rdev = dev_number(4, 64);	/* ttyS0 */
	file_register_device(dev_number(4, 64), &tty_ops);
	file_register_device(dev_number(5, 0), &tty_ops);
	file_register_device(dev_number(5, 1), &tty_ops);
	rootfs_add_device("/dev/ttyS0", 0660, 4, 64);
	rootfs_add_device("/dev/tty", 0666, 5, 0);
	rootfs_add_device("/dev/console", 0600, 5, 1);
	mem_devices_init();
	arch_serial_irq_enable(serial_event, NULL);
}
