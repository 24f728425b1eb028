/* What outlasts those who did it: segments of shared memory, mounts, swap devices, what is promised to whom. */
#define _GNU_SOURCE
#include "fuzz.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/shm.h>
#include <sys/stat.h>
#include <sys/swap.h>
#include <unistd.h>

#define LIST_MAX	65536

uint64_t *segments;
unsigned unmounted;

/* A mount that was there before: each is told of once. */
static struct known {
	const char *path, *type;
	bool seen;
} known[] = { { "/", "tmpfs", 0 }, { "/proc", "proc", 0 }, { "/sys", "sysfs", 0 }, { "/dev/shm", "tmpfs", 0 } };
#define KNOWN	(sizeof(known) / sizeof(known[0]))

static void remove_segments(void)
{
	struct shmid_ds ds;
	int highest = shmctl(0, SHM_INFO, &ds), id;

	for (int i = 0; i <= highest; i++) {
		id = shmctl(i, SHM_STAT, &ds);
		if (id >= 0 && !shmctl(id, IPC_RMID, NULL))
			*segments = id + 1;	/* the next ones are near */
	}
}

/* "\040" is a blank, and so on. */
static void unescape(char *s)
{
	char *to = s;

	for (; *s; s++) {
		if (*s == '\\' && strlen(s) >= 4) {
			*to++ = (s[1] - '0') << 6 | (s[2] - '0') << 3 | (s[3] - '0');
			s += 3;
		} else {
			*to++ = *s;
		}
	}
	*to = 0;
}

/* Whether that was there before. */
static bool is_known(const char *path, const char *type)
{
	for (unsigned i = 0; i < KNOWN; i++)
		if (!known[i].seen && !strcmp(path, known[i].path) && !strcmp(type, known[i].type))
			return known[i].seen = true;
	return false;
}

/* From the line on, the newest first: what was not there before goes. Returns how many could not. */
static unsigned unmount_from(char *line)
{
	char *next = strchr(line, '\n'), *path, *type;
	unsigned left;
	bool keep;

	if (!next)
		return 0;
	*next = 0;
	strsep(&line, " ");		/* the source: may be empty */
	path = strsep(&line, " ");
	type = strsep(&line, " ");
	unescape(path);
	keep = is_known(path, type);
	left = unmount_from(next + 1);
	if (keep)
		return left;
	if (!umount2(path, MNT_DETACH)) {
		unmounted++;
		return left;
	}
	printf("fuzz: %s (%s) stays mounted\n", path, type);
	return left + 1;
}

/* Mounted once more; its place may have gone as well, or have become something else. */
static bool mount_again(const char *path, const char *type)
{
	if (!mount(type, path, type, MS_RELATIME, NULL))
		return true;
	printf("# %s: %s\n", path, strerror(errno));
	unlink(path);
	mkdir(path, 0755);
	return !mount(type, path, type, MS_RELATIME, NULL);
}

static bool repair_mounts(void)
{
	static char list[LIST_MAX];
	ssize_t n = pread(MOUNTS_FD, list, sizeof(list) - 1, 0);
	unsigned wrong;

	for (unsigned i = 0; i < KNOWN; i++)
		known[i].seen = false;
	list[n > 0 ? n : 0] = 0;
	wrong = n <= 0 || unmount_from(list);
	for (unsigned i = 0; i < KNOWN; i++) {
		const char *path = known[i].path, *type = known[i].type;

		if (known[i].seen ? mount(NULL, path, NULL, MS_REMOUNT | MS_RELATIME, NULL) : !mount_again(path, type)) {
			printf("fuzz: %s is not mounted as before: %s\n", path, strerror(errno));
			wrong++;
		}
	}
	return !wrong;
}

static void put(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY);

	if (fd < 0)
		return;
	if (write(fd, text, strlen(text)) < 0)
		printf("fuzz: %s cannot be set\n", path);
	close(fd);
}

void move_fd(int from, int to)
{
	if (dup2(from, to) != to)
		printf("fuzz: %d cannot be opened\n", to);
	close(from);
}

void repair_prepare(void)
{
	move_fd(open("/proc/mounts", O_RDONLY), MOUNTS_FD);
	mkdir("/tmp", 0777);
	repair();
}

bool repair(void)
{
	bool good = repair_mounts();

	remove_segments();
	mkdir("/tmp/m", 0777);
	mkdir("/tmp/m/n", 0777);
	swapon("/dev/ram0", 0);		/* if there is one, and it was taken off */
	put("/proc/sys/vm/overcommit_memory", "0");
	return good;
}
