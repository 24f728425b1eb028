/*
 * What a program sees of its terminal, step by step. Each step shows its name and `>`; terminal.t
 * types what belongs to it, on this machine's Linux and in Quire, and compares all that is shown.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

static struct termios sane;
static volatile sig_atomic_t caught[65];
static int tell[2];				/* a pipe: from children without a terminal */

static void on_signal(int sig) { caught[sig]++; }

static void catch(int sig, int flags)
{
	struct sigaction a = { .sa_handler = on_signal, .sa_flags = flags };

	sigaction(sig, &a, NULL);
}

static void show(const char *what, long r)
{
	printf("%s: %ld%s%s\n", what, r, r < 0 ? " " : "", r < 0 ? strerror(errno) : "");
}

static void show_read(size_t n)
{
	unsigned char buf[256];
	ssize_t got = read(0, buf, n);

	if (got < 0) {
		show("read", got);
		return;
	}
	printf("read %zd:", got);
	for (ssize_t i = 0; i < got; i++)
		printf(buf[i] > ' ' && buf[i] < 127 ? " %c" : " %02x", buf[i]);
	printf("\n");
}

/* Until so many bytes are there: what is typed is shown before what is read. */
static void typed(int n)
{
	int have = 0;

	while (!ioctl(0, FIONREAD, &have) && have < n)
		usleep(10000);
}

static void mode(tcflag_t iflag, tcflag_t lflag, int min, int time)
{
	struct termios t = sane;

	t.c_iflag = iflag;
	t.c_lflag = lflag;
	t.c_cc[VMIN] = min;
	t.c_cc[VTIME] = time;
	tcsetattr(0, TCSANOW, &t);
}

static void step(const char *name)
{
	tcsetattr(0, TCSANOW, &sane);
	printf("%s>\n", name);
}

/* ---- settings, lines, raw input ---- */

static void settings(void)
{
	struct winsize ws;

	step("settings");
	printf("%o %o %o\n", sane.c_iflag, sane.c_oflag, sane.c_lflag);
	for (int i = 0; i <= VEOL2; i++)
		printf("%02x ", sane.c_cc[i]);
	show("\nwindow", ioctl(0, TIOCGWINSZ, &ws));
	printf("%d x %d, terminal %d, name of 0 %s\n", ws.ws_row, ws.ws_col, isatty(0), isatty(tell[0]) ? "?" : "none");
	catch(SIGWINCH, 0);
	show("same window", ioctl(0, TIOCSWINSZ, &ws));
	printf("SIGWINCH %d\n", caught[SIGWINCH]);
	ws.ws_col = 100;
	show("other window", ioctl(0, TIOCSWINSZ, &ws));
	ws.ws_col = 80;
	ioctl(0, TIOCSWINSZ, &ws);
	printf("SIGWINCH %d\n", caught[SIGWINCH]);
	show("no such ioctl", ioctl(0, 0x54ff, 0));
	show("bad pointer", ioctl(0, TCGETS, 8));
	show("seek", lseek(0, 0, SEEK_CUR));
}

static void lines(void)
{
	step("lines");
	typed(24);
	for (int i = 0; i < 5; i++)
		show_read(i == 2 ? 3 : 200);
}

static void raw(void)
{
	static const struct { int min, time; } m[] = { { 3, 0 }, { 0, 2 }, { 0, 2 }, { 4, 1 }, { 0, 0 } };

	for (unsigned i = 0; i < sizeof(m) / sizeof(*m); i++) {
		step("raw");
		mode(0, 0, m[i].min, m[i].time);
		printf("%d %d ready\n", m[i].min, m[i].time);
		show_read(200);
	}
	step("echo");
	mode(ICRNL, ECHO | ECHOCTL, 5, 0);
	printf("ready\n");
	typed(5);
	show_read(5);
}

static void nonblocking(void)
{
	struct pollfd p = { .fd = 0, .events = POLLIN | POLLOUT };

	step("nonblocking");
	fcntl(0, F_SETFL, fcntl(0, F_GETFL) | O_NONBLOCK);
	show_read(10);
	show("poll", poll(&p, 1, 0));
	printf("events %x\n", p.revents);
	printf("ready\n");
	p.events = POLLIN;
	show("poll", poll(&p, 1, -1));
	show("flush", tcflush(0, TCIFLUSH));
	show("poll", poll(&p, 1, 0));
	show("flush what", ioctl(0, TCFLSH, 7));
	fcntl(0, F_SETFL, fcntl(0, F_GETFL) & ~O_NONBLOCK);
}

static void keys(void)
{
	step("keys");
	catch(SIGINT, 0);
	catch(SIGQUIT, SA_RESTART);
	catch(SIGTSTP, 0);
	printf("interrupt me\n");
	show_read(10);
	printf("and go on\n");
	while (!caught[SIGQUIT])
		pause();
	printf("SIGINT %d, SIGQUIT %d, SIGTSTP %d\n", caught[SIGINT], caught[SIGQUIT], caught[SIGTSTP]);
	printf("and once more\n");
	show_read(10);
	printf("SIGTSTP %d\n", caught[SIGTSTP]);
	show_read(10);
}

/* The parent writes while output is held: it waits until it is let go. */
static void flow(void)
{
	step("flow");
	mode(IXON | ICRNL, ICANON, 1, 0);
	fflush(stdout);
	if (!fork()) {
		usleep(300000);
		tcflow(1, TCOON);
		_exit(0);
	}
	if (tcflow(1, TCOOFF))
		exit(1);
	printf("not held any more\n");
	wait(NULL);
	printf("type ^S, ^Q, line\n");
	typed(2);
	show_read(10);
}

/* ---- groups ---- */

static void in_child(const char *what, void (*fn)(void))
{
	int status;
	pid_t pid = fork();

	if (!pid) {
		setpgid(0, 0);
		fn();
		_exit(0);
	}
	setpgid(pid, pid);
	waitpid(pid, &status, WUNTRACED);
	if (WIFSTOPPED(status)) {
		printf("%s: stopped by %s\n", what, strsignal(WSTOPSIG(status)));
		kill(pid, SIGKILL);
		waitpid(pid, &status, 0);
	} else {
		printf("%s: ended, %#x\n", what, status);
	}
}

static void reads(void) { show_read(10); }
static void writes(void) { printf("a line from the background\n"); }
static void sets(void) { show("set", tcsetattr(0, TCSANOW, &sane)); }
static void takes(void) { show("foreground", tcsetpgrp(0, getpid())); }
static void flushes(void) { show("flush", tcflush(0, TCIOFLUSH)); }

static void reads_ignoring(void)
{
	signal(SIGTTIN, SIG_IGN);
	show_read(10);
}

static void takes_blocking(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTTOU);
	sigprocmask(SIG_BLOCK, &set, NULL);
	takes();
	printf("foreground is mine: %d\n", tcgetpgrp(0) == getpid());
}

/* Its parent, which could continue it, is gone. */
static void orphan(void)
{
	pid_t pid = fork();

	if (pid)
		_exit(0);
	usleep(300000);
	show_read(10);
	takes();
	signal(SIGTTOU, SIG_IGN);
	takes();
	tcsetpgrp(0, getsid(0));
	(void)!write(tell[1], "d", 1);
}

static void groups(void)
{
	char c;

	step("groups");
	printf("session %d, group %d, foreground %d\n", tcgetsid(0) == getpid(), getpgrp() == getpid(),
	       tcgetpgrp(0) == getpid());
	in_child("read", reads);
	in_child("read, ignoring SIGTTIN", reads_ignoring);
	in_child("write", writes);
	in_child("settings", sets);
	in_child("flush", flushes);
	in_child("foreground", takes);
	in_child("foreground, blocking SIGTTOU", takes_blocking);
	signal(SIGTTOU, SIG_IGN);
	show("foreground again", tcsetpgrp(0, getpgrp()));
	signal(SIGTTOU, SIG_DFL);
	mode(ICRNL, ICANON | TOSTOP, 1, 0);
	in_child("write, TOSTOP", writes);
	tcsetattr(0, TCSANOW, &sane);
	show("foreground of nobody", tcsetpgrp(0, 0x7ffffff0));
	show("foreground below 0", tcsetpgrp(0, -5));
	show("foreground of pid 1", tcsetpgrp(0, 1));
	in_child("orphan", orphan);
	(void)!read(tell[0], &c, 1);
}

/* A group that has stopped, and loses who could continue it, gets SIGHUP and SIGCONT. */
static void orphaned(void)
{
	int status;
	char c;
	pid_t pid;

	step("orphaned");
	pid = fork();
	if (!pid) {
		pid = fork();
		if (!pid) {
			setpgid(0, 0);
			catch(SIGHUP, 0);
			catch(SIGCONT, 0);
			signal(SIGTSTP, SIG_DFL);
			raise(SIGTSTP);
			printf("SIGHUP %d, SIGCONT %d\n", caught[SIGHUP], caught[SIGCONT]);
			(void)!write(tell[1], "d", 1);
			_exit(0);
		}
		waitpid(pid, &status, WUNTRACED);
		_exit(0);
	}
	waitpid(pid, NULL, 0);
	(void)!read(tell[0], &c, 1);
}

/* ---- sessions ---- */

static void without(void)
{
	int fd;

	show("new session", setsid() == getpid() ? 0 : -1);
	show("/dev/tty", open("/dev/tty", O_RDWR));
	show("foreground", tcgetpgrp(0));
	show("session", tcgetsid(0));
	show("take", ioctl(0, TIOCSCTTY, 0));
	show("leave", ioctl(0, TIOCNOTTY, 0));
	fd = open("/dev/null", O_RDWR);
	show("of another file", tcgetpgrp(fd));
	_exit(0);
}

static void leaves(void)
{
	int fd = open("/dev/tty", O_RDWR | O_CLOEXEC);

	printf("/dev/tty %d, terminal %d, foreground %d\n", fd >= 0, isatty(fd), tcgetpgrp(fd) == getsid(0));
	close(fd);
	show("leave", ioctl(0, TIOCNOTTY, 0));
	show("leave", ioctl(0, TIOCNOTTY, 0));
	show("/dev/tty", open("/dev/tty", O_RDWR));
	show("take", ioctl(0, TIOCSCTTY, 0));
	_exit(0);
}

/* A session of its own on the terminal, whose leader ends while another group is in front. */
static void new_leader(void)
{
	pid_t pid;

	setsid();
	show("take", ioctl(0, TIOCSCTTY, 0));
	show("and again", ioctl(0, TIOCSCTTY, 0));
	signal(SIGTTOU, SIG_IGN);
	pid = fork();
	if (!pid) {
		setpgid(0, 0);
		caught[SIGHUP] = 0;
		show("foreground", tcsetpgrp(0, getpid()));
		(void)!write(tell[1], "r", 1);
		while (!caught[SIGHUP])
			pause();
		usleep(100000);
		show("foreground after SIGHUP", tcgetpgrp(0));
		(void)!write(tell[1], "d", 1);
		_exit(0);
	}
	(void)!read(tell[0], &pid, 1);
	_exit(0);
}

static void sessions(void)
{
	void (*const part[])(void) = { without, leaves, new_leader };
	char c;

	step("sessions");
	for (unsigned i = 0; i < 3; i++) {
		if (i == 2) {
			catch(SIGHUP, 0);
			catch(SIGCONT, 0);
			show("leader leaves", ioctl(0, TIOCNOTTY, 0));
			printf("SIGHUP %d, SIGCONT %d\n", caught[SIGHUP], caught[SIGCONT]);
		}
		if (!fork())
			part[i]();
		wait(NULL);
	}
	(void)!read(tell[0], &c, 1);
	show("take back", ioctl(0, TIOCSCTTY, 0));
	show("foreground", tcgetpgrp(0) == getpid());
}

int main(void)
{
	setvbuf(stdout, NULL, _IOLBF, 4096);
	tcgetattr(0, &sane);
	if (pipe(tell))
		return 1;
	settings();
	lines();
	raw();
	nonblocking();
	keys();
	flow();
	groups();
	orphaned();
	sessions();
	step("end");
	return 0;
}
