/* Names made and taken away; see change.h. Renaming: rename.c. */
#include <kernel/fs/change.h>
#include <kernel/fs/changes.h>
#include <kernel/fs/fs.h>
#include <linux/errno.h>
#include <mm/alloc/slab.h>

#define LINKS_MAX	65000u

struct node *fs_new_node(const struct node *dir, uint32_t mode, uint64_t rdev)
{
	struct node *n = S_ISREG(mode) ? node_create_memory(mode, dir->fs) : node_create(mode & S_IFMT);

	if (!n)
		return NULL;
	node_set_new(n, dir, mode);
	n->rdev = rdev;
	return n;
}

int change_may_create(const struct node *dir)
{
	if (dir->dir.gone)
		return -ENOENT;
	if (dir->fs->type->fixed)
		return -EPERM;
	return node_may(dir, MAY_WRITE | MAY_EXEC);
}

int change_may_remove(const struct node *dir, const struct node *n)
{
	int err = dir->fs->type->fixed ? -EPERM : node_may(dir, MAY_WRITE | MAY_EXEC);

	if (err)
		return err;
	return node_may_remove(dir, n) ? 0 : -EPERM;
}

/* Is n where another file system begins? */
bool change_is_fs_root(const struct node *n, const struct node *dir)
{
	return n->fs != dir->fs;
}

/* The name at e can be given to n. tree_lock held. */
static int check_new(const struct path_end *e, const struct node *n)
{
	int err;

	if (name_find(e->dir, e->name, e->len))
		return -EEXIST;
	if (e->slash && !node_is_dir(n))
		return -ENOENT;
	err = change_may_create(e->dir);
	if (err)
		return err;
	return e->dir->fs->names >= e->dir->fs->max_names ? -ENOSPC : 0;
}

static int insert_checked(const struct path_end *e, struct node *n, int (*check)(const struct path_end *e,
										 const struct node *n))
{
	struct dirent *d, *old = NULL;
	int err;

	if (e->last != PATH_NAME)
		return -EEXIST;
	d = name_create(e->name, e->len);
	if (!d)
		return -ENOMEM;
	spin_lock(&tree_lock);
	err = check(e, n);
	if (!err)
		name_insert(e->dir, d, n, &old);
	spin_unlock(&tree_lock);
	if (err) {
		kfree(d);
		return err;
	}
	name_free(old);
	node_changed(e->dir);
	return 0;
}

int fs_make(const struct path_end *e, struct node *n)
{
	return insert_checked(e, n, check_new);
}

static int check_link(const struct path_end *e, const struct node *n)
{
	int err = check_new(e, n);

	if (err == -EEXIST || err == -ENOENT || err == -EROFS)
		return err;
	if (n->fs != e->dir->fs)
		return -EXDEV;
	if (err)
		return err;
	if (node_is_dir(n))
		return -EPERM;
	if (!n->nlink && n->name)	/* its last name is gone; one that never had any may get one */
		return -ENOENT;
	return n->nlink >= LINKS_MAX ? -EMLINK : 0;
}

int fs_link(const struct path_end *e, struct node *n)
{
	int err = insert_checked(e, n, check_link);

	if (!err)
		node_touch(n, NODE_CTIME);
	return err;
}

static int check_unlink(const struct path_end *e, const struct node *n)
{
	int err;

	if (e->slash)
		return node_is_dir(n) ? -EISDIR : -ENOTDIR;
	err = change_may_remove(e->dir, n);
	if (err)
		return err;
	return node_is_dir(n) ? -EISDIR : 0;
}

static int check_rmdir(const struct path_end *e, const struct node *n)
{
	int err = change_may_remove(e->dir, n);

	if (err)
		return err;
	if (!node_is_dir(n))
		return -ENOTDIR;
	if (change_is_fs_root(n, e->dir))
		return -EBUSY;
	return n->dir.names.n ? -ENOTEMPTY : 0;
}

void change_take_away(struct dirent *d, struct dirent **left)
{
	struct node *n = d->node;

	name_remove(d, left);
	if (!node_is_dir(n))
		return;
	n->nlink = 0;
	n->dir.gone = true;
}

static int remove_checked(const struct path_end *e, int (*check)(const struct path_end *e, const struct node *n))
{
	struct dirent *d, *left = NULL;
	struct node *n = NULL;
	int err;

	spin_lock(&tree_lock);
	d = name_find(e->dir, e->name, e->len);
	err = fs_may_change(e->dir);
	if (!err)
		err = d ? check(e, d->node) : e->dir->fs->type->fixed ? -EPERM : -ENOENT;
	if (!err) {
		n = d->node;
		change_take_away(d, &left);
	}
	spin_unlock(&tree_lock);
	if (err)
		return err;
	name_free(left);
	node_changed(e->dir);
	node_touch(n, NODE_CTIME);
	node_put(n);
	return 0;
}

int fs_unlink(const struct path_end *e)
{
	return e->last == PATH_NAME ? remove_checked(e, check_unlink) : -EISDIR;
}

int fs_rmdir(const struct path_end *e)
{
	switch (e->last) {
	case PATH_HERE:	return -EBUSY;
	case PATH_DOT:	return -EINVAL;
	case PATH_DOTS:	return -ENOTEMPTY;
	default:	return remove_checked(e, check_rmdir);
	}
}
