/* Control messages of sendmsg(2), recvmsg(2): open files and identities that are sent along; unix(7), cmsg(3). */
#include <kernel/sys/socket.h>
#include <asm/socket.h>
#include <kernel/proc/process.h>
#include <kernel/sys/syscall.h>
#include <mm/alloc/slab.h>

#define SCM_RIGHTS	1
#define SCM_CREDENTIALS	2
#define FILES_AT_ONCE	253u		/* Linux's SCM_MAX_FD */
#define CONTROL_MAX	20480u		/* Linux's optmem_max */

/* Its data stands behind it; the next one begins at a multiple of 8. */
struct control {
	uint64_t len;			/* with the data */
	int level, type;
};

/* ---- what is sent ---- */

static int take_files(const int *fd, size_t n, struct socket_message *m)
{
	if (!n)
		return 0;
	if (!m->cargo)
		m->cargo = socket_cargo_create(FILES_AT_ONCE);
	if (!m->cargo)
		return -ENOMEM;
	if (n > FILES_AT_ONCE - m->cargo->n)
		return -EINVAL;
	for (size_t i = 0; i < n; i++) {
		struct file *f = files_get(&current_process()->files, (unsigned)fd[i]);

		if (!f)
			return -EBADF;
		m->cargo->file[m->cargo->n++] = f;
	}
	return 0;
}

/* One may say to be any that one is, root anybody that there is. */
static int take_identity(const struct socket_peer *who, struct socket_message *m)
{
	const struct process *p = current_process();
	const struct cred *c = &p->cred;
	bool exists;

	if (!cred_is_privileged(c) &&
	    (who->pid != (uint32_t)p->pid || (who->uid != c->uid && who->uid != c->euid && who->uid != c->suid) ||
	     (who->gid != c->gid && who->gid != c->egid && who->gid != c->sgid)))
		return -EPERM;
	spin_lock(&process_lock);
	exists = process_find((int)who->pid);
	spin_unlock(&process_lock);
	if (!exists)
		return -ESRCH;
	m->who = *who;
	m->has_who = true;
	return 0;
}

static int take_control(const struct control *c, struct socket_message *m)
{
	const void *data = c + 1;
	size_t n = c->len - sizeof(*c);

	if (c->level != SOL_SOCKET)
		return 0;
	if (c->type == SCM_RIGHTS)
		return take_files(data, n / sizeof(int), m);
	if (c->type == SCM_CREDENTIALS && n == sizeof(struct socket_peer))
		return take_identity(data, m);
	return -EINVAL;
}

static int take_all(const char *buf, size_t n, struct socket_message *m)
{
	int err = 0;

	while (!err && n >= sizeof(struct control)) {
		const struct control *c = (const struct control *)buf;
		size_t step;

		if (c->len < sizeof(*c) || c->len > n)
			return -EINVAL;
		err = take_control(c, m);
		step = MIN(ALIGN_UP(c->len, 8), n);
		buf += step;
		n -= step;
	}
	return err;
}

int socket_get_control(const void __user *from, size_t n, struct socket_message *m)
{
	char *buf;
	int err;

	if (n > CONTROL_MAX)
		return -ENOBUFS;
	buf = n ? kmalloc(n) : NULL;
	if (!buf)
		return n ? -ENOMEM : 0;
	err = copy_from_user(buf, from, n) ? -EFAULT : take_all(buf, n, m);
	kfree(buf);
	return err;
}

/* ---- what was received ---- */

/* Where the next one goes. */
struct room {
	char __user *at;
	size_t left;
};

static bool put_head(const struct room *r, size_t len, int type)
{
	struct control c = { len, SOL_SOCKET, type };

	return !copy_to_user(r->at, &c, sizeof(c));
}

static void advance(struct room *r, size_t len)
{
	size_t step = MIN(ALIGN_UP(len, 8), r->left);

	r->at += step;
	r->left -= step;
}

/* False: it was cut. */
static bool put_identity(struct room *r, const struct socket_peer *who)
{
	size_t len = MIN(r->left, sizeof(struct control) + sizeof(*who));

	if (len < sizeof(struct control) || !put_head(r, len, SCM_CREDENTIALS) ||
	    copy_to_user(r->at + sizeof(struct control), who, len - sizeof(struct control)))
		return false;
	advance(r, len);
	return len == sizeof(struct control) + sizeof(*who);
}

/* A number for f, in the place of the i-th. */
static bool put_file(const struct room *r, unsigned i, struct file *f, bool cloexec)
{
	uint32_t __user *to = (uint32_t __user *)(r->at + sizeof(struct control)) + i;
	long fd;

	file_get(f);
	fd = file_number(f, cloexec);
	if (fd < 0)
		return false;
	if (!put_user_u32((uint32_t)fd, to))
		return true;
	(void)!files_close(&current_process()->files, (unsigned)fd);
	return false;
}

static bool put_files(struct room *r, const struct socket_cargo *c, bool cloexec)
{
	size_t most = r->left < sizeof(struct control) ? 0 : (r->left - sizeof(struct control)) / sizeof(int);
	unsigned n = 0;

	while (n < c->n && n < most && put_file(r, n, c->file[n], cloexec))
		n++;
	if (n && put_head(r, sizeof(struct control) + n * sizeof(int), SCM_RIGHTS))
		advance(r, sizeof(struct control) + n * sizeof(int));
	return n == c->n;
}

bool socket_put_control(void __user *to, size_t n, const struct socket_message *m, size_t *used)
{
	struct room r = { to, n };
	bool all = true;

	if (m->wants_sender)
		all = put_identity(&r, &m->who);
	if (m->cargo)
		all &= put_files(&r, m->cargo, m->flags & MSG_CMSG_CLOEXEC);
	*used = n - r.left;
	return !all;
}
