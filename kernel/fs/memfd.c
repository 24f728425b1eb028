/*
 * memfd: a file in memory that has no name in the tree. Its content is a
 * memory object; open files and mappings keep it.
 *
 * The seals are the object's, because it is the object that refuses: see
 * object_write, object_truncate, object_pin_writer.
 */
#include <kernel/fs/memfd.h>
#include <kernel/fs/regular.h>
#include <lib/format.h>
#include <lib/string.h>
#include <linux/errno.h>
#include <linux/fcntl.h>
#include <mm/alloc/slab.h>

#define SEALS_ALL (OBJECT_SEAL_SEAL | OBJECT_SEAL_SHRINK | OBJECT_SEAL_GROW | OBJECT_SEAL_WRITE | \
		   OBJECT_SEAL_FUTURE_WRITE | OBJECT_SEAL_EXEC)

_Static_assert(OBJECT_SEAL_SEAL == F_SEAL_SEAL && OBJECT_SEAL_SHRINK == F_SEAL_SHRINK &&
	       OBJECT_SEAL_GROW == F_SEAL_GROW && OBJECT_SEAL_WRITE == F_SEAL_WRITE &&
	       OBJECT_SEAL_FUTURE_WRITE == F_SEAL_FUTURE_WRITE, "the object's seals are Linux's");

static ssize_t memfd_path(struct node *n, char *buf, size_t size)
{
	return snprintf(buf, size, "/memfd:%s (deleted)", (const char *)n->about);
}

static void memfd_release(struct node *n)
{
	kfree(n->about);
}

static const struct node_ops memfd_node_ops = { .path = memfd_path, .release = memfd_release };

int memfd_create(const char *name, bool exec, unsigned seals, struct hugepool *pool, struct file **out)
{
	size_t len = strlen(name);
	uint32_t mode = exec ? 0777 : 0666;
	struct node *n = pool ? node_create_huge(mode, pool) : node_create_memory(mode, NULL);
	char *copy;
	int err;

	if (!n)
		return -ENOMEM;
	copy = kmalloc(len + 1);
	if (!copy) {
		node_put(n);
		return -ENOMEM;
	}
	memcpy(copy, name, len + 1);
	n->about = copy;
	n->ops = &memfd_node_ops;
	node_object(n)->seals = seals;
	err = file_open(n, pool ? &huge_file_ops : &regular_file_ops, O_RDWR | O_LARGEFILE, out);
	node_put(n);
	if (!err)
		regular_is_no_writer(*out);
	return err;
}

static struct object *memfd_object(struct file *f)
{
	return f->node->ops == &memfd_node_ops ? node_object(f->node) : NULL;
}

long memfd_add_seals(struct file *f, unsigned seals)
{
	struct object *o = memfd_object(f);

	if (!file_can_write(f))
		return -EPERM;
	if (seals & ~SEALS_ALL || !o)
		return -EINVAL;
	if (seals & OBJECT_SEAL_EXEC && f->node->mode & 0111)
		seals |= OBJECT_SEAL_SHRINK | OBJECT_SEAL_GROW | OBJECT_SEAL_WRITE |
			 OBJECT_SEAL_FUTURE_WRITE;
	return object_seal(o, seals);
}

long memfd_get_seals(struct file *f)
{
	struct object *o = memfd_object(f);

	return o ? (long)o->seals : -EINVAL;
}
