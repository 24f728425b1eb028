/* The names of directories; see names.h. */
#define __unused	__attribute__((unused))

#include <kernel/fs/names.h>
#include <kernel/fs/fs.h>
#include <lib/assert.h>
#include <lib/string.h>
#include <linux/errno.h>
#include <mm/alloc/slab.h>

struct spinlock tree_lock = SPINLOCK_INIT(RANK_TREE);

static int name_cmp(const char *a, size_t alen, const char *b, size_t blen)
{
	int c = memcmp(a, b, MIN(alen, blen));

	return c ? c : alen < blen ? -1 : alen > blen;
}

static int dirent_cmp(const struct dirent *a, const struct dirent *b)
{
	return name_cmp(a->name, a->len, b->name, b->len);
}

static int seq_cmp(const struct dirent *a, const struct dirent *b)
{
	return a->seq < b->seq ? -1 : a->seq > b->seq;
}

RB_GENERATE_STATIC(names_by_name, dirent, by_name, dirent_cmp)
RB_GENERATE_STATIC(names_by_seq, dirent, by_seq, seq_cmp)

struct dirent *name_create(const char *name, size_t len)
{
	struct dirent *d = kzalloc(sizeof(*d) + len + 1);

	if (!d)
		return NULL;
	memcpy(d->name, name, len);
	d->len = (uint16_t)len;
	return d;
}

bool name_make(struct node *n, struct node *dir, const char *name, size_t len)
{
	struct dirent *d = name_create(name, len);

	if (!d)
		return false;
	node_get(dir);
	d->dir = dir;
	d->node = n;
	d->keeps_dir = true;
	n->name = d;
	fs_adopt(dir->fs, n);
	if (node_is_dir(n))
		n->dir.parent = dir;
	else
		n->nlink = 1;
	return true;
}

void name_free(struct dirent *d)
{
	if (d && d->keeps_dir)
		node_put(d->dir);
	kfree(d);
}

struct dirent *name_find(struct node *dir, const char *name, size_t len)
{
	struct dirent *d = RB_ROOT(&dir->dir.names.by_name);

	while (d) {
		int c = name_cmp(name, len, d->name, d->len);

		if (!c)
			return d;
		d = c < 0 ? RB_LEFT(d, by_name) : RB_RIGHT(d, by_name);
	}
	return NULL;
}

struct dirent *name_next(struct node *dir, uint64_t seq)
{
	struct dirent *d = RB_ROOT(&dir->dir.names.by_seq), *best = NULL;

	while (d) {
		if (d->seq > seq) {
			best = d;
			d = RB_LEFT(d, by_seq);
		} else {
			d = RB_RIGHT(d, by_seq);
		}
	}
	return best;
}

/* d into and out of the index of its directory, and what the directory counts of its node. */
static void index_add(struct node *dir, struct dirent *d)
{
	struct names *names = &dir->dir.names;

	d->dir = dir;
	d->seq = ++names->last_seq;
	RB_INSERT(names_by_name, &names->by_name, d);
	RB_INSERT(names_by_seq, &names->by_seq, d);
	names->n++;
	if (dir->fs)
		dir->fs->names++;
}

static void index_remove(struct dirent *d)
{
	struct names *names = &d->dir->dir.names;

	RB_REMOVE(names_by_name, &names->by_name, d);
	RB_REMOVE(names_by_seq, &names->by_seq, d);
	names->n--;
	if (d->dir->fs)
		d->dir->fs->names--;
}

static void count_link(struct node *dir, struct node *n, int by)
{
	struct node *counts = node_is_dir(n) ? dir : n;

	counts->nlink += (uint32_t)by;
}

void name_insert(struct node *dir, struct dirent *d, struct node *n, struct dirent **old)
{
	index_add(dir, d);
	d->node = n;
	node_get(n);
	count_link(dir, n, 1);
	*old = n->name && n->name->gone ? n->name : NULL;
	n->name = d;
	if (!n->fs)
		fs_adopt(dir->fs, n);
	if (node_is_dir(n))
		n->dir.parent = dir;
}

void name_remove(struct dirent *d, struct dirent **left)
{
	index_remove(d);
	count_link(d->dir, d->node, -1);
	d->gone = true;
	*left = d;
	if (d->node->name != d)
		return;
	*left = NULL;
	d->keeps_dir = true;
	node_get(d->dir);
}

static void lead_to(struct dirent *d, struct node *n, bool is_its_name)
{
	d->node = n;
	count_link(d->dir, n, 1);
	if (is_its_name)
		n->name = d;
	if (node_is_dir(n))
		n->dir.parent = d->dir;
}

void name_exchange(struct dirent *a, struct dirent *b)
{
	struct node *n = a->node, *m = b->node;
	bool n_is_a = n->name == a, m_is_b = m->name == b;

	count_link(a->dir, n, -1);
	count_link(b->dir, m, -1);
	lead_to(a, m, m_is_b);
	lead_to(b, n, n_is_a);
}

bool node_is_below(const struct node *n, const struct node *top)
{
	while (n != top && n != n->dir.parent)
		n = n->dir.parent;
	return n == top;
}

struct dirent *names_drop_first(struct node *dir)
{
	struct dirent *d = RB_MIN(names_by_seq, &dir->dir.names.by_seq);

	index_remove(d);
	count_link(dir, d->node, -1);
	if (d->node->name == d)
		d->node->name = NULL;
	return d;
}

/* ---- at boot, and by kernel code ---- */

struct node *dir_lookup(struct node *dir, const char *name, size_t len)
{
	struct dirent *d;
	struct node *n;

	spin_lock(&tree_lock);
	d = name_find(dir, name, len);
	n = d ? d->node : NULL;
	spin_unlock(&tree_lock);
	return n;
}

int dir_find(struct node *dir, const char *name, size_t len, struct node **out)
{
	struct dirent *d;
	int err = 0;

	spin_lock(&tree_lock);
	d = name_find(dir, name, len);
	*out = d ? d->node : NULL;
	if (d)
		node_get(d->node);
	spin_unlock(&tree_lock);
	if (!d && dir->ops && dir->ops->lookup)
		*out = dir->ops->lookup(dir, name, len, &err);
	return *out ? 0 : err ? err : -ENOENT;
}

int dir_add(struct node *dir, const char *name, size_t len, struct node *node, bool replace)
{
	struct dirent *d = name_create(name, len), *there, *left = NULL, *old = NULL;
	struct node *replaced = NULL;
	int err = 0;

	if (!d)
		return -ENOMEM;
	spin_lock(&tree_lock);
	there = name_find(dir, name, len);
	if (there && (!replace || node_is_dir(there->node) || node_is_dir(node)))
		err = -EEXIST;
	if (there && !err) {
		replaced = there->node;
		name_remove(there, &left);
	}
	if (!err)
		name_insert(dir, d, node, &old);
	spin_unlock(&tree_lock);
	if (err)
		kfree(d);
	name_free(left);
	name_free(old);
	node_put(replaced);
	return err;
}
