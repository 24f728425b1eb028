/* Times as programs give them. */
#ifndef KERNEL_SYS_TIMESPEC_H
#define KERNEL_SYS_TIMESPEC_H

#include <kernel/core/timer.h>
#include <linux/time_types.h>

#define SECONDS_MAX	(1l << 33)	/* 272 years: no sum of nanoseconds overflows below it */
#define DEADLINE_NEVER	UINT64_MAX

/* A time in nanoseconds, at most SECONDS_MAX. 0, -EFAULT, -EINVAL. */
int __must_check get_timespec(const struct __kernel_timespec __user *from, uint64_t *ns);
/* A moment of the monotonic clock so long from now; NULL: never. 0, -EFAULT, -EINVAL. */
int __must_check get_timeout(const struct __kernel_timespec __user *from, uint64_t *deadline);
/* The two times of a timer's setting: 0, -EFAULT, -EINVAL. */
int __must_check get_itimerspec(const struct __kernel_itimerspec __user *from, uint64_t *value, uint64_t *every);
long __must_check put_itimerspec(struct __kernel_itimerspec __user *to, const struct timer_setting *s);

#endif
