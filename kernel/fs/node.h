/*
 * Nodes: what a name in the file tree stands for (Linux's inode).
 *
 * A node is counted by the names that lead to it (hard links), by open files
 * and working directories. Content: of a regular file an object (mm/obj), of a
 * link its text, of a device a number, of a directory its names (names.h).
 *
 * A regular file of the initramfs shows the archive, which stays where it is
 * in memory, until it is opened for writing for the first time: then its
 * content is copied, and is the node's own (regular.c). Mappings made before
 * go on showing what the archive has.
 *
 * A directory with a lookup operation has names beside those in its index:
 * their nodes are made when somebody looks (/proc/PID), and end with their last
 * reference.
 *
 * Locks: tree_lock (RANK_TREE, a spinlock and a leaf: nothing is taken, freed or
 * allocated inside) guards the names of all directories, and what says so. It is
 * held for a step of a path, or for one change of names. A field with another lock
 * or none says so.
 */
#ifndef KERNEL_FS_NODE_H
#define KERNEL_FS_NODE_H

#include <arch/types.h>
#include <bsd/sys/tree.h>
#include <linux/limits.h>
#include <lib/ref.h>
#include <linux/stat.h>
#include <mm/obj/object.h>

struct archived;
struct dirent;
struct file_ops;
struct fs;
struct hugepool;
struct node;

/* A name that a lookup operation answers, for listings. */
struct made_name {
	char name[24];
	uint32_t mode;			/* S_IF* */
	uint64_t ino;
};

/* What a node does otherwise than its kind does. NULL: as its kind does. */
struct node_ops {
	/* Directory: the node of a name that is not in its index; counted, or NULL with *err. */
	struct node *(*lookup)(struct node *dir, const char *name, size_t len, int *err);
	/*
	 * Directory: the first such name behind place *at (0: of all), which is
	 * moved to it; false: no more.
	 */
	bool (*next)(struct node *dir, uint64_t *at, struct made_name *out);
	/* Symbolic link: its text without NUL, cut at n; its length, or -errno. */
	ssize_t (*readlink)(struct node *link, char *buf, size_t n);
	/*
	 * Symbolic link that leads to a node, whatever its text: counted. NULL: it
	 * leads where its text says.
	 */
	int (*follow)(struct node *link, struct node **out);
	/* The path that /proc shows for a node without a name, as readlink. */
	ssize_t (*path)(struct node *n, char *buf, size_t size);
	/* The last reference goes: gives back what the file system keeps here. */
	void (*release)(struct node *n);
};

RB_HEAD(names_by_name, dirent);
RB_HEAD(names_by_seq, dirent);

struct names {
	struct names_by_name by_name;
	struct names_by_seq by_seq;
	uint64_t last_seq;
	unsigned n;
};

struct node {
	uint32_t mode;			/* S_IF* (const) and permissions; tree_lock to change */
	uint32_t uid, gid;		/* tree_lock to change */
	uint32_t nlink;			/* tree_lock */
	uint32_t refs;			/* atomic: names, and whoever keeps it outside of the tree */
	uint64_t ino, rdev;		/* rdev as stat(2) shows it; const */
	int64_t atime, mtime, ctime;	/* ns since 1970, each written at once: the last one counts */
	struct fs *fs;			/* whose it is; const once it has a name */
	const struct node_ops *ops;	/* NULL: nothing special */
	const struct file_ops *fops;	/* what opening it gives; NULL: by its kind */
	const void *about;		/* of the file system that sets ops or fops */
	uint64_t about_id;		/* the same */
	struct dirent *name;		/* one of its names, also after it is gone; a directory's only one */
	union {
		struct {
			struct names names;	/* tree_lock */
			struct node *parent;	/* the root's is itself; tree_lock */
			bool gone;		/* rmdir(2): it takes no names any more; tree_lock */
		} dir;
		struct {
			struct object *obj;	/* content: one of the next two, or of huge pages; NULL: made when read */
			struct archived *archived; /* of the initramfs; const */
			struct object memory;	/* its own */
			uint32_t nobjects;	/* that live: the last one takes the node along; atomic */
			int writers;		/* opened for writing so often, or (below 0) run; atomic */
		} reg;
		struct pipe *fifo;	/* as long as it is open; lock: fifo.c */
		char *target; /* symbolic link: text with NUL; kmalloc; NULL: ops->readlink */
	};
};

extern struct spinlock tree_lock;	/* RANK_TREE */

static inline bool node_is_dir(const struct node *n) { return S_ISDIR(n->mode); }
static inline bool node_is_reg(const struct node *n) { return S_ISREG(n->mode); }
static inline bool node_is_link(const struct node *n) { return S_ISLNK(n->mode); }
/* Its content, as it is now: as long as n is referenced. NULL: it has none that bytes could be read from. */
static inline struct object *node_object(const struct node *n)
{
	return node_is_reg(n) ? __atomic_load_n(&n->reg.obj, __ATOMIC_ACQUIRE) : NULL;
}
/* The file whose content o is, or NULL. */
struct node *node_of_object(struct object *o);

/* Before any other function of the file systems. */
void node_init(void);
/*
 * A node with one reference, of the kind that mode says and of nobody but root, or NULL. A
 * regular file has no content yet.
 */
struct node *node_create(uint32_t mode);
/* A regular file whose content is [data, data + size), which must outlive it. */
struct node *node_create_file(uint32_t mode, const void *data, uint64_t size);
/* Changes that, of one that nobody uses yet. */
void node_set_archived(struct node *n, const void *data, uint64_t size);
/* An empty regular file whose content is memory, in the room of fs (NULL: of none). NULL: no memory. */
struct node *node_create_memory(uint32_t mode, struct fs *fs);
/* The same of explicit huge pages (mm/obj/huge.h). */
struct node *node_create_huge(uint32_t mode, struct hugepool *pool);
/* A symbolic link to text (n bytes, not ended). */
struct node *node_create_link(const char *text, size_t n);
static inline void node_get(struct node *n) { ref_get(&n->refs); }
/* The last reference of a directory takes the names below along. NULL is fine. tree_lock not held. */
void node_put(struct node *n);
/*
 * The content becomes n's own, if it is the archive's: so that it can be written. keep false: it will
 * be empty. 0, -ENOMEM, -ENOSPC. May sleep.
 */
int __must_check node_own_content(struct node *n, bool keep);
/*
 * A regular file is written to, or run: not both. -ETXTBSY: it is the other; a success is taken back by the
 * second function of the pair. Of other nodes: nothing.
 */
int __must_check node_begin_write(struct node *n);
void node_end_write(struct node *n);
int __must_check node_begin_run(struct node *n);
void node_end_run(struct node *n);
/* readlink(2), but for kernel memory: the text without NUL, cut at n; its length, or -errno. */
ssize_t __must_check node_readlink(struct node *link, char *buf, size_t n);
/* Bytes, as stat(2) shows them. */
uint64_t node_size(const struct node *n);

/* ---- times ---- */

#define NODE_ATIME	1u
#define NODE_MTIME	2u
#define NODE_CTIME	4u
/* Those times are now. */
void node_touch(struct node *n, unsigned which);
static inline void node_changed(struct node *n) { node_touch(n, NODE_MTIME | NODE_CTIME); }
/* It was read: atime moves if it was before the last change, or a day ago (Linux's relatime), or as its mount says. */
void node_was_read(struct node *n);

#endif
