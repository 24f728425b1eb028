/* Calls about sockets: AF_UNIX, connected ones. Sending and receiving: socket_io.c. */
#include <asm/fcntl.h>
#include <asm/socket.h>
#include <kernel/fs/change.h>
#include <kernel/fs/path.h>
#include <kernel/fs/perm.h>
#include <kernel/fs/socket.h>
#include <kernel/fs/uio.h>
#include <kernel/proc/process.h>
#include <kernel/core/clock.h>
#include <kernel/sys/socket.h>
#include <kernel/sys/syscall.h>
#include <kernel/sys/timespec.h>
#include <lib/string.h>
#include <linux/socket.h>
#include <mm/alloc/slab.h>

#define SOCK_STREAM	1u
#define SOCK_SEQPACKET	5u
#define SOCK_TYPE	0xfu
#define SOCK_FLAGS	((unsigned)(O_CLOEXEC | O_NONBLOCK))
#define SHUT_WR		1u
#define SHUT_RDWR	2u

struct file *socket_of(int fd, long *err)
{
	struct file *f = user_file(fd);

	*err = f ? 0 : -EBADF;
	if (f && !is_socket(f)) {
		file_put(f);
		f = NULL;
		*err = -ENOTSOCK;
	}
	return f;
}

/* ---- making ---- */

static bool is_of_records(unsigned type)
{
	return (type & SOCK_TYPE) == SOCK_SEQPACKET;
}

static int check_kind(int family, unsigned type, int protocol)
{
	if (type & ~(SOCK_TYPE | SOCK_FLAGS))
		return -EINVAL;
	if (family != AF_UNIX)
		return -EAFNOSUPPORT;
	if ((type & SOCK_TYPE) != SOCK_STREAM && !is_of_records(type))
		return -ESOCKTNOSUPPORT;
	return protocol && protocol != AF_UNIX ? -EPROTONOSUPPORT : 0;
}

SYSCALL3(socket, int, family, unsigned, type, int, protocol)
{
	struct file *f;
	int err = check_kind(family, type, protocol);

	if (!err)
		err = socket_open(is_of_records(type), type & O_NONBLOCK, &f);
	return err ? err : file_number(f, type & O_CLOEXEC);
}

SYSCALL4(socketpair, int, family, unsigned, type, int, protocol, int __user *, to)
{
	struct file *end[2];
	int err = check_kind(family, type, protocol);

	if (!err)
		err = socket_open_pair(is_of_records(type), type & O_NONBLOCK, end);
	return err ? err : file_number_pair(end, to, type & O_CLOEXEC);
}

/* ---- names ---- */

/* A name of the program's; the path in it is ended by NUL. */
static int get_name(const void __user *from, unsigned len, struct socket_name *name)
{
	memset(name, 0, sizeof(*name));
	if (len <= sizeof(name->un.sun_family) || len > sizeof(name->un))
		return -EINVAL;
	if (copy_from_user(&name->un, from, len))
		return -EFAULT;
	if (name->un.sun_family != AF_UNIX)
		return -EINVAL;
	name->len = len;
	return 0;
}

static bool is_abstract(const struct socket_name *name)
{
	return !name->un.sun_path[0];
}

/* The path that a name is, in a buffer to walk in: kfree; NULL: no memory. */
static char *path_of(const struct socket_name *name)
{
	char *path = kzalloc(PATH_MAX);

	if (path)
		memcpy(path, name->un.sun_path, sizeof(name->un.sun_path));
	return path;
}

/* A new socket in the tree. 0, -EADDRINUSE, and what walks and makes may say. */
static int make_name(char *path, struct node **out)
{
	struct node *cwd = process_cwd();
	struct path_end e;
	int err = path_walk(cwd, path, LOOKUP_PARENT, &e);

	node_put(cwd);
	if (err)
		return err;
	*out = e.last == PATH_NAME ? fs_new_node(e.dir, user_mode(S_IFSOCK | 0777), 0) : NULL;
	if (*out)
		err = fs_make(&e, *out);
	else
		err = e.last == PATH_NAME ? -ENOMEM : -EEXIST;
	if (err && *out)
		node_put(*out);
	path_end_put(&e);
	return err == -EEXIST ? -EADDRINUSE : err;
}

/* The socket in the tree that a path leads to: also -ECONNREFUSED, -EACCES. */
static int find_name(char *path, struct node **out)
{
	struct node *cwd = process_cwd();
	int err = path_lookup(cwd, path, 0, out);

	node_put(cwd);
	if (err)
		return err;
	err = node_may(*out, MAY_WRITE);
	if (!err && !S_ISSOCK((*out)->mode))
		err = -ECONNREFUSED;
	if (err)
		node_put(*out);
	return err;
}

/* Does fn(f, node of the name, name); the node is made, or found. */
static long with_name(struct file *f, struct socket_name *name, int (*get)(char *, struct node **),
		      int (*fn)(struct file *, struct node *, const struct socket_name *))
{
	struct node *node;
	char *path;
	long r;

	if (is_abstract(name))
		return fn(f, NULL, name);
	path = path_of(name);
	if (!path)
		return -ENOMEM;
	name->len = (unsigned)(offsetof(struct sockaddr_un, sun_path) + strlen(path) + 1);
	r = get(path, &node);
	kfree(path);
	if (r)
		return r;
	r = fn(f, node, name);
	node_put(node);
	return r;
}

static long put_name(const struct socket_name *name, void __user *to, uint32_t __user *len)
{
	uint32_t room;

	if (get_user_u32(&room, len))
		return -EFAULT;
	if ((int)room < 0)
		return -EINVAL;
	if (copy_to_user(to, &name->un, MIN(room, name->len)) || put_user_u32(name->len, len))
		return -EFAULT;
	return 0;
}

SYSCALL3(bind, int, fd, const void __user *, addr, unsigned, len)
{
	struct socket_name name, now;
	long r;
	struct file *f = socket_of(fd, &r);

	if (!f)
		return r;
	r = get_name(addr, len, &name);
	socket_get_name(f, &now);
	if (!r && now.len > sizeof(now.un.sun_family))
		r = -EINVAL;
	if (!r)
		r = with_name(f, &name, make_name, socket_bind);
	file_put(f);
	return r;
}

SYSCALL3(connect, int, fd, const void __user *, addr, unsigned, len)
{
	struct socket_name name;
	long r;
	struct file *f = socket_of(fd, &r);

	if (!f)
		return r;
	r = get_name(addr, len, &name);
	if (!r)
		r = with_name(f, &name, find_name, socket_connect);
	file_put(f);
	return r;
}

SYSCALL2(listen, int, fd, unsigned, backlog)
{
	long r;
	struct file *f = socket_of(fd, &r);

	if (!f)
		return r;
	r = socket_listen(f, MIN(backlog, 4096u));
	file_put(f);
	return r;
}

static long put_peer(struct file *f, void __user *to, uint32_t __user *len)
{
	struct socket_name name;
	struct socket_peer who;
	int err = socket_get_peer(f, &name, &who);

	return err ? err : put_name(&name, to, len);
}

static long accept(int fd, void __user *to, uint32_t __user *len, unsigned flags)
{
	struct process *p = current_process();
	struct file *other;
	long r;
	struct file *f __put_file = socket_of(fd, &r);

	if (!f)
		return r;
	if (flags & ~SOCK_FLAGS)
		return -EINVAL;
	if (files_is_full(&p->files, process_fd_limit(p)))
		return -EMFILE;
	r = socket_accept(f, flags & O_NONBLOCK, &other);
	if (r)
		return r;
	r = to ? put_peer(other, to, len) : 0;
	if (r) {
		file_put(other);
		return r;
	}
	r = files_add(&p->files, other, 0, process_fd_limit(p), flags & O_CLOEXEC);
	if (r < 0)
		socket_give_back(f, other);
	return r;
}

SYSCALL3(accept, int, fd, void __user *, to, uint32_t __user *, len)
{
	return accept(fd, to, len, 0);
}

SYSCALL4(accept4, int, fd, void __user *, to, uint32_t __user *, len, unsigned, flags)
{
	return accept(fd, to, len, flags);
}

SYSCALL3(getsockname, int, fd, void __user *, to, uint32_t __user *, len)
{
	struct socket_name name;
	long r;
	struct file *f = socket_of(fd, &r);

	if (!f)
		return r;
	socket_get_name(f, &name);
	file_put(f);
	return put_name(&name, to, len);
}

SYSCALL3(getpeername, int, fd, void __user *, to, uint32_t __user *, len)
{
	long r;
	struct file *f = socket_of(fd, &r);

	if (!f)
		return r;
	r = put_peer(f, to, len);
	file_put(f);
	return r;
}

SYSCALL2(shutdown, int, fd, unsigned, how)
{
	long r;
	struct file *f = socket_of(fd, &r);

	if (!f)
		return r;
	if (how > SHUT_RDWR)
		r = -EINVAL;
	else
		socket_shutdown(f, how != SHUT_WR, how);
	file_put(f);
	return r;
}

/* ---- options ---- */

static int get_option(struct file *f, int name, uint32_t *v)
{
	switch (name) {
	case SO_TYPE:		*v = socket_is_of_records(f) ? SOCK_SEQPACKET : SOCK_STREAM; return 0;
	case SO_DOMAIN:		*v = AF_UNIX; return 0;
	case SO_ACCEPTCONN:	*v = socket_is_listening(f); return 0;
	case SO_SNDBUF:
	case SO_RCVBUF:		*v = SOCKET_BUFFER; return 0;
	case SO_ERROR:		*v = (uint32_t)socket_take_error(f); return 0;
	case SO_PASSCRED:	*v = socket_get_options(f).passcred; return 0;
	case SO_PROTOCOL:
	case SO_REUSEADDR:
	case SO_KEEPALIVE:	*v = 0; return 0;
	default:		return -ENOPROTOOPT;
	}
}

static long put_option(const void *v, size_t n, void __user *to, uint32_t __user *len)
{
	uint32_t room;

	if (get_user_u32(&room, len))
		return -EFAULT;
	if ((int)room < 0)
		return -EINVAL;
	n = MIN(n, room);
	return copy_to_user(to, v, n) || put_user_u32((uint32_t)n, len) ? -EFAULT : 0;
}

static bool is_time_limit(int name)
{
	return name == SO_RCVTIMEO || name == SO_SNDTIMEO;
}

static long put_time_limit(struct file *f, int name, void __user *to, uint32_t __user *len)
{
	struct socket_options o = socket_get_options(f);
	uint64_t ns = name == SO_RCVTIMEO ? o.receive_ns : o.send_ns;
	struct __kernel_old_timeval t = { (long)(ns / NS_PER_SEC), (long)(ns % NS_PER_SEC / 1000) };

	return put_option(&t, sizeof(t), to, len);
}

SYSCALL5(getsockopt, int, fd, int, level, int, name, void __user *, to, uint32_t __user *, len)
{
	struct socket_name peer;
	struct socket_peer who;
	uint32_t v = 0;
	long r;
	struct file *f __put_file = socket_of(fd, &r);

	if (!f)
		return r;
	if (level != SOL_SOCKET)
		return -EOPNOTSUPP;
	if (is_time_limit(name))
		return put_time_limit(f, name, to, len);
	if (name != SO_PEERCRED) {
		r = get_option(f, name, &v);
		return r ? r : put_option(&v, sizeof(v), to, len);
	}
	if (socket_get_peer(f, &peer, &who) && !socket_is_listening(f))	/* who listens tells of himself */
		who = (struct socket_peer){ 0, UINT32_MAX, UINT32_MAX };
	return put_option(&who, sizeof(who), to, len);
}

static long set_time_limit(struct file *f, int name, const void __user *from, unsigned len)
{
	struct socket_options o = socket_get_options(f);
	struct __kernel_old_timeval t;
	uint64_t ns;

	if (len < sizeof(t))
		return -EINVAL;
	if (copy_from_user(&t, from, sizeof(t)))
		return -EFAULT;
	if (t.tv_usec < 0 || t.tv_usec >= 1000000)
		return -EDOM;
	ns = t.tv_sec < 0 ? 1 : (uint64_t)MIN(t.tv_sec, SECONDS_MAX) * NS_PER_SEC + (uint64_t)t.tv_usec * 1000;
	if (name == SO_RCVTIMEO)
		o.receive_ns = ns;
	else
		o.send_ns = ns;
	socket_set_options(f, &o);
	return 0;
}

static long set_passcred(struct file *f, bool on)
{
	struct socket_options o = socket_get_options(f);

	o.passcred = on;
	socket_set_options(f, &o);
	return 0;
}

/* Those that mean nothing between two programs of one machine are taken; buffers have one size. */
SYSCALL5(setsockopt, int, fd, int, level, int, name, const void __user *, from, unsigned, len)
{
	uint32_t v;
	long r;
	struct file *f __put_file = socket_of(fd, &r);

	if (!f)
		return r;
	if (level != SOL_SOCKET)
		return -EOPNOTSUPP;
	if (len < sizeof(v))
		return -EINVAL;
	if (is_time_limit(name))
		return set_time_limit(f, name, from, len);
	if (get_user_u32(&v, from))
		return -EFAULT;
	switch (name) {
	case SO_PASSCRED:
		return set_passcred(f, v);
	case SO_REUSEADDR:
	case SO_KEEPALIVE:
	case SO_SNDBUF:
	case SO_RCVBUF:
		return 0;
	default:
		return -ENOPROTOOPT;
	}
}
