/* Permissions as user 1000 in group 1000, 2000 (a child of root becomes that one), and what root may. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <grp.h>
#include <sys/wait.h>
#include <utime.h>

#include "place.h"

static void mode_of(const char *path)
{
	struct stat st;

	if (lstat(path, &st))
		printf("%s: %s\n", path, strerror(errno));
	else
		printf("%s: %o %u:%u\n", path, st.st_mode, st.st_uid, st.st_gid);
}

static void open_as(const char *path, int flags)
{
	int fd = open(path, flags, 0666);

	printf("open %s %o: %s\n", path, flags, fd < 0 ? strerror(errno) : "yes");
	if (fd >= 0)
		close(fd);
}

static void make(const char *path, mode_t mode, uid_t uid, gid_t gid)
{
	place_file(path, "x");
	if (chown(path, uid, gid) || chmod(path, mode))
		perror(path);
}

static void prepare(void)
{
	make("mine-600", 0600, 1000, 1000);
	make("mine-077", 0077, 1000, 1000);
	make("group-060", 0060, 0, 1000);
	make("group-707", 0707, 0, 1000);
	make("more-060", 0060, 0, 2000);
	make("others-006", 0006, 0, 0);
	make("roots-600", 0600, 0, 0);
	make("suid", 06777, 1000, 1000);
	mkdir("sticky", 0777);
	chmod("sticky", 01777);
	make("sticky/roots", 0666, 0, 0);
	make("sticky/mine", 0644, 1000, 1000);
	mkdir("closed", 0700);
	make("closed/in", 0666, 0, 0);
	mkdir("search", 0711);
	make("search/in", 0644, 0, 0);
	mkdir("setgid", 0777);
	chown("setgid", 0, 2000);
	chmod("setgid", 02777);
	mkdir("mine", 0755);
	chown("mine", 1000, 1000);
	mkdir("roots", 0755);
	make("roots/f", 0666, 0, 0);
}

static void opens(void)
{
	static const char *const names[] = { "mine-600", "mine-077", "group-060", "group-707", "more-060",
		"others-006", "roots-600", "closed/in", "search/in", "search", "closed" };

	for (unsigned i = 0; i < sizeof(names) / sizeof(*names); i++) {
		open_as(names[i], O_RDONLY);
		open_as(names[i], O_WRONLY);
		open_as(names[i], O_RDONLY | O_TRUNC);
		printf("access: %d %d %d\n", access(names[i], R_OK), access(names[i], W_OK), access(names[i], X_OK));
	}
	open_as("roots/new", O_CREAT | O_WRONLY);
	open_as("roots/f", O_CREAT | O_WRONLY);
	open_as("mine/new", O_CREAT | O_WRONLY);
	open_as("mine-600", O_RDONLY | O_NOATIME);
	open_as("others-006", O_RDONLY | O_NOATIME);
}

static void names(void)
{
	call_show("mkdir roots/d", mkdir("roots/d", 0777));
	call_show("unlink roots/f", unlink("roots/f"));
	call_show("rename roots/f", rename("roots/f", "mine/f"));
	call_show("link into roots", link("mine-600", "roots/l"));
	call_show("symlink into roots", symlink("x", "roots/s"));
	call_show("mkdir existing", mkdir("roots/f", 0777));
	call_show("unlink sticky/roots", unlink("sticky/roots"));
	call_show("rename sticky/roots", rename("sticky/roots", "sticky/r"));
	call_show("rename over sticky/roots", rename("sticky/mine", "sticky/roots"));
	call_show("unlink sticky/mine", unlink("sticky/mine"));
	call_show("rmdir closed", rmdir("closed"));
	call_show("chdir closed", chdir("closed"));
	call_show("chdir search", chdir("search") || chdir(".."));
	call_show("mknod", mknod("mine/dev", S_IFCHR | 0666, 0x103));
	call_show("mkdir mine/d", mkdir("mine/d", 0700));
	call_show("rename of another's directory", rename("roots", "mine/r"));
	call_show("creat setgid/f", close(open("setgid/f", O_CREAT | O_WRONLY, 0666)));
	call_show("mkdir setgid/d", mkdir("setgid/d", 0777));
	mode_of("setgid/f");
	mode_of("setgid/d");
}

static void changes(void)
{
	struct utimbuf t = { 1, 2 };

	call_show("chmod mine", chmod("mine-600", 02644));
	mode_of("mine-600");
	call_show("chmod another's", chmod("others-006", 0666));
	call_show("chown to root", chown("mine-600", 0, -1));
	call_show("chown to oneself", chown("mine-600", 1000, -1));
	call_show("chgrp to a group of one's", chown("mine-600", -1, 2000));
	call_show("chgrp to another", chown("mine-600", -1, 3000));
	mode_of("mine-600");
	call_show("chown nothing", chown("others-006", -1, -1));
	call_show("utime mine", utime("mine-600", &t));
	call_show("utime another's, to now", utime("others-006", NULL));
	call_show("utime another's, to then", utime("others-006", &t));
	call_show("utime of root's", utime("roots-600", NULL));
	mode_of("suid");
	call_show("write", close(open("suid", O_WRONLY | O_TRUNC)));
	mode_of("suid");
	call_show("truncate", truncate("roots-600", 0));
}

static void as_user(void)
{
	static const gid_t groups[] = { 2000 };
	uid_t r, e, s;

	call_show("setgroups", setgroups(1, groups));
	call_show("setresgid", setresgid(1000, 1000, 1000));
	call_show("setresuid", setresuid(1000, 1000, 1000));
	call_show("setuid(0)", setuid(0));
	call_show("setgroups", setgroups(0, NULL));
	call_show("getgroups", getgroups(0, NULL));
	getresuid(&r, &e, &s);
	printf("%u %u %u %u\n", r, e, s, getegid());
	umask(027);
	opens();
	names();
	changes();
}

static void by_effective(void)
{
	call_show("seteuid", seteuid(1000));
	open_as("roots-600", O_RDONLY);
	printf("access by the real one: %d, by the effective one: %d\n", access("roots-600", R_OK),
	       faccessat(AT_FDCWD, "roots-600", R_OK, AT_EACCESS));
	call_show("back", seteuid(0));
	open_as("roots-600", O_RDONLY);
}

static void as_root(void)
{
	open_as("mine-077", O_RDWR);
	printf("access: %d %d\n", access("roots-600", W_OK), access("roots-600", X_OK));
	call_show("chown of suid", chmod("suid", 06777) || chown("suid", 3000, 3000));
	mode_of("suid");
	call_show("lchown", symlink("x", "link") || lchown("link", 5, 6));
	mode_of("link");
	call_show("unlink sticky/roots", unlink("sticky/roots"));
}

int main(void)
{
	setgroups(0, NULL);		/* the ones that the host's root has */
	place_enter();
	prepare();
	fflush(stdout);
	if (!fork()) {
		as_user();
		fflush(stdout);
		_exit(0);
	}
	wait(NULL);
	by_effective();
	as_root();
	place_leave();
	return 0;
}
