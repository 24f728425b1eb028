/* Who may see inside of a process by /proc, and whose its files there are: its user, unless it has more privileges. */
#define _GNU_SOURCE
#include "call.h"
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/wait.h>

#define USER	1000u

static const char *const files[] = {
	"maps", "smaps", "smaps_rollup", "pagemap", "environ", "cmdline", "status", "stat", "statm", "limits",
	"oom_score", "oom_score_adj", "fd", "task", "exe", "cwd", "root", "fd/0", "fd/0/",
};

static const char *said(long r)
{
	return r < 0 ? strerror(errno) : "done";
}

/* Where it is in its memory, as its line of figures tells it: fields 26 to 28, 45 to 51. */
static void show_places(const char *who, int pid)
{
	char path[64], line[1024] = "", *at;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	f = fopen(path, "r");
	if (!f || !fgets(line, sizeof(line), f))
		exit(1);
	fclose(f);
	printf("%s: places:", who);
	at = strtok(strrchr(line, ')') + 1, " ");
	for (int field = 3; at; field++, at = strtok(NULL, " "))
		if ((field >= 26 && field <= 28) || (field >= 45 && field <= 51))
			printf(" %s", strlen(at) > 1 ? "some" : at);
	puts("");
}

/* What the running process gets of `pid`. */
static void look_at(const char *who, int pid)
{
	char path[64], at[256], one;
	struct iovec own = { &one, 1 }, other = { (void *)files, 1 };
	struct stat st = { 0 };

	for (unsigned i = 0; i < sizeof(files) / sizeof(*files); i++) {
		int fd;

		snprintf(path, sizeof(path), "/proc/%d/%s", pid, files[i]);
		printf("%s: %s: ", who, files[i]);
		fd = open(path, O_RDONLY | O_NONBLOCK);
		printf("open: %s", fd < 0 && errno == ENOTDIR ? "done" : said(fd));
		close(fd);
		printf(", readlink: %s", said(readlink(path, at, sizeof(at))));
		lstat(path, &st);
		if (pid != getpid())
			printf(", of %u:%u", st.st_uid, st.st_gid);
		puts("");
	}
	show_places(who, pid);
	snprintf(path, sizeof(path), "/proc/%d", pid);
	printf("%s: it is of %u", who, stat(path, &st) ? 0 : st.st_uid);
	snprintf(path, sizeof(path), "/proc/%d/clear_refs", pid);
	printf(", clear_refs: %s", said(open(path, O_WRONLY)));
	printf(", process_vm_readv: %s\n", said(process_vm_readv(pid, &own, 1, &other, 1, 0)));
}

static void write_to(const char *who, int pid, const char *file, const char *text)
{
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/%s", pid, file);
	fd = open(path, O_WRONLY);
	printf("%s: %s to %s: %s\n", who, text, file, said(fd < 0 ? fd : write(fd, text, strlen(text))));
	close(fd);
}

static void be_user(void)
{
	if (setgid(USER) || setuid(USER))
		exit(1);
}

/* root, with no capabilities. */
static void drop_all(void)
{
	const unsigned head[2] = { 0x20080522, 0 }, none[6] = { 0 };

	if (syscall(SYS_capset, head, none))
		exit(1);
}

static void be_user_by_effect(void)
{
	if (seteuid(USER))
		exit(1);
}

static void in_child(void (*become)(void), void (*act)(int pid), int pid)
{
	int child = fork();

	if (!child) {
		become();
		act(pid);
		fflush(stdout);
		_exit(0);
	}
	waitpid(child, NULL, 0);
}

/* A child of the user, which waits for its end. */
static int user_child(int dumpable)
{
	int ready[2], child;
	char one;

	if (pipe(ready))
		exit(1);
	child = fork();
	if (!child) {
		be_user();
		prctl(PR_SET_DUMPABLE, dumpable);
		if (write(ready[1], "", 1) == 1)
			pause();
		_exit(1);
	}
	close(ready[1]);
	if (read(ready[0], &one, 1) != 1)
		exit(1);
	close(ready[0]);
	return child;
}

static void by_user(int pid) { look_at("a user at root's", pid); }
static void by_root_without(int pid) { look_at("root without capabilities at root's", pid); }
static void by_effect(int pid) { look_at("an effective user at root's", pid); }
static void by_same_user(int pid)
{
	look_at("a user at his own", pid);
	write_to("a user at his own", pid, "oom_score_adj", "500");
	write_to("a user at his own", pid, "oom_score_adj", "0");
	write_to("a user at his own", pid, "oom_score_adj", "-1");
	write_to("a user at his own", pid, "comm", "other");
	write_to("the same", getpid(), "comm", "name");
}
static void by_same_user_hidden(int pid) { look_at("a user at his own, hidden", pid); }

static void at_itself(int pid)
{
	(void)pid;
	look_at("a user at itself, hidden", getpid());
	prctl(PR_SET_DUMPABLE, 1);
	look_at("a user at itself", getpid());
}

static void show_dumpable(int pid)
{
	(void)pid;
	printf("dumpable: %d\n", prctl(PR_GET_DUMPABLE));
}

int main(void)
{
	int child, null = open("/dev/null", O_RDONLY);

	dup2(null, 0);
	if (chdir("/"))			/* where every user may go */
		return 1;
	setvbuf(stdout, NULL, _IOFBF, 1 << 16);
	in_child(be_user, by_user, getpid());
	in_child(drop_all, by_root_without, getpid());
	in_child(be_user_by_effect, by_effect, getpid());
	in_child(drop_all, show_dumpable, 0);
	in_child(be_user, show_dumpable, 0);
	child = user_child(1);
	in_child(be_user, by_same_user, child);
	kill(child, SIGKILL);
	child = user_child(0);
	in_child(be_user, by_same_user_hidden, child);
	kill(child, SIGKILL);
	in_child(be_user, at_itself, 0);
	return 0;
}
