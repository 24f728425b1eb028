/* /proc/PID/maps and pagemap: the mappings of a process, and the frames behind its addresses. */
#include <kernel/fs/proc.h>
#include <arch/uaccess.h>
#include <kernel/fs/path.h>
#include <kernel/proc/look.h>
#include <lib/string.h>
#include <linux/errno.h>
#include <linux/mman.h>
#include <mm/alloc/slab.h>
#include <mm/mm.h>

#define NAME_COLUMN	73
#define SHARED_INO	1		/* of shared memory that is no file */

/* ---- maps ---- */

struct maps {
	struct text *text;
	char *path;			/* PATH_MAX bytes of scratch */
};

/* What is mapped, if it is a node of the file tree. */
static void put_name(struct maps *m, const struct vma_info *v, size_t line)
{
	struct node *n = v->obj ? node_of_object(v->obj) : NULL;
	ssize_t len = 0;

	if (n)
		len = path_of_node(n, m->path, PATH_MAX);
	else if (v->obj || v->name)
		len = (ssize_t)strlcpy(m->path, v->name ? v->name : "/dev/zero (deleted)",
				       PATH_MAX);
	if (len <= 0)
		return;
	text_pad(m->text, line, NAME_COLUMN);
	text_escaped(m->text, m->path, (size_t)len);
}

static int put_line(const struct vma_info *v, void *arg)
{
	struct maps *m = arg;
	const struct node *n = v->obj ? node_of_object(v->obj) : NULL;
	uint64_t ino = n ? n->ino : v->obj ? SHARED_INO : 0;
	size_t line = m->text->len;

	text_printf(m->text, "%08lx-%08lx %c%c%c%c %08lx 00:%02x %lu ", v->start, v->end,
		    v->prot & PROT_READ ? 'r' : '-', v->prot & PROT_WRITE ? 'w' : '-',
		    v->prot & PROT_EXEC ? 'x' : '-', v->flags & MAP_SHARED ? 's' : 'p',
		    v->obj ? v->pgoff << PAGE_SHIFT : 0, v->obj ? FS_DEV : 0, ino);
	put_name(m, v, line);
	text_char(m->text, '\n');
	return m->text->err;
}

static int show_maps(struct text *t, int pid)
{
	struct maps m = { .text = t };
	struct mm *mm;
	int err = process_get_mm(pid, &mm);

	if (err || !mm)
		return err;
	m.path = kmalloc(PATH_MAX);
	err = m.path ? mm_for_each_vma(mm, put_line, &m) : -ENOMEM;
	kfree(m.path);
	mm_put(mm);
	return err;
}
PROC_FILE(maps, .path = "maps", .mode = S_IFREG | 0444, .show = show_maps);

/* ---- pagemap ---- */

#define WORDS		64u

static ssize_t read_words(struct mm *mm, uint64_t __user *to, size_t n, uint64_t page)
{
	uint64_t words[WORDS], end = mm_pagemap_end();
	size_t done = 0;

	while (done < n && page + done < end) {
		unsigned part = (unsigned)MIN(MIN(n - done, end - page - done), (uint64_t)WORDS);

		mm_pagemap(mm, (page + done) << PAGE_SHIFT, part, words);
		if (copy_to_user(to + done, words, part * sizeof(*words)))
			return done ? (ssize_t)(done * sizeof(*words)) : -EFAULT;
		done += part;
	}
	return (ssize_t)(done * sizeof(*words));
}

static ssize_t read_pagemap(int pid, void __user *buf, size_t n, uint64_t off)
{
	struct mm *mm;
	ssize_t r = process_get_mm(pid, &mm);

	if (r || !mm)
		return r;
	if (off % sizeof(uint64_t) || n % sizeof(uint64_t))
		r = -EINVAL;
	else
		r = read_words(mm, buf, n / sizeof(uint64_t), off / sizeof(uint64_t));
	mm_put(mm);
	return r;
}
PROC_FILE(pagemap, .path = "pagemap", .mode = S_IFREG | 0400, .read = read_pagemap);
