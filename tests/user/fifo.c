/* Named pipes: who waits for whom, what O_NONBLOCK does, the ends' ends. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>

#include "place.h"

static short events(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN | POLLOUT };

	poll(&p, 1, 0);
	return p.revents;
}

static void alone(void)
{
	char buf[8];
	int r, w;

	call_show("write end, nobody reads", open("p", O_WRONLY | O_NONBLOCK));
	r = open("p", O_RDONLY | O_NONBLOCK);
	call_show("read, nobody writes", read(r, buf, 8));
	printf("events %x\n", events(r));
	w = open("p", O_WRONLY | O_NONBLOCK);
	call_show("read, empty", read(r, buf, 8));
	call_show("write", write(w, "text", 4));
	printf("events %x %x\n", events(r), events(w));
	close(w);
	printf("events %x\n", events(r));
	call_show("read", read(r, buf, 8));
	call_show("read at the end", read(r, buf, 8));
	close(r);
	r = open("p", O_RDWR);
	call_show("both: write", write(r, "me", 2));
	call_show("both: read", read(r, buf, 8));
	call_show("lseek", lseek(r, 0, SEEK_SET));
	call_show("pread", pread(r, buf, 1, 0));
	close(r);
}

static void two(void)
{
	char buf[16] = "";
	int fd;

	fflush(stdout);
	if (!fork()) {
		fd = open("p", O_WRONLY);		/* waits for the reader */
		write(fd, "from child", 10);
		close(fd);
		fd = open("p", O_RDONLY);
		read(fd, buf, sizeof(buf));
		printf("child: %s\n", buf);
		fflush(stdout);
		_exit(0);
	}
	usleep(20000);
	fd = open("p", O_RDONLY);
	call_show("read", read(fd, buf, sizeof(buf)));
	printf("%s\n", buf);
	call_show("then the end", read(fd, buf, sizeof(buf)));
	close(fd);
	fd = open("p", O_WRONLY);
	call_show("write", write(fd, "from parent", 11));
	wait(NULL);
	signal(SIGPIPE, SIG_IGN);
	call_show("write, nobody reads", write(fd, "x", 1));
	close(fd);
}

static void on_alarm(int sig)
{
	(void)sig;
}

static void interrupted(void)
{
	struct sigaction sa = { .sa_handler = on_alarm };
	int fd;

	sigaction(SIGALRM, &sa, NULL);
	alarm(1);
	call_show("open that is interrupted", open("p", O_RDONLY));
	call_show("unlink", unlink("p"));
	mkfifo("p", 0600);
	fd = open("p", O_RDWR);
	call_show("truncate", truncate("p", 0));
	call_show("ftruncate", ftruncate(fd, 0));
	close(fd);
}

int main(void)
{
	place_enter();
	call_show("mkfifo", mkfifo("p", 0666));
	alone();
	two();
	interrupted();
	place_leave();
	return 0;
}
