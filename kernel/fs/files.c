/*
 * The table of open files of a process: a number leads to a file. It begins
 * small and doubles; a lookup takes a reference, so that a close meanwhile
 * does no harm. No file is put under the table's lock: closing may sleep.
 */
#include <kernel/fs/locks.h>
#include <lib/string.h>
#include <linux/errno.h>
#include <mm/alloc/slab.h>

#define FILES_FIRST	32u

int files_init(struct files *fs)
{
	memset(fs, 0, sizeof(*fs));
	spin_init(&fs->lock, RANK_FS);
	fs->file = kzalloc(FILES_FIRST * sizeof(*fs->file));
	if (!fs->file)
		return -ENOMEM;
	fs->max = FILES_FIRST;
	return 0;
}

/* Copies what is open, if `to` has room for all of it. */
static bool copy_table(struct files *to, struct files *from)
{
	bool fits;

	spin_lock(&from->lock);
	fits = from->max <= to->max;
	if (fits) {
		memcpy(to->file, from->file, from->max * sizeof(*to->file));
		memcpy(to->cloexec, from->cloexec, sizeof(to->cloexec));
		to->max = from->max;
		for (unsigned fd = 0; fd < to->max; fd++)
			if (to->file[fd])
				file_get(to->file[fd]);
	}
	spin_unlock(&from->lock);
	return fits;
}

/* Other threads may open more meanwhile. */
int files_copy(struct files *to, struct files *from)
{
	spin_init(&to->lock, RANK_FS);
	for (;;) {
		to->max = READ_ONCE(from->max);
		to->file = kmalloc(to->max * sizeof(*to->file));
		if (!to->file)
			return -ENOMEM;
		if (copy_table(to, from))
			return 0;
		kfree(to->file);
	}
}

/* f was open in fs under a number that is free now. */
static void closed(struct files *fs, struct file *f)
{
	locks_drop(f->node, fs);
	file_put(f);
}

void files_destroy(struct files *fs)
{
	struct file **file;
	unsigned max;

	spin_lock(&fs->lock);		/* /proc may be looking */
	file = fs->file;
	max = fs->max;
	fs->file = NULL;
	fs->max = 0;
	spin_unlock(&fs->lock);
	for (unsigned fd = 0; fd < max; fd++)
		if (file[fd])
			closed(fs, file[fd]);
	kfree(file);
}

static bool cloexec_test(const struct files *fs, unsigned fd)
{
	return fs->cloexec[fd / 64] >> fd % 64 & 1;
}

static void cloexec_put(struct files *fs, unsigned fd, bool on)
{
	fs->cloexec[fd / 64] &= ~(1ul << fd % 64);
	fs->cloexec[fd / 64] |= (uint64_t)on << fd % 64;
}

struct file *files_get(struct files *fs, unsigned fd)
{
	struct file *f = NULL;

	spin_lock(&fs->lock);
	if (fd < fs->max)
		f = fs->file[fd];
	if (f)
		file_get(f);
	spin_unlock(&fs->lock);
	return f;
}

/* Room for number fd, which is below FILES_MAX. */
static int files_grow(struct files *fs, unsigned fd)
{
	unsigned max = FILES_FIRST;
	struct file **bigger, **old;

	if (fd < READ_ONCE(fs->max))
		return 0;
	while (max <= fd)
		max *= 2;
	bigger = kzalloc(max * sizeof(*bigger));
	if (!bigger)
		return -ENOMEM;
	spin_lock(&fs->lock);
	old = bigger;
	if (fs->max < max) {
		memcpy(bigger, fs->file, fs->max * sizeof(*bigger));
		old = fs->file;
		fs->file = bigger;
		fs->max = max;
	}
	spin_unlock(&fs->lock);
	kfree(old);
	return 0;
}

/* The first free number from min on, if the table holds it. The lock is held. */
static unsigned first_free(const struct files *fs, unsigned min)
{
	while (min < fs->max && fs->file[min])
		min++;
	return min;
}

bool files_is_full(struct files *fs, unsigned limit)
{
	bool full;

	spin_lock(&fs->lock);
	full = first_free(fs, 0) >= MIN(limit, FILES_MAX);
	spin_unlock(&fs->lock);
	return full;
}

/* Puts f at the first free number from *min on. The number, -EMFILE, or -ENOSPC: the table must hold *min first. */
static int files_take_slot(struct files *fs, struct file *f, unsigned *min, unsigned limit, bool cloexec)
{
	unsigned fd;
	int r;

	spin_lock(&fs->lock);
	fd = first_free(fs, *min);
	if (fd >= limit) {
		r = -EMFILE;
	} else if (fd >= fs->max) {
		r = -ENOSPC;
	} else {
		fs->file[fd] = f;
		cloexec_put(fs, fd, cloexec);
		r = (int)fd;
	}
	spin_unlock(&fs->lock);
	*min = fd;
	return r;
}

int files_add(struct files *fs, struct file *f, unsigned min, unsigned limit, bool cloexec)
{
	int r;

	limit = MIN(limit, FILES_MAX);
	while ((r = files_take_slot(fs, f, &min, limit, cloexec)) == -ENOSPC) {
		r = files_grow(fs, min);
		if (r)
			return r;
	}
	return r;
}

int files_put_at(struct files *fs, struct file *f, unsigned fd, unsigned limit, bool cloexec)
{
	struct file *old;
	int err;

	if (fd >= MIN(limit, FILES_MAX))
		return -EBADF;
	err = files_grow(fs, fd);
	if (err)
		return err;
	spin_lock(&fs->lock);
	old = fs->file[fd];
	fs->file[fd] = f;
	cloexec_put(fs, fd, cloexec);
	spin_unlock(&fs->lock);
	if (old)
		closed(fs, old);
	return 0;
}

int files_close(struct files *fs, unsigned fd)
{
	struct file *f = NULL;

	spin_lock(&fs->lock);
	if (fd < fs->max) {
		f = fs->file[fd];
		fs->file[fd] = NULL;
	}
	spin_unlock(&fs->lock);
	if (!f)
		return -EBADF;
	closed(fs, f);
	return 0;
}

void files_close_range(struct files *fs, unsigned first, unsigned last, bool mark)
{
	for (unsigned fd = first; fd <= last && fd < READ_ONCE(fs->max); fd++)
		(void)!(mark ? files_set_cloexec(fs, fd, true) : files_close(fs, fd));
}

void files_take_back(struct files *fs, unsigned fd, struct file *f)
{
	bool there;

	spin_lock(&fs->lock);
	there = fd < fs->max && fs->file[fd] == f;
	if (there)
		fs->file[fd] = NULL;
	spin_unlock(&fs->lock);
	if (there)
		file_put(f);
}

/* By the only thread: nobody else changes the table. */
void files_close_on_exec(struct files *fs)
{
	for (unsigned fd = 0; fd < fs->max; fd++)
		if (fs->file[fd] && cloexec_test(fs, fd))
			(void)!files_close(fs, fd);
}

int files_get_cloexec(struct files *fs, unsigned fd)
{
	int r = -EBADF;

	spin_lock(&fs->lock);
	if (fd < fs->max && fs->file[fd])
		r = cloexec_test(fs, fd);
	spin_unlock(&fs->lock);
	return r;
}

int files_set_cloexec(struct files *fs, unsigned fd, bool on)
{
	int r = -EBADF;

	spin_lock(&fs->lock);
	if (fd < fs->max && fs->file[fd]) {
		cloexec_put(fs, fd, on);
		r = 0;
	}
	spin_unlock(&fs->lock);
	return r;
}
