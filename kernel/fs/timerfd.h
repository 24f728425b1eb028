/* timerfd_create(2): a timer whose expirations are read. */
#ifndef KERNEL_FS_TIMERFD_H
#define KERNEL_FS_TIMERFD_H

#include <kernel/core/timer.h>
#include <kernel/fs/file.h>

int __must_check timerfd_open(bool realtime, unsigned flags, struct file **out);
bool is_timerfd(const struct file *f);
/* Its times are those of the clock since 1970. */
bool timerfd_is_realtime(const struct file *f);
void timerfd_get(struct file *f, struct timer_setting *now);
/* Due at the moment `at` of the monotonic clock (0: never), and every so often then. *old: what it was. */
void timerfd_set(struct file *f, uint64_t at, uint64_t every, struct timer_setting *old);

#endif
