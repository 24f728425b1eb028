/*
 * The names of a directory: a red-black tree by name, for lookups, and another
 * by sequence number, for listings: a number once shown to a program stays a
 * valid place to go on from, whatever is made or removed meanwhile.
 *
 * tree_lock (node.h) guards all of it. Functions that say "locked" are called
 * with it held, free nothing and give no reference back: what a change leaves
 * over is handed out, for its caller to free after the lock.
 *
 * A name that is taken away may stay as the one that its node tells: it keeps the
 * directory then, and /proc shows it as deleted.
 */
#ifndef KERNEL_FS_NAMES_H
#define KERNEL_FS_NAMES_H

#include <kernel/fs/node.h>

struct dirent {
	RB_ENTRY(dirent) by_name;	/* tree_lock, as all that may change */
	RB_ENTRY(dirent) by_seq;
	struct node *dir;		/* whose name it is; counted if keeps_dir */
	struct node *node;		/* counted as long as it is in dir's index */
	uint64_t seq;			/* place in the listing: from 1, never used again */
	bool keeps_dir;			/* not in the index: only its node knows it */
	bool gone;			/* it was in the index */
	uint16_t len;			/* const, as the name */
	char name[];			/* 1 .. NAME_MAX bytes, no '/', and a NUL */
};

/* A name that is in no directory yet, or NULL: no memory. kfree. */
struct dirent *name_create(const char *name, size_t len);
/*
 * n, which no index holds, is called so, in dir (counted by that): of nodes that are made when looked for.
 * False: no memory.
 */
bool __must_check name_make(struct node *n, struct node *dir, const char *name, size_t len);

/* Locked: the name in dir's index, or NULL; "." and ".." are not looked at. */
struct dirent *name_find(struct node *dir, const char *name, size_t len);
/* Locked: the next name in a listing that has shown seq, or NULL. */
struct dirent *name_next(struct node *dir, uint64_t seq);
/*
 * Locked: d, from name_create, leads to n (one more reference and link) from dir on. *old: what n
 * was called before, if nobody knows it any more: name_free.
 */
void name_insert(struct node *dir, struct dirent *d, struct node *n, struct dirent **old);
/*
 * Locked: takes d out of its directory; its node has one link less (a directory none) and its
 * reference is the caller's, node_put. *left: d, if its node is not called so; name_free.
 */
void name_remove(struct dirent *d, struct dirent **left);
/* Locked: two names, of directories of one file system, change what they lead to. */
void name_exchange(struct dirent *a, struct dirent *b);
/* Locked: n is, or is below, top. */
bool node_is_below(const struct node *n, const struct node *top);
/* A name that is in no index and no node's, and the directory that it keeps. NULL is fine. */
void name_free(struct dirent *d);
/* Locked, of a directory that goes, and has names: takes the first out. It and its node's reference are yours. */
struct dirent *names_drop_first(struct node *dir);

/*
 * Gives node (one more reference) the name in dir, at boot. 0, -ENOMEM, -EEXIST. With
 * replace, an existing name that is no directory is led to node instead.
 */
int __must_check dir_add(struct node *dir, const char *name, size_t len, struct node *node,
			 bool replace);
/* What name (len bytes) stands for in dir, or NULL; "." and ".." are not looked at. Not counted: boot, tests. */
struct node *dir_lookup(struct node *dir, const char *name, size_t len);
/* The same with the names that are made when looked for, counted: 0, or -ENOENT, -ENOMEM. */
int __must_check dir_find(struct node *dir, const char *name, size_t len, struct node **out);

#endif
