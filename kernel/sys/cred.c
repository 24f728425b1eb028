/* Who a process is: user and group identities; capabilities. */
#include <kernel/proc/process.h>
#include <kernel/sys/syscall.h>
#include <linux/capability.h>

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

/* What memory may be locked depends on it. */
static void privileges_changed(void)
{
	struct process *p = current_process();

	spin_lock(&process_lock);
	p->limits_changed++;
	spin_unlock(&process_lock);
	if (!p->shares_memory)
		process_limit_memory(p, p->mm);
}

/* What another one set up for the process is over, too. */
static void identity_changed(void)
{
	struct process *p = current_process();

	spin_lock(&process_lock);
	p->dumpable = false;
	p->death_signal = 0;
	spin_unlock(&process_lock);
	privileges_changed();
}

/* Real, effective and saved become these (KEEP: as it is), that of file systems the effective one. */
static long set_three(uint32_t *id, uint32_t r, uint32_t e, uint32_t s)
{
	uint32_t effective = id[EFFECTIVE], files = id[FILES];

	spin_lock(&process_lock);
	if (r != KEEP)
		id[REAL] = r;
	if (e != KEEP)
		id[EFFECTIVE] = e;
	if (s != KEEP)
		id[SAVED] = s;
	id[FILES] = id[EFFECTIVE];
	spin_unlock(&process_lock);
	if (effective != id[EFFECTIVE] || files != id[FILES])
		identity_changed();
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

/* ---- capabilities: all or none ---- */

/* How many words of 32 bits each set has: -EINVAL: a version that Linux does not know, which is told its own. */
static int header(struct __user_cap_header_struct *h, struct __user_cap_header_struct __user *from)
{
	if (copy_from_user(h, from, sizeof(*h)))
		return -EFAULT;
	switch (h->version) {
	case _LINUX_CAPABILITY_VERSION_1:
		return _LINUX_CAPABILITY_U32S_1;
	case _LINUX_CAPABILITY_VERSION_2:
	case _LINUX_CAPABILITY_VERSION_3:
		return _LINUX_CAPABILITY_U32S_3;
	default:
		return put_user_u32(_LINUX_CAPABILITY_VERSION_3, (uint32_t __user *)from) ? -EFAULT : -EINVAL;
	}
}

static int caps_of_task(int tid, uint64_t *effective, uint64_t *permitted)
{
	const struct task *t;

	spin_lock(&process_lock);
	t = tid ? task_find(tid) : current_task();
	if (t)
		cred_caps(&t->process->cred, effective, permitted);
	spin_unlock(&process_lock);
	return t ? 0 : -ESRCH;
}

SYSCALL2(capget, struct __user_cap_header_struct __user *, from, struct __user_cap_data_struct __user *, to)
{
	struct __user_cap_data_struct d[2] = { { 0 } };
	struct __user_cap_header_struct h;
	uint64_t effective, permitted;
	int words = header(&h, from), err;

	if (!to)
		return words == -EFAULT ? -EFAULT : 0;
	if (words < 0)
		return words;
	if (h.pid < 0)
		return -EINVAL;
	err = caps_of_task(h.pid, &effective, &permitted);
	if (err)
		return err;
	for (unsigned i = 0; i < 2; i++) {
		d[i].effective = (uint32_t)(effective >> 32 * i);
		d[i].permitted = (uint32_t)(permitted >> 32 * i);
	}
	return copy_to_user(to, d, (unsigned)words * sizeof(*d)) ? -EFAULT : 0;
}

/* What it has already, or nothing at all; a part cannot be had (-EPERM). Nothing is left to programs (inheritable). */
static int set_caps(uint64_t effective, uint64_t permitted, uint64_t inheritable)
{
	struct cred *c = &current_process()->cred;
	uint64_t has_effective, has_permitted;

	cred_caps(c, &has_effective, &has_permitted);
	if (permitted & ~has_permitted || effective & ~permitted || inheritable)
		return -EPERM;
	if (permitted == has_permitted && effective == has_effective)
		return 0;
	if (permitted)
		return -EPERM;
	spin_lock(&process_lock);
	c->dropped = true;
	spin_unlock(&process_lock);
	privileges_changed();
	return 0;
}

SYSCALL2(capset, struct __user_cap_header_struct __user *, head, const struct __user_cap_data_struct __user *, from)
{
	struct __user_cap_data_struct d[2] = { { 0 } };
	struct __user_cap_header_struct h;
	uint64_t effective, permitted, inheritable;
	int words = header(&h, head);

	if (words < 0)
		return words;
	if (h.pid && h.pid != current_thread()->tid)
		return -EPERM;
	if (copy_from_user(d, from, (unsigned)words * sizeof(*d)))
		return -EFAULT;
	effective = d[0].effective | (uint64_t)d[1].effective << 32;
	permitted = d[0].permitted | (uint64_t)d[1].permitted << 32;
	inheritable = d[0].inheritable | (uint64_t)d[1].inheritable << 32;
	return set_caps(effective & CRED_ALL_CAPS, permitted & CRED_ALL_CAPS, inheritable & CRED_ALL_CAPS);
}
