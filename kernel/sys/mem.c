/* Calls about memory: thin, the work is behind <mm/mm.h>. */
#include <kernel/fs/file.h>
#include <kernel/fs/fs.h>
#include <kernel/proc/process.h>
#include <kernel/sys/syscall.h>
#include <linux/fcntl.h>
#include <linux/mman.h>
#include <linux/personality.h>
#include <mm/mm.h>

static bool is_shared(int flags)
{
	return (flags & MAP_TYPE) == MAP_SHARED || (flags & MAP_TYPE) == MAP_SHARED_VALIDATE;
}

/* The object behind an open file, if it may be mapped so; NULL: anonymous memory. */
static int object_of(struct file *f, int prot, int flags, struct object **obj)
{
	if (f->flags & O_PATH)
		return -EBADF;
	if (!file_can_read(f) || (is_shared(flags) && prot & PROT_WRITE && !file_can_write(f)))
		return -EACCES;
	if (prot & PROT_EXEC && fs_has(f->node, MS_NOEXEC))
		return -EPERM;
	return f->ops->mmap ? f->ops->mmap(f, obj) : -ENODEV;
}

/* A shared mapping of a file that is not open for writing cannot be made writable later; none executable, where no file is. */
static int file_prot(const struct file *f, int prot, int flags)
{
	bool read_only = is_shared(flags) && !file_can_write(f);

	return prot | (read_only ? MM_PROT_NEVER_WRITE : 0) | (fs_has(f->node, MS_NOEXEC) ? MM_PROT_NEVER_EXEC : 0);
}

/* A file that stands for anonymous memory (/dev/zero): it knows no MAP_GROWSDOWN, but all types. */
static int as_anonymous(int flags)
{
	if ((flags & MAP_TYPE) == MAP_SHARED_VALIDATE)
		flags = (flags & ~MAP_TYPE) | MAP_SHARED;
	return flags | MAP_ANONYMOUS;
}

/* By itself: anonymous memory, which is mapped more often, has no use for its registers. */
static __attribute__((noinline)) long map_file(int fd, vaddr_t addr, size_t len, int prot, int flags, uint64_t pgoff)
{
	struct process *p = current_process();
	struct file *f = files_get(&p->files, (unsigned)fd);
	struct object *obj;
	long r;

	if (!f)
		return -EBADF;
	r = mm_mmap_place(p->mm, addr, len, flags, pgoff);	/* before the file */
	if (!r)
		r = object_of(f, prot, flags, &obj);
	if (!r && !obj && flags & MAP_GROWSDOWN)
		r = -EINVAL;
	if (!r)
		r = mm_mmap(p->mm, addr, len, file_prot(f, prot, flags), obj ? flags : as_anonymous(flags),
			    obj, pgoff);
	file_put(f);
	return r;
}

/* READ_IMPLIES_EXEC of personality(2). */
static int with_implied(const struct process *p, int prot)
{
	return unlikely(p->personality & READ_IMPLIES_EXEC) && prot & PROT_READ ?
		       prot | PROT_EXEC : prot;
}

SYSCALL6(mmap, vaddr_t, addr, size_t, len, int, prot, int, flags, int, fd, uint64_t, off)
{
	struct process *p = current_process();

	if (off & (PAGE_SIZE - 1))
		return -EINVAL;
	prot = with_implied(p, prot & (PROT_READ | PROT_WRITE | PROT_EXEC));
	if (flags & MAP_ANONYMOUS)
		return mm_mmap(p->mm, addr, len, prot, flags, NULL, off >> PAGE_SHIFT);
	return map_file(fd, addr, len, prot, flags, off >> PAGE_SHIFT);
}

SYSCALL2(munmap, vaddr_t, addr, size_t, len)
{
	return mm_munmap(current_process()->mm, addr, len);
}

SYSCALL3(mprotect, vaddr_t, addr, size_t, len, int, prot)
{
	struct process *p = current_process();

	return mm_mprotect(p->mm, addr, len, with_implied(p, prot));
}

SYSCALL3(madvise, vaddr_t, addr, size_t, len, int, advice)
{
	return mm_madvise(current_process()->mm, addr, len, advice);
}

SYSCALL5(mremap, vaddr_t, addr, size_t, old_len, size_t, new_len, unsigned long, flags,
	 vaddr_t, new_addr)
{
	if (flags & ~0xfful)
		return -EINVAL;
	return mm_mremap(current_process()->mm, addr, old_len, new_len, (unsigned)flags, new_addr);
}

SYSCALL5(remap_file_pages, vaddr_t, addr, size_t, len, int, prot, uint64_t, pgoff, int, flags)
{
	return prot ? -EINVAL : mm_remap_file_pages(current_process()->mm, addr, len, pgoff, flags);
}

SYSCALL1(brk, vaddr_t, brk)
{
	return (long)mm_brk(current_process()->mm, brk);
}

SYSCALL3(msync, vaddr_t, addr, size_t, len, int, flags)
{
	return mm_msync(current_process()->mm, addr, len, flags);
}

/* ---- locked memory ---- */

SYSCALL2(mlock, vaddr_t, addr, size_t, len)
{
	return mm_mlock(current_process()->mm, addr, len, false);
}

SYSCALL3(mlock2, vaddr_t, addr, size_t, len, int, flags)
{
	if (flags & ~MLOCK_ONFAULT)
		return -EINVAL;
	return mm_mlock(current_process()->mm, addr, len, flags & MLOCK_ONFAULT);
}

SYSCALL2(munlock, vaddr_t, addr, size_t, len)
{
	return mm_munlock(current_process()->mm, addr, len);
}

SYSCALL1(mlockall, int, flags)
{
	return mm_mlockall(current_process()->mm, (unsigned)flags);
}

SYSCALL0(munlockall)
{
	mm_munlockall(current_process()->mm);
	return 0;
}

/* ---- mincore ---- */

#define MINCORE_PIECE	256u

static long put_mincore(struct mm *mm, vaddr_t addr, size_t pages, uint8_t __user *vec)
{
	uint8_t piece[MINCORE_PIECE];

	while (pages) {
		long n = mm_mincore(mm, addr, MIN(pages, (size_t)MINCORE_PIECE), piece);

		if (n < 0)
			return n;
		if (copy_to_user(vec, piece, (size_t)n))
			return -EFAULT;
		addr += (size_t)n << PAGE_SHIFT;
		vec += n;
		pages -= (size_t)n;
		resched_point();
	}
	return 0;
}

SYSCALL3(mincore, vaddr_t, addr, size_t, len, uint8_t __user *, vec)
{
	if (addr & (PAGE_SIZE - 1))
		return -EINVAL;
	if (addr > USER_END_4 || len > USER_END_4 - addr)
		return -ENOMEM;
	return put_mincore(current_process()->mm, addr, ALIGN_UP(len, PAGE_SIZE) >> PAGE_SHIFT, vec);
}
