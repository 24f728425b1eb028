/* Calls about sockets: AF_UNIX, streams. What comes with descriptors or credentials is refused. */
#include <asm/fcntl.h>
#include <asm/socket.h>
#include <kernel/fs/change.h>
#include <kernel/fs/path.h>
#include <kernel/fs/perm.h>
#include <kernel/fs/socket.h>
#include <kernel/fs/uio.h>
#include <kernel/proc/process.h>
#include <kernel/sys/syscall.h>
#include <lib/string.h>
#include <linux/socket.h>
#include <mm/alloc/slab.h>

#define SOCK_STREAM	1
#define SOCK_TYPE	0xfu
#define SOCK_FLAGS	((unsigned)(O_CLOEXEC | O_NONBLOCK))
#define SHUT_WR		1u
#define SHUT_RDWR	2u
#define MSG_KNOWN	(MSG_DONTWAIT | MSG_NOSIGNAL)
#define BUFFER_BYTES	65536u		/* of each direction: a pipe's */

/* A struct msghdr. */
struct message {
	void __user *name;
	uint32_t name_len, pad;
	struct iovec __user *iov;
	uint64_t iov_len;
	void __user *control;
	uint64_t control_len;
	uint32_t flags, pad2;
};

/* The open socket fd, counted; NULL with *err. */
static struct file *socket_of(int fd, long *err)
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

static int check_kind(int family, unsigned type, int protocol)
{
	if (type & ~(SOCK_TYPE | SOCK_FLAGS))
		return -EINVAL;
	if (family != AF_UNIX)
		return -EAFNOSUPPORT;
	if ((type & SOCK_TYPE) != SOCK_STREAM)
		return -ESOCKTNOSUPPORT;
	return protocol && protocol != AF_UNIX ? -EPROTONOSUPPORT : 0;
}

SYSCALL3(socket, int, family, unsigned, type, int, protocol)
{
	struct file *f;
	int err = check_kind(family, type, protocol);

	if (!err)
		err = socket_open(type & O_NONBLOCK, &f);
	return err ? err : file_number(f, type & O_CLOEXEC);
}

SYSCALL4(socketpair, int, family, unsigned, type, int, protocol, int __user *, to)
{
	struct file *end[2];
	int err = check_kind(family, type, protocol);

	if (!err)
		err = socket_open_pair(type & O_NONBLOCK, end);
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
	struct file *other;
	long r;
	struct file *f = socket_of(fd, &r);

	if (!f)
		return r;
	r = flags & ~SOCK_FLAGS ? -EINVAL : socket_accept(f, flags & O_NONBLOCK, &other);
	file_put(f);
	if (r)
		return r;
	if (to)
		r = put_peer(other, to, len);
	if (!r)
		return file_number(other, flags & O_CLOEXEC);
	file_put(other);
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

/* ---- bytes ---- */

static long transfer(int fd, const struct io_vector *v, unsigned flags, bool send)
{
	struct io_iter it = io_iter_of(v);
	long r;
	struct file *f = socket_of(fd, &r);

	if (!f)
		return r;
	if (flags & ~MSG_KNOWN)
		r = -EOPNOTSUPP;
	else
		r = send ? socket_send(f, &it, flags) : socket_receive(f, &it, flags);
	file_put(f);
	return r;
}

static long transfer_one(int fd, void __user *buf, size_t n, unsigned flags, bool send)
{
	struct io_vector v = { .fast[0] = { buf, MIN(n, FILE_IO_MAX) }, .n = 1, .total = MIN(n, FILE_IO_MAX) };

	v.iov = v.fast;
	return transfer(fd, &v, flags, send);
}

/* Who is connected needs no name: one that is given is as wrong as on Linux. */
SYSCALL6(sendto, int, fd, void __user *, buf, size_t, n, unsigned, flags, void __user *, addr, unsigned, len)
{
	return addr && len ? -EISCONN : transfer_one(fd, buf, n, flags, true);
}

SYSCALL6(recvfrom, int, fd, void __user *, buf, size_t, n, unsigned, flags, void __user *, addr,
	 uint32_t __user *, len)
{
	long r = transfer_one(fd, buf, n, flags, false);

	return r >= 0 && addr && put_user_u32(0, len) ? -EFAULT : r;
}

static long transfer_message(int fd, const struct message __user *from, unsigned flags, bool send)
{
	struct message m;
	struct io_vector v;
	long r;

	if (copy_from_user(&m, from, sizeof(m)))
		return -EFAULT;
	if (send && m.control_len)
		return -EINVAL;
	r = io_vector_read_own(&v, m.iov, m.iov_len);
	if (r)
		return r;
	r = transfer(fd, &v, flags, send);
	io_vector_free(&v);
	if (r < 0 || send)
		return r;
	m.name_len = 0;
	m.control_len = 0;
	m.flags = 0;
	return copy_to_user((void __user *)from, &m, sizeof(m)) ? -EFAULT : r;
}

SYSCALL3(sendmsg, int, fd, const struct message __user *, m, unsigned, flags)
{
	return transfer_message(fd, m, flags, true);
}

SYSCALL3(recvmsg, int, fd, struct message __user *, m, unsigned, flags)
{
	return transfer_message(fd, m, flags, false);
}

/* ---- options ---- */

static int get_option(struct file *f, int name, uint32_t *v)
{
	switch (name) {
	case SO_TYPE:		*v = SOCK_STREAM; return 0;
	case SO_DOMAIN:		*v = AF_UNIX; return 0;
	case SO_ACCEPTCONN:	*v = socket_is_listening(f); return 0;
	case SO_SNDBUF:
	case SO_RCVBUF:		*v = BUFFER_BYTES; return 0;
	case SO_ERROR:
	case SO_PROTOCOL:
	case SO_REUSEADDR:
	case SO_KEEPALIVE:
	case SO_PASSCRED:	*v = 0; return 0;
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

SYSCALL5(getsockopt, int, fd, int, level, int, name, void __user *, to, uint32_t __user *, len)
{
	struct socket_name peer;
	struct socket_peer who;
	uint32_t v = 0;
	long r;
	struct file *f = socket_of(fd, &r);

	if (!f)
		return r;
	if (level != SOL_SOCKET)
		r = -EOPNOTSUPP;
	else if (name == SO_PEERCRED)
		r = socket_get_peer(f, &peer, &who);
	else
		r = get_option(f, name, &v);
	file_put(f);
	if (r)
		return r;
	return name == SO_PEERCRED ? put_option(&who, sizeof(who), to, len) : put_option(&v, sizeof(v), to, len);
}

/* Those that mean nothing between two programs of one machine are taken; buffers have one size. */
SYSCALL5(setsockopt, int, fd, int, level, int, name, const void __user *, from, unsigned, len)
{
	uint32_t v;
	long r;
	struct file *f = socket_of(fd, &r);

	if (!f)
		return r;
	file_put(f);
	if (level != SOL_SOCKET)
		return -EOPNOTSUPP;
	if (len < sizeof(v))
		return -EINVAL;
	if (get_user_u32(&v, from))
		return -EFAULT;
	switch (name) {
	case SO_REUSEADDR:
	case SO_KEEPALIVE:
	case SO_SNDBUF:
	case SO_RCVBUF:
		return 0;
	default:
		return -ENOPROTOOPT;
	}
}
