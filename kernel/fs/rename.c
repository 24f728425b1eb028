/*
 * rename(2): a name moves, over another one if there is one, or two names change
 * what they lead to. One step under tree_lock: nobody sees both names, or none.
 *
 * Moving a directory below itself would cut a ring out of the tree: the parents of
 * where it is to go are looked at first, all the way up.
 */
#include <kernel/fs/change.h>
#include <kernel/fs/changes.h>
#include <kernel/fs/fs.h>
#include <linux/errno.h>
#include <linux/fs.h>
#include <mm/alloc/slab.h>

struct rename {
	const struct path_end *from, *to;
	struct dirent *old, *new;	/* new NULL: there is no such name */
	bool exchange;
};

/* A directory that moves to another one gets another "..": it must be writable itself. */
static int may_move(const struct node *n, const struct rename *r)
{
	if (!node_is_dir(n) || r->from->dir == r->to->dir)
		return 0;
	return node_may(n, MAY_WRITE);
}

/* Slashes behind names, rings, what is there already: before any permission. */
static int check_shape(const struct rename *r, unsigned flags)
{
	const struct node *n = r->old->node, *target = r->new ? r->new->node : NULL;

	if (target && flags & RENAME_NOREPLACE)
		return -EEXIST;
	if (!target && r->exchange)
		return -ENOENT;
	if (!node_is_dir(n) && (r->from->slash || (!r->exchange && r->to->slash)))
		return -ENOTDIR;
	if (r->exchange && !node_is_dir(target) && r->to->slash)
		return -ENOTDIR;
	if (node_is_dir(n) && node_is_below(r->to->dir, n))
		return -EINVAL;
	if (target && node_is_dir(target) && node_is_below(r->from->dir, target))
		return r->exchange ? -EINVAL : -ENOTEMPTY;
	return 0;
}

/* The name that is replaced, or made, or changed. */
static int check_target(const struct rename *r)
{
	const struct node *n = r->old->node, *dir = r->to->dir, *target;
	int err;

	if (!r->new)
		return change_may_create(dir);
	target = r->new->node;
	err = change_may_remove(dir, target);
	if (err)
		return err;
	if (r->exchange)
		return 0;
	if (node_is_dir(n) && !node_is_dir(target))
		return -ENOTDIR;
	return !node_is_dir(n) && node_is_dir(target) ? -EISDIR : 0;
}

/* 0, -errno; 1: nothing is to be done. */
static int check(const struct rename *r, unsigned flags)
{
	const struct node *n = r->old->node, *target = r->new ? r->new->node : NULL;
	int err = check_shape(r, flags);

	if (err)
		return err;
	if (n == target)
		return 1;
	err = change_may_remove(r->from->dir, n);
	if (!err)
		err = check_target(r);
	if (!err)
		err = may_move(n, r);
	if (!err && r->exchange)
		err = may_move(target, r);
	if (err)
		return err;
	if (change_is_fs_root(n, r->from->dir) || (target && change_is_fs_root(target, r->to->dir)))
		return -EBUSY;
	if (target && !r->exchange && node_is_dir(target) && target->dir.names.n)
		return -ENOTEMPTY;
	return 0;
}

/* What a move leaves over, for after the lock. */
struct leftover {
	struct dirent *name[3];
	struct node *node[2];
};

static void move(struct rename *r, struct dirent *fresh, struct leftover *o)
{
	struct node *n = r->old->node;

	if (r->new) {
		o->node[0] = r->new->node;
		change_take_away(r->new, &o->name[0]);
	}
	o->node[1] = n;
	name_remove(r->old, &o->name[1]);
	name_insert(r->to->dir, fresh, n, &o->name[2]);
}

static void forget(const struct leftover *o)
{
	for (unsigned i = 0; i < ARRAY_SIZE(o->name); i++)
		name_free(o->name[i]);
	for (unsigned i = 0; i < ARRAY_SIZE(o->node); i++)
		if (o->node[i])
			node_touch(o->node[i], NODE_CTIME);
	for (unsigned i = 0; i < ARRAY_SIZE(o->node); i++)
		node_put(o->node[i]);
}

/* As check. *fresh is used up by a move. */
static int rename_locked(struct rename *r, unsigned flags, struct dirent **fresh, struct leftover *o)
{
	int err;

	r->old = name_find(r->from->dir, r->from->name, r->from->len);
	r->new = name_find(r->to->dir, r->to->name, r->to->len);
	if (fs_may_change(r->from->dir))
		return -EROFS;
	if (!r->old)
		return r->from->dir->fs->type->fixed ? -EPERM : -ENOENT;
	err = check(r, flags);
	if (err)
		return err;
	if (r->exchange) {
		name_exchange(r->old, r->new);
		node_touch(r->old->node, NODE_CTIME);
		node_touch(r->new->node, NODE_CTIME);
	} else {
		move(r, *fresh, o);
		*fresh = NULL;
	}
	return 0;
}

static const struct fs *fs_of(const struct path_end *e)
{
	return e->dir ? e->dir->fs : e->node->fs;
}

int fs_rename(const struct path_end *from, const struct path_end *to, unsigned flags)
{
	struct rename r = { .from = from, .to = to, .exchange = flags & RENAME_EXCHANGE };
	struct leftover o = { 0 };
	struct dirent *fresh;
	int err;

	if (fs_of(from) != fs_of(to))
		return -EXDEV;
	if (from->last != PATH_NAME)
		return -EBUSY;
	if (to->last != PATH_NAME)
		return flags & RENAME_NOREPLACE ? -EEXIST : -EBUSY;
	fresh = name_create(to->name, to->len);
	if (!fresh)
		return -ENOMEM;
	spin_lock(&tree_lock);
	err = rename_locked(&r, flags, &fresh, &o);
	spin_unlock(&tree_lock);
	kfree(fresh);
	forget(&o);
	if (!err) {
		node_changed(from->dir);
		node_changed(to->dir);
	}
	return MIN(err, 0);
}
