/*
 * epoll(7). Who waits is woken as poll(2) is, by any change (file_poll_wake), and looks at all of
 * its set. Edges: a file counts its changes (file_ops.changes); one that is ready is told
 * of again only when it has changed since.
 *
 * Lock: one for all sets (RANK_EPOLL), so that a file may leave those it is in, and sets may be
 * in sets. Files are not counted: a set does not keep them open.
 *
 * From one set down to another there may be very many ways. Who looks at all that is below a set, in one `round`, looks
 * at each set once for each depth at which he meets it, at most.
 */
#include <kernel/fs/epoll.h>
#include <kernel/core/wait.h>
#include <kernel/fs/anon.h>
#include <linux/errno.h>
#include <linux/poll.h>
#include <mm/alloc/slab.h>

#define NESTED_MAX	5u		/* sets in sets, as deep as on Linux */
#define MODES		((uint32_t)(EPOLLET | EPOLLONESHOT | EPOLLWAKEUP | EPOLLEXCLUSIVE))
#define ALWAYS		(POLLERR | POLLHUP)
#define EXCLUSIVE_WITH	((uint32_t)(EPOLLIN | EPOLLOUT | ALWAYS | EPOLLWAKEUP | EPOLLET | EPOLLEXCLUSIVE))

struct epoll_item {
	TAILQ_ENTRY(epoll_item) link;	/* of its set */
	LIST_ENTRY(epoll_item) watch;	/* of its file */
	struct epoll *set;
	struct file *file;
	int fd;
	struct epoll_event event;	/* what is asked for */
	bool silent;			/* EPOLLONESHOT, and told */
	uint64_t turn;			/* when it was told of last, of its set's */
	uint64_t told;			/* the file's changes when it was told of last */
	bool fresh;			/* never told of since it was asked for */
};

struct epoll {
	TAILQ_HEAD(epoll_items, epoll_item) items;	/* those told of last come last */
	uint64_t turns;			/* how many events it has told */
	uint64_t round;			/* the last one that has met it, */
	unsigned depth;			/* at that depth, */
	bool ready;			/* and found it so */
};

static struct mutex lock;		/* all sets, and files' lists of watchers */
static uint64_t rounds;			/* that have begun; lock */

static const struct file_ops epoll_ops;

void epoll_init(void)
{
	mutex_init(&lock, RANK_EPOLL);
}

bool is_epoll(const struct file *f)
{
	return f->ops == &epoll_ops;
}

/* ---- what is ready; the lock is held ---- */

static bool any_ready(struct epoll *set, unsigned depth);

static unsigned ready_events(const struct epoll_item *i, unsigned depth)
{
	unsigned wanted = (i->event.events & ~MODES) | ALWAYS, now;

	if (i->silent)
		return 0;
	if (is_epoll(i->file))
		now = any_ready(i->file->data, depth + 1) ? POLLIN | POLLRDNORM : 0;
	else
		now = file_poll(i->file);
	return now & wanted;
}

static bool any_ready(struct epoll *set, unsigned depth)
{
	const struct epoll_item *i;

	if (depth > NESTED_MAX)
		return false;
	if (set->round == rounds && (set->ready || set->depth <= depth))
		return set->ready;
	set->round = rounds;
	set->depth = depth;
	set->ready = false;
	TAILQ_FOREACH(i, &set->items, link)
		if (ready_events(i, depth)) {
			set->ready = true;
			break;
		}
	return set->ready;
}

static uint64_t changes_of(const struct file *f)
{
	return f->ops->changes ? f->ops->changes(f) : file_poll_changes();
}

/* What is to be told of an item now. */
static unsigned news_of(struct epoll_item *i)
{
	uint64_t changes = changes_of(i->file);
	unsigned now;

	if (i->event.events & EPOLLET && !i->fresh && changes == i->told)
		return 0;
	now = ready_events(i, 0);
	if (!now)
		return 0;
	i->told = changes;
	i->fresh = false;
	i->silent = i->event.events & EPOLLONESHOT;
	return now;
}

/* Those told of go to the end: none is passed over for ever because the events do not all fit. */
static unsigned collect(struct epoll *set, struct epoll_event *events, unsigned max)
{
	struct epoll_item *i, *next, *last = TAILQ_LAST(&set->items, epoll_items);
	unsigned n = 0;

	rounds++;
	for (i = TAILQ_FIRST(&set->items); i && n < max; i = next) {
		unsigned now = news_of(i);

		next = i == last ? NULL : TAILQ_NEXT(i, link);
		if (!now)
			continue;
		i->turn = set->turns++;
		events[n++] = (struct epoll_event){ .events = now, .data = i->event.data };
		TAILQ_REMOVE(&set->items, i, link);
		TAILQ_INSERT_TAIL(&set->items, i, link);
	}
	return n;
}

int epoll_collect(struct file *f, struct epoll_event *events, unsigned max, uint64_t deadline_ns, uint64_t *turn)
{
	struct epoll *set = f->data;

	for (int err = 0;;) {
		uint64_t changes = file_poll_changes();
		unsigned n;

		mutex_lock(&lock);
		*turn = set->turns;
		n = collect(set, events, max);
		mutex_unlock(&lock);
		if (n || err)
			return n ? (int)n : err == -ETIMEDOUT ? 0 : -ERESTARTNOHAND;
		err = file_poll_sleep(changes, deadline_ns);
	}
}

void epoll_untell(struct file *f, uint64_t turn, unsigned n)
{
	struct epoll *set = f->data;
	struct epoll_item *i;

	mutex_lock(&lock);
	TAILQ_FOREACH(i, &set->items, link)
		if (!i->fresh && i->turn - turn < n) {
			i->fresh = true;
			i->silent = false;
		}
	mutex_unlock(&lock);
}

/* ---- changes of a set; the lock is held ---- */

static struct epoll_item *find(struct epoll *set, const struct file *f, int fd)
{
	struct epoll_item *i;

	TAILQ_FOREACH(i, &set->items, link)
		if (i->file == f && i->fd == fd)
			return i;
	return NULL;
}

/* Is `other` in `set`, or in one that is, or does that lead too deep? */
static bool leads_to(struct epoll *set, const struct epoll *other, unsigned depth)
{
	const struct epoll_item *i;

	if (set == other || depth >= NESTED_MAX)
		return true;
	if (set->round == rounds && set->depth >= depth)
		return false;
	set->round = rounds;
	set->depth = depth;
	TAILQ_FOREACH(i, &set->items, link)
		if (is_epoll(i->file) && leads_to(i->file->data, other, depth + 1))
			return true;
	return false;
}

static void ask(struct epoll_item *i, const struct epoll_event *event)
{
	i->event = *event;
	i->fresh = true;
	i->silent = false;
}

static int add(struct epoll *set, struct file *f, int fd, const struct epoll_event *event)
{
	struct epoll_item *i;

	if (find(set, f, fd))
		return -EEXIST;
	rounds++;
	if (is_epoll(f) && leads_to(f->data, set, 1))
		return -ELOOP;
	i = kzalloc(sizeof(*i));
	if (!i)
		return -ENOMEM;
	i->set = set;
	i->file = f;
	i->fd = fd;
	ask(i, event);
	TAILQ_INSERT_TAIL(&set->items, i, link);
	LIST_INSERT_HEAD(&f->watchers, i, watch);
	return 0;
}

static void drop(struct epoll_item *i)
{
	TAILQ_REMOVE(&i->set->items, i, link);
	LIST_REMOVE(i, watch);
	kfree(i);
}

static int change(struct epoll *set, int op, struct file *f, int fd, const struct epoll_event *event)
{
	struct epoll_item *i = find(set, f, fd);

	if (op == EPOLL_CTL_ADD)
		return add(set, f, fd, event);
	if (!i)
		return -ENOENT;
	if (op == EPOLL_CTL_DEL)
		drop(i);
	else if (i->event.events & EPOLLEXCLUSIVE)
		return -EINVAL;
	else
		ask(i, event);
	return 0;
}

/* EPOLLEXCLUSIVE is asked for once, of a file that is no set, with few other words. */
static bool may_be_exclusive(int op, const struct file *f, uint32_t events)
{
	return op == EPOLL_CTL_ADD && !is_epoll(f) && !(events & ~EXCLUSIVE_WITH);
}

int epoll_change(struct file *set, int op, struct file *f, int fd, const struct epoll_event *event)
{
	int err;

	if (!f->ops->poll)
		return -EPERM;
	if (!is_epoll(set) || set == f)
		return -EINVAL;
	if (op != EPOLL_CTL_ADD && op != EPOLL_CTL_DEL && op != EPOLL_CTL_MOD)
		return -EINVAL;
	if (op != EPOLL_CTL_DEL && event->events & EPOLLEXCLUSIVE && !may_be_exclusive(op, f, event->events))
		return -EINVAL;
	mutex_lock(&lock);
	err = change(set->data, op, f, fd, event);
	mutex_unlock(&lock);
	if (!err)
		file_poll_wake();	/* who waits looks at it, too */
	return err;
}

void epoll_forget(struct file *f)
{
	mutex_lock(&lock);
	while (!LIST_EMPTY(&f->watchers))
		drop(LIST_FIRST(&f->watchers));
	mutex_unlock(&lock);
}

/* ---- the file ---- */

static unsigned epoll_poll(struct file *f)
{
	bool ready;

	mutex_lock(&lock);
	rounds++;
	ready = any_ready(f->data, 0);
	mutex_unlock(&lock);
	return ready ? POLLIN | POLLRDNORM : 0;
}

static void epoll_release(struct file *f)
{
	struct epoll *set = f->data;

	mutex_lock(&lock);
	while (!TAILQ_EMPTY(&set->items))
		drop(TAILQ_FIRST(&set->items));
	mutex_unlock(&lock);
	kfree(set);
}

static const struct file_ops epoll_ops = {
	.poll = epoll_poll, .release = epoll_release, .stream = true,
};

int epoll_open(struct file **out)
{
	struct epoll *set = kzalloc(sizeof(*set));
	int err = -ENOMEM;

	if (set) {
		TAILQ_INIT(&set->items);
		err = anon_open("eventpoll", &epoll_ops, set, O_RDWR, out);
	}
	if (err)
		kfree(set);
	return err;
}
