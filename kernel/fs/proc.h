/*
 * /proc and /sys: files whose text is made when they are read. A file is
 * declared where its text is made; the linker gathers them (section
 * .procfiles):
 *
 *	static int show_version(struct text *t, int pid) { ... return 0; }
 *	PROC_FILE(version, .path = "/proc/version", .mode = S_IFREG | 0444, .show = show_version);
 *
 * A path without a leading '/' is a name in the directory of every process.
 *
 * The whole text is made at the first read of an open file, and again by every
 * read at its beginning; between, reads go on in what was made. A long one (maps)
 * is made in pieces, as reads come to them (text.h). What is
 * written comes as one string. Nothing of a process is kept between two calls
 * but its number: one that has ended meanwhile is ESRCH.
 */
#ifndef KERNEL_FS_PROC_H
#define KERNEL_FS_PROC_H

#include <kernel/fs/file.h>
#include <kernel/fs/text.h>

struct mm;

struct proc_file {
	const char *path;
	uint64_t mode;			/* kind and permissions */
	/*
	 * Makes the text; pid 0 where the file is no process's. 0 or -errno. NULL:
	 * nothing to read.
	 */
	int (*show)(struct text *t, int pid);
	/*
	 * text: what was written, ended by NUL, without blanks around it. 0 or
	 * -errno. NULL: it cannot be written.
	 */
	int (*store)(char *text, int pid);
	/* No text: instead of show. */
	ssize_t (*read)(int pid, void __user *buf, size_t n, uint64_t off);
	/* Symbolic link: where it leads, counted. */
	int (*follow)(int pid, struct node **out);
	/* Directory: what it does. */
	const struct node_ops *dir;
	/* Of a process: only for who may see inside of it; root's own, whoever's the process is. */
	bool inside, of_root;
};

#define PROC_FILE(ident, ...) \
	static const struct proc_file proc_file_##ident \
		__attribute__((used, section(".procfiles"), aligned(8))) = { __VA_ARGS__ }

extern const struct proc_file procfiles_start[], procfiles_end[];

/* The files that there are of /proc, of /sys, into an empty root. 0 or -ENOMEM. */
int __must_check proc_fill(struct node *root);
int __must_check sys_fill(struct node *root);

/*
 * For store: a number in [min, max] and nothing else; 0 or -EINVAL. For show:
 * the number in a line.
 */
int __must_check proc_number(const char *text, uint64_t min, uint64_t max, uint64_t *v);
int proc_show_number(struct text *t, uint64_t v);

/* ---- within /proc ---- */

/* The lines of /proc/meminfo about explicit huge pages (sys_hugepages.c). */
void hugepages_show(struct text *t);

/*
 * A node made for the name `name` in dir, which goes when its last user goes.
 * id: what its operations know it by; ino: its number. NULL: no memory.
 */
struct node *proc_make_node(struct node *dir, const char *name, size_t len, uint32_t mode,
			    uint64_t id, uint64_t ino);
/* The same for a file of a process. */
struct node *proc_make_file(struct node *dir, const struct proc_file *pf, int pid);
/* The directory of the process pid: the node of `name` (its number) in dir. */
struct node *proc_make_pid(struct node *dir, const char *name, size_t len, int pid);
/* A number as /proc writes it; -1: it is none. */
int proc_parse_pid(const char *name, size_t len);

#define PROC_INO(pid, n)	(1ul << 40 | (uint64_t)(pid) << 16 | (n))

extern const struct file_ops proc_file_ops;
extern const struct node_ops proc_root_ops;	/* proc_pid.c: the processes in /proc */

#endif
