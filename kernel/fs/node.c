/* Nodes: their making, their end, their content; see node.h. */
#include <kernel/fs/names.h>
#include <kernel/core/clock.h>
#include <kernel/fs/file.h>
#include <kernel/fs/fs.h>
#include <lib/assert.h>
#include <lib/string.h>
#include <linux/errno.h>
#include <mm/alloc/slab.h>
#include <mm/mm.h>

#define NAME_WEIGHT	20u		/* what a name adds to the size of its directory, as in Linux's tmpfs */
#define DAY_NS		((int64_t)(24 * 3600 * NS_PER_SEC))

/* Content that is in the archive. */
struct archived {
	struct object obj;
	struct node *node;		/* not counted: it stays as long as obj */
	const uint8_t *data;		/* kernel address */
};

static struct kmem_cache *node_cache;
static uint64_t last_ino;		/* atomic */
static struct mutex own_lock;		/* RANK_FS: whoever copies content out of the archive */

void node_init(void)
{
	mutex_init(&own_lock, RANK_FS);
	node_cache = kmem_cache_create("node", sizeof(struct node), 0);
	if (!node_cache)
		panic("no memory for the node cache");
}

struct node *node_create(uint32_t mode)
{
	struct node *n = kmem_zalloc(node_cache);

	if (!n)
		return NULL;
	n->mode = mode;
	n->refs = 1;
	n->ino = __atomic_add_fetch(&last_ino, 1, __ATOMIC_RELAXED);
	node_touch(n, NODE_ATIME | NODE_MTIME | NODE_CTIME);
	if (S_ISDIR(mode)) {
		RB_INIT(&n->dir.names.by_name);
		RB_INIT(&n->dir.names.by_seq);
		n->dir.parent = n;
		n->nlink = 2;
	}
	return n;
}

/* Takes n, which nobody refers to, back; the directory that its name kept is returned. */
static struct node *node_free(struct node *n)
{
	struct dirent *d = n->name;
	struct node *dir = d ? d->dir : NULL;

	assert(!d || d->keeps_dir);
	kfree(d);
	if (n->ops && n->ops->release)
		n->ops->release(n);
	if (node_is_link(n))
		kfree(n->target);
	if (n->fs)
		fs_put(n->fs);
	kmem_free(node_cache, n);
	return dir;
}

/* ---- content ---- */

/* One of n's objects has come to its end. */
static void object_gone(struct node *n)
{
	if (!__atomic_sub_fetch(&n->reg.nobjects, 1, __ATOMIC_ACQ_REL))
		node_put(node_free(n));
}

/* Page `index` of a file in the archive; what lies behind its end is zeros. */
static int archived_fill(struct object *o, uint64_t index, struct page *p)
{
	struct archived *a = container_of(o, struct archived, obj);
	uint64_t off = index << PAGE_SHIFT;
	size_t len = off < o->size ? MIN(o->size - off, PAGE_SIZE) : 0;
	uint8_t *to = page_to_virt(p);

	memcpy(to, a->data + off, len);
	memset(to + len, 0, PAGE_SIZE - len);
	return 0;
}

static void archived_release(struct object *o)
{
	struct archived *a = container_of(o, struct archived, obj);
	struct node *n = a->node;

	kfree(a);
	object_gone(n);
}

static void memory_release(struct object *o)
{
	object_gone(container_of(o, struct node, reg.memory));
}

static const struct object_ops archived_ops = { .fill = archived_fill, .release = archived_release };
static const struct object_ops memory_ops = {
	.fill = memory_fill, .release = memory_release, .memory = true,
};

struct node *node_of_object(struct object *o)
{
	if (object_is_huge(o))
		return huge_user(o);
	if (o->ops == &archived_ops)
		return container_of(o, struct archived, obj)->node;
	return o->ops == &memory_ops ? container_of(o, struct node, reg.memory) : NULL;
}

void node_set_archived(struct node *n, const void *data, uint64_t size)
{
	n->reg.archived->data = data;
	n->reg.archived->obj.size = size;
}

struct node *node_create_file(uint32_t mode, const void *data, uint64_t size)
{
	struct archived *a = kmalloc(sizeof(*a));
	struct node *n = a ? node_create(S_IFREG | (mode & 07777)) : NULL;

	if (!n) {
		kfree(a);
		return NULL;
	}
	object_init(&a->obj, &archived_ops, size);
	a->node = n;
	a->data = data;
	n->reg.archived = a;
	n->reg.obj = &a->obj;
	n->reg.nobjects = 1;
	return n;
}

static void memory_init(struct node *n)
{
	object_init(&n->reg.memory, &memory_ops, 0);
	n->reg.memory.writable = true;
	n->reg.memory.room = n->fs ? &n->fs->room : NULL;
	__atomic_fetch_add(&n->reg.nobjects, 1, __ATOMIC_RELAXED);
}

struct node *node_create_memory(uint32_t mode, struct fs *fs)
{
	struct node *n = node_create(S_IFREG | (mode & 07777));

	if (!n)
		return NULL;
	fs_adopt(fs, n);
	memory_init(n);
	n->reg.obj = &n->reg.memory;
	return n;
}

static void huge_gone(void *node)
{
	object_gone(node);
}

struct node *node_create_huge(uint32_t mode, struct hugepool *pool)
{
	struct node *n = node_create(S_IFREG | (mode & 07777));
	struct object *o = n ? huge_create(pool, 0, n, huge_gone) : NULL;

	if (!o) {
		node_put(n);
		return NULL;
	}
	n->reg.nobjects = 1;
	n->reg.obj = o;
	n->fops = &huge_file_ops;
	return n;
}

struct kernel_source {
	struct object_source from;
	const uint8_t *at;
};

static size_t take_kernel(struct object_source *s, void *to, size_t n)
{
	struct kernel_source *k = container_of(s, struct kernel_source, from);

	memcpy(to, k->at, n);
	k->at += n;
	return n;
}

static int copy_archived(struct node *n)
{
	const struct archived *a = n->reg.archived;
	struct kernel_source s = { { take_kernel }, a->data };
	ssize_t done = a->obj.size ? object_write(&n->reg.memory, 0, &s.from, a->obj.size) : 0;

	return done == (ssize_t)a->obj.size ? 0 : done < 0 ? (int)done : -ENOSPC;
}

int node_own_content(struct node *n, bool keep)
{
	int err;

	if (!n->reg.archived || node_object(n) == &n->reg.memory)
		return 0;
	mutex_lock(&own_lock);
	if (node_object(n) == &n->reg.memory) {
		mutex_unlock(&own_lock);
		return 0;
	}
	memory_init(n);
	err = keep ? copy_archived(n) : 0;
	if (err)
		object_put(&n->reg.memory);
	else
		__atomic_store_n(&n->reg.obj, &n->reg.memory, __ATOMIC_RELEASE);
	mutex_unlock(&own_lock);
	return err;
}

/* Mappings may keep objects, and so the node's memory. */
static void put_objects(struct node *n)
{
	struct archived *a = n->reg.archived;
	struct object *o = n->reg.obj;

	if (!a || o != &a->obj)
		object_put(o);
	if (a)
		object_put(&a->obj);
}

/* ---- references ---- */

/*
 * Takes the first name out of dir. A directory that nothing else keeps is returned, to be emptied next; one that
 * somebody keeps becomes a root. He may be about to walk up from there, or to tell its path.
 */
static struct node *dir_drop_first(struct node *dir)
{
	bool is_dir, kept = false;
	struct dirent *d;
	struct node *n;

	spin_lock(&tree_lock);
	d = names_drop_first(dir);
	n = d->node;
	is_dir = node_is_dir(n);
	if (is_dir)
		kept = !ref_put(&n->refs);
	if (kept)
		n->dir.parent = n;
	spin_unlock(&tree_lock);
	kfree(d);
	if (!is_dir)
		node_put(n);
	return is_dir && !kept ? n : NULL;
}

/*
 * Frees top, a directory, and all below: of a tree that is found no more, though somebody may be in the middle of it
 * (one that was mounted). In a loop: it may be deeper than the kernel's stack.
 */
static struct node *dir_free(struct node *top)
{
	struct node *n = top, *up;

	for (;;) {
		if (n->dir.names.n) {
			struct node *child = dir_drop_first(n);

			n = child ? child : n;
			continue;
		}
		if (n == top)
			return node_free(n);
		up = n->dir.parent;
		node_free(n);
		n = up;
	}
}

void node_put(struct node *n)
{
	while (n && ref_put(&n->refs)) {
		if (node_is_reg(n) && n->reg.obj) {
			put_objects(n);		/* object_gone frees */
			return;
		}
		n = node_is_dir(n) ? dir_free(n) : node_free(n);
	}
}

/* ---- links, sizes, times ---- */

struct node *node_create_link(const char *text, size_t n)
{
	struct node *node = node_create(S_IFLNK | 0777);

	if (!node)
		return NULL;
	node->target = kmalloc(n + 1);
	if (!node->target) {
		node_put(node);
		return NULL;
	}
	memcpy(node->target, text, n);
	node->target[n] = '\0';
	return node;
}

uint64_t node_size(const struct node *n)
{
	const struct object *o = node_object(n);

	if (o)
		return READ_ONCE(o->size);
	if (node_is_link(n) && n->target)
		return strlen(n->target);
	if (node_is_dir(n) && n->fs && !n->fs->type->fixed)
		return (n->dir.names.n + 2ul) * NAME_WEIGHT;
	return 0;
}

ssize_t node_readlink(struct node *link, char *buf, size_t n)
{
	if (link->ops && link->ops->readlink)
		return link->ops->readlink(link, buf, n);
	n = MIN(n, strlen(link->target));
	memcpy(buf, link->target, n);
	return (ssize_t)n;
}

void node_touch(struct node *n, unsigned which)
{
	int64_t now = (int64_t)clock_realtime_ns();

	if (which & NODE_ATIME)
		WRITE_ONCE(n->atime, now);
	if (which & NODE_MTIME)
		WRITE_ONCE(n->mtime, now);
	if (which & NODE_CTIME)
		WRITE_ONCE(n->ctime, now);
}

void node_was_read(struct node *n)
{
	int64_t atime = READ_ONCE(n->atime);

	if (fs_has(n, MS_RDONLY | MS_NOATIME) || (node_is_dir(n) && fs_has(n, MS_NODIRATIME)))
		return;
	if ((n->fs && !fs_has(n, MS_RELATIME)) || atime <= READ_ONCE(n->mtime) || atime <= READ_ONCE(n->ctime) ||
	    (int64_t)clock_realtime_ns() - atime >= DAY_NS)
		node_touch(n, NODE_ATIME);
}

/* ---- written to, or run ---- */

/* One more of a kind (1: writers, -1: runs), unless there are any of the other. */
static int begin(struct node *n, int kind)
{
	int now = READ_ONCE(n->reg.writers);

	if (!node_is_reg(n))
		return 0;
	do {
		if (now * kind < 0)
			return -ETXTBSY;
	} while (!__atomic_compare_exchange_n(&n->reg.writers, &now, now + kind, false, __ATOMIC_RELAXED,
					      __ATOMIC_RELAXED));
	return 0;
}

static void end(struct node *n, int kind)
{
	if (node_is_reg(n))
		__atomic_fetch_sub(&n->reg.writers, kind, __ATOMIC_RELAXED);
}

int node_begin_write(struct node *n) { return begin(n, 1); }
void node_end_write(struct node *n) { end(n, 1); }
int node_begin_run(struct node *n) { return begin(n, -1); }
void node_end_run(struct node *n) { end(n, -1); }
