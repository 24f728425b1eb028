/* /proc/mounts, /proc/PID/mounts and /proc/filesystems. */
#include <kernel/fs/fs.h>
#include <kernel/fs/proc.h>
#include <lib/string.h>

static int show_mounts(struct text *t, int pid)
{
	(void)pid;
	for (const struct fs *fs = fs_list; fs->type; fs++) {
		text_printf(t, "%s %s %s rw,relatime", fs->type, fs->where, fs->type);
		if (fs->room.max)
			text_printf(t, ",size=%luk,nr_inodes=%lu", fs->room.max << (PAGE_SHIFT - 10), fs->max_names);
		text_printf(t, " 0 0\n");
	}
	return 0;
}

PROC_FILE(mounts, .path = "/proc/mounts", .mode = S_IFREG | 0444, .show = show_mounts);
PROC_FILE(pid_mounts, .path = "mounts", .mode = S_IFREG | 0444, .show = show_mounts);

static int show_filesystems(struct text *t, int pid)
{
	(void)pid;
	text_printf(t, "nodev\tsysfs\nnodev\ttmpfs\nnodev\tproc\n");
	return 0;
}

PROC_FILE(filesystems, .path = "/proc/filesystems", .mode = S_IFREG | 0444, .show = show_filesystems);
