/* Who may do what with a node: permissions, owners, as Linux decides them without ACLs. */
#ifndef KERNEL_FS_PERM_H
#define KERNEL_FS_PERM_H

#include <kernel/fs/node.h>
#include <kernel/proc/cred.h>

#define MAY_EXEC	1u		/* of a directory: search it */
#define MAY_WRITE	2u
#define MAY_READ	4u

/* The running process, by its file system identities. 0, -EACCES; -EROFS: to write where nobody may. */
int __must_check node_may(const struct node *n, unsigned what);
/* The same for c's. */
int __must_check node_may_as(const struct cred *c, const struct node *n, unsigned what);
/* The running process is the owner, or may do as he does. */
bool node_is_own(const struct node *n);
/* It may take away (or rename) a name of n in dir, if it may write to dir: dir is not sticky, or one of both is its own. */
bool node_may_remove(const struct node *dir, const struct node *n);
/* The owner, group and mode of n, new in dir, made by the running process with `mode`. */
void node_set_new(struct node *n, const struct node *dir, uint32_t mode);

/* chmod(2), chown(2) (an id of -1: as it is): 0, -EPERM, -EROFS. */
int __must_check node_chmod(struct node *n, uint32_t mode);
int __must_check node_chown(struct node *n, uint32_t uid, uint32_t gid);
/* Somebody without privileges has written: set-user-ID and set-group-ID go. */
void node_written(struct node *n);

/* utimensat(2): ns since 1970, NODE_TIME_NOW or NODE_TIME_KEEP. 0, -EPERM, -EACCES, -EROFS. */
#define NODE_TIME_NOW	INT64_MIN
#define NODE_TIME_KEEP	(INT64_MIN + 1)
int __must_check node_set_times(struct node *n, int64_t atime, int64_t mtime);

#endif
