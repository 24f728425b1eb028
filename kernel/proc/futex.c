/*
 * Futexes. A word is known by its futex_key: the place in the object of a shared mapping,
 * or in the address space. Who sleeps is in a bucket, chosen by a hash of the key.
 *
 * Why no wake is lost: the sleeper reads the word under its bucket's lock, and is in the
 * bucket before the lock is given up. Who changes the word changes it first and then
 * takes the lock: either the sleeper sees the change, or the waker the sleeper.
 *
 * Under a bucket's lock the word is read without faulting; where it is not there, the
 * lock is given up, the fault taken, and all begins anew.
 *
 * Locks: a bucket (RANK_FUTEX; two by address), then the wait queue of one sleeper. A
 * sleeper's bucket changes only under the locks of both. The sleeper's struct is its own:
 * it leaves only when it has seen `woken` under its queue's lock, or has taken
 * itself out of the bucket. A thread may be several sleepers (futex_waitv(2)), with one queue.
 *
 * Franke, Russell, Kirkwood: "Fuss, Futexes and Furwocks" (2002); futex(2).
 */
#include <kernel/proc/futex.h>
#include <arch/uaccess.h>
#include <kernel/proc/process.h>
#include <linux/errno.h>
#include <linux/futex.h>
#include <mm/alloc/slab.h>
#include <mm/mm.h>

#define NBUCKETS	256u		/* a power of two */

struct bucket {
	struct spinlock lock;
	TAILQ_HEAD(, sleeper) sleepers;	/* lock; in the order of their coming */
} __attribute__((aligned(64)));

struct sleeper {
	struct futex_key key;		/* bucket's lock */
	struct object *hold;		/* what keeps the key's object alive, or NULL; likewise */
	struct bucket *bucket;		/* locks of the old and of the new one; NULL: woken */
	TAILQ_ENTRY(sleeper) link;	/* bucket's lock */
	uint32_t bits;
	bool woken;			/* wait->lock */
	struct waitq *wait;		/* on the same stack; one for all that the same thread waits for */
};

static struct bucket buckets[NBUCKETS];

void futex_init(void)
{
	for (unsigned i = 0; i < NBUCKETS; i++) {
		spin_init(&buckets[i].lock, RANK_FUTEX);
		TAILQ_INIT(&buckets[i].sleepers);
	}
}

static struct bucket *bucket_of(const struct futex_key *k)
{
	uint64_t h = ((uintptr_t)k->space ^ k->at >> 2) * 0x9e3779b97f4a7c15u;

	return &buckets[h >> 56 & (NBUCKETS - 1)];
}

static bool same_key(const struct futex_key *a, const struct futex_key *b)
{
	return a->space == b->space && a->at == b->at;
}

/* The key of a word of the running process. *hold is to be dropped. */
static int find_key(vaddr_t va, bool shared, struct futex_key *key, struct object **hold)
{
	struct mm *mm = current_process()->mm;

	if (va % sizeof(uint32_t))
		return -EINVAL;
	if (!user_range_ok((void __user *)va, sizeof(uint32_t)))
		return -EFAULT;
	if (shared)
		return mm_futex_key(mm, va, key, hold);
	*key = (struct futex_key){ mm, va };
	*hold = NULL;
	return 0;
}

static void drop(struct object *hold)
{
	if (hold)
		object_put(hold);
}

/* ---- waking ---- */

static void bucket_remove(struct bucket *b, struct sleeper *s)
{
	TAILQ_REMOVE(&b->sleepers, s, link);
	__atomic_store_n(&s->bucket, NULL, __ATOMIC_RELEASE);
}

/* b's lock held. */
static void wake(struct bucket *b, struct sleeper *s)
{
	uint64_t flags;

	bucket_remove(b, s);
	flags = waitq_lock(s->wait);
	s->woken = true;
	waitq_wake_all(s->wait);
	waitq_unlock(s->wait, flags);
}

/* b's lock held. */
static unsigned wake_some(struct bucket *b, const struct futex_key *k, unsigned n, uint32_t bits)
{
	struct sleeper *s, *next;
	unsigned woken = 0;

	for (s = TAILQ_FIRST(&b->sleepers); s && woken < n; s = next) {
		next = TAILQ_NEXT(s, link);
		if (!same_key(&s->key, k) || !(s->bits & bits))
			continue;
		wake(b, s);
		woken++;
	}
	return woken;
}

static unsigned wake_key(const struct futex_key *k, unsigned n, uint32_t bits)
{
	struct bucket *b = bucket_of(k);
	unsigned woken;

	spin_lock(&b->lock);
	woken = wake_some(b, k, n, bits);
	spin_unlock(&b->lock);
	return woken;
}

long futex_wake(vaddr_t va, bool shared, unsigned n, uint32_t bits)
{
	struct futex_key key;
	struct object *hold;
	int err = find_key(va, shared, &key, &hold);
	long woken;

	if (err)
		return err;
	woken = wake_key(&key, n, bits);
	drop(hold);
	return woken;
}

/* ---- waiting ---- */

static void lock_two(struct bucket *a, struct bucket *b)
{
	spin_lock(a < b ? &a->lock : &b->lock);
	if (a != b)
		spin_lock_nested(a < b ? &b->lock : &a->lock);
}

static void unlock_two(struct bucket *a, struct bucket *b)
{
	if (a != b)
		spin_unlock(&b->lock);
	spin_unlock(&a->lock);
}

/*
 * Locks two buckets, which may be the same, when the word at va is *value (NULL: whatever
 * it is). 0; -EAGAIN; -EFAULT.
 */
static int lock_if(struct bucket *a, struct bucket *b, vaddr_t va, const uint32_t *value)
{
	const uint32_t __user *p = (const uint32_t __user *)va;
	uint32_t now;

	for (;;) {
		int err;

		lock_two(a, b);
		err = value ? get_user_u32_nofault(&now, p) : 0;
		if (!err && (!value || now == *value))
			return 0;
		unlock_two(a, b);
		if (!err)
			return -EAGAIN;
		if (get_user_u32(&now, p))
			return -EFAULT;
	}
}

/* Takes s out of whatever bucket it is in now; false: it has been woken. */
static bool leave(struct sleeper *s)
{
	struct bucket *b;

	while ((b = __atomic_load_n(&s->bucket, __ATOMIC_ACQUIRE))) {
		bool mine;

		spin_lock(&b->lock);
		mine = s->bucket == b;
		if (mine)
			bucket_remove(b, s);
		spin_unlock(&b->lock);
		if (mine)
			return true;
	}
	return false;
}

static bool any_woken(const struct sleeper *s, unsigned n)
{
	while (n--)
		if (s[n].woken)
			return true;
	return false;
}

/* Until one of them is woken: 0, -ETIMEDOUT, -ERESTARTSYS. */
static int sleep(struct sleeper *s, unsigned n, struct waitq *q, uint64_t deadline_ns)
{
	uint64_t flags = waitq_lock(q);
	int err = 0;

	while (!any_woken(s, n) && !err) {
		if (deadline_ns == UINT64_MAX)
			err = waitq_sleep_interruptible(q, &flags);
		else
			err = waitq_sleep_interruptible_until(q, &flags, deadline_ns);
	}
	waitq_unlock(q, flags);
	return err;
}

/* It is being woken: the waker may still hold its queue. */
static void wait_for_waker(struct sleeper *s)
{
	uint64_t flags = waitq_lock(s->wait);

	while (!s->woken)
		waitq_sleep(s->wait, &flags);
	waitq_unlock(s->wait, flags);
}

/* s, whose bits are set, is among those that wait at va, if the word is `value`. */
static int enter(struct sleeper *s, struct waitq *q, vaddr_t va, bool shared, uint32_t value)
{
	struct bucket *b;
	int err = find_key(va, shared, &s->key, &s->hold);

	if (err)
		return err;
	s->wait = q;
	s->woken = false;
	b = bucket_of(&s->key);
	err = lock_if(b, b, va, &value);
	if (err) {
		drop(s->hold);
		return err;
	}
	s->bucket = b;
	TAILQ_INSERT_TAIL(&b->sleepers, s, link);
	spin_unlock(&b->lock);
	return 0;
}

/* None of them waits any more: the last one that was woken, or -1. */
static int leave_all(struct sleeper *s, unsigned n)
{
	int woken = -1;

	for (unsigned i = 0; i < n; i++) {
		if (!leave(&s[i])) {
			wait_for_waker(&s[i]);
			woken = (int)i;
		}
		drop(s[i].hold);
	}
	return woken;
}

int futex_wait(vaddr_t va, bool shared, uint32_t value, uint32_t bits, uint64_t deadline_ns)
{
	struct sleeper s = { .bits = bits };
	struct waitq q;
	int err;

	waitq_init(&q);
	err = enter(&s, &q, va, shared, value);
	if (err)
		return err;
	err = sleep(&s, 1, &q, deadline_ns);
	return leave_all(&s, 1) < 0 ? err : 0;
}

int futex_wait_any(const struct futex_word *w, unsigned n, uint64_t deadline_ns)
{
	struct sleeper *s = kmalloc(n * sizeof(*s));
	unsigned entered = 0;
	struct waitq q;
	int woken, err = 0;

	if (!s)
		return -ENOMEM;
	waitq_init(&q);
	while (entered < n && !err) {
		s[entered].bits = FUTEX_ANY;
		err = enter(&s[entered], &q, w[entered].va, w[entered].shared, w[entered].value);
		if (!err)
			entered++;
	}
	if (!err)
		err = sleep(s, n, &q, deadline_ns);
	woken = leave_all(s, entered);
	kfree(s);
	return woken < 0 ? err : woken;
}

/* ---- requeue ---- */

/*
 * Lets up to n that wait by `from` wait by `to`: how many. Both buckets locked.
 * *ndropped: how many references of the old key's object the caller is to drop.
 */
static unsigned move_some(struct bucket *a, struct bucket *b, const struct futex_key *from,
			  const struct futex_key *to, struct object *hold, unsigned n,
			  unsigned *ndropped)
{
	struct sleeper *s, *next;
	unsigned moved = 0;

	for (s = TAILQ_FIRST(&a->sleepers); s && moved < n; s = next) {
		next = TAILQ_NEXT(s, link);
		if (!same_key(&s->key, from))
			continue;
		if (s->hold)
			++*ndropped;
		if (hold)
			object_get(hold);
		s->hold = hold;
		s->key = *to;
		if (a != b) {
			TAILQ_REMOVE(&a->sleepers, s, link);
			TAILQ_INSERT_TAIL(&b->sleepers, s, link);
			__atomic_store_n(&s->bucket, b, __ATOMIC_RELEASE);
		}
		moved++;
	}
	return moved;
}

long futex_requeue(vaddr_t va, vaddr_t to, bool shared, unsigned nwake, unsigned nmove,
		   const uint32_t *value)
{
	struct futex_key from, dest;
	struct object *from_hold, *dest_hold;
	struct bucket *a, *b;
	unsigned ndropped = 0;
	long r = find_key(va, shared, &from, &from_hold);

	if (r)
		return r;
	r = find_key(to, shared, &dest, &dest_hold);
	if (r)
		goto out;
	a = bucket_of(&from);
	b = bucket_of(&dest);
	r = lock_if(a, b, va, value);
	if (!r) {
		r = wake_some(a, &from, nwake, FUTEX_ANY);
		r += move_some(a, b, &from, &dest, dest_hold, nmove, &ndropped);
		unlock_two(a, b);
		while (ndropped--)	/* all of them held the one object of `from` */
			object_put(from_hold);
	}
	drop(dest_hold);
out:
	drop(from_hold);
	return r;
}

/* ---- FUTEX_WAKE_OP ---- */

static int32_t signed_12(uint32_t v)
{
	return (int32_t)(v << 20) >> 20;
}

static int apply(uint32_t op, uint32_t arg, uint32_t old, uint32_t *next)
{
	switch (op) {
	case FUTEX_OP_SET:	*next = arg; return 0;
	case FUTEX_OP_ADD:	*next = old + arg; return 0;
	case FUTEX_OP_OR:	*next = old | arg; return 0;
	case FUTEX_OP_ANDN:	*next = old & ~arg; return 0;
	case FUTEX_OP_XOR:	*next = old ^ arg; return 0;
	default:		return -ENOSYS;
	}
}

static int compare(uint32_t cmp, int32_t old, int32_t arg)
{
	switch (cmp) {
	case FUTEX_OP_CMP_EQ:	return old == arg;
	case FUTEX_OP_CMP_NE:	return old != arg;
	case FUTEX_OP_CMP_LT:	return old < arg;
	case FUTEX_OP_CMP_LE:	return old <= arg;
	case FUTEX_OP_CMP_GT:	return old > arg;
	case FUTEX_OP_CMP_GE:	return old >= arg;
	default:		return -ENOSYS;
	}
}

/* Changes the word; 1: what it was is as asked for, 0: not, or -errno. */
static int change_word(vaddr_t va, uint32_t encoded)
{
	uint32_t __user *p = (uint32_t __user *)va;
	uint32_t arg = (uint32_t)signed_12(encoded >> 12), op = encoded >> 28 & 7;
	uint32_t old, seen, next;
	int err;

	if (encoded >> 28 & FUTEX_OP_OPARG_SHIFT)
		arg = 1u << (arg & 31);
	if (get_user_u32(&old, p))
		return -EFAULT;
	do {
		seen = old;
		err = apply(op, arg, old, &next);
		if (!err)
			err = cmpxchg_user_u32(p, &old, next);
		if (err)
			return err;
	} while (old != seen);
	return compare(encoded >> 24 & 15, (int32_t)old, signed_12(encoded));
}

long futex_wake_op(vaddr_t va, vaddr_t to, bool shared, unsigned n, unsigned more, uint32_t op)
{
	struct futex_key a, b;
	struct object *a_hold, *b_hold;
	long r = find_key(va, shared, &a, &a_hold);
	int met;

	if (r)
		return r;
	r = find_key(to, shared, &b, &b_hold);
	if (r)
		goto out;
	met = change_word(to, op);
	r = met < 0 ? met : (long)wake_key(&a, n, FUTEX_ANY);
	if (met > 0)
		r += wake_key(&b, more, FUTEX_ANY);
	drop(b_hold);
out:
	drop(a_hold);
	return r;
}
