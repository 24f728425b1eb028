/* Files that are in no directory; see anon.h. */
#include <kernel/fs/anon.h>
#include <lib/format.h>
#include <linux/errno.h>

static ssize_t anon_path(struct node *n, char *buf, size_t size)
{
	ssize_t len = snprintf(buf, size, "anon_inode:[%s]", (const char *)n->about);

	return (size_t)len < size ? len : -ENAMETOOLONG;
}

static const struct node_ops anon_ops = { .path = anon_path };

int anon_open(const char *name, const struct file_ops *ops, void *data, unsigned flags,
	      struct file **out)
{
	struct node *n = node_create(0600);
	int err;

	if (!n)
		return -ENOMEM;
	n->ops = &anon_ops;
	n->about = name;
	n->nlink = 1;
	err = file_open(n, ops, flags, out);
	node_put(n);
	if (!err)
		(*out)->data = data;
	return err;
}
