/*
 * /proc and /sys: the files' operations, and the tree they stand in; see
 * proc.h. Everything that concerns no process is a node of the tree from the
 * beginning; what concerns one is made when looked for (proc_pid.c).
 *
 * Locks: text_lock guards which text an open file has: reads at a place of their own
 * (pread) hold no file.lock. That is outside of the lock of all processes, which the text
 * of a process takes.
 */
#include <kernel/fs/proc.h>
#include <kernel/fs/fs.h>
#include <kernel/fs/rootfs.h>
#include <kernel/proc/look.h>
#include <arch/uaccess.h>
#include <lib/assert.h>
#include <lib/format.h>
#include <lib/string.h>
#include <linux/errno.h>
#include <mm/alloc/slab.h>

#define STORE_MAX	4096

static struct spinlock text_lock = SPINLOCK_INIT(RANK_LISTS);

/* ---- open files ---- */

/* The first piece, or the one after `last`. */
static int make_text(const struct proc_file *pf, int pid, const struct text *last, struct text **out)
{
	struct text *t = text_create();
	int err;

	if (t && last) {
		t->start = last->start + last->len;
		t->at = last->at;
	}
	err = t ? pf->show(t, pid) : -ENOMEM;
	if (!err)
		err = t->err;
	if (err)
		text_put(t);
	else
		*out = t;
	return err;
}

/* The piece that f has, or NULL; counted. */
static struct text *get_text(struct file *f)
{
	struct text *t;

	spin_lock(&text_lock);
	t = f->data;
	if (t)
		text_get(t);
	spin_unlock(&text_lock);
	return t;
}

/* A new one, the first or the one after `last`, which f has from now on; counted. */
static int renew_text(struct file *f, const struct proc_file *pf, const struct text *last, struct text **out)
{
	int err = make_text(pf, (int)f->node->about_id, last, out);
	struct text *old;

	if (err)
		return err;
	text_get(*out);
	spin_lock(&text_lock);
	old = f->data;
	f->data = *out;
	spin_unlock(&text_lock);
	text_put(old);
	return 0;
}

/* The piece that has the byte at off, or the last one; counted. Who goes back has all made anew. */
static int find_text(struct file *f, const struct proc_file *pf, uint64_t off, struct text **out)
{
	struct text *t = off ? get_text(f) : NULL, *last;
	int err;

	if (t && off < t->start) {
		text_put(t);
		t = NULL;
	}
	while (!t || (t->more && off - t->start >= t->len)) {
		last = t;
		err = renew_text(f, pf, last, &t);
		text_put(last);
		if (err)
			return err;
	}
	*out = t;
	return 0;
}

static ssize_t proc_read(struct file *f, void __user *buf, size_t n, uint64_t off)
{
	const struct proc_file *pf = f->node->about;
	struct text *t;
	ssize_t r;

	if (pf->read)
		return pf->read((int)f->node->about_id, buf, n, off);
	if (!pf->show)
		return -EINVAL;
	r = find_text(f, pf, off, &t);
	if (r)
		return r;
	r = text_read(t, buf, n, off);
	text_put(t);
	return r;
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\n';
}

static int store_text(const struct proc_file *pf, int pid, char *text, size_t n)
{
	while (n && is_blank(text[n - 1]))
		n--;
	text[n] = '\0';
	while (is_blank(*text))
		text++;
	return pf->store(text, pid);
}

static ssize_t proc_write(struct file *f, const void __user *buf, size_t n, uint64_t off)
{
	const struct proc_file *pf = f->node->about;
	char *text;
	int err;

	(void)off;
	if (!pf->store)
		return *pf->path == '/' ? -EIO : -EINVAL;
	if (n >= STORE_MAX)
		return -EINVAL;
	text = kmalloc(STORE_MAX);
	if (!text)
		return -ENOMEM;
	err = copy_from_user(text, buf, n) ? -EFAULT
					   : store_text(pf, (int)f->node->about_id, text, n);
	kfree(text);
	return err ? err : (ssize_t)n;
}

static int proc_open(struct file *f)
{
	const struct proc_file *pf = f->node->about;

	return pf->inside ? process_may_see((int)f->node->about_id) : 0;
}

static void proc_release(struct file *f)
{
	text_put(f->data);
}

const struct file_ops proc_file_ops = {
	.open = proc_open, .read = proc_read, .write = proc_write, .release = proc_release,
};

/* ---- numbers ---- */

int proc_number(const char *text, uint64_t min, uint64_t max, uint64_t *v)
{
	uint64_t n;

	if (parse_u64(text, &n) || n < min || n > max)
		return -EINVAL;
	*v = n;
	return 0;
}

int proc_show_number(struct text *t, uint64_t v)
{
	text_printf(t, "%lu\n", v);
	return 0;
}

/* ---- the tree ---- */

static struct node *make_fixed(const struct proc_file *pf)
{
	struct node *n = node_create((uint32_t)pf->mode);

	if (!n)
		return NULL;
	n->ops = pf->dir;
	n->about = pf;
	if (S_ISREG(pf->mode))
		n->fops = &proc_file_ops;
	return n;
}

static int add_fixed(struct node *root, const struct proc_file *pf, const char *path)
{
	struct node *n = make_fixed(pf);
	int err = n ? rootfs_add_below(root, path, n) : -ENOMEM;

	if (n)
		node_put(n);
	return err;
}

/* All whose paths begin so. */
static int fill(struct node *root, const char *prefix)
{
	size_t len = strlen(prefix);
	int err = 0;

	for (const struct proc_file *pf = procfiles_start; pf < procfiles_end && !err; pf++)
		if (!strncmp(pf->path, prefix, len))
			err = add_fixed(root, pf, pf->path + len);
	return err;
}

int proc_fill(struct node *root)
{
	root->ops = &proc_root_ops;
	return fill(root, "/proc/");
}

int sys_fill(struct node *root)
{
	return fill(root, "/sys/");
}
