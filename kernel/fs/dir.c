/*
 * Directories as open files: getdents64(2). The position is the number of the
 * last name shown: "." is 1, ".." is 2, the names of the list follow with
 * their sequence number + 2, and those that are made when looked for with
 * their place + MADE. So it stays valid while names come and go: what was there all the time is
 * shown once. What comes after a listing began is not in it: it would never end for who makes a
 * name for each that he is shown.
 */
#include <kernel/fs/file.h>
#include <kernel/fs/names.h>
#include <arch/uaccess.h>
#include <lib/string.h>
#include <linux/errno.h>
#include <mm/alloc/slab.h>

#define DOTS	2u
#define MADE	(1ul << 40)
#define PIECE	4096ul		/* bytes that are put together at a time */

/* As Linux gives it: not in a UAPI header. */
struct linux_dirent64 {
	uint64_t d_ino;
	int64_t d_off;
	uint16_t d_reclen;
	uint8_t d_type;
	char d_name[];
};

struct listing {
	uint8_t *at;			/* in a buffer of the kernel's */
	size_t left;
	uint64_t pos;
	uint64_t last_seq;		/* names that came after the listing began are not shown */
};

/* The name is at position off. False: no room. */
static bool list_name(struct listing *l, const char *name, uint32_t mode, uint64_t ino, uint64_t off)
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
		return false;
	memset(l->at, 0, reclen);
	memcpy(l->at, &d, head);
	memcpy(l->at + head, name, len);
	l->at += reclen;
	l->left -= reclen;
	l->pos = off;
	return true;
}

/* tree_lock held. */
static bool list_dots(struct node *dir, struct listing *l)
{
	bool fits = true;

	while (l->pos < DOTS && fits) {
		const struct node *n = l->pos ? dir->dir.parent : dir;

		fits = list_name(l, l->pos ? ".." : ".", S_IFDIR, n->ino, l->pos + 1);
	}
	return fits;
}

/* tree_lock held. */
static bool list_names(struct node *dir, struct listing *l)
{
	struct dirent *d;
	bool fits = true;

	while (fits && (d = name_next(dir, l->pos - DOTS)) != NULL && d->seq <= l->last_seq)
		fits = list_name(l, d->name, d->node->mode, d->node->ino, d->seq + DOTS);
	return fits;
}

static bool list_made(struct node *dir, struct listing *l)
{
	uint64_t place = l->pos < MADE ? 0 : l->pos - MADE;
	struct made_name m;
	bool fits = true;

	while (fits && dir->ops->next(dir, &place, &m))
		fits = list_name(l, m.name, m.mode, m.ino, place + MADE);
	return fits;
}

/* All that fits; false: there is more. */
static bool list_all(struct node *dir, struct listing *l)
{
	bool fits;

	spin_lock(&tree_lock);
	if (!l->pos || !l->last_seq)
		l->last_seq = dir->dir.names.last_seq;
	fits = list_dots(dir, l);
	if (fits && l->pos < MADE)
		fits = list_names(dir, l);
	spin_unlock(&tree_lock);
	if (fits && dir->ops && dir->ops->next)
		fits = list_made(dir, l);
	return fits;
}

/* By pieces of the size of piece; f->lock held. Bytes, or -EFAULT; -EINVAL: no room for a name. */
static ssize_t list_pieces(struct file *f, uint8_t __user *to, size_t n, uint8_t *piece)
{
	size_t done = 0, bytes;
	bool all;

	do {
		struct listing l = {
			.at = piece, .left = MIN(n - done, PIECE), .pos = f->pos,
			.last_seq = (uintptr_t)f->data,
		};

		all = list_all(f->node, &l);
		bytes = (size_t)(l.at - piece);
		if (copy_to_user(to + done, piece, bytes))
			return done ? (ssize_t)done : -EFAULT;
		done += bytes;
		f->pos = l.pos;
		f->data = (void *)(uintptr_t)l.last_seq;
		resched_point();
	} while (!all && bytes);
	return done || all ? (ssize_t)done : -EINVAL;
}

/* The lock keeps two listings by one open file apart. */
static ssize_t dir_getdents(struct file *f, void __user *buf, size_t n)
{
	uint8_t *piece = kmalloc(PIECE);
	ssize_t r;

	if (!piece)
		return -ENOMEM;
	if (f->node->dir.gone) {
		kfree(piece);
		return -ENOENT;
	}
	mutex_lock(&f->lock);
	r = list_pieces(f, buf, n, piece);
	mutex_unlock(&f->lock);
	kfree(piece);
	node_was_read(f->node);
	return r;
}

const struct file_ops dir_file_ops = { .getdents = dir_getdents };
