/* swapon(2), swapoff(2). */
#include <kernel/dev/block.h>
#include <kernel/fs/file.h>
#include <kernel/proc/cred.h>
#include <kernel/sys/syscall.h>
#include <linux/fcntl.h>

/* Of swapon(2); discarding is advice that no device here can follow. */
#define SWAP_FLAG_PRIO_MASK	0x7fff
#define SWAP_FLAG_PREFER	0x8000
#define SWAP_FLAG_DISCARD	0x10000
#define SWAP_FLAG_DISCARD_ONCE	0x20000
#define SWAP_FLAG_DISCARD_PAGES	0x40000
#define SWAP_FLAGS_VALID	(SWAP_FLAG_PRIO_MASK | SWAP_FLAG_PREFER | SWAP_FLAG_DISCARD | \
				 SWAP_FLAG_DISCARD_ONCE | SWAP_FLAG_DISCARD_PAGES)

/* The device that path is the file of, where it could be opened for reading and writing. */
static int device_at(const char __user *path, struct block_dev **b)
{
	struct node *n;
	struct file *f;
	int err = user_path(AT_FDCWD, path, 0, &n);

	if (err)
		return err;
	err = file_open_node(n, O_RDWR | O_LARGEFILE, &f);
	if (!err) {
		*b = block_of_node(n);
		err = *b ? 0 : -EINVAL;
		file_put(f);
	}
	node_put(n);
	return err;
}

SYSCALL2(swapon, const char __user *, path, unsigned, flags)
{
	int priority = flags & SWAP_FLAG_PREFER ? (int)(flags & SWAP_FLAG_PRIO_MASK) : -1;
	struct block_dev *b;
	int err;

	if (flags & ~SWAP_FLAGS_VALID)
		return -EINVAL;
	if (!cred_is_privileged(cred_current()))
		return -EPERM;
	err = device_at(path, &b);
	return err ? err : swap_on(&b->store, priority);
}

SYSCALL1(swapoff, const char __user *, path)
{
	struct block_dev *b;
	int err = cred_is_privileged(cred_current()) ? device_at(path, &b) : -EPERM;

	return err ? err : swap_off(&b->store);
}
