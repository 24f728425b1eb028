/*
 * Directories as open files: getdents64(2). The position is the number of the
 * last name shown: "." is 1, ".." is 2, and the names follow with their
 * sequence number + 2.
 */
#include <kernel/fs/file.h>
#include <arch/uaccess.h>
#include <lib/string.h>
#include <linux/errno.h>

#define DOTS	2u

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
};

/* 0, 1: no room, -EFAULT. */
static int list_name(struct listing *l, const char *name, const struct node *n, uint64_t off)
{
	size_t head = offsetof(struct linux_dirent64, d_name), len = strlen(name) + 1;
	size_t reclen = ALIGN_UP(head + len, 8);
	struct linux_dirent64 d = {
		.d_ino = n->ino,
		.d_off = (int64_t)off,
		.d_reclen = (uint16_t)reclen,
		.d_type = (uint8_t)((n->mode & S_IFMT) >> 12),
	};

	if (reclen > l->left)
		return 1;
	if (copy_to_user(l->at, &d, head) || copy_to_user(l->at + head, name, len) ||
	    clear_user(l->at + head + len, reclen - head - len))
		return -EFAULT;
	l->at += reclen;
	l->left -= reclen;
	return 0;
}

static int list_dots(struct file *f, struct listing *l)
{
	struct node *dir = f->node;
	int full = 0;

	while (f->pos < DOTS && !full) {
		full = f->pos ? list_name(l, "..", dir->dir.parent, DOTS) : list_name(l, ".", dir, 1);
		if (!full)
			f->pos++;
	}
	return full;
}

static int list_names(struct file *f, struct listing *l)
{
	struct dirent *d = dir_next(f->node, f->pos - DOTS);
	int full = 0;

	for (; d && !full; d = TAILQ_NEXT(d, by_seq)) {
		full = list_name(l, d->name, d->node, d->seq + DOTS);
		if (!full)
			f->pos = d->seq + DOTS;
	}
	return full;
}

static ssize_t dir_getdents(struct file *f, void __user *buf, size_t n)
{
	struct listing l = { .at = buf, .left = n };
	int full;

	mutex_lock(&f->lock);
	full = list_dots(f, &l);
	if (!full)
		full = list_names(f, &l);
	mutex_unlock(&f->lock);
	if (l.left < n)
		return (ssize_t)(n - l.left);
	return full == 1 ? -EINVAL : full;
}

const struct file_ops dir_file_ops = { .getdents = dir_getdents };
