/* Calls about futexes. */
#include <kernel/core/clock.h>
#include <kernel/proc/futex.h>
#include <kernel/proc/look.h>
#include <kernel/proc/process.h>
#include <kernel/sys/syscall.h>
#include <kernel/sys/timespec.h>
#include <linux/futex.h>
#include <linux/time.h>
#include <mm/alloc/slab.h>

/* Of a wait: relative, or a moment of one of two clocks; NULL: never. */
static int get_deadline(const struct __kernel_timespec __user *from, unsigned op,
			uint64_t *deadline)
{
	uint64_t ns, now;
	int err;

	if (!from || (op & FUTEX_CMD_MASK) == FUTEX_WAIT)
		return get_timeout(from, deadline);
	err = get_timespec(from, &ns);
	now = op & FUTEX_CLOCK_REALTIME ? clock_realtime_ns() : clock_monotonic_ns();
	if (!err)
		*deadline = clock_monotonic_ns() + (ns > now ? ns - now : 0);
	return err;
}

/* A wait that was interrupted and had a deadline; its words are those of futex_wait. */
static long wait_on(struct sig_restart *r)
{
	int err = futex_wait(r->word[0], r->word[1] >> 63, (uint32_t)r->word[1],
			     (uint32_t)r->word[2], r->deadline_ns);

	if (err != -ERESTARTSYS || r->deadline_ns == UINT64_MAX)
		return err;
	r->fn = wait_on;
	return -ERESTART_RESTARTBLOCK;
}

static long wait(vaddr_t va, unsigned op, uint32_t value, uint32_t bits,
		 const struct __kernel_timespec __user *timeout)
{
	struct sig_restart *r = &signal_thread()->restart;
	bool shared = !(op & FUTEX_PRIVATE_FLAG);
	uint64_t deadline;
	int err = get_deadline(timeout, op, &deadline);

	if (err)
		return err;
	if (!bits)
		return -EINVAL;
	r->deadline_ns = deadline;
	r->word[0] = va;
	r->word[1] = value | (uint64_t)shared << 63;
	r->word[2] = bits;
	return wait_on(r);
}

/* Counts are ints, and one below 0 is an error; waking none wakes one. */
static long wake(vaddr_t va, bool shared, int n, uint32_t bits)
{
	if (!bits)
		return -EINVAL;
	return futex_wake(va, shared, (unsigned)MAX(n, 1), bits);
}

SYSCALL6(futex, vaddr_t, va, unsigned, op, uint32_t, value, uint64_t, arg, vaddr_t, va2,
	 uint32_t, value3)
{
	const struct __kernel_timespec __user *timeout =
		(const struct __kernel_timespec __user *)arg;
	bool shared = !(op & FUTEX_PRIVATE_FLAG);
	int n = (int)value, more = (int)arg;
	unsigned what = op & FUTEX_CMD_MASK;

	if (op & FUTEX_CLOCK_REALTIME && what != FUTEX_WAIT_BITSET)
		return -ENOSYS;
	switch (what) {
	case FUTEX_WAIT:
		return wait(va, op, value, FUTEX_ANY, timeout);
	case FUTEX_WAIT_BITSET:
		return wait(va, op, value, value3, timeout);
	case FUTEX_WAKE:
		return wake(va, shared, n, FUTEX_ANY);
	case FUTEX_WAKE_BITSET:
		return wake(va, shared, n, value3);
	case FUTEX_REQUEUE:
	case FUTEX_CMP_REQUEUE:
		if (n < 0 || more < 0)
			return -EINVAL;
		return futex_requeue(va, va2, shared, value, (unsigned)more,
				     what == FUTEX_CMP_REQUEUE ? &value3 : NULL);
	case FUTEX_WAKE_OP:
		return futex_wake_op(va, va2, shared, (unsigned)MAX(n, 1), (unsigned)MAX(more, 1),
				     value3);
	default:
		return -ENOSYS;
	}
}

/* ---- futex_waitv(2) ---- */

static int get_words(struct futex_word *to, const struct futex_waitv __user *from, unsigned n)
{
	struct futex_waitv w;

	for (unsigned i = 0; i < n; i++) {
		if (copy_from_user(&w, from + i, sizeof(w)))
			return -EFAULT;
		if (w.flags & ~(FUTEX_32 | FUTEX_PRIVATE_FLAG) || !(w.flags & FUTEX_32) || w.__reserved)
			return -EINVAL;
		to[i] = (struct futex_word){ w.uaddr, (uint32_t)w.val, !(w.flags & FUTEX_PRIVATE_FLAG) };
	}
	return 0;
}

/* A moment of one of two clocks; NULL: never. */
static int get_moment(const struct __kernel_timespec __user *from, int clock, uint64_t *deadline)
{
	*deadline = UINT64_MAX;
	if (!from)
		return 0;
	if (clock != CLOCK_MONOTONIC && clock != CLOCK_REALTIME)
		return -EINVAL;
	return get_deadline(from, FUTEX_WAIT_BITSET | (clock == CLOCK_REALTIME ? FUTEX_CLOCK_REALTIME : 0), deadline);
}

SYSCALL5(futex_waitv, const struct futex_waitv __user *, from, unsigned, n, unsigned, flags,
	 const struct __kernel_timespec __user *, timeout, int, clock)
{
	struct futex_word *w;
	uint64_t deadline;
	long r;

	if (flags || !n || n > FUTEX_WAITV_MAX || !from)
		return -EINVAL;
	r = get_moment(timeout, clock, &deadline);
	if (r)
		return r;
	w = kmalloc(n * sizeof(*w));
	if (!w)
		return -ENOMEM;
	r = get_words(w, from, n);
	if (!r)
		r = futex_wait_any(w, n, deadline);
	kfree(w);
	return r;
}

#define ROBUST_HEAD_SIZE	24	/* sizeof(struct robust_list_head) */

SYSCALL2(set_robust_list, uint64_t, head, size_t, len)
{
	if (len != ROBUST_HEAD_SIZE)
		return -EINVAL;
	current_task()->robust_list = head;
	return 0;
}

/* Of the caller (0), or of a task whose memory it may look at. */
SYSCALL3(get_robust_list, int, tid, uint64_t __user *, head, uint64_t __user *, len)
{
	const struct task *t;
	uint64_t list = 0;
	int err = -ESRCH;

	spin_lock(&process_lock);
	t = tid ? task_find(tid) : current_task();
	if (t) {
		err = process_may_look_inside(t->process);
		list = READ_ONCE(t->robust_list);
	}
	spin_unlock(&process_lock);
	if (err)
		return err;
	return put_user_u64(ROBUST_HEAD_SIZE, len) || put_user_u64(list, head) ? -EFAULT : 0;
}
