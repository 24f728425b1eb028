/* Calls that send and receive by sockets. */
#include <kernel/fs/socket_queue.h>
#include <kernel/fs/uio.h>
#include <kernel/sys/socket.h>
#include <kernel/sys/syscall.h>

#define MSG_OOB		1u

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

/* What a call does, and where. */
struct act {
	int fd;
	bool send;
	const void __user *name;	/* to send to; NULL: none */
	unsigned name_len;
};

/* Whom m goes to. Who is connected needs no name: one that is given is as wrong as on Linux. */
static long aim(struct file *f, const struct act *a, struct socket_message *m)
{
	struct socket_name name;
	struct socket_peer who;
	struct node *node;
	long r;

	if (!a->name || !a->name_len || socket_type(f) == SOCK_SEQPACKET)
		return 0;
	if (socket_type(f) == SOCK_STREAM)
		return socket_get_peer(f, &name, &who) ? -EOPNOTSUPP : -EISCONN;
	r = socket_name_get(a->name, a->name_len, &name);
	if (!r)
		r = socket_name_node(&name, false, &node);
	if (r)
		return r;
	r = socket_aim(f, node, &name, m);
	node_put(node);
	return r;
}

static long transfer(const struct act *a, const struct io_vector *v, struct socket_message *m)
{
	struct io_iter it = io_iter_of(v);
	long r;
	struct file *f __put_file = socket_of(a->fd, &r);

	if (!f)
		return r;
	if (m->flags & MSG_OOB)
		return -EOPNOTSUPP;
	if (!a->send)
		return socket_receive(f, &it, m);
	r = aim(f, a, m);
	if (!r)
		r = socket_send(f, &it, m);
	if (m->to)
		socket_queue_put(m->to);
	return r;
}

static long transfer_one(const struct act *a, void __user *buf, size_t n, struct socket_message *m)
{
	struct io_vector v = { .fast[0] = { buf, MIN(n, FILE_IO_MAX) }, .n = 1, .total = MIN(n, FILE_IO_MAX) };
	long r;

	v.iov = v.fast;
	r = transfer(a, &v, m);
	socket_cargo_free(m->cargo);	/* what came along, nobody can have this way */
	return r;
}

SYSCALL6(sendto, int, fd, void __user *, buf, size_t, n, unsigned, flags, void __user *, addr, unsigned, len)
{
	struct act a = { fd, true, addr, len };
	struct socket_message m = { .flags = flags };

	return transfer_one(&a, buf, n, &m);
}

SYSCALL6(recvfrom, int, fd, void __user *, buf, size_t, n, unsigned, flags, void __user *, addr,
	 uint32_t __user *, len)
{
	struct act a = { .fd = fd };
	struct socket_message m = { .flags = flags };
	long r = transfer_one(&a, buf, n, &m), err = r >= 0 && addr ? socket_name_put(&m.from, addr, len) : 0;

	return err ? err : r;
}

SYSCALL3(sendmsg, int, fd, const struct message __user *, from, unsigned, flags)
{
	struct socket_message m = { .flags = flags };
	struct act a = { .fd = fd, .send = true };
	struct message head;
	struct io_vector v;
	long r;

	if (copy_from_user(&head, from, sizeof(head)))
		return -EFAULT;
	r = io_vector_read_own(&v, head.iov, head.iov_len);
	if (r)
		return r;
	a.name = head.name;
	a.name_len = head.name_len;
	r = socket_get_control(head.control, head.control_len, &m);
	if (!r)
		r = transfer(&a, &v, &m);
	socket_cargo_free(m.cargo);
	io_vector_free(&v);
	return r;
}

/* What the program learns besides the bytes. */
static long put_rest(struct message __user *to, struct message *head, const struct socket_message *m)
{
	uint32_t room = head->name_len;
	size_t used;
	bool cut = socket_put_control(head->control, head->control ? head->control_len : 0, m, &used);

	head->name_len = m->from.len;
	head->control_len = used;
	head->flags = (cut ? MSG_CTRUNC : 0) | (m->cut ? MSG_TRUNC : 0) | (m->flags & MSG_CMSG_CLOEXEC);
	if (head->name && copy_to_user(head->name, &m->from.un, MIN(room, m->from.len)))
		return -EFAULT;
	return copy_to_user(to, head, sizeof(*head)) ? -EFAULT : 0;
}

SYSCALL3(recvmsg, int, fd, struct message __user *, to, unsigned, flags)
{
	struct socket_message m = { .flags = flags };
	struct act a = { .fd = fd };
	struct message head;
	struct io_vector v;
	long r, err;

	if (copy_from_user(&head, to, sizeof(head)))
		return -EFAULT;
	r = io_vector_read_own(&v, head.iov, head.iov_len);
	if (r)
		return r;
	r = transfer(&a, &v, &m);
	io_vector_free(&v);
	err = r < 0 ? r : put_rest(to, &head, &m);
	socket_cargo_free(m.cargo);
	return err ? err : r;
}
