/*
 * The beginning of the file tree: nodes made from the initramfs at boot, devices, and the
 * file systems that are mounted then; see rootfs.h, fs.h.
 */
#include <kernel/fs/rootfs.h>
#include <arch/layout.h>
#include <boot/bootinfo.h>
#include <kernel/core/clock.h>
#include <kernel/fs/cpio.h>
#include <kernel/fs/fs.h>
#include <kernel/fs/names.h>
#include <kernel/fs/path.h>
#include <lib/assert.h>
#include <lib/format.h>
#include <lib/log.h>
#include <lib/string.h>
#include <lib/option.h>
#include <linux/errno.h>
#include <mm/alloc/slab.h>

static uint64_t root_size, shm_size;
option_size(root_size, &root_size, 0, 1ul << 50, "bytes that files in / may have (0: half of memory)");
option_size(shm_size, &shm_size, 0, 1ul << 50, "bytes that files in /dev/shm may have (0: half of memory)");

#define DEV		"/dev/"
#define DEVICES_MAX	32u

/* What is to be found in /dev, for file systems of type devtmpfs; from boot on const. */
static struct device {
	const char *name;		/* below /dev */
	struct node *node;		/* counted */
} devices[DEVICES_MAX];
static unsigned ndevices;

/* A file with several names: newc gives the content with one of them. */
struct hard_link {
	SLIST_ENTRY(hard_link) link;
	uint32_t dev_major, dev_minor, ino;
	struct node *node;		/* counted */
};

struct unpack {
	struct node *root;
	struct unpack_stats *st;
	SLIST_HEAD(, hard_link) hard;
};

/* The directory `name` in dir, made if it is not there. NULL with *err -ENOTDIR, -ENOMEM. */
static struct node *dir_make(struct node *dir, const char *name, size_t len, int *err)
{
	struct node *n = dir_lookup(dir, name, len);

	if (n) {
		*err = node_is_dir(n) ? 0 : -ENOTDIR;
		return *err ? NULL : n;
	}
	n = node_create(S_IFDIR | 0755);
	if (!n) {
		*err = -ENOMEM;
		return NULL;
	}
	*err = dir_add(dir, name, len, n, false);
	node_put(n);
	return *err ? NULL : n;
}

/* Cuts the next component off *path; its length, 0 at the end. "." is passed over. */
static size_t next_component(const char **path, const char **name)
{
	const char *s = *path;
	size_t len;

	do {
		while (*s == '/')
			s++;
		*name = s;
		while (*s && *s != '/')
			s++;
		len = (size_t)(s - *name);
	} while (len == 1 && **name == '.');
	*path = s;
	return len;
}

/*
 * The directory that path's last component is to stand in, and that component;
 * *len 0 if the path is the root itself. Never goes up: ".." is refused.
 */
static int parent_of(struct node *root, const char *path, struct node **dir, const char **name, size_t *len)
{
	const char *next;
	size_t next_len;
	int err = 0;

	*dir = root;
	*len = next_component(&path, name);
	for (;;) {
		if (*len > NAME_MAX || (*len == 2 && memcmp(*name, "..", 2) == 0))
			return -EINVAL;
		next_len = next_component(&path, &next);
		if (!next_len)
			return 0;
		*dir = dir_make(*dir, *name, *len, &err);
		if (err)
			return err;
		*name = next;
		*len = next_len;
	}
}

/* The node that an earlier name of the same file has, or NULL; the content may come with this one. */
static struct node *hard_link_find(struct unpack *u, const struct cpio_entry *e)
{
	struct hard_link *h;

	if (e->nlink < 2)
		return NULL;
	SLIST_FOREACH(h, &u->hard, link)
		if (h->ino == e->ino && h->dev_major == e->dev_major && h->dev_minor == e->dev_minor)
			break;
	if (!h)
		return NULL;
	if (e->size && !node_size(h->node))
		node_set_archived(h->node, e->data, e->size);
	node_get(h->node);
	return h->node;
}

static int hard_link_note(struct unpack *u, const struct cpio_entry *e, struct node *n)
{
	struct hard_link *h = kmalloc(sizeof(*h));

	if (!h)
		return -ENOMEM;
	*h = (struct hard_link){ .dev_major = e->dev_major, .dev_minor = e->dev_minor, .ino = e->ino, .node = n };
	node_get(n);
	SLIST_INSERT_HEAD(&u->hard, h, link);
	return 0;
}

static void hard_links_free(struct unpack *u)
{
	struct hard_link *h;

	while ((h = SLIST_FIRST(&u->hard))) {
		SLIST_REMOVE_HEAD(&u->hard, link);
		node_put(h->node);
		kfree(h);
	}
}

static int file_node(struct unpack *u, const struct cpio_entry *e, struct node **out)
{
	struct node *n = hard_link_find(u, e);
	int err = 0;

	if (!n) {
		n = node_create_file(e->mode, e->data, e->size);
		if (n && e->nlink > 1)
			err = hard_link_note(u, e, n);
	}
	if (err) {
		node_put(n);
		return err;
	}
	*out = n;
	return n ? 0 : -ENOMEM;
}

/* The node of an entry. *out NULL with 0: a kind that the tree does not hold. */
static int entry_node(struct unpack *u, const struct cpio_entry *e, struct node **out)
{
	*out = NULL;
	switch (e->mode & S_IFMT) {
	case S_IFREG:
		return file_node(u, e, out);
	case S_IFDIR:
		*out = node_create(S_IFDIR | (e->mode & 07777));
		break;
	case S_IFLNK:
		if (!e->size || e->size >= PATH_MAX || memchr(e->data, 0, e->size))
			return 0;
		*out = node_create_link((const char *)e->data, e->size);
		break;
	case S_IFCHR:
		*out = node_create(S_IFCHR | (e->mode & 07777));
		if (*out)
			(*out)->rdev = dev_number(e->rdev_major, e->rdev_minor);
		break;
	default:
		return 0;
	}
	return *out ? 0 : -ENOMEM;
}

static void count_entry(struct unpack_stats *st, const struct node *n)
{
	switch (n->mode & S_IFMT) {
	case S_IFREG: st->files++; st->bytes += node_size(n); break;
	case S_IFDIR: st->dirs++; break;
	case S_IFLNK: st->links++; break;
	default: st->devices++; break;
	}
}

static void node_describe(struct node *n, const struct cpio_entry *e)
{
	n->mode = (n->mode & S_IFMT) | (e->mode & 07777);
	n->uid = e->uid;
	n->gid = e->gid;
	n->atime = n->mtime = n->ctime = (int64_t)(e->mtime * NS_PER_SEC);
}

/* 0, -ENOMEM; 1: it cannot be had. */
static int place_entry(struct unpack *u, const struct cpio_entry *e, struct node *n)
{
	struct node *dir, *old;
	const char *name;
	size_t len;
	int err = parent_of(u->root, e->name, &dir, &name, &len);

	if (err)
		return err == -ENOMEM ? err : 1;
	old = len ? dir_lookup(dir, name, len) : u->root;
	if (old && node_is_dir(old) && node_is_dir(n)) {
		node_describe(old, e);
		return 0;
	}
	if (!len)
		return 1;
	err = dir_add(dir, name, len, n, true);
	return err == -EEXIST ? 1 : err;
}

static int unpack_entry(const struct cpio_entry *e, void *arg)
{
	struct unpack *u = arg;
	struct node *n;
	int err = entry_node(u, e, &n);

	if (err)
		return err;
	if (n) {
		node_describe(n, e);
		err = place_entry(u, e, n);
	}
	if (!n || err == 1)
		u->st->left_out++;
	else if (!err)
		count_entry(u->st, n);
	if (n)
		node_put(n);
	return MIN(err, 0);
}

int rootfs_unpack(struct node *root, const void *archive, size_t size, struct unpack_stats *st, size_t *bad)
{
	struct unpack u = { .root = root, .st = st };
	int err;

	memset(st, 0, sizeof(*st));
	SLIST_INIT(&u.hard);
	err = cpio_parse(archive, size, unpack_entry, &u, bad);
	hard_links_free(&u);
	return err;
}

int rootfs_add_below(struct node *top, const char *path, struct node *node)
{
	struct node *dir;
	const char *name;
	size_t len;
	int err = parent_of(top, path, &dir, &name, &len);

	if (err)
		return err;
	return len ? dir_add(dir, name, len, node, false) : -EEXIST;
}

/* ---- devices ---- */

void rootfs_add_node(const char *path, struct node *n)
{
	struct device *d = &devices[ndevices++];
	int err = rootfs_add_below(fs_root, path, n);

	assert(ndevices <= DEVICES_MAX && !strncmp(path, DEV, strlen(DEV)));
	*d = (struct device){ path + strlen(DEV), n };
	node_get(n);
	if (err)
		log_warn("%s: programs will not see it: %s", path,
			 err == -EEXIST ? "the initramfs has such a name" : "no memory");
}

void rootfs_add_device(const char *path, uint32_t mode, unsigned major, unsigned minor)
{
	struct node *n = node_create(mode);

	if (!n)
		panic("no memory for %s", path);
	n->rdev = dev_number(major, minor);
	rootfs_add_node(path, n);
	node_put(n);
}

static int add_copy(struct node *root, const struct device *d)
{
	struct node *n = node_create(d->node->mode);
	int err;

	if (!n)
		return -ENOMEM;
	n->rdev = d->node->rdev;
	n->fops = d->node->fops;
	err = rootfs_add_below(root, d->name, n);
	node_put(n);
	return err;
}

int rootfs_fill_devices(struct node *root)
{
	int err = 0;

	for (unsigned i = 0; i < ndevices && !err; i++)
		err = add_copy(root, &devices[i]);
	return err;
}

/* ---- at boot ---- */

static void report(int err, const struct unpack_stats *st, size_t bad)
{
	log_info("initramfs: %u files (%lu bytes), %u directories, %u symbolic links, %u devices",
		 st->files, st->bytes, st->dirs, st->links, st->devices);
	if (st->left_out)
		log_warn("initramfs: %u entries left out: not a file, directory, link or character device, "
			 "or a name that cannot be", st->left_out);
	if (err == -EINVAL)
		log_warn("initramfs: no newc entry at offset %zu; what follows is left out", bad);
	else if (err)
		log_warn("initramfs: no memory for all of it");
}

static void unpack_initramfs(const struct bootinfo *bi)
{
	struct unpack_stats st;
	size_t bad = 0;
	int err;

	if (bi->initrd_end <= bi->initrd_start) {
		log_warn("initramfs: the boot loader gave none");
		return;
	}
	err = rootfs_unpack(fs_root, phys_to_virt(paddr(bi->initrd_start)), bi->initrd_end - bi->initrd_start,
			    &st, &bad);
	report(err, &st, bad);
}

/* The directory at path, made where it is missing; counted. */
static struct node *make_dir(const char *path, uint32_t mode)
{
	struct node *n;

	if (!path_lookup_const(path, &n))
		return n;
	n = node_create(S_IFDIR | mode);
	if (!n || rootfs_add_below(fs_root, path, n))
		panic("no memory for %s", path);
	return n;
}

/* One of that type, over path (NULL: as /), with that much room (0: as it comes). */
static void mount_first(const char *path, const char *type, const char *options, uint64_t size)
{
	struct node *at = path ? make_dir(path, 0755) : NULL;
	char data[64];
	int err;

	snprintf(data, sizeof(data), size ? "%s,size=%lu" : "%s", options, size);
	err = fs_mount(type, type, at, MS_RELATIME, data);
	if (err)
		panic("%s cannot be mounted: error %d", path ? path : "/", -err);
	node_put(at);
}

void fs_init(const struct bootinfo *bi)
{
	node_init();
	mutex_init(&mount_lock, RANK_MOUNT);
	mount_first(NULL, "tmpfs", "mode=755", root_size);
	unpack_initramfs(bi);
	node_put(make_dir("/dev", 0755));		/* directories that every system has */
	node_put(make_dir("/tmp", 01777));
	mount_first("/proc", "proc", "", 0);
	mount_first("/sys", "sysfs", "", 0);
	mount_first("/dev/shm", "tmpfs", "", shm_size);
}
