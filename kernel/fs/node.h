/*
 * Nodes: what a name in the file tree stands for (Linux's inode), and the
 * directories that name them.
 *
 * The tree is built at boot from the initramfs and does not change after
 * that, so it is read without locks. A node is counted by the names that lead
 * to it (hard links), by open files and working directories.
 * Content: of a regular file an object (mm/obj) that fills its pages from the
 * archive in memory; of a link its text; of a device a number (dev.c).
 *
 * A directory with a lookup operation has names beside those: their nodes are
 * made when somebody looks (/proc/PID), and end with their last reference.
 */
#ifndef KERNEL_FS_NODE_H
#define KERNEL_FS_NODE_H

#include <arch/types.h>
#include <bsd/sys/queue.h>
#include <bsd/sys/tree.h>
#include <linux/limits.h>
#include <lib/ref.h>
#include <linux/stat.h>
#include <mm/obj/object.h>

struct node;
struct file_ops;

/* A name that a lookup operation answers, for listings. */
struct made_name {
	char name[24];
	uint32_t mode;			/* S_IF* */
	uint64_t ino;
};

/* What a node does otherwise than its kind does. NULL: as its kind does. */
struct node_ops {
	/* Directory: the node of a name that is not in its list; counted, or NULL with *err. */
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

/* A name in a directory. */
struct dirent {
	RB_ENTRY(dirent) by_name;
	TAILQ_ENTRY(dirent) by_seq;
	struct node *dir;		/* whose name it is */
	struct node *node;		/* counted */
	uint64_t seq;			/* place in the listing: from 1, never used again */
	char name[];			/* 1 .. NAME_MAX bytes, no '/' */
};

RB_HEAD(dirent_tree, dirent);
TAILQ_HEAD(dirent_list, dirent);

struct node {
	uint32_t mode;			/* S_IF* and permissions */
	uint32_t refs;			/* names, and whoever keeps it outside of the tree */
	uint32_t nlink, uid, gid;
	uint64_t ino, rdev, mtime;	/* rdev as stat(2) shows it */
	const struct node_ops *ops;	/* NULL: nothing special */
	const struct file_ops *fops;	/* what opening it gives; NULL: by its kind */
	const void *about;		/* of the file system that sets ops or fops */
	uint64_t about_id;		/* the same */
	struct dirent *name;		/* one of its names, or NULL; a directory's only one */
	union {
		struct {
			struct dirent_tree names;
			struct dirent_list list;	/* by seq */
			uint64_t last_seq;
			struct node *parent;		/* the root's is itself */
		} dir;
		struct {
			struct object obj;
			const uint8_t *data;		/* kernel address; the archive's */
		} reg;
		char *target; /* symbolic link: text with NUL; kmalloc; NULL: ops->readlink */
	};
};

static inline bool node_is_dir(const struct node *n) { return S_ISDIR(n->mode); }
static inline bool node_is_reg(const struct node *n) { return S_ISREG(n->mode); }
static inline bool node_is_link(const struct node *n) { return S_ISLNK(n->mode); }

/* st_dev of everything there is. */
#define FS_DEV	1u
/* The file whose content o is, or NULL. */
struct node *node_of_object(struct object *o);

/* Before any other function of the file systems. */
void node_init(void);
/*
 * A node with one reference, or NULL. The mode says the kind; size of a
 * directory or device is 0.
 */
struct node *node_create(uint32_t mode);
/* A regular file whose content is [data, data + size), which must outlive it. */
struct node *node_create_file(uint32_t mode, const void *data, uint64_t size);
/* An empty regular file whose content is memory; it can be written. NULL: no memory. */
struct node *node_create_memory(uint32_t mode);
/* A symbolic link to text (n bytes, not ended). */
struct node *node_create_link(const char *text, size_t n);
static inline void node_get(struct node *n) { ref_get(&n->refs); }
/* The last reference of a directory takes the names below along. */
void node_put(struct node *n);
/* readlink(2), but for kernel memory: the text without NUL, cut at n; its length, or -errno. */
ssize_t __must_check node_readlink(struct node *link, char *buf, size_t n);
/* Bytes, as stat(2) shows them. */
uint64_t node_size(const struct node *n);

/*
 * Gives node (one more reference) the name in dir. 0, -ENOMEM, -EEXIST. With
 * replace, an existing name that is no directory is led to node instead.
 */
int __must_check dir_add(struct node *dir, const char *name, size_t len, struct node *node,
			 bool replace);
/* What name (len bytes) stands for in dir, or NULL; "." and ".." are not looked at. Not counted. */
struct node *dir_lookup(struct node *dir, const char *name, size_t len);
/* The same with the names that are made when looked for, counted: 0, or -ENOENT, -ENOMEM. */
int __must_check dir_find(struct node *dir, const char *name, size_t len, struct node **out);
/* Where a listing that has shown seq goes on: the next name, or NULL. */
struct dirent *dir_next(struct node *dir, uint64_t seq);

/* Drops the cached pages of every file below dir that nobody maps or holds; returns how many. */
uint64_t node_drop_caches(struct node *dir);

#endif
