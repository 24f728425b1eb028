/*
 * User copy: the only way to touch user memory. An access that faults takes
 * the ordinary fault path; where that finds nothing, the exception table
 * turns it into a short count. Addresses outside the user's half are refused
 * before any access. SMAP is open only inside these functions.
 *
 * The fault path may sleep: no spinlock and none of mm's locks may be held.
 */
#ifndef ARCH_UACCESS_H
#define ARCH_UACCESS_H

#include <arch/types.h>

/* Bytes that could NOT be copied (0: all). copy_from_user leaves the rest of dst as it was. */
size_t __must_check copy_from_user(void *dst, const void __user *src, size_t n);
size_t __must_check copy_to_user(void __user *dst, const void *src, size_t n);
size_t __must_check clear_user(void __user *dst, size_t n);
/* Length without the NUL, or -EFAULT, or -ENAMETOOLONG if there is none in the first n bytes. */
ssize_t __must_check strncpy_from_user(char *dst, const char __user *src, size_t n);
/* 0 or -EFAULT. */
int __must_check get_user_u64(uint64_t *v, const uint64_t __user *p);
int __must_check get_user_u32(uint32_t *v, const uint32_t __user *p);
int __must_check put_user_u64(uint64_t v, uint64_t __user *p);
int __must_check put_user_u32(uint32_t v, uint32_t __user *p);
/*
 * Never sleeps, whatever locks are held: -EFAULT also where the page would only have
 * to be brought in.
 */
int __must_check get_user_u32_nofault(uint32_t *v, const uint32_t __user *p);
/*
 * Makes *p `next` if it is *old, in one step; *old is what it was. 0 or -EFAULT. p is
 * aligned.
 */
int __must_check cmpxchg_user_u32(uint32_t __user *p, uint32_t *old, uint32_t next);
/* True if [p, p + n) lies in the user's half (says nothing about mappings). */
bool user_range_ok(const void __user *p, size_t n);

#endif
