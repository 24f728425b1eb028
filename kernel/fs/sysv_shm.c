/*
 * Segments of System V's shared memory; see sysv_shm.h. What is told of them and changed: sysv_shmctl.c.
 *
 * A segment is a file without a name in the tree, like a memfd: its content is a memory object, the table holds
 * one reference of its node, and mappings keep the object. The object's watch tells of
 * each VMA: nattch is how many there are, in whatever address space, as on Linux; a fork adds one, so does an
 * mprotect that cuts one in two. Who attaches counts, too, until his mapping does.
 *
 *	in the table	found by number and key; the table has a reference of the node
 *	SHM_DEST	removed, but attached: found by number alone
 *	out of it	removed, and the last VMA gone: the node ends with what still refers to its object
 *
 * A number is made of an index, the lowest 15 bits, and of how often the indices went round, so that it does not soon
 * mean something else. Indices are given out in turn, as Linux does it.
 *
 * Locks: shm_table_lock (RANK_IPC) guards the table and all of each segment that is not const. Objects are
 * looked at, but not called, inside.
 */
#include <kernel/fs/sysv_segment.h>
#include <kernel/proc/process.h>
#include <lib/assert.h>
#include <lib/format.h>
#include <linux/errno.h>
#include <linux/mman.h>
#include <mm/alloc/slab.h>
#include <mm/mm.h>

#define INDEX_BITS	15
#define INDEX_CYCLE	64u		/* indices that there are at least, before they go round */
#define ROUNDS		(1u << 16)
#define UNLIMITED	(~0ul - (1ul << 24))

uint64_t shm_max = UNLIMITED, shm_all = UNLIMITED, shm_mni = 4096;

struct spinlock shm_table_lock = SPINLOCK_INIT(RANK_IPC);
struct radix shm_table;		/* shm_table_lock, as what follows */
static uint64_t nsegments, npages;	/* of all in it */
static unsigned next_index, round;
static int last_index = -1;

static void set_user(struct segment *s)
{
	if (current_process())
		s->ds.shm_lpid = current_process()->pid;
}

/* ---- who may; the lock is held ---- */

bool segment_is_owner(const struct segment *s, const struct cred *c)
{
	return c->euid == s->ds.shm_perm.uid || c->euid == s->ds.shm_perm.cuid;
}

bool segment_may(const struct segment *s, unsigned what)
{
	const struct cred *c = cred_current();
	unsigned granted = s->ds.shm_perm.mode;

	if (segment_is_owner(s, c))
		granted >>= 6;
	else if (cred_in_group(c, s->ds.shm_perm.cgid) || cred_in_group(c, s->ds.shm_perm.gid))
		granted >>= 3;
	return !((what >> 6 | what >> 3 | what) & ~granted & 7) || cred_is_privileged(c);
}

/* ---- the table; the lock is held ---- */

struct segment *segment_at(int index)
{
	return index < 0 ? NULL : radix_get(&shm_table, (unsigned)index & ((1u << INDEX_BITS) - 1));
}

struct segment *segment_find(int id)
{
	struct segment *s = segment_at(id);

	return s && s->id == id ? s : NULL;
}

static struct segment *find_key(int32_t key)
{
	struct segment *s;

	for (uint64_t i = 0; (s = radix_next(&shm_table, &i)) != NULL; i++)
		if (s->ds.shm_perm.key == key)
			return s;
	return NULL;
}

/* A free index of those below `end`, the next in turn. */
static unsigned take_index(unsigned end)
{
	unsigned i = next_index < end ? next_index : 0;

	while (radix_get(&shm_table, i))
		i = i + 1 < end ? i + 1 : 0;
	return i;
}

/* 0, -ENOSPC: limits say no. */
static int have_room(uint64_t pages)
{
	bool full = nsegments >= shm_mni || pages > shm_all || npages > shm_all - pages;

	return full ? -ENOSPC : 0;
}

/* s gets a number. 0, -ENOMEM. */
static int insert(struct segment *s)
{
	unsigned cycle = MAX((unsigned)(nsegments * 3 / 2), INDEX_CYCLE), i;
	int err;

	i = take_index(MAX(MIN(cycle, (unsigned)shm_mni), (unsigned)nsegments + 1));
	err = radix_insert(&shm_table, i, s);
	if (err)
		return err;
	if ((int)i <= last_index)
		round = (round + 1) % ROUNDS;
	last_index = (int)i;
	next_index = i + 1;
	s->id = (int)(round << INDEX_BITS | i);
	s->node->ino = (uint64_t)s->id;
	s->ds.shm_perm.seq = (unsigned short)round;
	nsegments++;
	npages += shm_pages(s->ds.shm_segsz);
	return 0;
}

struct node *segment_take_unused(struct segment *s)
{
	struct segment *was;

	if (s->ds.shm_nattch || !(s->ds.shm_perm.mode & SHM_DEST))
		return NULL;
	was = radix_remove(&shm_table, (unsigned)s->id & ((1u << INDEX_BITS) - 1));
	assert(was == s);
	nsegments--;
	npages -= shm_pages(s->ds.shm_segsz);
	return s->node;
}

/* ---- attaches ---- */

static void segment_shown(struct object_watch *w)
{
	struct segment *s = container_of(w, struct segment, watch);

	spin_lock(&shm_table_lock);
	s->ds.shm_nattch++;
	s->ds.shm_atime = shm_now();
	set_user(s);
	spin_unlock(&shm_table_lock);
}

static void segment_hidden(struct object_watch *w)
{
	struct segment *s = container_of(w, struct segment, watch);
	struct node *gone;

	spin_lock(&shm_table_lock);
	s->ds.shm_nattch--;
	s->ds.shm_dtime = shm_now();
	set_user(s);
	gone = segment_take_unused(s);
	spin_unlock(&shm_table_lock);
	node_put(gone);
}

bool shm_is_segment(const struct object *o)
{
	return o->watch && o->watch->shown == segment_shown;
}

int shm_attach(int id, unsigned what, struct object **o, uint64_t *size)
{
	struct segment *s;
	int err = -EINVAL;

	spin_lock(&shm_table_lock);
	s = segment_find(id);
	if (s)
		err = segment_may(s, what) ? 0 : -EACCES;
	if (!err) {
		s->ds.shm_nattch++;
		*o = node_object(s->node);
		*size = (*o)->size;
	}
	spin_unlock(&shm_table_lock);
	return err;
}

void shm_attached(struct object *o)
{
	struct segment *s = container_of(o->watch, struct segment, watch);
	struct node *gone;

	spin_lock(&shm_table_lock);
	s->ds.shm_nattch--;
	gone = segment_take_unused(s);
	spin_unlock(&shm_table_lock);
	node_put(gone);
}

/* ---- making ---- */

static ssize_t segment_path(struct node *n, char *buf, size_t size)
{
	return snprintf(buf, size, "/SYSV%08x (deleted)", ((const struct segment *)n->about)->name);
}

static void segment_release(struct node *n)
{
	kfree(n->about);
}

static const struct node_ops segment_node_ops = { .path = segment_path, .release = segment_release };

/* May the running process have huge pages? As on Linux: root, its group, and whoever may lock as much memory. */
static bool may_have_huge(uint64_t size)
{
	const struct cred *c = cred_current();

	return cred_is_privileged(c) || cred_in_group(c, 0) ||
	       size <= process_limit(current_process(), RLIMIT_MEMLOCK);
}

/* The node, whose content is of pages of `pool`, or (NULL) of small ones, zeros. */
static int make_node(uint64_t size, unsigned flags, struct node **out)
{
	struct hugepool *pool = NULL;

	if (flags & SHM_HUGETLB) {
		pool = hugepool_of(flags >> SHM_HUGE_SHIFT & SHM_HUGE_MASK);
		if (!pool)
			return -EINVAL;
		size = ALIGN_UP(size, PAGE_SIZE << hugepool_order(pool));
		if (!may_have_huge(size))
			return -EPERM;
	}
	*out = pool ? node_create_huge(flags & 0777, pool) : node_create_memory(flags & 0777, NULL);
	if (!*out)
		return -ENOMEM;
	node_object(*out)->size = size;
	return 0;
}

/* Promises what the object may need, unless it is to pay page by page. */
static int promise(struct object *o, unsigned flags)
{
	uint64_t pages = shm_pages(o->size);
	int err;

	if (object_is_huge(o))
		return flags & SHM_NORESERVE ? 0 : huge_reserve(o, 0, pages, true);
	if (flags & SHM_NORESERVE && READ_ONCE(vm_overcommit_memory) != OVERCOMMIT_NEVER)
		return 0;
	err = commit_charge(pages, (struct commit_for){ READ_ONCE(current_process()->mm->size_pages),
							cred_is_privileged(cred_current()) });
	o->promised = err ? 0 : pages;
	return err;
}

static void describe(struct segment *s, int32_t key, uint64_t size, unsigned flags)
{
	const struct cred *c = cred_current();

	s->name = (uint32_t)key;
	s->watch = (struct object_watch){ segment_shown, segment_hidden };
	s->ds = (struct shmid64_ds){
		.shm_perm = { .key = key, .uid = c->euid, .gid = c->egid, .cuid = c->euid, .cgid = c->egid,
			      .mode = flags & 0777 },
		.shm_segsz = size, .shm_ctime = shm_now(), .shm_cpid = current_process()->pid,
	};
}

/* In no shm_table, with the node's one reference. 0, -EINVAL, -ENOMEM. */
static int make(int32_t key, uint64_t size, unsigned flags, struct segment **out)
{
	struct segment *s = kzalloc(sizeof(*s));
	struct object *o;
	int err;

	if (!s)
		return -ENOMEM;
	err = make_node(size, flags, &s->node);
	if (err) {
		kfree(s);
		return err;
	}
	s->node->about = s;
	s->node->ops = &segment_node_ops;
	describe(s, key, size, flags);
	o = node_object(s->node);
	o->watch = &s->watch;
	if (promise(o, flags)) {
		node_put(s->node);
		return -ENOMEM;
	}
	*out = s;
	return 0;
}

/* The number of one that is there already, if it is what is asked for. */
static int found(const struct segment *s, uint64_t size, unsigned flags)
{
	if ((flags & (IPC_CREAT | IPC_EXCL)) == (IPC_CREAT | IPC_EXCL))
		return -EEXIST;
	if (size > s->ds.shm_segsz)
		return -EINVAL;
	return segment_may(s, flags) ? s->id : -EACCES;
}

/*
 * A number, or -errno; -EAGAIN: a new one is to be made. *fresh, if there is one, gets into the table where
 * none has the key, and is NULL then.
 */
static int get_or_add(int32_t key, uint64_t size, unsigned flags, struct segment **fresh)
{
	const struct segment *s = key == IPC_PRIVATE ? NULL : find_key(key);
	int err;

	if (s)
		return found(s, size, flags);
	if (key != IPC_PRIVATE && !(flags & IPC_CREAT))
		return -ENOENT;
	if (!size || size > shm_max)
		return -EINVAL;
	err = have_room(shm_pages(size));
	if (!err && size > INT64_MAX)
		err = -EINVAL;
	if (!err)
		err = *fresh ? insert(*fresh) : -EAGAIN;
	if (err)
		return err;
	s = *fresh;
	*fresh = NULL;
	return s->id;
}

int shm_get(int32_t key, uint64_t size, unsigned flags)
{
	struct segment *fresh = NULL;
	int r;

	do {
		spin_lock(&shm_table_lock);
		r = get_or_add(key, size, flags, &fresh);
		spin_unlock(&shm_table_lock);
	} while (r == -EAGAIN && !(r = make(key, size, flags, &fresh)));
	if (fresh)
		node_put(fresh->node);
	return r;
}
