/* /proc/PID/mounts, mountinfo; /proc/filesystems. */
#include <kernel/fs/fs.h>
#include <kernel/fs/proc.h>
#include <lib/string.h>
#include <mm/alloc/slab.h>

/* A name of mount(2) or a path, so that it is one word: as Linux writes it. */
static void put_word(struct text *t, const char *s, size_t n)
{
	for (; n; n--, s++) {
		if (strchr(" \t\n\\#", *s))
			text_printf(t, "\\%03o", (unsigned char)*s);
		else
			text_char(t, *s);
	}
}

static void put_where(struct text *t, const struct fs *fs, char *buf)
{
	ssize_t n = fs_path(fs, buf, PATH_MAX);

	put_word(t, buf, n > 0 ? (size_t)n : 0);
}

/* What holds for all of it, wherever it is mounted. */
static void put_super_flags(struct text *t, const struct fs *fs)
{
	text_printf(t, "%s%s%s", fs->flags & MS_RDONLY ? "ro" : "rw", fs->flags & MS_SYNCHRONOUS ? ",sync" : "",
		    fs->flags & MS_DIRSYNC ? ",dirsync" : "");
}

/* What is of the mount. */
static void put_mount_flags(struct text *t, const struct fs *fs)
{
	static const struct { unsigned flag; const char *text; } flags[] = {
		{ MS_NOSUID, ",nosuid" }, { MS_NODEV, ",nodev" }, { MS_NOEXEC, ",noexec" },
		{ MS_NOATIME, ",noatime" }, { MS_NODIRATIME, ",nodiratime" }, { MS_RELATIME, ",relatime" },
	};

	for (unsigned i = 0; i < ARRAY_SIZE(flags); i++)
		if (fs->flags & flags[i].flag)
			text_printf(t, "%s", flags[i].text);
}

static void put_options(struct text *t, const struct fs *fs)
{
	if (fs->type->memory)
		tmpfs_show(fs, t);
}

/* Every mount by put, with a buffer for a path. */
static int show_each(struct text *t, void (*put)(struct text *t, const struct fs *fs, char *path))
{
	char *path = kmalloc(PATH_MAX);
	const struct fs *fs;

	if (!path)
		return -ENOMEM;
	mutex_lock(&mount_lock);
	TAILQ_FOREACH(fs, &fs_list, link)
		put(t, fs, path);
	mutex_unlock(&mount_lock);
	kfree(path);
	return 0;
}

static void put_mounts_line(struct text *t, const struct fs *fs, char *path)
{
	put_word(t, fs->source, strlen(fs->source));
	text_char(t, ' ');
	put_where(t, fs, path);
	text_printf(t, " %s ", fs->type->name);
	put_super_flags(t, fs);
	put_mount_flags(t, fs);
	put_options(t, fs);
	text_printf(t, " 0 0\n");
}

static int show_mounts(struct text *t, int pid)
{
	(void)pid;
	return show_each(t, put_mounts_line);
}
PROC_FILE(mounts, .path = "/proc/mounts", .mode = S_IFREG | 0444, .show = show_mounts);
PROC_FILE(pid_mounts, .path = "mounts", .mode = S_IFREG | 0444, .show = show_mounts);

static void put_mountinfo_line(struct text *t, const struct fs *fs, char *path)
{
	text_printf(t, "%u %u 0:%u / ", fs->id, fs->covered ? fs->covered->fs->id : fs->id, fs->minor);
	put_where(t, fs, path);
	text_printf(t, " %s", fs->flags & MS_RDONLY ? "ro" : "rw");
	put_mount_flags(t, fs);
	text_printf(t, " - %s ", fs->type->name);
	put_word(t, fs->source, strlen(fs->source));
	text_char(t, ' ');
	put_super_flags(t, fs);
	put_options(t, fs);
	text_char(t, '\n');
}

static int show_mountinfo(struct text *t, int pid)
{
	(void)pid;
	return show_each(t, put_mountinfo_line);
}
PROC_FILE(mountinfo, .path = "mountinfo", .mode = S_IFREG | 0444, .show = show_mountinfo);

static int show_filesystems(struct text *t, int pid)
{
	(void)pid;
	for (const struct fs_type *type = fs_types; type->name; type++)
		text_printf(t, "nodev\t%s\n", type->name);
	return 0;
}
PROC_FILE(filesystems, .path = "/proc/filesystems", .mode = S_IFREG | 0444, .show = show_filesystems);
