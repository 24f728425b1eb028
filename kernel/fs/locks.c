/* Locks on files; see locks.h. */
#include <kernel/fs/locks.h>
#include <kernel/core/wait.h>
#include <linux/errno.h>
#include <linux/fcntl.h>
#include <mm/alloc/slab.h>
#include <bsd/sys/queue.h>

struct held {
	LIST_ENTRY(held) link;		/* locks_lock, as all of it */
	struct node *node;		/* not counted: its owner has it open */
	struct file_lock l;
};

LIST_HEAD(held_list, held);

static struct spinlock locks_lock = SPINLOCK_INIT(RANK_FS);
static struct held_list all;		/* locks_lock */
static uint64_t unlocked;		/* how often one went: locks_lock to change */
static struct waitq waiters;

void locks_init(void)
{
	waitq_init(&waiters);
}

static bool same_world(enum lock_kind a, enum lock_kind b)
{
	return (a == LOCK_FLOCK) == (b == LOCK_FLOCK);
}

static bool conflicts(const struct held *h, const struct node *n, const struct file_lock *l)
{
	return h->node == n && same_world(h->l.kind, l->kind) && h->l.owner != l->owner &&
	       h->l.first <= l->last && l->first <= h->l.last && (h->l.type == F_WRLCK || l->type == F_WRLCK);
}

/* The first one in the file. */
static const struct held *in_the_way(const struct node *n, const struct file_lock *l)
{
	const struct held *h, *first = NULL;

	if (l->type == F_UNLCK)
		return NULL;
	LIST_FOREACH(h, &all, link)
		if (conflicts(h, n, l) && (!first || h->l.first < first->l.first))
			first = h;
	return first;
}

static void take_out(struct held *h, struct held_list *left)
{
	LIST_REMOVE(h, link);
	LIST_INSERT_HEAD(left, h, link);
}

/* Has h of the same owner and type its place beside, or within, l? Then they are one. */
static bool merges(const struct held *h, const struct file_lock *l)
{
	return h->l.type == l->type && (h->l.last == UINT64_MAX || h->l.last + 1 >= l->first) &&
	       (l->last == UINT64_MAX || h->l.first <= l->last + 1);
}

/* l takes the place of what h has of it; what h keeps on both sides needs another one, from spare. */
static void cut(struct held *h, const struct file_lock *l, struct held **spare, struct held_list *left)
{
	if (h->l.first > l->last || h->l.last < l->first)
		return;
	if (h->l.first < l->first && h->l.last > l->last) {
		**spare = *h;
		(*spare)->l.first = l->last + 1;
		LIST_INSERT_HEAD(&all, *spare, link);
		*spare = NULL;
		h->l.last = l->first - 1;
	} else if (h->l.first < l->first) {
		h->l.last = l->first - 1;
	} else if (h->l.last > l->last) {
		h->l.first = l->last + 1;
	} else {
		take_out(h, left);
	}
}

/* What l->owner has on n becomes as l says. */
static void change(struct node *n, struct file_lock l, struct held **fresh, struct held **spare, struct held_list *left)
{
	struct held *h, *next;

	for (h = LIST_FIRST(&all); h; h = next) {
		next = LIST_NEXT(h, link);
		if (h->node != n || h->l.owner != l.owner || h->l.kind != l.kind)
			continue;
		if (!merges(h, &l)) {
			cut(h, &l, spare, left);
			continue;
		}
		l.first = MIN(l.first, h->l.first);
		l.last = MAX(l.last, h->l.last);
		take_out(h, left);
	}
	if (l.type == F_UNLCK)
		return;
	(*fresh)->node = n;
	(*fresh)->l = l;
	LIST_INSERT_HEAD(&all, *fresh, link);
	*fresh = NULL;
}

/* locks_lock held. */
static void tell_waiters(void)
{
	uint64_t flags = waitq_lock(&waiters);

	unlocked++;
	waitq_wake_all(&waiters);
	waitq_unlock(&waiters, flags);
}

static void free_list(struct held_list *left)
{
	struct held *h;

	while ((h = LIST_FIRST(left))) {
		LIST_REMOVE(h, link);
		kfree(h);
	}
}

/* Until a lock goes; locks_lock is let go meanwhile. */
static int wait_for_change(void)
{
	uint64_t seen = unlocked, flags;
	int err = 0;

	spin_unlock(&locks_lock);
	flags = waitq_lock(&waiters);
	while (READ_ONCE(unlocked) == seen && !err)
		err = waitq_sleep_interruptible(&waiters, &flags);
	waitq_unlock(&waiters, flags);
	spin_lock(&locks_lock);
	return err;
}

int locks_set(struct node *n, const struct file_lock *l, bool wait)
{
	struct held *fresh = kmalloc(sizeof(*fresh)), *spare = kmalloc(sizeof(*spare));
	struct held_list left = LIST_HEAD_INITIALIZER(left);
	int err = fresh && spare ? 0 : -ENOMEM;

	if (!err) {
		spin_lock(&locks_lock);
		while (!err && in_the_way(n, l))
			err = wait ? wait_for_change() : -EAGAIN;
		if (!err) {
			change(n, *l, &fresh, &spare, &left);
			tell_waiters();		/* a write lock may have become one for reading */
		}
		spin_unlock(&locks_lock);
	}
	free_list(&left);
	kfree(fresh);
	kfree(spare);
	return err;
}

void locks_test(struct node *n, struct file_lock *l)
{
	const struct held *h;

	spin_lock(&locks_lock);
	h = in_the_way(n, l);
	if (h)
		*l = h->l;
	else
		l->type = F_UNLCK;
	spin_unlock(&locks_lock);
}

void locks_drop(struct node *n, const void *owner)
{
	struct held_list left = LIST_HEAD_INITIALIZER(left);
	struct held *h, *next;

	if (!LIST_FIRST(&all))		/* its own it would see */
		return;
	spin_lock(&locks_lock);
	for (h = LIST_FIRST(&all); h; h = next) {
		next = LIST_NEXT(h, link);
		if (h->node == n && h->l.owner == owner)
			take_out(h, &left);
	}
	if (LIST_FIRST(&left))
		tell_waiters();
	spin_unlock(&locks_lock);
	free_list(&left);
}
