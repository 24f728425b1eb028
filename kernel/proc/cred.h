/*
 * Who a process is: user and group identities, as Linux has them. Privileges are all or
 * nothing: effective user 0 has every one, unless it has given them up (capset(2)) since its last
 * execve; anybody else none.
 *
 * A process's own (process.h): changed under process_lock by its threads, which read them without.
 */
#ifndef KERNEL_PROC_CRED_H
#define KERNEL_PROC_CRED_H

#include <arch/types.h>
#include <linux/capability.h>

#define CRED_GROUPS_MAX	64u

struct cred {
	uint32_t uid, euid, suid, fsuid;
	uint32_t gid, egid, sgid, fsgid;
	bool dropped;			/* capset(2) has given all privileges up */
	unsigned ngroups;
	uint32_t group[CRED_GROUPS_MAX];
};

/* Bytes of it that say something. */
static inline size_t cred_size(const struct cred *c)
{
	return offsetof(struct cred, group) + c->ngroups * sizeof(c->group[0]);
}
/* The running process's; root's at boot and for the kernel's own threads. */
const struct cred *cred_current(void);
/* Does it belong to that group, for file systems? */
bool cred_in_group(const struct cred *c, uint32_t gid);
static inline bool cred_is_privileged(const struct cred *c) { return c->euid == 0 && !c->dropped; }
/* Linux's capabilities: all, or none. What c has, and what it could have again by being effectively root. */
#define CRED_ALL_CAPS	((1ul << (CAP_LAST_CAP + 1)) - 1)
void cred_caps(const struct cred *c, uint64_t *effective, uint64_t *permitted);
/* May c send t signals (SIGCONT within a session apart), or look at what only its user may? */
bool cred_may_signal(const struct cred *c, const struct cred *t);
/* Are real, effective and saved identities of t these? */
bool cred_is_all(const struct cred *t, uint32_t uid, uint32_t gid);
/* As cred_may_signal, for its limits: all of t's identities are c's. */
bool cred_may_change(const struct cred *c, const struct cred *t);

#endif
