/*
 * process_vm_readv, process_vm_writev: copies between two address spaces, page
 * by page of the other's (mm/vm/remote.c), for who may look inside of it (look.h).
 */
#include <kernel/fs/uio.h>
#include <kernel/proc/look.h>
#include <kernel/sys/syscall.h>
#include <mm/alloc/slab.h>
#include <mm/mm.h>

#define BATCH	(1024 * PAGE_SIZE)	/* of the other's memory is brought in at once */

struct transfer {
	struct mm *mm;			/* the other's */
	bool write;			/* to it */
	void *buffer;			/* a page, if write */
	const struct io_vector *own;
	unsigned i;			/* which of own is next, and how much of it is done */
	size_t at;
	size_t done;
};

/* How much of n bytes goes in one piece: no more than is left of the next part of one's own. */
static size_t next_piece(struct transfer *t, vaddr_t va, size_t n)
{
	vaddr_t own;

	while (t->at == t->own->iov[t->i].iov_len) {
		t->i++;
		t->at = 0;
	}
	own = (vaddr_t)t->own->iov[t->i].iov_base + t->at;
	n = MIN(n, t->own->iov[t->i].iov_len - t->at);
	/* Memory that is copied forward over itself repeats: not so through a buffer. */
	if (t->write && t->mm == current_process()->mm && va > own)
		n = MIN(n, va - own);
	return n;
}

/* n bytes at va, all in one page. */
static size_t copy_piece(struct transfer *t, vaddr_t va, size_t n)
{
	char __user *own = (char __user *)t->own->iov[t->i].iov_base + t->at;

	if (!t->write)
		return mm_remote_read(t->mm, va, own, n);
	n -= copy_from_user(t->buffer, own, n);
	return n && mm_remote_write(t->mm, va, t->buffer, n) ? n : 0;
}

/* n bytes at va, as far as there is a place for them. 0 or -EFAULT. */
static int transfer_pages(struct transfer *t, vaddr_t va, size_t n)
{
	while (n && t->done < t->own->total) {
		size_t piece = next_piece(t, va, MIN(n, PAGE_SIZE - va % PAGE_SIZE));
		size_t done = copy_piece(t, va, piece);

		t->at += done;
		t->done += done;
		if (done < piece)
			return -EFAULT;
		va += piece;
		n -= piece;
		resched_point();
	}
	return 0;
}

/* One piece of the other's memory: brought in first, even if there is less to copy. */
static int transfer_one(struct transfer *t, vaddr_t va, size_t n)
{
	while (n && t->done < t->own->total) {
		size_t batch = MIN(n, BATCH - va % PAGE_SIZE);
		int err;

		batch = mm_remote_fault(t->mm, va, batch, t->write);
		err = batch ? transfer_pages(t, va, batch) : -EFAULT;
		if (err)
			return err;
		va += batch;
		n -= batch;
	}
	return 0;
}

static long transfer_all(struct transfer *t, const struct io_vector *other)
{
	int err = 0;

	for (unsigned i = 0; i < other->n && !err; i++)
		err = transfer_one(t, (vaddr_t)other->iov[i].iov_base, other->iov[i].iov_len);
	return t->done ? (long)t->done : err;
}

static bool is_empty(const struct io_vector *v)
{
	for (unsigned i = 0; i < v->n; i++)
		if (v->iov[i].iov_len)
			return false;
	return true;
}

/* Its memory is kept while it lasts: an exec meanwhile leaves it to this call. */
static long transfer_with(int pid, struct transfer *t, const struct io_vector *other)
{
	long r;

	if (is_empty(other))
		return 0;
	r = process_get_mm_inside(pid, &t->mm);
	if (r)
		return r;
	t->buffer = t->write ? kmalloc(PAGE_SIZE) : NULL;
	r = t->write && !t->buffer ? -ENOMEM : transfer_all(t, other);
	kfree(t->buffer);
	mm_put(t->mm);
	return r;
}

static long process_vm(struct trapframe *tf, bool write)
{
	struct transfer t = { .write = write };
	struct io_vector own, other;
	long r;

	if (tf->r9)			/* flags: there are none */
		return -EINVAL;
	r = io_vector_read_own(&own, (const struct iovec __user *)tf->rsi, tf->rdx);
	if (r)
		return r;
	t.own = &own;
	if (own.total)
		r = io_vector_read(&other, (const struct iovec __user *)tf->r10, tf->r8);
	if (own.total && !r) {
		r = transfer_with((int)tf->rdi, &t, &other);
		io_vector_free(&other);
	}
	io_vector_free(&own);
	return r;
}

long sys_process_vm_readv(struct trapframe *tf)
{
	return process_vm(tf, false);
}

long sys_process_vm_writev(struct trapframe *tf)
{
	return process_vm(tf, true);
}
