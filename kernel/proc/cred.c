/* Identities; see cred.h. */
#include <kernel/proc/cred.h>
#include <kernel/proc/process.h>

const struct cred *cred_current(void)
{
	static const struct cred root;
	const struct process *p = current_process();

	return p ? &p->cred : &root;
}

bool cred_in_group(const struct cred *c, uint32_t gid)
{
	if (c->fsgid == gid)
		return true;
	for (unsigned i = 0; i < c->ngroups; i++)
		if (c->group[i] == gid)
			return true;
	return false;
}

void cred_caps(const struct cred *c, uint64_t *effective, uint64_t *permitted)
{
	bool root = !c->uid || !c->euid || !c->suid;

	*effective = cred_is_privileged(c) ? CRED_ALL_CAPS : 0;
	*permitted = root && !c->dropped ? CRED_ALL_CAPS : 0;
}

bool cred_may_signal(const struct cred *c, const struct cred *t)
{
	return c->euid == t->suid || c->euid == t->uid || c->uid == t->suid || c->uid == t->uid ||
	       cred_is_privileged(c);
}

bool cred_is_all(const struct cred *t, uint32_t uid, uint32_t gid)
{
	return uid == t->euid && uid == t->suid && uid == t->uid && gid == t->egid && gid == t->sgid && gid == t->gid;
}

bool cred_may_change(const struct cred *c, const struct cred *t)
{
	return cred_is_all(t, c->uid, c->gid) || cred_is_privileged(c);
}
