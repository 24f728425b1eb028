/* What is told of System V's segments, and changes of them; see sysv_segment.h. */
#include <kernel/fs/sysv_segment.h>
#include <kernel/proc/process.h>
#include <linux/errno.h>

#define MAY_READ_IT	0444u

/* ---- what is told ---- */

static void tell(const struct segment *s, struct shm_status *st)
{
	const struct object *o = node_object(s->node);

	*st = (struct shm_status){
		.id = s->id, .ds = s->ds, .swapped = READ_ONCE(o->nswapped),
		.rss = READ_ONCE(o->npages) << (object_is_huge(o) ? huge_order(o) : 0),
	};
}

/* The lock is held. */
static int tell_if(const struct segment *s, bool anybody, struct shm_status *st)
{
	if (!s)
		return -EINVAL;
	if (!anybody && !segment_may(s, MAY_READ_IT))
		return -EACCES;
	tell(s, st);
	return 0;
}

int shm_status(int id, struct shm_status *st)
{
	int err;

	spin_lock(&shm_table_lock);
	err = tell_if(segment_find(id), false, st);
	spin_unlock(&shm_table_lock);
	return err;
}

int shm_status_at(int index, bool anybody, struct shm_status *st)
{
	int err;

	spin_lock(&shm_table_lock);
	err = tell_if(segment_at(index), anybody, st);
	spin_unlock(&shm_table_lock);
	return err;
}

bool shm_status_next(uint64_t *index, struct shm_status *st)
{
	struct segment *s;

	spin_lock(&shm_table_lock);
	s = radix_next(&shm_table, index);
	if (s)
		tell(s, st);
	spin_unlock(&shm_table_lock);
	return s;
}

int shm_totals(struct shm_info *i)
{
	struct shm_status st;
	uint64_t at = 0;
	int highest = 0;

	*i = (struct shm_info){ 0 };
	for (; shm_status_next(&at, &st); at++) {
		i->used_ids++;
		i->shm_tot += shm_pages(st.ds.shm_segsz);
		i->shm_rss += st.rss;
		i->shm_swp += st.swapped;
		highest = (int)at;
	}
	return highest;
}

/* ---- changes ---- */

/* The segment, if the running process may change it. 0, -EINVAL, -EPERM. The lock is held. */
static int find_own(int id, struct segment **s)
{
	const struct cred *c = cred_current();

	*s = segment_find(id);
	if (!*s)
		return -EINVAL;
	return segment_is_owner(*s, c) || cred_is_privileged(c) ? 0 : -EPERM;
}

int shm_set(int id, const struct ipc64_perm *to)
{
	struct segment *s;
	int err;

	spin_lock(&shm_table_lock);
	err = find_own(id, &s);
	if (!err && (to->uid == UINT32_MAX || to->gid == UINT32_MAX))
		err = -EINVAL;
	if (!err) {
		s->ds.shm_perm.uid = to->uid;
		s->ds.shm_perm.gid = to->gid;
		s->ds.shm_perm.mode = (s->ds.shm_perm.mode & ~0777u) | (to->mode & 0777);
		s->ds.shm_ctime = shm_now();
	}
	spin_unlock(&shm_table_lock);
	return err;
}

int shm_remove(int id)
{
	struct node *gone = NULL;
	struct segment *s;
	int err;

	spin_lock(&shm_table_lock);
	err = find_own(id, &s);
	if (!err) {
		s->ds.shm_perm.mode |= SHM_DEST;
		s->ds.shm_perm.key = IPC_PRIVATE;
		gone = segment_take_unused(s);
	}
	spin_unlock(&shm_table_lock);
	node_put(gone);
	return err;
}

/* Pages of segments that this user has locked. The lock is held. */
static uint64_t locked_by(uint32_t uid)
{
	const struct segment *s;
	uint64_t n = 0;

	for (uint64_t i = 0; (s = radix_next(&shm_table, &i)) != NULL; i++)
		if (s->ds.shm_perm.mode & SHM_LOCKED && s->locker == uid)
			n += shm_pages(s->ds.shm_segsz);
	return n;
}

/* 0, -EPERM, -ENOMEM: more than the limit on locked memory. The lock is held. */
static int may_lock(const struct segment *s, bool on)
{
	uint64_t limit = process_limit(current_process(), RLIMIT_MEMLOCK) >> PAGE_SHIFT, pages = shm_pages(s->ds.shm_segsz);
	const struct cred *c = cred_current();

	if (cred_is_privileged(c))
		return 0;
	if (!segment_is_owner(s, c) || (on && !limit))
		return -EPERM;
	if (on && !(s->ds.shm_perm.mode & SHM_LOCKED) && locked_by(c->uid) + pages > limit)
		return -ENOMEM;
	return 0;
}

/* The object is called without the lock: kept by a node's reference. */
int shm_lock(int id, bool on)
{
	struct node *n = NULL;
	struct segment *s;
	int err;

	spin_lock(&shm_table_lock);
	s = segment_find(id);
	err = s ? may_lock(s, on) : -EINVAL;
	if (!err && !(s->ds.shm_perm.mode & SHM_LOCKED) == on && !object_is_huge(node_object(s->node))) {
		s->ds.shm_perm.mode ^= SHM_LOCKED;
		s->locker = cred_current()->uid;
		node_get(n = s->node);
	}
	spin_unlock(&shm_table_lock);
	if (n)
		object_keep(node_object(n), on);
	node_put(n);
	return err;
}
