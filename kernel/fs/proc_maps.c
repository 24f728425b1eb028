/*
 * /proc/PID/maps, smaps, clear_refs and pagemap: the mappings of a process, what
 * they have in memory, and the frames behind its addresses.
 */
#include <kernel/fs/proc.h>
#include <arch/uaccess.h>
#include <kernel/fs/fs.h>
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
		len = (ssize_t)strlcpy(m->path, v->name ? v->name : v->vm_flags & VM_HUGETLB ?
				       "/anon_hugepage (deleted)" : "/dev/zero (deleted)", PATH_MAX);
	if (len <= 0)
		return;
	text_pad(m->text, line, NAME_COLUMN);
	text_escaped(m->text, m->path, (size_t)len);
}

static void put_line(const struct vma_info *v, struct maps *m)
{
	const struct node *n = v->obj ? node_of_object(v->obj) : NULL;
	uint64_t ino = n ? n->ino : v->obj ? SHARED_INO : 0;
	size_t line = m->text->len;

	text_printf(m->text, "%08lx-%08lx %c%c%c%c %08lx 00:%02x %lu ", v->start, v->end,
		    v->prot & PROT_READ ? 'r' : '-', v->prot & PROT_WRITE ? 'w' : '-',
		    v->prot & PROT_EXEC ? 'x' : '-', v->flags & MAP_SHARED ? 's' : 'p',
		    v->obj ? v->pgoff << PAGE_SHIFT : 0, v->obj ? n ? fs_dev(n) : FS_DEV_NONE : 0, ino);
	put_name(m, v, line);
	text_char(m->text, '\n');
}

/* All of v has been told: nonzero if that is enough for a piece. */
static int told(struct text *t, const struct vma_info *v)
{
	t->at = v->end;
	t->more = text_full(t);
	return t->more || t->err;
}

static int put_map(const struct vma_info *v, void *arg)
{
	struct maps *m = arg;

	put_line(v, m);
	return told(m->text, v);
}

/* What a file says of all mappings of one address space, with the scratch that it takes. */
static int show_with(struct text *t, int pid, int (*show)(struct mm *mm, struct maps *m))
{
	struct maps m = { .text = t };
	struct mm *mm;
	int err = process_get_mm(pid, &mm);

	if (err || !mm)
		return err;
	m.path = kmalloc(PATH_MAX);
	err = m.path ? show(mm, &m) : -ENOMEM;
	kfree(m.path);
	mm_put(mm);
	return MIN(err, 0);		/* above: a piece is full */
}

static int put_lines(struct mm *mm, struct maps *m)
{
	return mm_for_each_vma(mm, m->text->at, put_map, m);
}

static int show_maps(struct text *t, int pid)
{
	return show_with(t, pid, put_lines);
}
PROC_FILE(maps, .path = "maps", .mode = S_IFREG | 0444, .show = show_maps, .inside = true);

/* ---- smaps ---- */

#define PSS_KB(pss)	((pss) >> (10 + 12))

static void kb(struct text *t, const char *name, uint64_t kb)
{
	size_t line = t->len;

	text_add(t, name, strlen(name));
	text_char(t, ':');
	text_pad(t, line, 16);
	text_number(t, kb, 8);
	text_add(t, " kB\n", 4);
}

/* What smaps and smaps_rollup tell alike; locked: pss of locked mappings. */
static void put_usage(struct text *t, const struct vma_usage *u, uint64_t locked, bool rollup)
{
	kb(t, "Rss", u->rss >> 10);
	kb(t, "Pss", PSS_KB(u->pss));
	kb(t, "Pss_Dirty", PSS_KB(u->pss_dirty));
	if (rollup) {
		kb(t, "Pss_Anon", PSS_KB(u->pss_anon));
		kb(t, "Pss_File", PSS_KB(u->pss_file));
		kb(t, "Pss_Shmem", PSS_KB(u->pss_shmem));
	}
	kb(t, "Shared_Clean", u->shared_clean >> 10);
	kb(t, "Shared_Dirty", u->shared_dirty >> 10);
	kb(t, "Private_Clean", u->private_clean >> 10);
	kb(t, "Private_Dirty", u->private_dirty >> 10);
	kb(t, "Referenced", u->referenced >> 10);
	kb(t, "Anonymous", u->anon >> 10);
	kb(t, "LazyFree", u->lazyfree >> 10);
	kb(t, "AnonHugePages", u->anon_huge >> 10);
	kb(t, "ShmemPmdMapped", u->shmem_huge >> 10);
	kb(t, "FilePmdMapped", 0);
	kb(t, "Shared_Hugetlb", u->shared_hugetlb >> 10);
	kb(t, "Private_Hugetlb", u->private_hugetlb >> 10);
	kb(t, "Swap", u->swap >> 10);
	kb(t, "SwapPss", PSS_KB(u->swap_pss));
	kb(t, "Locked", PSS_KB(locked));
}

static void put_flags(struct text *t, unsigned flags)
{
	static const struct { unsigned flag; char name[3]; } names[] = {
		{ VM_READ, "rd" }, { VM_WRITE, "wr" }, { VM_EXEC, "ex" }, { VM_SHARED, "sh" },
		{ 0, "mr" }, { VM_MAYWRITE, "mw" }, { 0, "me" }, { VM_SHARED, "ms" },
		{ VM_GROWSDOWN, "gd" }, { VM_LOCKED, "lo" }, { VM_SEQ_READ, "sr" },
		{ VM_RAND_READ, "rr" }, { VM_DONTCOPY, "dc" }, { VM_HUGETLB, "de" }, { VM_LOCKONFAULT, "lf" },
		{ VM_NORESERVE, "nr" }, { VM_HUGETLB, "ht" }, { VM_WIPEONFORK, "wf" }, { VM_DONTDUMP, "dd" },
		{ VM_HUGEPAGE, "hg" }, { VM_NOHUGEPAGE, "nh" },
	};

	if (flags & VM_HUGETLB)		/* promised by their pool */
		flags &= ~VM_NORESERVE;
	text_add(t, "VmFlags: ", 9);
	for (unsigned i = 0; i < ARRAY_SIZE(names); i++)
		if (!names[i].flag || flags & names[i].flag) {
			text_add(t, names[i].name, 2);
			text_char(t, ' ');
		}
	text_char(t, '\n');
}

static int put_smap(const struct vma_info *v, const struct vma_usage *u, void *arg)
{
	struct text *t = ((struct maps *)arg)->text;

	put_line(v, arg);
	kb(t, "Size", (v->end - v->start) >> 10);
	kb(t, "KernelPageSize", v->page_size >> 10);
	kb(t, "MMUPageSize", v->page_size >> 10);
	put_usage(t, u, v->vm_flags & VM_LOCKED ? u->pss : 0, false);
	text_printf(t, "THPeligible:    %d\n", v->thp_eligible);
	put_flags(t, v->vm_flags);
	return told(t, v);
}

static int put_smaps(struct mm *mm, struct maps *m)
{
	return mm_for_each_usage(mm, m->text->at, put_smap, m);
}

static int show_smaps(struct text *t, int pid)
{
	return show_with(t, pid, put_smaps);
}
PROC_FILE(smaps, .path = "smaps", .mode = S_IFREG | 0444, .show = show_smaps, .inside = true);

struct rollup {
	vaddr_t start, end;
	uint64_t locked;
	struct vma_usage sum;
};

static int add_smap(const struct vma_info *v, const struct vma_usage *u, void *arg)
{
	struct rollup *r = arg;
	const uint64_t *from = (const uint64_t *)u;
	uint64_t *to = (uint64_t *)&r->sum;

	if (!r->end)
		r->start = v->start;
	r->end = v->end;
	r->locked += v->vm_flags & VM_LOCKED ? u->pss : 0;
	for (unsigned i = 0; i < sizeof(*u) / sizeof(*to); i++)
		to[i] += from[i];
	return 0;
}

static int show_rollup(struct text *t, int pid)
{
	struct rollup r = { 0 };
	size_t line = t->len;
	struct mm *mm;
	int err = process_get_mm(pid, &mm);

	if (err)
		return err;
	if (!mm)
		return -ESRCH;
	err = mm_for_each_usage(mm, 0, add_smap, &r);
	mm_put(mm);
	if (err)
		return err;
	text_printf(t, "%08lx-%08lx ---p %08lx 00:00 0 ", r.start, r.end, 0ul);
	text_pad(t, line, NAME_COLUMN);
	text_printf(t, "[rollup]\n");
	put_usage(t, &r.sum, r.locked, true);
	return 0;
}
PROC_FILE(smaps_rollup, .path = "smaps_rollup", .mode = S_IFREG | 0444, .show = show_rollup, .inside = true);

/* Soft-dirty bits are not kept, so 4 is refused. */
static int store_clear_refs(char *text, int pid)
{
	struct mm *mm;
	uint64_t what;
	int err = proc_number(text, CLEAR_REFS_ALL, CLEAR_REFS_MAX_RSS, &what);

	if (err || what == 4)
		return -EINVAL;
	err = process_get_mm(pid, &mm);
	if (err || !mm)
		return err;
	mm_clear_refs(mm, (enum clear_refs)what);
	mm_put(mm);
	return 0;
}
PROC_FILE(clear_refs, .path = "clear_refs", .mode = S_IFREG | 0200, .store = store_clear_refs);

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
PROC_FILE(pagemap, .path = "pagemap", .mode = S_IFREG | 0400, .read = read_pagemap, .inside = true);
