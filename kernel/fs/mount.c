/* What is mounted where; see fs.h. */
#include <kernel/fs/fs.h>
#include <kernel/fs/names.h>
#include <kernel/fs/path.h>
#include <kernel/fs/proc.h>
#include <kernel/fs/rootfs.h>
#include <kernel/proc/look.h>
#include <lib/assert.h>
#include <lib/string.h>
#include <linux/magic.h>
#include <mm/alloc/slab.h>
#include <mm/mm.h>

#define MINORS		256u		/* of st_dev: so many file systems there can be */
#define FIRST_MINOR	2u		/* 1: of what belongs to none */

const struct fs_type fs_types[] = {
	{ .name = "sysfs", .magic = SYSFS_MAGIC, .mode = 0555, .fixed = true, .single = true, .fill = sys_fill },
	{ .name = "tmpfs", .magic = TMPFS_MAGIC, .mode = 01777, .memory = true },
	{ .name = "proc", .magic = PROC_SUPER_MAGIC, .mode = 0555, .fixed = true, .fill = proc_fill },
	{ .name = "devtmpfs", .magic = TMPFS_MAGIC, .mode = 0755, .memory = true, .single = true,
	  .fill = rootfs_fill_devices },
	{ 0 },
};

struct fs_list fs_list = TAILQ_HEAD_INITIALIZER(fs_list);
struct mutex mount_lock;
static unsigned last_id;			/* mount_lock */
static uint64_t minors[MINORS / 64] = { (1ul << FIRST_MINOR) - 1 };	/* tree_lock: in use */

/* ---- their making and their end ---- */

static bool take_minor(uint32_t *minor)
{
	bool found = false;

	spin_lock(&tree_lock);
	for (unsigned i = 0; i < ARRAY_SIZE(minors) && !found; i++) {
		if (!~minors[i])
			continue;
		*minor = 64 * i + (unsigned)__builtin_ctzl(~minors[i]);
		minors[i] |= 1ul << *minor % 64;
		found = true;
	}
	spin_unlock(&tree_lock);
	return found;
}

static void give_minor(uint32_t minor)
{
	spin_lock(&tree_lock);
	minors[minor / 64] &= ~(1ul << minor % 64);
	spin_unlock(&tree_lock);
}

void fs_put(struct fs *fs)
{
	if (__atomic_sub_fetch(&fs->members, 1, __ATOMIC_ACQ_REL))
		return;
	give_minor(fs->minor);
	kfree(fs->source);
	kfree(fs);
}

static const struct fs_type *type_find(const char *name)
{
	for (const struct fs_type *t = fs_types; t->name; t++)
		if (!strcmp(t->name, name))
			return t;
	return NULL;
}

static int alloc_fs(const struct fs_type *type, const char *source, struct fs **out)
{
	size_t len = strlen(source) + 1;
	struct fs *fs = kzalloc(sizeof(*fs));
	char *copy = kmalloc(len);
	int err = -ENOMEM;

	if (fs && copy)
		err = take_minor(&fs->minor) ? 0 : -ENOSPC;
	if (err) {
		kfree(copy);
		kfree(fs);
		return err;
	}
	memcpy(copy, source, len);
	fs->source = copy;
	fs->type = type;
	fs->members = 1;
	*out = fs;
	return 0;
}

static int make_root(struct fs *fs, const struct fs_options *o)
{
	fs->root = node_create(S_IFDIR | o->mode);
	if (!fs->root)
		return -ENOMEM;
	fs_adopt(fs, fs->root);
	fs->names = 1;
	fs->mode = o->mode;
	fs->root->uid = fs->uid = o->uid;
	fs->root->gid = fs->gid = o->gid;
	return fs->type->fill ? fs->type->fill(fs->root) : 0;
}

/* One that is mounted nowhere, or no more. */
static void forget(struct fs *fs)
{
	node_put(fs->root);
	fs_put(fs);
}

/* Its own root is counted for the caller. */
static int create(const char *type_name, const char *source, unsigned flags, char *data, struct fs **out)
{
	const struct fs_type *type = type_find(type_name);
	struct fs_options o = { 0 };
	struct fs *fs;
	int err;

	if (!type)
		return -ENODEV;
	o.mode = type->mode;
	err = type->memory ? tmpfs_parse(data, &o) : data && *data ? -EINVAL : 0;
	if (!err)
		err = alloc_fs(type, source, &fs);
	if (err)
		return err;
	fs->flags = flags & FS_KEPT_FLAGS;
	if (type->memory)
		err = tmpfs_set(fs, &o);
	if (!err)
		err = make_root(fs, &o);
	if (err)
		forget(fs);
	else
		*out = fs;
	return err;
}

/* ---- in its place ---- */

/* tree_lock held. *d: the name that shall lead to fs. */
static int check_place(const struct fs *fs, const struct node *at, struct dirent **d)
{
	const struct node *there;

	if (!at->fs || !at->fs->mounted)
		return -EINVAL;
	if (!node_is_dir(at))
		return -ENOTDIR;
	*d = at->name;
	if (!*d)
		return -EBUSY;			/* / */
	if ((*d)->keeps_dir)
		return -ENOENT;			/* in no index: gone, or made when looked for */
	there = (*d)->node;
	return fs->type->single && there->fs->type == fs->type && fs_is_root(there) ? -EBUSY : 0;
}

/* From now on that name leads to fs; its reference of what it led to is the file system's. tree_lock held. */
static void attach(struct fs *fs, struct dirent *d)
{
	fs->at = d;
	fs->covered = d->node;
	d->node = fs->root;
	fs->root->name = d;
	fs->root->dir.parent = d->dir;
}

/* The other way round; forget. tree_lock held. */
static void detach(struct fs *fs)
{
	fs->at->node = fs->covered;
	fs->at = NULL;
	fs->covered = NULL;
	fs->root->name = NULL;
	fs->root->dir.parent = fs->root;
	fs->mounted = false;
}

static int put_at(struct fs *fs, struct node *at)
{
	struct dirent *d;
	int err = 0;

	mutex_lock(&mount_lock);
	spin_lock(&tree_lock);
	if (at)
		err = check_place(fs, at, &d);
	if (!err && at)
		attach(fs, d);
	fs->mounted = !err;
	spin_unlock(&tree_lock);
	if (!err) {
		fs->id = ++last_id;
		TAILQ_INSERT_TAIL(&fs_list, fs, link);
	}
	mutex_unlock(&mount_lock);
	return err;
}

int fs_mount(const char *type, const char *source, struct node *at, unsigned flags, char *data)
{
	struct fs *fs;
	int err = create(type, source, flags, data, &fs);

	if (err)
		return err;
	err = put_at(fs, at);
	if (err)
		forget(fs);
	else if (!at)
		fs_root = fs->root;
	return err;
}

/* ---- changed, and taken away ---- */

/* The file system that is mounted at n; mount_lock held. */
static struct fs *fs_at(const struct node *n)
{
	return fs_is_root(n) && n->fs->mounted ? n->fs : NULL;
}

static void set_flags(struct fs *fs, unsigned flags)
{
	spin_lock(&tree_lock);			/* who makes a name has looked under it */
	__atomic_store_n(&fs->flags, flags, __ATOMIC_SEQ_CST);
	spin_unlock(&tree_lock);
}

static int change(struct fs *fs, unsigned flags, const struct fs_options *o)
{
	unsigned before = fs->flags;
	int err;

	set_flags(fs, flags & FS_KEPT_FLAGS);
	if (flags & ~before & MS_RDONLY &&
	    (__atomic_load_n(&fs->nwriting, __ATOMIC_SEQ_CST) || objects_mapped(&fs->room, true)))
		err = -EBUSY;
	else
		err = fs->type->memory ? tmpfs_set(fs, o) : 0;
	if (err)
		set_flags(fs, before);
	return err;
}

int fs_remount(struct node *root, unsigned flags, char *data)
{
	struct fs_options o = { 0 };
	struct fs *fs;
	int err;

	mutex_lock(&mount_lock);
	fs = fs_at(root);
	err = !fs ? -EINVAL : fs->type->memory ? tmpfs_parse(data, &o) : 0;
	if (!err)
		err = change(fs, flags, &o);
	mutex_unlock(&mount_lock);
	return err;
}

int fs_opened(struct fs *fs, bool writes)
{
	if (!fs)
		return 0;
	__atomic_fetch_add(&fs->nopen, 1, __ATOMIC_RELAXED);
	if (!writes)
		return 0;
	__atomic_fetch_add(&fs->nwriting, 1, __ATOMIC_SEQ_CST);
	if (!(__atomic_load_n(&fs->flags, __ATOMIC_SEQ_CST) & MS_RDONLY))
		return 0;
	fs_closed(fs, writes);
	return -EROFS;
}

void fs_closed(struct fs *fs, bool writes)
{
	if (!fs)
		return;
	if (writes)
		__atomic_fetch_sub(&fs->nwriting, 1, __ATOMIC_RELAXED);
	__atomic_fetch_sub(&fs->nopen, 1, __ATOMIC_RELAXED);
}

/* Is fs the one that is mounted on, or on what is mounted there, and so on? */
static bool stands_on(const struct fs *fs, const struct fs *base)
{
	while (fs != base && fs->covered)
		fs = fs->covered->fs;
	return fs == base;
}

static bool is_used(const struct fs *fs)
{
	const struct fs *other;

	TAILQ_FOREACH(other, &fs_list, link)
		if (other != fs && stands_on(other, fs))
			return true;
	return __atomic_load_n(&fs->nopen, __ATOMIC_ACQUIRE) || process_any_in(fs) ||
	       objects_mapped(&fs->room, false);
}

/* All that stands on fs, and that itself, the newest first, go over to `out`. */
static void detach_all(struct fs *fs, struct fs_list *out)
{
	struct fs *other, *before;

	for (other = TAILQ_LAST(&fs_list, fs_list); other; other = before) {
		before = TAILQ_PREV(other, fs_list, link);
		if (!stands_on(other, fs))
			continue;
		TAILQ_REMOVE(&fs_list, other, link);
		TAILQ_INSERT_TAIL(out, other, link);
		spin_lock(&tree_lock);
		detach(other);
		spin_unlock(&tree_lock);
	}
}

int fs_unmount(struct node *root, bool lazy)
{
	struct fs_list gone = TAILQ_HEAD_INITIALIZER(gone);
	struct fs *fs;
	int err = 0;

	mutex_lock(&mount_lock);
	fs = fs_at(root);
	if (!fs)
		err = -EINVAL;
	else if (!fs->at || (!lazy && is_used(fs)))
		err = -EBUSY;
	else
		detach_all(fs, &gone);
	mutex_unlock(&mount_lock);
	while ((fs = TAILQ_FIRST(&gone))) {
		TAILQ_REMOVE(&gone, fs, link);
		forget(fs);
	}
	return err;
}

/* ---- looked at ---- */

uint32_t fs_dev(const struct node *n)
{
	return n->fs ? n->fs->minor : FS_DEV_NONE;
}

ssize_t fs_path(const struct fs *fs, char *buf, size_t n)
{
	return path_of_node(fs->root, buf, n);
}
