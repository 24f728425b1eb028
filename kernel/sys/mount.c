/*
 * mount(2), umount2(2). Linux's tmpfs, proc, sysfs and devtmpfs; no MS_BIND and no MS_MOVE, since
 * a directory has one name. What MS_PRIVATE asks for is so anyway: there is one tree of mounts, and nobody to share it with.
 */
#include <kernel/fs/fs.h>
#include <kernel/proc/process.h>
#include <kernel/sys/syscall.h>
#include <lib/string.h>
#include <linux/fcntl.h>
#include <mm/alloc/slab.h>

/* umount2(2): in no UAPI header. */
#define MNT_FORCE		1
#define MNT_DETACH		2
#define MNT_EXPIRE		4
#define UMOUNT_NOFOLLOW		8

#define NOT_FOR_USERS	(1ul << 31)	/* MS_NOUSER, which the header shifts out of an int */
#define TEXT_MAX	PAGE_SIZE
#define ATIME_FLAGS	(MS_NOATIME | MS_NODIRATIME | MS_RELATIME | MS_STRICTATIME)
#define PROPAGATION	(MS_SHARED | MS_PRIVATE | MS_SLAVE | MS_UNBINDABLE)

/* What mount(2) is told in words; NULL where it is told nothing. */
struct words {
	char *source, *type, *data;
};

static void free_words(struct words *w)
{
	kfree(w->source);
	kfree(w->type);
	kfree(w->data);
}

/* *out NULL: the program gave none. 0, -EFAULT, -EINVAL (too long), -ENOMEM. */
static int copy_word(const char __user *from, char **out)
{
	ssize_t n;

	if (!from)
		return 0;
	*out = kmalloc(TEXT_MAX);
	if (!*out)
		return -ENOMEM;
	n = strncpy_from_user(*out, from, TEXT_MAX);
	return n == -ENAMETOOLONG ? -EINVAL : (int)MIN(n, 0);
}

static int copy_words(struct words *w, const char __user *source, const char __user *type, const void __user *data)
{
	int err = copy_word(type, &w->type);

	if (!err)
		err = copy_word(source, &w->source);
	return err ? err : copy_word(data, &w->data);
}

/* Of MS_*: what is kept, with Linux's default for times; of what is changed, its times stay where nothing is said. */
static unsigned kept_flags(const struct node *at, unsigned flags)
{
	if (flags & MS_REMOUNT && !(flags & ATIME_FLAGS) && at->fs)
		return (flags & FS_KEPT_FLAGS) | (READ_ONCE(at->fs->flags) & ATIME_FLAGS);
	if (!(flags & MS_NOATIME))
		flags |= MS_RELATIME;
	if (flags & MS_STRICTATIME)
		flags &= ~(unsigned)(MS_RELATIME | MS_NOATIME);
	return flags & FS_KEPT_FLAGS;
}

static int mount_as_told(const struct words *w, struct node *at, unsigned flags)
{
	unsigned kept = kept_flags(at, flags);

	if (!cred_is_privileged(cred_current()))
		return -EPERM;
	if (flags & MS_REMOUNT)
		return fs_remount(at, kept, flags & MS_BIND ? NULL : w->data);
	if (flags & PROPAGATION)
		return (flags & PROPAGATION) == MS_PRIVATE && fs_is_root(at) ? 0 : -EINVAL;
	if (flags & (MS_BIND | MS_MOVE) || !w->type)
		return -EINVAL;
	return fs_mount(w->type, w->source ? w->source : "none", at, kept, w->data);
}

SYSCALL5(mount, const char __user *, source, const char __user *, path, const char __user *, type, unsigned long, flags,
	 const void __user *, data)
{
	struct words w = { 0 };
	struct node *at;
	long r;

	if ((flags & MS_MGC_MSK) == MS_MGC_VAL)
		flags &= ~(unsigned long)MS_MGC_MSK;
	r = copy_words(&w, source, type, data);
	if (!r)
		r = user_path(AT_FDCWD, path, 0, &at);
	if (!r) {
		r = flags & NOT_FOR_USERS ? -EINVAL : mount_as_told(&w, at, (unsigned)flags);
		node_put(at);
	}
	free_words(&w);
	return r;
}

SYSCALL2(umount2, const char __user *, path, int, flags)
{
	struct node *n;
	long r;

	if (flags & ~(MNT_FORCE | MNT_DETACH | MNT_EXPIRE | UMOUNT_NOFOLLOW))
		return -EINVAL;
	r = user_path(AT_FDCWD, path, flags & UMOUNT_NOFOLLOW ? LOOKUP_NOFOLLOW : 0, &n);
	if (r)
		return r;
	if (!cred_is_privileged(cred_current()))
		r = -EPERM;
	else if (flags & MNT_EXPIRE || !fs_is_root(n))
		r = -EINVAL;
	else
		r = fs_unmount(n, flags & MNT_DETACH);
	node_put(n);
	return r;
}
