/* Permissions and owners; see perm.h. */
#include <kernel/fs/perm.h>
#include <kernel/fs/fs.h>
#include <linux/errno.h>

#define ID_KEEP		UINT32_MAX

static bool is_root(const struct cred *c)
{
	return c->fsuid == 0 && !c->dropped;
}

int node_may_as(const struct cred *c, const struct node *n, unsigned what)
{
	uint32_t mode = n->mode;

	if (what & MAY_WRITE && (node_is_reg(n) || node_is_dir(n)) && fs_may_change(n))
		return -EROFS;
	if (is_root(c))		/* all but to execute what nobody may */
		return what & MAY_EXEC && !node_is_dir(n) && !(mode & 0111) ? -EACCES : 0;
	if (c->fsuid == n->uid)
		mode >>= 6;
	else if (cred_in_group(c, n->gid))
		mode >>= 3;
	return what & ~mode & 7 ? -EACCES : 0;
}

int node_may(const struct node *n, unsigned what)
{
	return node_may_as(cred_current(), n, what);
}

bool node_is_own(const struct node *n)
{
	const struct cred *c = cred_current();

	return is_root(c) || c->fsuid == n->uid;
}

bool node_may_remove(const struct node *dir, const struct node *n)
{
	return !(dir->mode & S_ISVTX) || node_is_own(n) || node_is_own(dir);
}

void node_set_new(struct node *n, const struct node *dir, uint32_t mode)
{
	const struct cred *c = cred_current();

	n->mode = (n->mode & S_IFMT) | (mode & 07777);
	n->uid = c->fsuid;
	n->gid = c->fsgid;
	if (!(dir->mode & S_ISGID))
		return;
	n->gid = dir->gid;
	if (node_is_dir(n))
		n->mode |= S_ISGID;
	else if ((mode & (S_ISGID | 010)) == (S_ISGID | 010) && !is_root(c) && !cred_in_group(c, n->gid))
		n->mode &= ~(uint32_t)S_ISGID;
}

int node_chmod(struct node *n, uint32_t mode)
{
	const struct cred *c = cred_current();

	if (fs_may_change(n))
		return -EROFS;
	if (!node_is_own(n))
		return -EPERM;
	if (!is_root(c) && !cred_in_group(c, n->gid))
		mode &= ~(uint32_t)S_ISGID;
	spin_lock(&tree_lock);
	n->mode = (n->mode & S_IFMT) | (mode & 07777);
	spin_unlock(&tree_lock);
	node_touch(n, NODE_CTIME);
	return 0;
}

/* Without set-user-ID, and set-group-ID where that is not a mark for locking. tree_lock held. */
static void drop_set_ids(struct node *n)
{
	n->mode &= ~(uint32_t)S_ISUID;
	if (n->mode & 010)
		n->mode &= ~(uint32_t)S_ISGID;
}

int node_chown(struct node *n, uint32_t uid, uint32_t gid)
{
	const struct cred *c = cred_current();
	bool new_owner = uid != ID_KEEP && (c->fsuid != n->uid || uid != n->uid);
	bool new_group = gid != ID_KEEP && (c->fsuid != n->uid || (gid != n->gid && !cred_in_group(c, gid)));

	if (fs_may_change(n))
		return -EROFS;
	if (!is_root(c) && (new_owner || new_group))
		return -EPERM;
	spin_lock(&tree_lock);
	if (uid != ID_KEEP)
		n->uid = uid;
	if (gid != ID_KEEP)
		n->gid = gid;
	if (!node_is_dir(n))
		drop_set_ids(n);
	spin_unlock(&tree_lock);
	node_touch(n, NODE_CTIME);
	return 0;
}

void node_written(struct node *n)
{
	node_changed(n);
	if (!(n->mode & (S_ISUID | S_ISGID)) || is_root(cred_current()))
		return;
	spin_lock(&tree_lock);
	drop_set_ids(n);
	spin_unlock(&tree_lock);
}

int node_set_times(struct node *n, int64_t atime, int64_t mtime)
{
	if (atime == NODE_TIME_KEEP && mtime == NODE_TIME_KEEP)
		return 0;
	if (fs_may_change(n))
		return -EROFS;
	if (!node_is_own(n)) {
		if (atime != NODE_TIME_NOW || mtime != NODE_TIME_NOW)
			return -EPERM;
		if (node_may(n, MAY_WRITE))
			return -EACCES;
	}
	node_touch(n, NODE_CTIME | (atime == NODE_TIME_NOW ? NODE_ATIME : 0) |
		   (mtime == NODE_TIME_NOW ? NODE_MTIME : 0));
	if (atime > NODE_TIME_KEEP)
		WRITE_ONCE(n->atime, atime);
	if (mtime > NODE_TIME_KEEP)
		WRITE_ONCE(n->mtime, mtime);
	return 0;
}
