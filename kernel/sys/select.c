/* select and pselect6: poll by sets of bits. Bits behind the table of files mean nothing, as on Linux. */
#include <kernel/core/clock.h>
#include <kernel/fs/file.h>
#include <kernel/proc/process.h>
#include <kernel/sys/poll.h>
#include <kernel/sys/syscall.h>
#include <kernel/sys/timespec.h>
#include <lib/string.h>
#include <mm/alloc/slab.h>

#define IN_SET	(POLLIN | POLLRDNORM | POLLRDBAND | POLLHUP | POLLERR)
#define OUT_SET	(POLLOUT | POLLWRNORM | POLLWRBAND | POLLERR)
#define EX_SET	POLLPRI

static const short events_of[3] = { IN_SET, OUT_SET, EX_SET };

struct sets {
	unsigned n, words;
	uint64_t __user *user[3];
	uint64_t bits[3][FILES_MAX / 64];
	struct pollfd fds[FILES_MAX];
	unsigned nfds;
};

static int read_sets(struct sets *s)
{
	for (unsigned i = 0; i < 3; i++)
		if (s->user[i] && copy_from_user(s->bits[i], s->user[i], s->words * 8))
			return -EFAULT;
	return 0;
}

static int write_sets(struct sets *s)
{
	for (unsigned i = 0; i < 3; i++)
		if (s->user[i] && copy_to_user(s->user[i], s->bits[i], s->words * 8))
			return -EFAULT;
	return 0;
}

static bool test(const struct sets *s, unsigned set, unsigned fd)
{
	return s->bits[set][fd / 64] >> fd % 64 & 1;
}

/* Whatever is in a set is asked for. */
static void make_fds(struct sets *s)
{
	for (unsigned fd = 0; fd < s->n; fd++) {
		short events = 0;

		for (unsigned i = 0; i < 3; i++)
			events |= test(s, i, fd) ? events_of[i] : 0;
		if (events)
			s->fds[s->nfds++] = (struct pollfd){ .fd = (int)fd, .events = events };
	}
}

/* What is ready of what was in each set: how many bits. */
static long answer(struct sets *s)
{
	uint64_t was[3][FILES_MAX / 64];
	long ready = 0;

	memcpy(was, s->bits, sizeof(was));
	memset(s->bits, 0, sizeof(s->bits));
	for (unsigned k = 0; k < s->nfds; k++) {
		unsigned fd = (unsigned)s->fds[k].fd;

		if (s->fds[k].revents & POLLNVAL)
			return -EBADF;
		for (unsigned i = 0; i < 3; i++) {
			if (!(was[i][fd / 64] >> fd % 64 & 1) || !(s->fds[k].revents & events_of[i]))
				continue;
			s->bits[i][fd / 64] |= 1ul << fd % 64;
			ready++;
		}
	}
	return ready;
}

static long select_sets(struct sets *s, uint64_t deadline)
{
	long r = read_sets(s);

	if (r)
		return r;
	make_fds(s);
	r = poll_files(s->fds, s->nfds, deadline);
	if (r >= 0)
		r = answer(s);
	return r >= 0 && write_sets(s) ? -EFAULT : r;
}

static long select_user(int n, uint64_t __user *const user[3], uint64_t deadline)
{
	struct sets *s;
	long r;

	if (n < 0)
		return -EINVAL;
	s = kzalloc(sizeof(*s));
	if (!s)
		return -ENOMEM;
	s->n = MIN((unsigned)n, READ_ONCE(current_process()->files.max));
	s->words = (s->n + 63) / 64;
	memcpy(s->user, user, sizeof(s->user));
	r = select_sets(s, deadline);
	kfree(s);
	return r;
}

/* What is left until the deadline, in the units of a second that the caller counts in. */
static long put_rest(uint64_t __user *to, uint64_t deadline, uint64_t unit_ns, long r)
{
	uint64_t now = clock_monotonic_ns(), rest = deadline > now ? deadline - now : 0;

	if (to && deadline != DEADLINE_NEVER)
		(void)!(put_user_u64(rest / NS_PER_SEC, to) ||
			put_user_u64(rest % NS_PER_SEC / unit_ns, to + 1));
	return r;
}

/* A struct timeval; NULL: never. */
static int get_deadline(const uint64_t __user *from, uint64_t *deadline)
{
	uint64_t s, us;

	*deadline = DEADLINE_NEVER;
	if (!from)
		return 0;
	if (get_user_u64(&s, from) || get_user_u64(&us, from + 1))
		return -EFAULT;
	if ((int64_t)s < 0 || (int64_t)us < 0)
		return -EINVAL;
	s = MIN(s, (uint64_t)SECONDS_MAX) + MIN(us / 1000000, (uint64_t)SECONDS_MAX);
	*deadline = clock_monotonic_ns() + s * NS_PER_SEC + us % 1000000 * 1000;
	return 0;
}

SYSCALL5(select, int, n, uint64_t __user *, in, uint64_t __user *, out, uint64_t __user *, ex,
	 uint64_t __user *, timeout)
{
	uint64_t deadline;
	int err = get_deadline(timeout, &deadline);

	if (err)
		return err;
	return put_rest(timeout, deadline, 1000,
			select_user(n, (uint64_t __user *[]){ in, out, ex }, deadline));
}

SYSCALL6(pselect6, int, n, uint64_t __user *, in, uint64_t __user *, out, uint64_t __user *, ex,
	 struct __kernel_timespec __user *, timeout, const uint64_t __user *, mask)
{
	uint64_t deadline, set = 0, size = sizeof(set);
	int err = get_timeout(timeout, &deadline);

	if (!err && mask && (get_user_u64(&set, mask) || get_user_u64(&size, mask + 1)))
		err = -EFAULT;
	if (!err)
		err = poll_block_signals((const uint64_t __user *)set, size);
	if (err)
		return err;
	return put_rest((uint64_t __user *)timeout, deadline, 1,
			poll_unblock_signals(select_user(n, (uint64_t __user *[]){ in, out, ex }, deadline)));
}
