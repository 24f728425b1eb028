/*
 * COM1 as a terminal.
 *
 * Input: the interrupt handler puts bytes through the line discipline as long
 * as there is room; what does not fit stays in the UART, and the reader that
 * makes room fetches it. Output: as many bytes as the line takes, then a wait
 * for its interrupt. Echo goes out at once, between the pieces of others.
 *
 * Keys that are signals: whom they mean only process_lock tells, which no
 * interrupt may take, so a thread of their own sends them.
 *
 * Locks: input.lock (of the wait queue, interrupts off) guards the line
 * discipline; out_lock (RANK_FS) keeps pieces of OUT_PIECE bytes whole;
 * keys.lock the signals to be sent. None of them within another but the UART's.
 */
#include <kernel/dev/console.h>
#include <arch/machine.h>
#include <arch/uaccess.h>
#include <kernel/core/clock.h>
#include <kernel/dev/console_internal.h>
#include <kernel/fs/rootfs.h>
#include <kernel/proc/signal.h>
#include <kernel/proc/terminal.h>
#include <lib/assert.h>
#include <lib/log.h>
#include <lib/option.h>
#include <lib/string.h>
#include <linux/errno.h>
#include <linux/fcntl.h>
#include <linux/poll.h>
#include <mm/mm.h>

#define OUT_PIECE	512u
#define IN_PIECE	512u
#define TENTH_NS	(NS_PER_SEC / 10)	/* the unit of VTIME */

#define RDEV_SERIAL	dev_number(4, 64)
#define RDEV_TTY	dev_number(5, 0)
#define RDEV_CONSOLE	dev_number(5, 1)

static unsigned stdin_framed;
static uint64_t tty_mask = 7;

option_choice(stdin, &stdin_framed, "raw|framed",
	      "COM1's input: as typed, or with 0xFF as an escape (FF FF: that byte, FF 00: end)");
option_uint(tty, &tty_mask, 0, 7, "bit n set: a program's fd n is a terminal, else like a pipe");

struct console console = { .winsize = { .ws_row = 24, .ws_col = 80 } };
static struct mutex out_lock;
static struct waitq keys;
static uint64_t key_signals;			/* keys.lock: SIG_BIT of each to be sent */
static struct thread key_thread;
static struct node *pipe_node, *tty_node;	/* what fstat says of the standard files */

/* ---- input ---- */

/* What fetching has found, to be told when input.lock is free: signals, and these. */
#define NEWS_READABLE	SIG_BIT(64)
#define NEWS_GOES_ON	SIG_BIT(63)

/*
 * Fetches what has come in and has room: the news of it. Who waits for input is told at
 * once; the interrupt may find nothing then, and tells nobody.
 */
static uint64_t input_fetch(void)
{
	struct ldisc *l = &console.ldisc;
	bool stopped = l->stopped, any = false;
	uint64_t news = 0;
	int c, sig;

	while (ldisc_room(l) && (c = arch_serial_getc()) >= 0) {
		sig = ldisc_input(l, (uint8_t)c);
		news |= sig ? SIG_BIT(sig) : 0;
		any = true;
	}
	if (any && ldisc_readable(l)) {
		waitq_wake_all(&console.input);
		news |= NEWS_READABLE;
	}
	if (stopped && !l->stopped)
		news |= NEWS_GOES_ON;
	return news;
}

static void wake_all(struct waitq *q)
{
	uint64_t flags = waitq_lock(q);

	waitq_wake_all(q);
	waitq_unlock(q, flags);
}

static void send_keys(uint64_t signals)
{
	uint64_t flags = waitq_lock(&keys);

	key_signals |= signals;
	waitq_wake_all(&keys);
	waitq_unlock(&keys, flags);
}

static void tell(uint64_t news)
{
	uint64_t signals = news & ~(NEWS_READABLE | NEWS_GOES_ON);

	if (signals)
		send_keys(signals);
	if (news & NEWS_GOES_ON)
		wake_all(&console.room);
	if (news)
		file_poll_wake();
}

void console_changed(void)
{
	wake_all(&console.input);
	tell(NEWS_GOES_ON);
}

static void serial_event(void *arg)
{
	uint64_t flags = waitq_lock(&console.input), news = input_fetch();

	(void)arg;
	waitq_unlock(&console.input, flags);
	tell(news | NEWS_GOES_ON);
}

static void key_main(void *arg)
{
	(void)arg;
	for (;;) {
		uint64_t flags = waitq_lock(&keys), set;

		while (!key_signals)
			waitq_sleep(&keys, &flags);
		set = key_signals;
		key_signals = 0;
		waitq_unlock(&keys, flags);
		for (; set; set &= set - 1)
			terminal_signal(1 + __builtin_ctzl(set));
	}
}

/* ---- reading ---- */

/* How many bytes a raw read waits for; 0: it does not wait. */
static size_t raw_want(const struct ldisc *l, size_t n)
{
	size_t min = l->tio.c_cc[VMIN];

	return min ? MIN(min, n) : l->tio.c_cc[VTIME] ? 1 : 0;
}

/* When a raw read gives up, which began at `began` and found its last byte at `last`. */
static uint64_t raw_deadline(const struct ldisc *l, uint64_t began, uint64_t last)
{
	uint64_t time = l->tio.c_cc[VTIME] * TENTH_NS;

	if (!time)
		return UINT64_MAX;
	if (!l->tio.c_cc[VMIN])
		return began + time;
	return last ? last + time : UINT64_MAX;
}

static bool enough(const struct ldisc *l, size_t n)
{
	if (l->tio.c_lflag & ICANON || l->ended)
		return ldisc_readable(l);
	return ldisc_count(l) >= raw_want(l, n);
}

/*
 * Until a read of n bytes has what it wants, or is to take what is there: 0; -EAGAIN,
 * -ERESTARTSYS. input.lock is held, and let go meanwhile.
 */
static int wait_for_input(const struct file *f, size_t n, uint64_t *flags, uint64_t *news)
{
	const struct ldisc *l = &console.ldisc;
	uint64_t began = arch_clock_ns(), last = 0, deadline = UINT64_MAX;
	uint32_t have = 0;
	int err = 0;

	for (;;) {
		*news |= input_fetch();
		if (enough(l, n) || err == -ETIMEDOUT)
			return 0;
		if (f->flags & O_NONBLOCK)
			err = -EAGAIN;
		if (err)
			return ldisc_count(l) ? 0 : err;
		if (!(l->tio.c_lflag & ICANON)) {
			last = ldisc_count(l) != have ? arch_clock_ns() : last;
			have = ldisc_count(l);
			deadline = raw_deadline(l, began, last);
		}
		err = waitq_sleep_interruptible_until(&console.input, flags, deadline);
	}
}

/* Up to n bytes into buf; 0: end of file; -EAGAIN, -ERESTARTSYS. */
static ssize_t input_take(struct file *f, uint8_t *buf, size_t n)
{
	uint64_t flags = waitq_lock(&console.input), news = 0;
	ssize_t got = wait_for_input(f, n, &flags, &news);

	if (!got)
		got = (ssize_t)ldisc_read(&console.ldisc, buf, n);
	news |= input_fetch();
	waitq_unlock(&console.input, flags);
	tell(news);
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

static ssize_t tty_read(struct file *f, void __user *buf, size_t n, uint64_t off)
{
	int err = terminal_check(SIGTTIN);

	return err ? err : console_read(f, buf, n, off);
}

/* ---- writing ---- */

static void output_put(const char *s, size_t n)
{
	mutex_lock(&out_lock);
	while (n) {
		uint64_t flags = waitq_lock(&console.room);
		size_t done;

		while (!(done = arch_serial_try_write(s, n)))
			waitq_sleep(&console.room, &flags);
		waitq_unlock(&console.room, flags);
		s += done;
		n -= done;
	}
	mutex_unlock(&out_lock);
}

static void output_processed(const char *s, size_t n)
{
	char out[OUT_PIECE];

	while (n) {
		size_t took = n, len;
		uint64_t flags = waitq_lock(&console.input);

		len = ldisc_output(&console.ldisc, s, &took, out, sizeof(out));
		waitq_unlock(&console.input, flags);
		output_put(out, len);
		s += took;
		n -= took;
	}
}

/* While output is held. 0; -EAGAIN, -ERESTARTSYS. */
static int wait_to_write(const struct file *f)
{
	uint64_t flags;
	int err = 0;

	if (likely(!READ_ONCE(console.ldisc.stopped)))
		return 0;
	if (f->flags & O_NONBLOCK)
		return -EAGAIN;
	flags = waitq_lock(&console.room);
	while (READ_ONCE(console.ldisc.stopped) && !err)
		err = waitq_sleep_interruptible(&console.room, &flags);
	waitq_unlock(&console.room, flags);
	return err;
}

static ssize_t output_user(const struct file *f, const char __user *from, size_t n)
{
	char piece[OUT_PIECE];
	size_t got;
	int err = wait_to_write(f);

	if (err)
		return err;
	n = MIN(n, sizeof(piece));
	got = n - copy_from_user(piece, from, n);
	if (READ_ONCE(console.ldisc.tio.c_oflag) & OPOST)
		output_processed(piece, got);
	else
		output_put(piece, got);
	return got ? (ssize_t)got : -EFAULT;
}

static ssize_t console_write(struct file *f, const void __user *buf, size_t n, uint64_t off)
{
	const char __user *from = buf;
	size_t done = 0;

	(void)off;
	while (done < n) {
		ssize_t got = output_user(f, from + done, n - done);

		if (got < 0)
			return done ? (ssize_t)done : got;
		done += (size_t)got;
		resched_point();
	}
	return (ssize_t)done;
}

static ssize_t tty_write(struct file *f, const void __user *buf, size_t n, uint64_t off)
{
	int err = READ_ONCE(console.ldisc.tio.c_lflag) & TOSTOP ? terminal_check(SIGTTOU) : 0;

	return err ? err : console_write(f, buf, n, off);
}

/* ---- the rest ---- */

static unsigned console_poll(struct file *f)
{
	uint64_t flags = waitq_lock(&console.input), news = input_fetch();
	bool in = ldisc_readable(&console.ldisc), out = !console.ldisc.stopped;

	(void)f;
	waitq_unlock(&console.input, flags);
	tell(news);
	return (in ? POLLIN | POLLRDNORM : 0) | (out ? POLLOUT | POLLWRNORM : 0);
}

/* /dev/tty is for those who have it; the line itself is taken by who has none, /dev/console never. */
static int tty_open(struct file *f)
{
	if (f->node->rdev == RDEV_TTY)
		return terminal_is_mine() ? 0 : -ENXIO;
	if (f->node->rdev == RDEV_SERIAL && !(f->flags & O_NOCTTY))
		(void)!terminal_take(false);
	return 0;
}

static const struct file_ops tty_ops = {
	.open = tty_open, .read = tty_read, .write = tty_write, .poll = console_poll,
	.ioctl = console_ioctl, .stream = true,
};
static const struct file_ops pipe_ops = {
	.read = console_read, .write = console_write, .poll = console_poll,
	.ioctl = console_pipe_ioctl, .stream = true,
};

int console_open_std(unsigned fd, struct file **out)
{
	if (tty_mask >> fd & 1)
		return file_open(tty_node, &tty_ops, O_RDWR | O_NOCTTY, out);
	return file_open(pipe_node, &pipe_ops, fd ? O_WRONLY : O_RDONLY, out);
}

uint64_t console_device(void)
{
	return RDEV_SERIAL;
}

bool console_is_terminal(void)
{
	return tty_mask;
}

static void make_nodes(void)
{
	pipe_node = node_create(S_IFIFO | 0600);
	tty_node = node_create(S_IFCHR | 0660);
	if (!pipe_node || !tty_node)
		panic("no memory for the console");
	pipe_node->fops = &pipe_ops;		/* what /proc/PID/fd/N opens */
	tty_node->rdev = RDEV_SERIAL;
	file_register_device(RDEV_SERIAL, &tty_ops);
	file_register_device(RDEV_TTY, &tty_ops);
	file_register_device(RDEV_CONSOLE, &tty_ops);
	rootfs_add_node("/dev/ttyS0", tty_node);
	rootfs_add_device("/dev/tty", S_IFCHR | 0666, 5, 0);
	rootfs_add_device("/dev/console", S_IFCHR | 0600, 5, 1);
}

static void start_key_thread(void)
{
	uint64_t bottom, top;

	if (kstack_alloc(&bottom, &top))
		panic("no memory for the console's thread");
	thread_init(&key_thread, "console", bottom, top, key_main, NULL);
	thread_start(&key_thread);
}

void console_init(void)
{
	waitq_init(&console.input);
	waitq_init(&console.room);
	waitq_init(&keys);
	mutex_init(&out_lock, RANK_FS);
	ldisc_init(&console.ldisc, stdin_framed, arch_serial_write);
	make_nodes();
	mem_devices_init();
	start_key_thread();
	arch_serial_irq_enable(serial_event, NULL);
}
