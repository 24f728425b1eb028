/*
 * Nodes and directories; see node.h.
 *
 * A directory keeps its names twice: in a tree by name, for lookups, and in a
 * list by sequence number, for listings: a number once shown to a program
 * stays a valid place to go on from.
 */
#include <kernel/fs/node.h>
#include <lib/assert.h>
#include <lib/string.h>
#include <linux/errno.h>
#include <mm/alloc/slab.h>

static struct kmem_cache *node_cache;
static uint64_t last_ino;		/* atomic */

static int name_cmp(const char *a, size_t alen, const char *b, size_t blen)
{
	int c = memcmp(a, b, MIN(alen, blen));

	return c ? c : alen < blen ? -1 : alen > blen;
}

static int dirent_cmp(struct dirent *a, struct dirent *b)
{
	return name_cmp(a->name, strlen(a->name), b->name, strlen(b->name));
}

RB_GENERATE_INTERNAL(dirent_tree, dirent, by_name, dirent_cmp, static __attribute__((unused)))

void node_init(void)
{
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
	if (S_ISDIR(mode)) {
		RB_INIT(&n->dir.names);
		TAILQ_INIT(&n->dir.list);
		n->dir.parent = n;
		n->nlink = 2;
	}
	return n;
}

/* Page `index` of a file in the archive; what lies behind its end is zeros. */
static int reg_fill(struct object *o, uint64_t index, struct page *p)
{
	struct node *n = container_of(o, struct node, reg.obj);
	uint64_t off = index << PAGE_SHIFT;
	size_t len = off < o->size ? MIN(o->size - off, PAGE_SIZE) : 0;
	uint8_t *to = page_to_virt(p);

	memcpy(to, n->reg.data + off, len);
	memset(to + len, 0, PAGE_SIZE - len);
	return 0;
}

static void reg_release(struct object *o)
{
	struct node *n = container_of(o, struct node, reg.obj);

	if (n->ops && n->ops->release)
		n->ops->release(n);
	kmem_free(node_cache, n);
}

static const struct object_ops reg_ops = { .fill = reg_fill, .release = reg_release };

static const struct object_ops memory_ops = {
	.fill = memory_fill, .release = reg_release, .memory = true,
};

struct node *node_of_object(struct object *o)
{
	return o->ops == &reg_ops || o->ops == &memory_ops ? container_of(o, struct node, reg.obj) : NULL;
}

struct node *node_create_file(uint32_t mode, const void *data, uint64_t size)
{
	struct node *n = node_create(S_IFREG | (mode & 07777));

	if (!n)
		return NULL;
	n->reg.data = data;
	object_init(&n->reg.obj, &reg_ops, size);
	return n;
}

struct node *node_create_memory(uint32_t mode)
{
	struct node *n = node_create(S_IFREG | (mode & 07777));

	if (!n)
		return NULL;
	object_init(&n->reg.obj, &memory_ops, 0);
	n->reg.obj.writable = true;
	return n;
}

struct node *node_create_link(const char *text, size_t n)
{
	struct node *node = node_create(S_IFLNK | 0777);

	if (!node)
		return NULL;
	node->target = kmalloc(n + 1);
	if (!node->target) {
		kmem_free(node_cache, node);
		return NULL;
	}
	memcpy(node->target, text, n);
	node->target[n] = '\0';
	return node;
}

/* Somebody keeps a directory whose parent goes: it becomes a root. */
static void dir_orphan(struct node *dir)
{
	dir->dir.parent = dir;
	dir->name = NULL;
}

/*
 * Takes the first name out of dir. A directory that nothing else keeps is
 * returned, to be emptied next.
 */
static struct node *dir_drop_first(struct node *dir)
{
	struct dirent *d = TAILQ_FIRST(&dir->dir.list);
	struct node *n = d->node;

	TAILQ_REMOVE(&dir->dir.list, d, by_seq);
	if (!node_is_dir(n) && n->name == d)
		n->name = NULL;
	kfree(d);
	if (!node_is_dir(n)) {
		node_put(n);
		return NULL;
	}
	if (ref_put(&n->refs))
		return n;
	dir_orphan(n);
	return NULL;
}

/* Frees top and all below. In a loop: a tree may be deeper than the kernel's stack. */
static void dir_free(struct node *top)
{
	struct node *n = top, *up;

	for (;;) {
		if (!TAILQ_EMPTY(&n->dir.list)) {
			struct node *child = dir_drop_first(n);

			n = child ? child : n;
			continue;
		}
		up = n->dir.parent;
		kmem_free(node_cache, n);
		if (n == top)
			return;
		n = up;
	}
}

void node_put(struct node *n)
{
	if (!ref_put(&n->refs))
		return;
	if (node_is_reg(n)) {
		object_put(&n->reg.obj);	/* mappings may keep it; reg_release frees */
		return;
	}
	if (n->ops && n->ops->release)
		n->ops->release(n);
	if (node_is_dir(n)) {
		dir_free(n);
		return;
	}
	if (node_is_link(n))
		kfree(n->target);
	kmem_free(node_cache, n);
}

uint64_t node_size(const struct node *n)
{
	if (node_is_reg(n))
		return n->reg.obj.size;
	if (node_is_link(n) && n->target)
		return strlen(n->target);
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

static struct dirent *dirent_find(struct node *dir, const char *name, size_t len)
{
	struct dirent *d = RB_ROOT(&dir->dir.names);

	while (d) {
		int c = name_cmp(name, len, d->name, strlen(d->name));

		if (!c)
			return d;
		d = c < 0 ? RB_LEFT(d, by_name) : RB_RIGHT(d, by_name);
	}
	return NULL;
}

struct node *dir_lookup(struct node *dir, const char *name, size_t len)
{
	struct dirent *d = dirent_find(dir, name, len);

	return d ? d->node : NULL;
}

int dir_find(struct node *dir, const char *name, size_t len, struct node **out)
{
	int err = 0;

	*out = dir_lookup(dir, name, len);
	if (*out)
		node_get(*out);
	else if (dir->ops && dir->ops->lookup)
		*out = dir->ops->lookup(dir, name, len, &err);
	return *out ? 0 : err ? err : -ENOENT;
}

static int dirent_replace(struct dirent *d, struct node *node)
{
	if (node_is_dir(d->node) || node_is_dir(node))
		return -EEXIST;
	node_get(node);
	node->nlink++;
	d->node->nlink--;
	if (d->node->name == d)
		d->node->name = NULL;
	node_put(d->node);
	d->node = node;
	node->name = d;
	return 0;
}

int dir_add(struct node *dir, const char *name, size_t len, struct node *node, bool replace)
{
	struct dirent *d = dirent_find(dir, name, len);

	if (d)
		return replace ? dirent_replace(d, node) : -EEXIST;
	d = kmalloc(sizeof(*d) + len + 1);
	if (!d)
		return -ENOMEM;
	memcpy(d->name, name, len);
	d->name[len] = '\0';
	d->node = node;
	d->dir = dir;
	d->seq = ++dir->dir.last_seq;
	node_get(node);
	RB_INSERT(dirent_tree, &dir->dir.names, d);
	TAILQ_INSERT_TAIL(&dir->dir.list, d, by_seq);
	node->name = d;
	if (node_is_dir(node)) {
		node->dir.parent = dir;
		dir->nlink++;
	} else {
		node->nlink++;
	}
	return 0;
}

struct dirent *dir_next(struct node *dir, uint64_t seq)
{
	struct dirent *d;

	TAILQ_FOREACH(d, &dir->dir.list, by_seq)
		if (d->seq > seq)
			return d;
	return NULL;
}

/* The name after d in a walk over all below top, parents first; NULL at the end. */
static struct dirent *walk_next(struct node *top, struct dirent *d)
{
	struct node *dir;

	if (node_is_dir(d->node) && !TAILQ_EMPTY(&d->node->dir.list))
		return TAILQ_FIRST(&d->node->dir.list);
	dir = d->dir;
	while (!TAILQ_NEXT(d, by_seq)) {
		if (dir == top)
			return NULL;
		d = dir->name;
		dir = d->dir;
	}
	return TAILQ_NEXT(d, by_seq);
}

uint64_t node_drop_caches(struct node *dir)
{
	uint64_t dropped = 0;

	for (struct dirent *d = TAILQ_FIRST(&dir->dir.list); d; d = walk_next(dir, d))
		if (node_is_reg(d->node))
			dropped += object_drop_clean(&d->node->reg.obj);
	return dropped;
}
