/*
 * The directories of processes: /proc/PID, its task/TID and fd. Their nodes
 * are made when somebody looks, know the process by its number, and go with
 * their last user; see proc.h.
 *
 * A made node has a name of its own, in no list, that leads to its directory:
 * so its path can be told, and the directory stays as long as it does.
 */
#include <kernel/fs/proc.h>
#include <kernel/fs/names.h>
#include <kernel/fs/path.h>
#include <kernel/proc/look.h>
#include <lib/format.h>
#include <lib/string.h>
#include <linux/errno.h>
#include <mm/alloc/slab.h>

#define DIGITS_MAX	9

#define ID_TASK		(1ul << 32) /* of a directory: it is one of task/, and has no task/ itself */
#define INO_FD		0x8000u

static const struct node_ops task_ops, link_ops;

int proc_parse_pid(const char *name, size_t len)
{
	int n = 0;

	if (!len || len > DIGITS_MAX || (len > 1 && name[0] == '0'))
		return -1;
	for (size_t i = 0; i < len; i++) {
		if (name[i] < '0' || name[i] > '9')
			return -1;
		n = 10 * n + name[i] - '0';
	}
	return n;
}

/* ---- made nodes ---- */

struct node *proc_make_node(struct node *dir, const char *name, size_t len, uint32_t mode,
			    uint64_t id, uint64_t ino)
{
	struct node *n = node_create(mode);

	if (!n)
		return NULL;
	if (!name_make(n, dir, name, len)) {
		node_put(n);
		return NULL;
	}
	n->ino = ino;
	n->about_id = id;
	return n;
}

/* ---- what a process has a file for ---- */

static bool of_process(const struct proc_file *pf)
{
	return *pf->path != '/';
}

static const struct proc_file *find_file(const char *name, size_t len)
{
	for (const struct proc_file *pf = procfiles_start; pf < procfiles_end; pf++)
		if (of_process(pf) && strlen(pf->path) == len && memcmp(pf->path, name, len) == 0)
			return pf;
	return NULL;
}

static uint64_t file_ino(const struct proc_file *pf, int pid)
{
	return PROC_INO(pid, (uint64_t)(pf - procfiles_start) + 1);
}

struct node *proc_make_file(struct node *dir, const struct proc_file *pf, int pid)
{
	struct node *n = proc_make_node(dir, pf->path, strlen(pf->path), (uint32_t)pf->mode,
					(uint64_t)pid, file_ino(pf, pid));

	if (!n)
		return NULL;
	if (!pf->of_root)
		process_node_owner(pid, (uint32_t)pf->mode, &n->uid, &n->gid);
	n->about = pf;
	n->ops = pf->follow ? &link_ops : pf->dir;
	if (node_is_reg(n))
		n->fops = &proc_file_ops;
	return n;
}

/* ---- links that lead to a node ---- */

static int link_follow(struct node *n, struct node **out)
{
	const struct proc_file *pf = n->about;

	int err = process_may_see((int)n->about_id);

	return err ? err : pf->follow((int)n->about_id, out);
}

static ssize_t link_read(struct node *n, char *buf, size_t size)
{
	struct node *to;
	char *path;
	ssize_t len = n->ops->follow(n, &to);

	if (len)
		return len;
	path = kmalloc(PATH_MAX);
	len = path ? path_of_node(to, path, PATH_MAX) : -ENOMEM;
	if (len > 0)
		memcpy(buf, path, MIN((size_t)len, size));
	kfree(path);
	node_put(to);
	return len > 0 ? (ssize_t)MIN((size_t)len, size) : len;
}

static const struct node_ops link_ops = { .follow = link_follow,
					  .readlink = link_read };

/* ---- /proc/PID ---- */

static int pid_of(const struct node *n)
{
	return (int)(uint32_t)n->about_id;
}

static struct node *pid_lookup(struct node *dir, const char *name, size_t len, int *err)
{
	const struct proc_file *pf = find_file(name, len);
	struct node *n;

	if (!pf || !process_exists(pid_of(dir)) ||
	    (dir->about_id & ID_TASK && pf->dir == &task_ops))
		return NULL;
	n = proc_make_file(dir, pf, pid_of(dir));
	if (!n)
		*err = -ENOMEM;
	return n;
}

static bool pid_next(struct node *dir, uint64_t *at, struct made_name *out)
{
	const struct proc_file *pf = procfiles_start + *at;

	if (!process_exists(pid_of(dir)))
		return false;
	while (pf < procfiles_end &&
	       (!of_process(pf) || (dir->about_id & ID_TASK && pf->dir == &task_ops)))
		pf++;
	if (pf >= procfiles_end)
		return false;
	strlcpy(out->name, pf->path, sizeof(out->name));
	out->mode = (uint32_t)pf->mode;
	out->ino = file_ino(pf, pid_of(dir));
	*at = (uint64_t)(pf - procfiles_start) + 1;
	return true;
}

static const struct node_ops pid_ops = { .lookup = pid_lookup,
					 .next = pid_next };

struct node *proc_make_pid(struct node *dir, const char *name, size_t len, int pid)
{
	struct node *n =
		proc_make_node(dir, name, len, S_IFDIR | 0555, (uint64_t)pid, PROC_INO(pid, 0));

	if (!n)
		return NULL;
	process_node_owner(pid, n->mode, &n->uid, &n->gid);
	n->ops = &pid_ops;
	return n;
}

/* ---- /proc/PID/task ---- */

static struct node *task_lookup(struct node *dir, const char *name, size_t len, int *err)
{
	int tid = proc_parse_pid(name, len);
	struct node *n;

	if (tid <= 0 || process_of_task(tid) != pid_of(dir))
		return NULL;
	n = proc_make_pid(dir, name, len, tid);
	if (n)
		n->about_id |= ID_TASK;
	else
		*err = -ENOMEM;
	return n;
}

static bool task_next(struct node *dir, uint64_t *at, struct made_name *out)
{
	int tid = process_next_task(pid_of(dir), (int)*at);

	if (!tid)
		return false;
	*at = (uint64_t)tid;
	snprintf(out->name, sizeof(out->name), "%d", tid);
	out->mode = S_IFDIR;
	out->ino = PROC_INO(tid, 0);
	return true;
}

static const struct node_ops task_ops = { .lookup = task_lookup,
					  .next = task_next };
PROC_FILE(task, .path = "task", .mode = S_IFDIR | 0555, .dir = &task_ops);

/* ---- /proc/PID/fd ---- */

static int fd_follow(struct node *n, struct node **out)
{
	int err = process_may_see(pid_of(n));
	struct file *f = err ? NULL : process_get_file(pid_of(n), (unsigned)(n->about_id >> 32));

	if (!f)
		return err ? err : -ENOENT;
	*out = f->node;
	node_get(*out);
	file_put(f);
	return 0;
}

static const struct node_ops fd_link_ops = { .follow = fd_follow,
					     .readlink = link_read };

static struct node *fd_lookup(struct node *dir, const char *name, size_t len, int *err)
{
	int fd = proc_parse_pid(name, len);
	struct file *f = fd < 0 ? NULL : process_get_file(pid_of(dir), (unsigned)fd);
	struct node *n;

	if (!f)
		return NULL;
	file_put(f);
	n = proc_make_node(dir, name, len, S_IFLNK | 0700,
			   (uint64_t)fd << 32 | (unsigned)pid_of(dir),
			   PROC_INO(pid_of(dir), INO_FD + (unsigned)fd));
	if (!n) {
		*err = -ENOMEM;
		return NULL;
	}
	process_node_owner(pid_of(dir), n->mode, &n->uid, &n->gid);
	n->ops = &fd_link_ops;
	return n;
}

static bool fd_next(struct node *dir, uint64_t *at, struct made_name *out)
{
	struct file *f = NULL;
	unsigned fd;

	for (fd = (unsigned)*at; fd < FILES_MAX; fd++) {
		f = process_get_file(pid_of(dir), fd);
		if (f)
			break;
	}
	if (!f)
		return false;
	file_put(f);
	snprintf(out->name, sizeof(out->name), "%u", fd);
	out->mode = S_IFLNK;
	out->ino = PROC_INO(pid_of(dir), INO_FD + fd);
	*at = fd + 1;
	return true;
}

static const struct node_ops fd_ops = { .lookup = fd_lookup,
					.next = fd_next };
PROC_FILE(fd, .path = "fd", .mode = S_IFDIR | 0500, .dir = &fd_ops);

/* ---- exe, cwd, root ---- */

static int root_follow(int pid, struct node **out)
{
	if (!process_exists(pid))
		return -ENOENT;
	node_get(fs_root);
	*out = fs_root;
	return 0;
}

PROC_FILE(exe, .path = "exe", .mode = S_IFLNK | 0777, .follow = process_get_exe);
PROC_FILE(cwd, .path = "cwd", .mode = S_IFLNK | 0777, .follow = process_get_cwd);
PROC_FILE(root, .path = "root", .mode = S_IFLNK | 0777, .follow = root_follow);

/* ---- /proc ---- */

static ssize_t self_read(struct node *n, char *buf, size_t size)
{
	const struct process *p = current_process();
	char text[32];
	int len;

	if (!p)
		return -ENOENT;
	len = snprintf(text, sizeof(text), strcmp(n->name->name, "self") ? "%d/task/%d" : "%d",
		       p->pid, current_thread()->tid);
	size = MIN(size, (size_t)len);
	memcpy(buf, text, size);
	return (ssize_t)size;
}

static const struct node_ops self_ops = { .readlink = self_read };
PROC_FILE(self, .path = "/proc/self", .mode = S_IFLNK | 0777, .dir = &self_ops);
PROC_FILE(thread_self, .path = "/proc/thread-self", .mode = S_IFLNK | 0777, .dir = &self_ops);

static struct node *root_lookup(struct node *dir, const char *name, size_t len, int *err)
{
	int pid = proc_parse_pid(name, len);
	struct node *n;

	if (pid <= 0 || !process_exists(pid))
		return NULL;
	n = proc_make_pid(dir, name, len, pid);
	if (!n)
		*err = -ENOMEM;
	return n;
}

static bool root_next(struct node *dir, uint64_t *at, struct made_name *out)
{
	int pid = process_next((int)*at);

	(void)dir;
	if (!pid)
		return false;
	*at = (uint64_t)pid;
	snprintf(out->name, sizeof(out->name), "%d", pid);
	out->mode = S_IFDIR;
	out->ino = PROC_INO(pid, 0);
	return true;
}

const struct node_ops proc_root_ops = { .lookup = root_lookup, .next = root_next };
