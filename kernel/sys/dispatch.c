/*
 * From a number to a system call. The way of every call: counted in
 * instructions, so no locks, no tracing, no copy of the arguments.
 */
#include <arch/upcall.h>
#include <asm/unistd_64.h>
#include <kernel/proc/process.h>
#include <kernel/sys/syscall.h>
#include <lib/log.h>
#include <mm/mm.h>

_Static_assert(SYSCALL_COUNT <= 512, "said has a bit for each");

/* Once for each number, and once for all numbers that Linux does not have. */
static long sys_unknown(struct trapframe *tf)
{
	static uint64_t said[512 / 64];
	uint64_t nr = MIN(tf->error, 511ul), bit = 1ul << nr % 64;
	const char *name = nr < SYSCALL_COUNT ? syscall_names[nr] : NULL;
	const struct process *p = current_process();

	if (!(__atomic_fetch_or(&said[nr / 64], bit, __ATOMIC_RELAXED) & bit))
		log_warn("%s[%d]: system call %lu (%s) is not there: ENOSYS", p->leader->thread.name,
			 p->pid, tf->error, name ? name : "not Linux's either");
	return -ENOSYS;
}

#pragma GCC diagnostic push
#ifdef __clang__
#pragma GCC diagnostic ignored "-Winitializer-overrides"
#else
#pragma GCC diagnostic ignored "-Woverride-init"
#endif
#define SYSCALL_ENTRY(name) [__NR_##name] = sys_##name,
static long (*const syscall_table[SYSCALL_COUNT])(struct trapframe *tf) = {
	[0 ... SYSCALL_COUNT - 1] = sys_unknown,
	SYSCALLS(SYSCALL_ENTRY)
};
#pragma GCC diagnostic pop

/* It found no memory, and has left all as it was: begins anew as long as some can be had. */
static __attribute__((noinline)) long once_more(struct trapframe *tf)
{
	struct mm *mm = current_process()->mm;
	unsigned tries = 0;
	long r = -ENOMEM;

	while (r == -ENOMEM && mm_retry(mm, &tries))
		r = syscall_table[tf->error](tf);
	return r;
}

void upcall_syscall(struct trapframe *tf)
{
	uint64_t nr = tf->error;
	long r = likely(nr < SYSCALL_COUNT) ? syscall_table[nr](tf) : sys_unknown(tf);

	if (unlikely(r == -ENOMEM))
		r = once_more(tf);
	tf->rax = (uint64_t)r;
}
