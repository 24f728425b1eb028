/*
 * mount(2), umount2(2), and what of a mount shows elsewhere: the same on Linux (as root, in a mount namespace of its
 * own, whose mounts go with it) and in Quire. In an empty directory.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/wait.h>
#include <unistd.h>

static char top[4096];

static void say(const char *what, long r)
{
	printf("%s: %s\n", what, r < 0 ? strerror(errno) : "done");
	fflush(stdout);
}
#define DO(call) say(#call, (long)(call))
#define TMPFS(where, flags, data) DO(mount("none", where, "tmpfs", flags, data))

/* The line of `where` in a file of mounts: its fields from `first` on. */
static void line_of(const char *file, const char *where, int column, int first, int last)
{
	char line[8192], full[8192], *field[20], *at;
	FILE *f = fopen(file, "r");
	int n;

	snprintf(full, sizeof(full), "%s/%s", top, where);
	while (f && fgets(line, sizeof(line), f)) {
		for (n = 0, at = strtok(line, " \n"); at && n < 20; at = strtok(NULL, " \n"))
			field[n++] = at;
		if (n <= column || strcmp(field[column], full))
			continue;
		printf("%s of %s:", file, where);
		for (int i = first; i < n && i <= last; i++)
			printf(" %s", field[i]);
		printf("\n");
	}
	if (f)
		fclose(f);
}

static void shown(const char *where)
{
	line_of("/proc/mounts", where, 1, 2, 5);
	line_of("/proc/self/mountinfo", where, 4, 3, 3);
	line_of("/proc/self/mountinfo", where, 4, 5, 20);
}

static void space(const char *where)
{
	struct statfs s;

	if (statfs(where, &s))
		printf("statfs %s: %s\n", where, strerror(errno));
	else
		printf("statfs %s: type %lx, blocks %lu of %lu free, names %lu of %lu, flags %lx\n", where,
		       (long)s.f_type, (long)s.f_bfree, (long)s.f_blocks, (long)s.f_ffree, (long)s.f_files,
		       (long)s.f_flags);
}

static void owner(const char *where)
{
	struct stat st, up;

	if (stat(where, &st) || stat(".", &up))
		printf("stat %s: %s\n", where, strerror(errno));
	else
		printf("stat %s: %o, %u:%u, %s file system\n", where, st.st_mode, st.st_uid, st.st_gid,
		       st.st_dev == up.st_dev ? "the same" : "another");
}

static int put(const char *path, const char *text)
{
	int fd = open(path, O_CREAT | O_WRONLY | O_TRUNC, 0644);
	ssize_t n = fd < 0 ? -1 : write(fd, text, strlen(text));
	int e = errno;

	close(fd);
	errno = e;
	return n < 0 ? -1 : 0;
}

static void wrong(void)
{
	printf("-- what cannot be\n");
	TMPFS("nowhere", 0, "");
	TMPFS("file", 0, "");
	DO(mount("none", "m", "nosuchfs", 0, NULL));
	DO(mount("none", "m", NULL, 0, NULL));
	DO(mount("none", "m", "tmpfs", 0, "nosuchoption"));
	TMPFS("m", 0, "size=abc");
	TMPFS("m", 0, "mode=9");
	TMPFS("m", 0, "size");
	DO(mount("none", "m", "proc", 0, "nonsense=1"));
	DO(mount("none", "m", "tmpfs", 0, (void *)1));
	DO(mount("none", (void *)1, "tmpfs", 0, NULL));
	DO(mount(NULL, "m", NULL, MS_REMOUNT, NULL));
	DO(umount2("m", 0));
	DO(umount2("m/nowhere", 0));
	DO(umount2("m", 0x40));
	DO(umount2("/proc/self", 0));
}

static void size(void)
{
	printf("-- options\n");
	TMPFS("m", 0, "size=1m,nr_inodes=5,mode=750,uid=1,gid=2");
	owner("m");
	space("m");
	shown("m");
	DO(mkdir("m/d", 0755));
	for (int i = 0; i < 4; i++) {
		char name[8] = "m/f0";

		name[3] = (char)('0' + i);
		DO(put(name, "text"));
	}
	space("m");
	DO(mount(NULL, "m", NULL, MS_REMOUNT, "nr_inodes=4"));
	DO(mount(NULL, "m", NULL, MS_REMOUNT, "size=8k"));
	DO(mount(NULL, "m", NULL, MS_REMOUNT, "size=12k,nr_inodes=6"));
	space("m");
	shown("m");
	DO(put("m/f4", "no room"));
	DO(unlink("m/f0"));
	DO(put("m/f4", "room"));
	space("m");
	DO(rmdir("m"));
	DO(rename("m", "n"));
	DO(rename("m/f1", "f1"));
	DO(link("m/f1", "f1"));
	DO(umount2("m", 0));
	owner("m");
	TMPFS("m", MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_NOATIME, "nr_blocks=3,size=0,nr_inodes=7");
	space("m");
	shown("m");
	DO(umount2("m", 0));
}

static void over(void)
{
	int fd;

	printf("-- over what is there\n");
	DO(put("m/below", "covered"));
	fd = open("m", O_RDONLY | O_DIRECTORY);
	TMPFS("m", 0, "size=4k");
	DO(put("m/first", "1"));
	TMPFS("m", 0, "size=8k");
	DO(put("m/second", "2"));
	printf("first %s, second %s, below %s, by a directory that was open %s\n", access("m/first", 0) ? "hidden" : "seen",
	       access("m/second", 0) ? "hidden" : "seen", access("m/below", 0) ? "hidden" : "seen",
	       faccessat(fd, "below", 0, 0) ? "hidden" : "seen");
	shown("m");
	DO(umount2("m", 0));
	printf("first %s, second %s\n", access("m/first", 0) ? "hidden" : "seen", access("m/second", 0) ? "hidden" : "seen");
	DO(mkdir("m/in", 0755));
	TMPFS("m/in", 0, "size=4k");
	DO(umount2("m", 0));
	DO(umount2("m/in", 0));
	DO(umount2("m", 0));
	printf("below %s\n", access("m/below", 0) ? "hidden" : "seen");
	close(fd);
	DO(unlink("m/below"));
}

static void busy(void)
{
	int fd;
	char *map, path[4200], dir[4200];

	printf("-- in use\n");
	TMPFS("m", 0, "size=64k");
	fd = open("m/f", O_CREAT | O_RDWR, 0644);
	DO(umount2("m", 0));
	DO(ftruncate(fd, 4096));
	map = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	close(fd);
	DO(umount2("m", 0));
	DO(mount(NULL, "m", NULL, MS_REMOUNT | MS_RDONLY, NULL));
	unlink("m/f");
	DO(umount2("m", 0));
	munmap(map, 4096);
	DO(chdir("m"));
	snprintf(dir, sizeof(dir), "%s/m", top);
	DO(umount2(dir, 0) + 0 * strlen(dir));
	printf("lazily: %s\n", umount2(dir, MNT_DETACH) ? strerror(errno) : "done");
	printf("what lies there now: %s\n", access("../m", 0) ? strerror(errno) : "something");
	DO(put("kept", "still a file"));
	DO(access("kept", R_OK));
	printf("getcwd: %s\n", getcwd(path, sizeof(path)) ? path : strerror(errno));
	DO(mkdir("sub", 0755));
	DO(umount2(".", 0));
	DO(chdir(top));
	DO(access("m/kept", F_OK));
	DO(umount2("m", MNT_DETACH));
	TMPFS("m", 0, "size=64k");
	DO(mkdir("m/in", 0755));
	TMPFS("m/in", 0, "");
	fd = open("m/in/f", O_CREAT | O_RDWR, 0644);
	DO(umount2("m", MNT_DETACH));
	printf("written to a file without a name any more: %ld\n", (long)write(fd, "text", 4));
	close(fd);
	DO(umount2("m/in", 0));
}

static void read_only(void)
{
	int fd;

	printf("-- read-only\n");
	TMPFS("m", 0, "size=64k,nr_inodes=20");
	put("m/f", "text");
	symlink("f", "m/l");
	mkfifo("m/p", 0666);
	mknod("m/null", S_IFCHR | 0666, 0x103);
	fd = open("m/f", O_RDWR);
	DO(mount(NULL, "m", NULL, MS_REMOUNT | MS_RDONLY, NULL));
	close(fd);
	DO(mount(NULL, "m", NULL, MS_REMOUNT | MS_RDONLY, NULL));
	shown("m");
	space("m");
	DO(open("m/f", O_RDONLY));
	DO(open("m/f", O_WRONLY));
	DO(open("m/f", O_RDONLY | O_TRUNC));
	DO(open("m/new", O_CREAT | O_WRONLY, 0644));
	DO(open("m/f", O_CREAT | O_RDONLY, 0644));
	DO(open("m", O_TMPFILE | O_RDWR, 0644));
	DO(open("m/null", O_RDWR));
	DO(open("m/p", O_RDWR));
	DO(access("m/f", W_OK));
	DO(access("m/p", W_OK));
	DO(mkdir("m/d", 0755));
	DO(mkdir("m/f", 0755));
	DO(unlink("m/f"));
	DO(unlink("m/no"));
	DO(rmdir("m/no"));
	DO(rename("m/f", "m/g"));
	DO(link("m/f", "m/g"));
	DO(symlink("x", "m/g"));
	DO(chmod("m/f", 0600));
	DO(chown("m/f", 1, 1));
	DO(truncate("m/f", 0));
	DO(utimensat(AT_FDCWD, "m/f", NULL, 0));
	DO(umount2("m", 0));
	for (fd = 3; fd < 20; fd++)
		close(fd);
	DO(umount2("m", 0));
}

static int run(const char *path)
{
	int status;

	if (!fork()) {
		execl(path, path, "nothing", NULL);
		_exit(100 + errno);
	}
	wait(&status);
	return WEXITSTATUS(status);
}

static void rights(const char *self)
{
	int fd, from, n;
	void *mapped;
	static char buf[1 << 16];

	printf("-- what files there may not do\n");
	TMPFS("m", MS_NOEXEC | MS_NODEV, "");
	from = open(self, O_RDONLY);
	fd = open("m/program", O_CREAT | O_WRONLY, 0755);
	while ((n = (int)read(from, buf, sizeof(buf))) > 0)
		if (write(fd, buf, (size_t)n) != n)
			perror("write");
	close(fd);
	close(from);
	mknod("m/null", S_IFCHR | 0666, 0x103);
	DO(open("m/null", O_RDWR));
	printf("run: %d\n", run("m/program"));
	DO(access("m/program", X_OK));
	fd = open("m/program", O_RDONLY);
	printf("mapped to run: %s\n", mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE, fd, 0) == MAP_FAILED ?
	       strerror(errno) : "done");
	mapped = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, fd, 0);
	DO(mprotect(mapped, 4096, PROT_READ | PROT_EXEC));
	close(fd);
	DO(mount(NULL, "m", NULL, MS_REMOUNT, NULL));
	shown("m");
	printf("run: %d\n", run("m/program"));
	DO(close(open("m/null", O_RDWR)));
	DO(umount2("m", 0));
	munmap(mapped, 4096);
	DO(umount2("m", 0));
	DO(mount("my own", "m", "tmpfs", MS_STRICTATIME, "size=4k"));
	line_of("/proc/mounts", "m", 1, 0, 0);
	shown("m");
	DO(mount(NULL, "m", NULL, MS_PRIVATE, NULL));
	DO(mount(NULL, "m/..", NULL, MS_PRIVATE, NULL));
	DO(umount2("m", 0));
}

static void kinds(void)
{
	printf("-- other kinds\n");
	DO(mount("proc", "m", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL));
	shown("m");
	owner("m");
	space("m");
	DO(access("m/self/maps", R_OK));
	DO(access("m/meminfo", R_OK));
	DO(umount2("m", 0));
	DO(mount("sys", "m", "sysfs", 0, NULL));
	DO(mount("sys", "m", "sysfs", 0, NULL));
	DO(access("m/kernel/mm", R_OK));
	DO(umount2("m", 0));
	DO(mount("dev", "m", "devtmpfs", 0, NULL));
	DO(access("m/null", R_OK));
	DO(access("m/urandom", R_OK));
	DO(umount2("m", 0));
}

static void unprivileged(void)
{
	if (fork()) {
		wait(NULL);
		return;
	}
	printf("-- not as root\n");
	if (setgid(1000) || setuid(1000))
		perror("setuid");
	TMPFS("m", 0, "");
	TMPFS("nowhere", 0, "");
	DO(mount(NULL, "m", NULL, MS_REMOUNT, NULL));
	DO(umount2("m", 0));
	DO(umount2("nowhere", 0));
	fflush(stdout);
	_exit(0);
}

int main(int argc, char *argv[] __attribute__((unused)))
{
	if (argc > 1)
		return 42;
	setvbuf(stdout, NULL, _IOLBF, 0);
	if (unshare(CLONE_NEWNS) == 0 && mount(NULL, "/", NULL, MS_PRIVATE | MS_REC, NULL))
		perror("private mounts");
	if (mkdir("here", 0755) || chdir("here") || !getcwd(top, sizeof(top)) || mkdir("m", 0755) || put("file", ""))
		perror("here");
	wrong();
	size();
	over();
	busy();
	read_only();
	rights("/proc/self/exe");
	kinds();
	unprivileged();
	return 0;
}
