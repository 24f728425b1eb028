/*
 * Calls about scheduling: where threads run, and barriers on all CPUs that run them. There
 * is one policy, SCHED_OTHER.
 */
#include <kernel/core/call.h>
#include <kernel/proc/process.h>
#include <kernel/sys/syscall.h>
#include <linux/membarrier.h>
#include <linux/sched.h>
#include <linux/time_types.h>
#include <mm/mm.h>

SYSCALL0(sched_yield)
{
	sched_yield();
	return 0;
}

/* ---- affinity ---- */

/* The task that tid (0: the caller) means, or NULL. process_lock held. */
static struct task *find(int tid)
{
	return tid ? task_find(tid) : current_task();
}

/* Whole words, as many as it takes for all CPUs; returns the bytes. */
SYSCALL3(sched_getaffinity, int, tid, size_t, len, uint64_t __user *, to)
{
	size_t need = ALIGN_UP((size_t)arch_ncpus, 64) / 8;
	struct cpumask mask;
	const struct task *t;

	if (len < need || len % sizeof(uint64_t))
		return -EINVAL;
	spin_lock(&process_lock);
	t = find(tid);
	if (t)
		thread_get_affinity(&t->thread, &mask);
	spin_unlock(&process_lock);
	if (!t)
		return -ESRCH;
	return copy_to_user(to, mask.w, need) ? -EFAULT : (long)need;
}

/* Of another task: it moves on by itself. */
static long set_affinity_of(int tid, const struct cpumask *mask)
{
	struct task *t;
	long r;

	spin_lock(&process_lock);
	t = task_find(tid);
	r = t ? thread_set_affinity(&t->thread, mask) : -ESRCH;
	spin_unlock(&process_lock);
	return r;
}

SYSCALL3(sched_setaffinity, int, tid, size_t, len, const uint64_t __user *, from)
{
	struct cpumask mask = { { 0 } };

	if (copy_from_user(mask.w, from, MIN(len, sizeof(mask.w))))
		return -EFAULT;
	if (tid && tid != current_thread()->tid)
		return set_affinity_of(tid, &mask);
	return thread_set_affinity(current_thread(), &mask);
}

/* All memory is one node. */
SYSCALL2(getcpu, uint32_t __user *, cpu, uint32_t __user *, node)
{
	if (cpu && put_user_u32(this_cpu()->id, cpu))
		return -EFAULT;
	return node && put_user_u32(0, node) ? -EFAULT : 0;
}

/* ---- policy ---- */

static bool exists(int tid)
{
	bool there;

	spin_lock(&process_lock);
	there = find(tid);
	spin_unlock(&process_lock);
	return there;
}

static bool known_policy(int policy)
{
	return policy == SCHED_NORMAL || policy == SCHED_FIFO || policy == SCHED_RR ||
	       policy == SCHED_BATCH || policy == SCHED_IDLE;
}

static long set_policy(int tid, int policy, const uint32_t __user *param)
{
	uint32_t priority;

	if (tid < 0 || !param || !known_policy(policy))
		return -EINVAL;
	if (get_user_u32(&priority, param))
		return -EFAULT;
	if (!exists(tid))
		return -ESRCH;
	if (policy == SCHED_FIFO || policy == SCHED_RR)
		return priority < 1 || priority > 99 ? -EINVAL : -EPERM;
	if (priority)
		return -EINVAL;
	return policy == SCHED_NORMAL ? 0 : -EPERM;
}

SYSCALL1(sched_getscheduler, int, tid)
{
	if (tid < 0)
		return -EINVAL;
	return exists(tid) ? SCHED_NORMAL : -ESRCH;
}

SYSCALL3(sched_setscheduler, int, tid, int, policy, const uint32_t __user *, param)
{
	return set_policy(tid, policy, param);
}

SYSCALL2(sched_getparam, int, tid, uint32_t __user *, param)
{
	if (tid < 0 || !param)
		return -EINVAL;
	if (!exists(tid))
		return -ESRCH;
	return put_user_u32(0, param);
}

SYSCALL2(sched_setparam, int, tid, const uint32_t __user *, param)
{
	return set_policy(tid, SCHED_NORMAL, param);
}

/* Of SCHED_NORMAL it is 0 on Linux where nobody else wants the CPU; here each has its turn. */
SYSCALL2(sched_rr_get_interval, int, tid, struct __kernel_timespec __user *, to)
{
	struct __kernel_timespec t = { 0, 0 };
	const struct task *task;

	if (tid < 0)
		return -EINVAL;
	spin_lock(&process_lock);
	task = find(tid);
	if (task)
		t.tv_nsec = (long)sched_slice_ns(&task->thread);
	spin_unlock(&process_lock);
	if (!task)
		return -ESRCH;
	return copy_to_user(to, &t, sizeof(t)) ? -EFAULT : 0;
}

/* As Linux's, though threads cannot have them. */
static long priority_of(int policy, int real_time)
{
	if (!known_policy(policy))
		return -EINVAL;
	return policy == SCHED_FIFO || policy == SCHED_RR ? real_time : 0;
}

SYSCALL1(sched_get_priority_max, int, policy) { return priority_of(policy, 99); }
SYSCALL1(sched_get_priority_min, int, policy) { return priority_of(policy, 1); }

/* ---- membarrier(2) ---- */

#define MEMBARRIER_KNOWN (MEMBARRIER_CMD_GLOBAL | MEMBARRIER_CMD_GLOBAL_EXPEDITED | \
			  MEMBARRIER_CMD_REGISTER_GLOBAL_EXPEDITED | \
			  MEMBARRIER_CMD_PRIVATE_EXPEDITED | \
			  MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED | \
			  MEMBARRIER_CMD_PRIVATE_EXPEDITED_SYNC_CORE | \
			  MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED_SYNC_CORE)

/* The way into an interrupt and back is all that is wanted: it serialises the CPU. */
static void nothing(void *arg)
{
	(void)arg;
}

static long barrier_on(const struct cpumask *mask)
{
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	cpu_call(mask, nothing, NULL);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	return 0;
}

static long barrier_everywhere(void)
{
	struct cpumask all = cpumask_all();

	return barrier_on(&all);
}

/*
 * The CPUs that run this memory. One that comes to do so later passes a full barrier when
 * it loads the address space.
 */
static long barrier_here(unsigned registered)
{
	struct process *p = current_process();
	struct cpumask mask;

	if (!(READ_ONCE(p->membarrier) & registered))
		return -EPERM;
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	for (unsigned i = 0; i < CPUMASK_WORDS; i++)
		mask.w[i] = READ_ONCE(mm_aspace(p->mm)->active[i]);
	return barrier_on(&mask);
}

SYSCALL2(membarrier, int, command, unsigned, flags)
{
	struct process *p = current_process();

	if (flags)
		return -EINVAL;
	switch (command) {
	case MEMBARRIER_CMD_QUERY:
		return MEMBARRIER_KNOWN;
	case MEMBARRIER_CMD_GLOBAL:
	case MEMBARRIER_CMD_GLOBAL_EXPEDITED:
		return barrier_everywhere();
	case MEMBARRIER_CMD_REGISTER_GLOBAL_EXPEDITED:
		return 0;
	case MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED:
	case MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED_SYNC_CORE:
		__atomic_fetch_or(&p->membarrier, (unsigned)command, __ATOMIC_RELAXED);
		return 0;
	case MEMBARRIER_CMD_PRIVATE_EXPEDITED:
		return barrier_here(MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED);
	case MEMBARRIER_CMD_PRIVATE_EXPEDITED_SYNC_CORE:
		return barrier_here(MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED_SYNC_CORE);
	default:
		return -EINVAL;
	}
}
