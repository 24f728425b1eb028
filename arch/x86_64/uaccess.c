/*
 * User copy: the checks in front of uaccess.S. An address outside the user's
 * half is refused here, before any access: the copy loops are allowed to
 * write wherever ring 0 may.
 */
#include <arch/uaccess.h>
#include <arch/cpu.h>
#include <arch/layout.h>
#include <linux/errno.h>

size_t user_copy(void *dst, const void *src, size_t n);
size_t user_clear(void *dst, size_t n);
ssize_t user_strncpy(char *dst, const char *src, size_t n);
int user_get64(uint64_t *v, const void *src);
int user_get32(uint32_t *v, const void *src);
int user_put64(uint64_t v, void *dst);
int user_put32(uint32_t v, void *dst);
int user_peek32(uint32_t *v, const void *src);
int user_cmpxchg32(void *p, uint32_t *old, uint32_t next);

static uintptr_t user_end(void)
{
	return arch_levels == 5 ? USER_END_5 : USER_END_4;
}

bool user_range_ok(const void __user *p, size_t n)
{
	uintptr_t start = (uintptr_t)p, end = user_end();

	return start <= end && n <= end - start;
}

size_t copy_from_user(void *dst, const void __user *src, size_t n)
{
	return user_range_ok(src, n) ? user_copy(dst, (const void *)src, n) : n;
}

size_t copy_to_user(void __user *dst, const void *src, size_t n)
{
	return user_range_ok(dst, n) ? user_copy((void *)dst, src, n) : n;
}

size_t clear_user(void __user *dst, size_t n)
{
	return user_range_ok(dst, n) ? user_clear((void *)dst, n) : n;
}

ssize_t strncpy_from_user(char *dst, const char __user *src, size_t n)
{
	uintptr_t start = (uintptr_t)src, end = user_end();
	size_t room = start < end ? MIN(n, end - start) : 0;
	ssize_t len = user_strncpy(dst, (const char *)src, room);

	if (len < 0 || (size_t)len < room)
		return len;
	return room < n ? -EFAULT : -ENAMETOOLONG;
}

int get_user_u64(uint64_t *v, const uint64_t __user *p)
{
	return user_range_ok(p, sizeof(*p)) ? user_get64(v, (const void *)p) : -EFAULT;
}

int get_user_u32(uint32_t *v, const uint32_t __user *p)
{
	return user_range_ok(p, sizeof(*p)) ? user_get32(v, (const void *)p) : -EFAULT;
}

int put_user_u64(uint64_t v, uint64_t __user *p)
{
	return user_range_ok(p, sizeof(*p)) ? user_put64(v, (void *)p) : -EFAULT;
}

int put_user_u32(uint32_t v, uint32_t __user *p)
{
	return user_range_ok(p, sizeof(*p)) ? user_put32(v, (void *)p) : -EFAULT;
}

int get_user_u32_nofault(uint32_t *v, const uint32_t __user *p)
{
	return user_range_ok(p, sizeof(*p)) ? user_peek32(v, (const void *)p) : -EFAULT;
}

int cmpxchg_user_u32(uint32_t __user *p, uint32_t *old, uint32_t next)
{
	return user_range_ok(p, sizeof(*p)) ? user_cmpxchg32((void *)p, old, next) : -EFAULT;
}
