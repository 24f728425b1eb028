/* flock, and locks of ranges by processes and by open files: who gets them, who waits, what is told. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <sys/file.h>
#include <sys/wait.h>

#include "place.h"

static void ranges(const char *what, int fd, int cmd, int type, long start, long len)
{
	struct flock l = { .l_type = type, .l_start = start, .l_len = len };
	int r = fcntl(fd, cmd, &l);

	if (r || (cmd != F_GETLK && cmd != F_OFD_GETLK))
		printf("%s: %s\n", what, r ? strerror(errno) : "done");
	else if (l.l_type == F_UNLCK)
		printf("%s: free\n", what);
	else
		printf("%s: %s %ld+%ld, %s\n", what, l.l_type == F_RDLCK ? "read" : "write", (long)l.l_start,
		       (long)l.l_len, l.l_pid == -1 ? "an open file" : l.l_pid == getppid() ? "parent" : "other");
	fflush(stdout);
}

/* What the parent has, as a child finds it. */
static void from_outside(int fd)
{
	fflush(stdout);
	if (!fork()) {
		ranges("0 to the end", fd, F_GETLK, F_WRLCK, 0, 0);
		ranges("0+10", fd, F_GETLK, F_RDLCK, 0, 10);
		ranges("15+1 to read", fd, F_GETLK, F_RDLCK, 15, 1);
		ranges("25+1", fd, F_GETLK, F_WRLCK, 25, 1);
		ranges("take 5+1", fd, F_SETLK, F_WRLCK, 5, 1);
		ranges("take 100+1", fd, F_SETLK, F_WRLCK, 100, 1);
		_exit(0);
	}
	wait(NULL);
}

static void of_process(int fd)
{
	int other;

	ranges("write 0+30", fd, F_SETLK, F_WRLCK, 0, 30);
	from_outside(fd);
	ranges("read 10+10", fd, F_SETLK, F_RDLCK, 10, 10);
	from_outside(fd);
	ranges("unlock 20+5", fd, F_SETLK, F_UNLCK, 20, 5);
	ranges("unlock 0+5", fd, F_SETLK, F_UNLCK, 0, 5);
	from_outside(fd);
	ranges("write 20+5", fd, F_SETLK, F_WRLCK, 20, 5);	/* one with what is beside it */
	ranges("write 10+10", fd, F_SETLK, F_WRLCK, 10, 10);
	from_outside(fd);
	other = open("f", O_RDONLY);
	ranges("write, read-only", other, F_SETLK, F_WRLCK, 0, 1);
	ranges("its own", other, F_GETLK, F_WRLCK, 0, 0);
	close(other);						/* takes all of the process's away */
	from_outside(fd);
	ranges("before 0", fd, F_SETLK, F_WRLCK, -1, 1);
	ranges("backwards", fd, F_SETLK, F_WRLCK, 10, -5);
	from_outside(fd);
	ranges("unlock all", fd, F_SETLK, F_UNLCK, 0, 0);
}

static void of_files(int a)
{
	int b = open("f", O_RDWR);

	ranges("a 0+10", a, F_OFD_SETLK, F_WRLCK, 0, 10);
	ranges("b 5+10", b, F_OFD_SETLK, F_WRLCK, 5, 10);
	ranges("b asks", b, F_OFD_GETLK, F_RDLCK, 0, 0);
	ranges("the process", b, F_SETLK, F_WRLCK, 0, 1);
	close(dup(a));
	ranges("b again", b, F_OFD_SETLK, F_WRLCK, 5, 10);
	ranges("a lets go", a, F_OFD_SETLK, F_UNLCK, 0, 0);
	ranges("b at last", b, F_OFD_SETLK, F_WRLCK, 5, 10);
	close(b);
	ranges("a after b's end", a, F_OFD_SETLK, F_WRLCK, 0, 0);
	ranges("a lets go", a, F_OFD_SETLK, F_UNLCK, 0, 0);
}

static void whole(int a)
{
	int b = open("f", O_RDONLY);

	call_show("a shared", flock(a, LOCK_SH));
	call_show("b shared", flock(b, LOCK_SH));
	call_show("a alone", flock(a, LOCK_EX | LOCK_NB));
	call_show("b unlocks", flock(b, LOCK_UN));
	call_show("a alone", flock(a, LOCK_EX | LOCK_NB));
	call_show("b shared", flock(b, LOCK_SH | LOCK_NB));
	ranges("ranges know nothing of it", b, F_GETLK, F_RDLCK, 0, 0);
	call_show("nonsense", flock(a, 77));
	close(b);
	call_show("a unlocks", flock(a, LOCK_UN));
}

/* Eight processes count in a file, each time under a lock that is waited for. */
static void waiting(int fd)
{
	int n = 0;

	pwrite(fd, &n, sizeof(n), 0);
	fflush(stdout);
	for (int i = 0; i < 8; i++) {
		if (fork())
			continue;
		fd = open("f", O_RDWR);
		for (int k = 0; k < 50; k++) {
			struct flock l = { .l_type = F_WRLCK, .l_len = 4 };

			if (i % 2 ? flock(fd, LOCK_EX) : 0)
				_exit(1);
			if (fcntl(fd, i & 4 ? F_OFD_SETLKW : F_SETLKW, &l))
				_exit(1);
			pread(fd, &n, sizeof(n), 0);
			n++;
			pwrite(fd, &n, sizeof(n), 0);
			l.l_type = F_UNLCK;
			fcntl(fd, i & 4 ? F_OFD_SETLK : F_SETLK, &l);
			flock(fd, LOCK_UN);
		}
		_exit(0);
	}
	for (int i = 0, status; i < 8; i++)
		if (wait(&status) < 0 || status)
			printf("status %x\n", status);
	pread(fd, &n, sizeof(n), 0);
	printf("counted to %d\n", n);
}

int main(void)
{
	int fd;

	place_enter();
	place_file("f", "");
	fd = open("f", O_RDWR);
	of_process(fd);
	of_files(fd);
	whole(fd);
	waiting(fd);
	place_leave();
	return 0;
}
