/* memfd_create. */
#include <kernel/fs/memfd.h>
#include <kernel/sys/syscall.h>
#include <linux/fcntl.h>
#include <linux/memfd.h>
#include <mm/mm.h>

/* Younger than the headers that are used here. */
#ifndef MFD_NOEXEC_SEAL
#define MFD_NOEXEC_SEAL	0x8u
#define MFD_EXEC	0x10u
#endif

#define MFD_HUGE_SIZE	((unsigned)MFD_HUGE_MASK << MFD_HUGE_SHIFT)

static long check_flags(unsigned flags)
{
	if (flags & MFD_HUGETLB)
		flags &= ~(MFD_HUGETLB | MFD_HUGE_SIZE);
	if (flags & ~(MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_NOEXEC_SEAL | MFD_EXEC))
		return -EINVAL;
	return (flags & MFD_EXEC && flags & MFD_NOEXEC_SEAL) ? -EINVAL : 0;
}

SYSCALL2(memfd_create, const char __user *, uname, unsigned, flags)
{
	unsigned seals = flags & (MFD_ALLOW_SEALING | MFD_NOEXEC_SEAL) ? 0 : OBJECT_SEAL_SEAL;
	char name[MEMFD_NAME_MAX + 1];
	struct hugepool *pool = NULL;
	struct file *f;
	long r = check_flags(flags);

	if (r)
		return r;
	r = strncpy_from_user(name, uname, sizeof(name));
	if (r < 0)
		return r == -ENAMETOOLONG ? -EINVAL : r;
	if (flags & MFD_NOEXEC_SEAL)
		seals |= OBJECT_SEAL_EXEC;
	if (flags & MFD_HUGETLB) {
		pool = hugepool_of(flags >> MFD_HUGE_SHIFT & MFD_HUGE_MASK);
		if (!pool)
			return -ENODEV;
	}
	r = memfd_create(name, !(flags & MFD_NOEXEC_SEAL), seals, pool, &f);
	return r ? r : file_number(f, flags & MFD_CLOEXEC);
}
