/* Calls about sockets: AF_UNIX. Sending and receiving: socket_io.c. */
#include <asm/fcntl.h>
#include <asm/socket.h>
#include <kernel/fs/socket.h>
#include <kernel/proc/process.h>
#include <kernel/core/clock.h>
#include <kernel/sys/socket.h>
#include <kernel/sys/syscall.h>
#include <kernel/sys/timespec.h>
#include <linux/socket.h>

#define AF_UNSPEC	0
#define SOCK_RAW	3u
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

/* As on Linux, raw ones are of datagrams. */
static unsigned type_of(unsigned type)
{
	return (type & SOCK_TYPE) == SOCK_RAW ? SOCK_DGRAM : type & SOCK_TYPE;
}

static int check_kind(int family, unsigned type, int protocol)
{
	if (type & ~(SOCK_TYPE | SOCK_FLAGS))
		return -EINVAL;
	if (family != AF_UNIX)
		return -EAFNOSUPPORT;
	if (type_of(type) != SOCK_STREAM && type_of(type) != SOCK_DGRAM && type_of(type) != SOCK_SEQPACKET)
		return -ESOCKTNOSUPPORT;
	return protocol && protocol != AF_UNIX ? -EPROTONOSUPPORT : 0;
}

SYSCALL3(socket, int, family, unsigned, type, int, protocol)
{
	struct file *f;
	int err = check_kind(family, type, protocol);

	if (!err)
		err = socket_open(type_of(type), type & O_NONBLOCK, &f);
	return err ? err : file_number(f, type & O_CLOEXEC);
}

SYSCALL4(socketpair, int, family, unsigned, type, int, protocol, int __user *, to)
{
	struct file *end[2];
	int err = check_kind(family, type, protocol);

	if (!err)
		err = socket_open_pair(type_of(type), type & O_NONBLOCK, end);
	return err ? err : file_number_pair(end, to, type & O_CLOEXEC);
}

/* ---- names ---- */

SYSCALL3(bind, int, fd, const void __user *, addr, unsigned, len)
{
	struct socket_name name, now;
	struct node *node = NULL;
	long r;
	struct file *f __put_file = socket_of(fd, &r);

	if (!f)
		return r;
	r = socket_name_get(addr, len, &name);
	socket_get_name(f, &now);
	if (!r && now.len > sizeof(now.un.sun_family))
		r = -EINVAL;
	if (!r)
		r = socket_name_node(&name, true, &node);
	if (!r)
		r = socket_bind(f, node, &name);
	node_put(node);
	return r;
}

/* AF_UNSPEC: the end of a connection, that datagrams may have. */
static bool is_no_name(const struct file *f, const void __user *addr, unsigned len)
{
	uint16_t family;

	return socket_type(f) == SOCK_DGRAM && len >= sizeof(family) && !copy_from_user(&family, addr, sizeof(family)) &&
	       family == AF_UNSPEC;
}

SYSCALL3(connect, int, fd, const void __user *, addr, unsigned, len)
{
	struct socket_name name;
	struct node *node = NULL;
	long r;
	struct file *f __put_file = socket_of(fd, &r);

	if (!f)
		return r;
	if (is_no_name(f, addr, len)) {
		socket_disconnect(f);
		return 0;
	}
	r = socket_name_get(addr, len, &name);
	if (!r)
		r = socket_name_node(&name, false, &node);
	if (!r)
		r = socket_connect(f, node, &name);
	node_put(node);
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

	return err ? err : socket_name_put(&name, to, len);
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
	return socket_name_put(&name, to, len);
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
	case SO_TYPE:		*v = socket_type(f); return 0;
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
