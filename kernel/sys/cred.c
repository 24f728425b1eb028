/* Who a process is: user and group identities. */
#include <kernel/proc/process.h>
#include <kernel/sys/syscall.h>

#define KEEP		UINT32_MAX

SYSCALL0(getuid) { return current_process()->cred.uid; }
SYSCALL0(geteuid) { return current_process()->cred.euid; }
SYSCALL0(getgid) { return current_process()->cred.gid; }
SYSCALL0(getegid) { return current_process()->cred.egid; }

/* The identities of one sort, in this order: real, effective, saved, of file systems. */
enum { REAL, EFFECTIVE, SAVED, FILES, NIDS };

static long put_three(const uint32_t *id, uint32_t __user *r, uint32_t __user *e, uint32_t __user *s)
{
	return put_user_u32(id[REAL], r) || put_user_u32(id[EFFECTIVE], e) || put_user_u32(id[SAVED], s) ?
		       -EFAULT : 0;
}

_Static_assert(offsetof(struct cred, fsuid) == FILES * sizeof(uint32_t) &&
	       offsetof(struct cred, fsgid) == offsetof(struct cred, gid) + FILES * sizeof(uint32_t),
	       "the identities of one sort lie side by side");

SYSCALL3(getresuid, uint32_t __user *, r, uint32_t __user *, e, uint32_t __user *, s)
{
	return put_three(&current_process()->cred.uid, r, e, s);
}

SYSCALL3(getresgid, uint32_t __user *, r, uint32_t __user *, e, uint32_t __user *, s)
{
	return put_three(&current_process()->cred.gid, r, e, s);
}

static bool has(const uint32_t *id, uint32_t v)
{
	return id[REAL] == v || id[EFFECTIVE] == v || id[SAVED] == v;
}

/* Real, effective and saved become these (KEEP: as it is), that of file systems the effective one. */
static long set_three(uint32_t *id, uint32_t r, uint32_t e, uint32_t s)
{
	spin_lock(&process_lock);
	if (r != KEEP)
		id[REAL] = r;
	if (e != KEEP)
		id[EFFECTIVE] = e;
	if (s != KEEP)
		id[SAVED] = s;
	id[FILES] = id[EFFECTIVE];
	spin_unlock(&process_lock);
	return 0;
}

/* setresuid(2), setresgid(2). */
static long set_res(uint32_t *id, uint32_t r, uint32_t e, uint32_t s)
{
	if (!cred_is_privileged(cred_current()) &&
	    ((r != KEEP && !has(id, r)) || (e != KEEP && !has(id, e)) || (s != KEEP && !has(id, s))))
		return -EPERM;
	return set_three(id, r, e, s);
}

/* setuid(2), setgid(2): all three for who may, else the effective one. */
static long set_one(uint32_t *id, uint32_t v)
{
	if (v == KEEP)
		return -EINVAL;
	if (cred_is_privileged(cred_current()))
		return set_three(id, v, v, v);
	if (v != id[REAL] && v != id[SAVED])
		return -EPERM;
	return set_three(id, KEEP, v, KEEP);
}

/* setreuid(2), setregid(2): the saved one follows, where the real one is set, or the effective one to another. */
static long set_real_effective(uint32_t *id, uint32_t r, uint32_t e)
{
	uint32_t effective = e == KEEP ? id[EFFECTIVE] : e;
	bool saves = r != KEEP || (e != KEEP && e != id[REAL]);

	if (!cred_is_privileged(cred_current()) &&
	    ((r != KEEP && r != id[REAL] && r != id[EFFECTIVE]) || (e != KEEP && !has(id, e))))
		return -EPERM;
	return set_three(id, r, e, saves ? effective : KEEP);
}

/* setfsuid(2), setfsgid(2): what it was; who may not, changes nothing. */
static long set_files(uint32_t *id, uint32_t v)
{
	uint32_t old = id[FILES];

	if (v == KEEP || (!cred_is_privileged(cred_current()) && !has(id, v) && v != old))
		return old;
	spin_lock(&process_lock);
	id[FILES] = v;
	spin_unlock(&process_lock);
	return old;
}

static uint32_t *uids(void) { return &current_process()->cred.uid; }
static uint32_t *gids(void) { return &current_process()->cred.gid; }

SYSCALL1(setuid, uint32_t, v) { return set_one(uids(), v); }
SYSCALL1(setgid, uint32_t, v) { return set_one(gids(), v); }
SYSCALL2(setreuid, uint32_t, r, uint32_t, e) { return set_real_effective(uids(), r, e); }
SYSCALL2(setregid, uint32_t, r, uint32_t, e) { return set_real_effective(gids(), r, e); }
SYSCALL3(setresuid, uint32_t, r, uint32_t, e, uint32_t, s) { return set_res(uids(), r, e, s); }
SYSCALL3(setresgid, uint32_t, r, uint32_t, e, uint32_t, s) { return set_res(gids(), r, e, s); }
SYSCALL1(setfsuid, uint32_t, v) { return set_files(uids(), v); }
SYSCALL1(setfsgid, uint32_t, v) { return set_files(gids(), v); }

/* ---- further groups ---- */

SYSCALL2(getgroups, int, n, uint32_t __user *, to)
{
	const struct cred *c = cred_current();

	if (n < 0 || (n && (unsigned)n < c->ngroups))
		return -EINVAL;
	if (n && copy_to_user(to, c->group, c->ngroups * sizeof(*to)))
		return -EFAULT;
	return c->ngroups;
}

SYSCALL2(setgroups, unsigned, n, const uint32_t __user *, from)
{
	struct cred *c = &current_process()->cred;
	uint32_t group[CRED_GROUPS_MAX];

	if (!cred_is_privileged(c))
		return -EPERM;
	if (n > CRED_GROUPS_MAX)
		return -EINVAL;
	if (copy_from_user(group, from, n * sizeof(*from)))
		return -EFAULT;
	spin_lock(&process_lock);
	c->ngroups = n;
	for (unsigned i = 0; i < n; i++)
		c->group[i] = group[i];
	spin_unlock(&process_lock);
	return 0;
}
