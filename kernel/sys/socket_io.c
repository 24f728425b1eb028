/* Calls that send and receive by sockets. */
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

static long transfer(int fd, const struct io_vector *v, struct socket_message *m, bool send)
{
	struct io_iter it = io_iter_of(v);
	long r;
	struct file *f __put_file = socket_of(fd, &r);

	if (!f)
		return r;
	if (m->flags & MSG_OOB)
		return -EOPNOTSUPP;
	return send ? socket_send(f, &it, m) : socket_receive(f, &it, m);
}

static long transfer_one(int fd, void __user *buf, size_t n, unsigned flags, bool send)
{
	struct io_vector v = { .fast[0] = { buf, MIN(n, FILE_IO_MAX) }, .n = 1, .total = MIN(n, FILE_IO_MAX) };
	struct socket_message m = { .flags = flags };
	long r;

	v.iov = v.fast;
	r = transfer(fd, &v, &m, send);
	socket_cargo_free(m.cargo);	/* what came along, nobody can have this way */
	return r;
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

SYSCALL3(sendmsg, int, fd, const struct message __user *, from, unsigned, flags)
{
	struct socket_message m = { .flags = flags };
	struct message head;
	struct io_vector v;
	long r;

	if (copy_from_user(&head, from, sizeof(head)))
		return -EFAULT;
	r = io_vector_read_own(&v, head.iov, head.iov_len);
	if (r)
		return r;
	r = socket_get_control(head.control, head.control_len, &m);
	if (!r)
		r = transfer(fd, &v, &m, true);
	socket_cargo_free(m.cargo);
	io_vector_free(&v);
	return r;
}

/* What the program learns besides the bytes. */
static long put_rest(struct message __user *to, struct message *head, const struct socket_message *m)
{
	size_t used;
	bool cut = socket_put_control(head->control, head->control ? head->control_len : 0, m, &used);

	head->name_len = 0;
	head->control_len = used;
	head->flags = (cut ? MSG_CTRUNC : 0) | (m->cut ? MSG_TRUNC : 0) | (m->flags & MSG_CMSG_CLOEXEC);
	return copy_to_user(to, head, sizeof(*head)) ? -EFAULT : 0;
}

SYSCALL3(recvmsg, int, fd, struct message __user *, to, unsigned, flags)
{
	struct socket_message m = { .flags = flags };
	struct message head;
	struct io_vector v;
	long r, err;

	if (copy_from_user(&head, to, sizeof(head)))
		return -EFAULT;
	r = io_vector_read_own(&v, head.iov, head.iov_len);
	if (r)
		return r;
	r = transfer(fd, &v, &m, false);
	io_vector_free(&v);
	err = r < 0 ? r : put_rest(to, &head, &m);
	socket_cargo_free(m.cargo);
	return err ? err : r;
}
