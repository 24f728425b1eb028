/*
 * Robust lists: a thread names the futexes that it holds by a list in its own memory, set_robust_list(2). When it leaves
 * that memory each of them is marked, and one who waits for it is woken: he finds that its owner has died.
 */
#include <kernel/proc/futex.h>
#include <arch/uaccess.h>
#include <kernel/proc/task.h>
#include <linux/errno.h>
#include <linux/futex.h>

/* The head of the list, in user memory: struct robust_list_head. */
struct robust_head { uint64_t first, offset, pending; };

/* The futex at va, if t holds it, has lost its owner. */
static int owner_died(struct task *t, vaddr_t va, bool pending)
{
	uint32_t __user *p = (uint32_t __user *)va;
	uint32_t old, seen;

	if (va % sizeof(*p) || get_user_u32(&old, p))
		return -EFAULT;
	do {
		if (pending && !old) {	/* released, but nobody was woken yet */
			futex_wake(va, true, 1, FUTEX_ANY);
			return 0;
		}
		if ((old & FUTEX_TID_MASK) != (uint32_t)t->thread.tid)
			return 0;
		seen = old;
		if (cmpxchg_user_u32(p, &old, (old & FUTEX_WAITERS) | FUTEX_OWNER_DIED))
			return -EFAULT;
	} while (old != seen);
	if (old & FUTEX_WAITERS)
		futex_wake(va, true, 1, FUTEX_ANY);
	return 0;
}

/* The lowest bit of a pointer says that the futex inherits priorities: those are not there. */
static vaddr_t entry_futex(uint64_t entry, uint64_t offset)
{
	return (entry & ~1ul) + offset;
}

void futex_exit(struct task *t)
{
	struct robust_head head;
	uint64_t at, next, list = t->robust_list;
	unsigned n = 0;

	t->robust_list = 0;
	if (!list || copy_from_user(&head, (const void __user *)list, sizeof(head)))
		return;
	for (at = head.first; at != list && n < ROBUST_LIST_LIMIT; at = next, n++) {
		/* Before it is woken: another owner may take the entry out of its memory. */
		int err = get_user_u64(&next, (const uint64_t __user *)(at & ~1ul));

		if (at != head.pending && owner_died(t, entry_futex(at, head.offset), false))
			return;
		if (err)
			return;
		resched_point();
	}
	if (head.pending)
		(void)!owner_died(t, entry_futex(head.pending, head.offset), true);
}
