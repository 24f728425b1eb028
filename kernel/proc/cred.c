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
