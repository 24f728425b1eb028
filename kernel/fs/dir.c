/*
 * Directories as open files: getdents64(2). The position is the number of the
 * last name shown: "." is 1, ".." is 2, the names of the list follow with
 * their sequence number + 2, and those that are made when looked for with
 * their place + MADE.
 */
#include <kernel/fs/file.h>
#include <arch/uaccess.h>
#include <lib/string.h>
#include <linux/errno.h>

#define DOTS	2u
#define MADE	(1ul << 40)

/* As Linux gives it: not in a UAPI header. */
struct linux_dirent64 {
	uint64_t d_ino;
	int64_t d_off;
	uint16_t d_reclen;
	uint8_t d_type;
	char d_name[];
};

struct listing {
	uint8_t __user *at;
	size_t left;
	uint64_t pos;
};

/* 0, 1: no room, -EFAULT. The name is at position off. */
static int list_name(struct listing *l, const char *name, uint32_t mode, uint64_t ino, uint64_t off)
{
	size_t head = offsetof(struct linux_dirent64, d_name), len = strlen(name) + 1;
	size_t reclen = ALIGN_UP(head + len, 8);
	struct linux_dirent64 d = {
		.d_ino = ino,
		.d_off = (int64_t)off,
		.d_reclen = (uint16_t)reclen,
		.d_type = (uint8_t)((mode & S_IFMT) >> 12),
	};

	if (reclen > l->left)
		return 1;
	if (copy_to_user(l->at, &d, head) || copy_to_user(l->at + head, name, len) ||
	    clear_user(l->at + head + len, reclen - head - len))
		return -EFAULT;
	l->at += reclen;
	l->left -= reclen;
	l->pos = off;
	return 0;
}

static int list_dots(struct node *dir, struct listing *l)
{
	int full = 0;

	while (l->pos < DOTS && !full) {
		const struct node *n = l->pos ? dir->dir.parent : dir;

		full = list_name(l, l->pos ? ".." : ".", S_IFDIR, n->ino, l->pos + 1);
	}
	return full;
}

static int list_names(struct node *dir, struct listing *l)
{
	struct dirent *d = dir_next(dir, l->pos - DOTS);
	int full = 0;

	for (; d && !full; d = TAILQ_NEXT(d, by_seq))
		full = list_name(l, d->name, d->node->mode, d->node->ino, d->seq + DOTS);
	return full;
}

static int list_made(struct node *dir, struct listing *l)
{
	uint64_t place = l->pos < MADE ? 0 : l->pos - MADE;
	struct made_name m;
	int full = 0;

	while (!full && dir->ops->next(dir, &place, &m))
		full = list_name(l, m.name, m.mode, m.ino, place + MADE);
	return full;
}

static int list_all(struct node *dir, struct listing *l)
{
	int full = list_dots(dir, l);

	if (!full && l->pos < MADE)
		full = list_names(dir, l);
	if (!full && dir->ops && dir->ops->next)
		full = list_made(dir, l);
	return full;
}

/* The lock keeps two listings by one open file apart. */
static ssize_t dir_getdents(struct file *f, void __user *buf, size_t n)
{
	struct listing l = { .at = buf, .left = n };
	int full;

	mutex_lock(&f->lock);
	l.pos = f->pos;
	full = list_all(f->node, &l);
	f->pos = l.pos;
	mutex_unlock(&f->lock);
	if (l.left < n)
		return (ssize_t)(n - l.left);
	return full == 1 ? -EINVAL : full;
}

const struct file_ops dir_file_ops = { .getdents = dir_getdents };
