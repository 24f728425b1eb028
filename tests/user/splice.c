/*
 * splice, tee, vmsplice, sendfile and copy_file_range: what arrives, how much at once, where offsets and positions
 * are then, and every error. Kinds of files: memfds, pipes, sockets, devices.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/wait.h>

#include "call.h"

#define NONBLOCK	SPLICE_F_NONBLOCK

static int a[2], b[2];			/* pipes: to read from, to write to */
static int mem, null, zero, full, urandom, dir, append;
static int64_t off, negative = -1, far = 1l << 40;
static char buf[70000], got[70000];

static void in_pipes(void)
{
	int n = 0, m = 0;

	ioctl(a[0], FIONREAD, &n);
	ioctl(b[0], FIONREAD, &m);
	printf("in the pipes: %d, %d\n", n, m);
}

static void empty(int fd)
{
	int n;

	while (!ioctl(fd, FIONREAD, &n) && n)
		if (read(fd, got, sizeof(got)) <= 0)
			break;
}

static void text_in(int fd)
{
	ssize_t n = read(fd, got, 40);

	printf("read %zd: %.*s\n", n, (int)(n > 0 ? n : 0), got);
}

/* Does what is in the pipe equal the memfd's bytes from there on? */
static void compare(int fd, int64_t from)
{
	ssize_t n, all = 0;
	int m, same = 1;

	while (!ioctl(fd, FIONREAD, &m) && m && (n = read(fd, got, sizeof(got))) > 0) {
		same &= pread(mem, buf, n, from + all) == n && !memcmp(buf, got, n);
		all += n;
	}
	printf("%zd bytes, %s\n", all, same ? "the file's" : "others");
}

static void open_all(void)
{
	static uint32_t word[25000];

	for (unsigned i = 0; i < 25000; i++)
		word[i] = i * 2654435761u;
	mem = memfd_create("content", 0);
	if (pipe(a) || pipe(b) || write(mem, word, sizeof(word)) != sizeof(word))
		perror("pipes");
	null = open("/dev/null", O_RDWR);
	zero = open("/dev/zero", O_RDWR);
	full = open("/dev/full", O_RDWR);
	urandom = open("/dev/urandom", O_RDONLY);
	dir = open("/", O_RDONLY);
	append = open("/dev/shm", O_TMPFILE | O_RDWR | O_APPEND, 0600);
}

static void from_file(void)
{
	off = 0;
	CALL(splice, mem, &off, a[1], NULL, 200000, 0);
	printf("off %ld, position %ld\n", (long)off, (long)lseek(mem, 0, SEEK_CUR));
	CALL(splice, mem, &off, a[1], NULL, 200000, NONBLOCK);
	compare(a[0], 0);
	off = 99;
	CALL(splice, mem, &off, a[1], NULL, 8192, 0);
	CALL(splice, mem, &off, a[1], NULL, 1, 0);
	printf("off %ld\n", (long)off);
	compare(a[0], 99);
	lseek(mem, 99000, SEEK_SET);
	CALL(splice, mem, NULL, a[1], NULL, 5000, 0);
	printf("position %ld\n", (long)lseek(mem, 0, SEEK_CUR));
	CALL(splice, mem, NULL, a[1], NULL, 5000, 0);
	compare(a[0], 99000);
	CALL(splice, mem, &far, a[1], NULL, 10, 0);
	CALL(splice, mem, &negative, a[1], NULL, 10, 0);
}

/* A page of a file stays what it was, whatever becomes of the file; a hole is zeros. */
static void pages_of_files(void)
{
	int fd = memfd_create("short", 0);

	ftruncate(fd, 3 * PAGE);
	pwrite(fd, "something", 9, PAGE);
	off = PAGE;
	CALL(splice, fd, &off, a[1], NULL, 9, 0);
	ftruncate(fd, 0);
	close(fd);
	text_in(a[0]);
	fd = memfd_create("hole", 0);
	ftruncate(fd, PAGE);
	off = 0;
	CALL(splice, fd, &off, a[1], NULL, 20, 0);
	CALL(write, a[1], "behind", 6);
	printf("read %zd, %d, %.6s\n", read(a[0], got, 100), got[19], got + 20);
	pread(fd, got, 40, 0);
	printf("the hole: %d\n", got[20]);
	close(fd);
}

static void between_pipes(void)
{
	write(a[1], "abcdef", 6);
	CALL(tee, a[0], b[1], 4, 0);
	in_pipes();
	write(a[1], "ghi", 3);
	write(b[1], "xyz", 3);
	text_in(a[0]);
	text_in(b[0]);
	write(a[1], "abcdef", 6);
	CALL(splice, a[0], NULL, b[1], NULL, 3, 0);
	in_pipes();
	write(b[1], "123", 3);
	write(a[1], "456", 3);
	CALL(splice, a[0], NULL, b[1], NULL, 100, 0);
	in_pipes();
	text_in(b[0]);
	off = 0;
	splice(mem, &off, a[1], NULL, 65536, 0);
	CALL(tee, a[0], b[1], 6000, 0);
	CALL(splice, a[0], NULL, b[1], NULL, 1000000, NONBLOCK);
	in_pipes();
	CALL(splice, a[0], NULL, b[1], NULL, 1000000, NONBLOCK);
	CALL(tee, a[0], b[1], 1000000, NONBLOCK);
	empty(b[0]);
	compare(a[0], 57344);
	CALL(splice, a[0], NULL, b[1], NULL, 10, NONBLOCK);
	CALL(tee, a[0], b[1], 10, NONBLOCK);
}

static void to_file(void)
{
	int to = memfd_create("to", 0);
	int64_t at = 5000;

	write(a[1], "some text", 9);
	CALL(splice, a[0], NULL, to, &at, 4, 0);
	CALL(splice, a[0], NULL, to, NULL, 100, 0);
	printf("at %ld, position %ld, size %ld\n", (long)at, (long)lseek(to, 0, SEEK_CUR), (long)lseek(to, 0, SEEK_END));
	pread(to, got, 5, 0);
	pread(to, got + 5, 4, 5000);
	printf("%.9s\n", got);
	CALL(splice, a[0], NULL, to, NULL, 100, NONBLOCK);
	off = 0;
	splice(mem, &off, a[1], NULL, 65536, 0);
	at = 100;
	CALL(splice, a[0], NULL, to, &at, 65536, 0);
	CALL(splice, to, &(int64_t){ 100 }, a[1], NULL, 61440, 0);
	compare(a[0], 0);
	write(a[1], "x", 1);
	CALL(splice, a[0], NULL, to, &negative, 1, 0);
	CALL(splice, a[0], NULL, append, NULL, 1, 0);
	CALL(splice, a[0], NULL, to, 8, 1, 0);
	empty(a[0]);
	close(to);
}

static void errors(void)
{
	int place = open("/", O_PATH);

	write(a[1], "x", 1);
	CALL(splice, dir, NULL, a[1], NULL, 50, 0);
	CALL(splice, place, NULL, a[1], NULL, 50, 0);
	CALL(splice, a[0], &off, null, NULL, 10, 0);
	CALL(splice, a[0], NULL, b[1], &off, 10, 0);
	CALL(splice, mem, NULL, null, NULL, 10, 0);
	CALL(splice, a[1], NULL, b[1], NULL, 10, 0);
	CALL(splice, a[0], NULL, b[0], NULL, 10, 0);
	CALL(splice, a[0], NULL, a[1], NULL, 10, 0);
	CALL(splice, a[0], NULL, mem, NULL, 0, 99);
	CALL(splice, a[0], NULL, mem, NULL, 1, 0x10);
	CALL(splice, 99, NULL, mem, NULL, 1, 0);
	CALL(splice, 99, NULL, mem, NULL, 0, 0x100);
	CALL(tee, a[0], a[1], 10, 0);
	CALL(tee, mem, a[1], 10, 0);
	CALL(tee, a[0], mem, 10, 0);
	CALL(tee, a[1], b[1], 10, 0);
	CALL(tee, a[0], b[0], 10, 0);
	CALL(tee, a[0], b[1], 0, 0);
	CALL(tee, a[0], b[1], 0, 0x80);
	CALL(tee, 99, b[1], 0, 0);
	CALL(tee, 99, b[1], 1, 0);
	empty(a[0]);
	close(place);
}

static void devices(void)
{
	CALL(splice, zero, NULL, a[1], NULL, 10000, 0);
	CALL(splice, full, NULL, a[1], NULL, 10, 0);
	CALL(splice, urandom, NULL, a[1], NULL, 5000, 0);
	CALL(splice, null, NULL, a[1], NULL, 10, 0);
	CALL(splice, a[0], NULL, full, NULL, 10, 0);
	CALL(splice, a[0], NULL, zero, NULL, 10, 0);
	in_pipes();
	CALL(splice, a[0], NULL, null, NULL, 1000000, 0);
	in_pipes();
	CALL(splice, zero, NULL, a[1], NULL, 1000000, 0);
	empty(a[0]);
}

static void own_memory(void)
{
	struct iovec one = { "from memory", 11 }, many[40];
	char *two = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	CALL(vmsplice, a[1], &one, 1, 0);
	text_in(a[0]);
	one = (struct iovec){ two + 4000, 200 };
	CALL(vmsplice, a[1], &one, 1, 0);
	write(a[1], "12345678", 8);
	for (int i = 0; i < 40; i++)
		many[i] = (struct iovec){ buf + 3 * i, 1 };
	CALL(vmsplice, a[1], many, 40, NONBLOCK);	/* three slots are taken */
	CALL(vmsplice, a[1], many, 40, NONBLOCK);
	in_pipes();
	CALL(vmsplice, a[0], many, 40, 0);
	empty(a[0]);
	CALL(vmsplice, a[0], many, 40, NONBLOCK);
	write(a[1], "and back", 8);
	one = (struct iovec){ got, 100 };
	CALL(vmsplice, a[0], &one, 1, 0);
	printf("%.8s\n", got);
	CALL(vmsplice, mem, &one, 1, 0);
	CALL(vmsplice, mem, &one, 0, 0);
	CALL(vmsplice, 99, &one, 0, 0);
	CALL(vmsplice, a[1], &one, 1, 0x80);
	CALL(vmsplice, a[1], &one, 2000, 0);
	CALL(vmsplice, a[1], 8, 1, 0);
	one = (struct iovec){ (void *)8, 10 };
	CALL(vmsplice, a[1], &one, 1, 0);
	write(a[1], "stays", 5);
	CALL(vmsplice, a[0], &one, 1, 0);
	text_in(a[0]);
	many[0] = (struct iovec){ "good", 4 };
	many[1] = one;
	CALL(vmsplice, a[1], many, 2, 0);
	text_in(a[0]);
	munmap(two + PAGE, PAGE);
	one = (struct iovec){ two + 4000, 200 };
	CALL(vmsplice, a[1], &one, 1, 0);
	empty(a[0]);
	one.iov_len = 0;
	CALL(vmsplice, a[1], &one, 1, 0);
	one.iov_len = -1;
	CALL(vmsplice, a[0], &one, 1, 0);
	munmap(two, PAGE);
}

static void sockets(void)
{
	int s[2];

	socketpair(AF_UNIX, SOCK_STREAM, 0, s);
	write(s[0], "hello", 5);
	CALL(splice, s[1], NULL, a[1], NULL, 100, 0);
	CALL(splice, s[1], NULL, a[1], NULL, 100, NONBLOCK);
	CALL(splice, a[0], NULL, s[1], NULL, 100, 0);
	text_in(s[0]);
	CALL(splice, s[1], &off, a[1], NULL, 100, 0);
	write(a[1], "x", 1);
	CALL(splice, a[0], NULL, s[1], &off, 100, 0);
	fcntl(s[1], F_SETFL, O_NONBLOCK);
	CALL(splice, s[1], NULL, a[1], NULL, 100, 0);
	close(s[0]);
	CALL(splice, a[0], NULL, s[1], NULL, 100, 0);
	CALL(splice, s[1], NULL, a[1], NULL, 100, 0);
	close(s[1]);
	empty(a[0]);
}

static void not_waiting(void)
{
	fcntl(a[0], F_SETFL, O_NONBLOCK);
	CALL(splice, a[0], NULL, mem, NULL, 10, 0);
	CALL(splice, a[0], NULL, b[1], NULL, 10, 0);
	CALL(tee, a[0], b[1], 10, 0);
	fcntl(a[0], F_SETFL, 0);
	fcntl(a[1], F_SETFL, O_NONBLOCK);
	while (write(a[1], buf, PAGE) > 0)
		;
	off = 0;
	CALL(splice, mem, &off, a[1], NULL, 10, 0);
	write(b[1], "x", 1);
	CALL(splice, b[0], NULL, a[1], NULL, 10, 0);
	CALL(tee, b[0], a[1], 10, 0);
	fcntl(a[1], F_SETFL, 0);
	empty(a[0]);
	empty(b[0]);
}

/* Each waits until the other has done something. */
static void waiting(void)
{
	int status;

	if (!fork()) {
		char all[1000];
		ssize_t n = 0;

		while (n < 600)
			n += read(b[0], all, sizeof(all));
		_exit(n == 600);
	}
	for (int i = 0; i < 3; i++) {
		if (!fork()) {
			usleep(20000);
			write(a[1], buf, 200);
			_exit(0);
		}
		CALL(tee, a[0], b[1], 100, 0);
		CALL(splice, a[0], NULL, b[1], NULL, 100, 0);
		CALL(splice, a[0], NULL, null, NULL, 1000, 0);
	}
	while (wait(&status) > 0)
		if (status)
			printf("%d\n", WEXITSTATUS(status));
}

static void sending(void)
{
	int to = memfd_create("sent", 0);

	off = 95000;
	CALL(sendfile, to, mem, &off, 10000);
	printf("off %ld, position %ld\n", (long)off, (long)lseek(to, 0, SEEK_CUR));
	off = 50;
	CALL(sendfile, a[1], mem, &off, 20000);
	compare(a[0], 50);
	CALL(sendfile, null, mem, &off, 20000);
	CALL(sendfile, append, mem, &off, 10);
	CALL(sendfile, to, a[0], NULL, 10);
	CALL(sendfile, to, mem, &negative, 10);
	close(to);
}

static void place(int in, int out)
{
	printf("off %ld, positions %ld and %ld\n", (long)off, (long)lseek(in, 0, SEEK_CUR), (long)lseek(out, 0, SEEK_CUR));
}

static void ranges(void)
{
	int to = memfd_create("range", 0), disk = open("/dev/shm", O_TMPFILE | O_RDWR, 0600);
	int64_t at = 7;

	off = 99000;
	CALL(copy_file_range, mem, &off, to, NULL, 5000, 0);
	place(mem, to);
	lseek(mem, 10, SEEK_SET);
	CALL(copy_file_range, mem, NULL, to, &at, 50, 0);
	printf("at %ld\n", (long)at);
	place(mem, to);
	pread(mem, buf, 50, 10);
	pread(to, got, 50, 7);
	printf("%s\n", memcmp(buf, got, 50) ? "others" : "the file's");
	CALL(copy_file_range, mem, &off, to, NULL, 10, 1);
	off = 0, at = 5;
	CALL(copy_file_range, to, &off, to, &at, 5, 0);
	CALL(copy_file_range, to, &off, to, &at, 10, 0);
	CALL(copy_file_range, to, NULL, to, NULL, 10, 0);
	CALL(copy_file_range, mem, &far, to, NULL, 10, 0);
	CALL(copy_file_range, mem, &negative, to, NULL, 10, 0);
	CALL(copy_file_range, mem, &(int64_t){ -100 }, to, NULL, 10, 0);
	CALL(copy_file_range, mem, NULL, to, NULL, 0, 0);
	CALL(copy_file_range, mem, 8, to, NULL, 10, 0);
	CALL(copy_file_range, mem, NULL, append, NULL, 10, 0);
	CALL(copy_file_range, mem, NULL, disk, NULL, 10, 0);
	CALL(copy_file_range, a[0], NULL, to, NULL, 10, 0);
	CALL(copy_file_range, to, NULL, a[1], NULL, 10, 0);
	CALL(copy_file_range, dir, NULL, to, NULL, 10, 0);
	CALL(copy_file_range, to, NULL, dir, NULL, 10, 0);
	CALL(copy_file_range, zero, NULL, to, NULL, 10, 0);
	CALL(copy_file_range, 99, &negative, to, NULL, 10, 0);
	off = 0, at = INT64_MAX;
	CALL(copy_file_range, mem, &off, to, &at, 10, 0);
	at = INT64_MAX - 1;
	CALL(copy_file_range, mem, &off, to, &at, 10, 0);
	ftruncate(to, 0);
	close(to);
	close(disk);
}

/* Nothing is printed under that limit, which is for standard output, too. */
static void too_long(void)
{
	struct rlimit limit = { 1000, RLIM_INFINITY };
	int to = memfd_create("limited", 0);
	long r[3];

	write(a[1], buf, 100);
	signal(SIGXFSZ, SIG_IGN);
	setrlimit(RLIMIT_FSIZE, &limit);
	off = 0;
	for (int i = 0; i < 2; i++)
		r[i] = copy_file_range(mem, &off, to, NULL, 5000, 0) < 0 ? -errno : (long)off;
	r[2] = splice(a[0], NULL, to, NULL, 100, 0) < 0 ? -errno : 0;
	limit.rlim_cur = RLIM_INFINITY;
	setrlimit(RLIMIT_FSIZE, &limit);
	printf("the longest file: %ld, %s, %s\n", r[0], strerror(-r[1]), strerror(-r[2]));
	in_pipes();
	empty(a[0]);
	close(to);
}

static void broken(void)
{
	write(a[1], "x", 1);
	close(b[0]);
	CALL(splice, a[0], NULL, b[1], NULL, 100, 0);
	CALL(tee, a[0], b[1], 100, 0);
	CALL(vmsplice, b[1], &(struct iovec){ "x", 1 }, 1, 0);
	CALL(splice, mem, &(int64_t){ 0 }, b[1], NULL, 100, 0);
	CALL(sendfile, b[1], mem, &(int64_t){ 0 }, 100);
	empty(a[0]);
	close(a[1]);
	pipe(b);
	CALL(splice, a[0], NULL, b[1], NULL, 100, 0);
	CALL(tee, a[0], b[1], 100, 0);
	CALL(splice, a[0], NULL, null, NULL, 100, 0);
	CALL(vmsplice, a[0], &(struct iovec){ got, 1 }, 1, 0);
	close(b[0]);
	if (!fork()) {
		signal(SIGPIPE, SIG_DFL);
		splice(mem, &(int64_t){ 0 }, b[1], NULL, 100, 0);
		_exit(0);
	}
	signal(SIGPIPE, SIG_DFL);
}

int main(void)
{
	int status;

	setvbuf(stdout, NULL, _IOLBF, 0);
	signal(SIGPIPE, SIG_IGN);
	open_all();
	from_file();
	pages_of_files();
	between_pipes();
	to_file();
	errors();
	devices();
	own_memory();
	sockets();
	not_waiting();
	waiting();
	sending();
	ranges();
	too_long();
	broken();
	wait(&status);
	printf("a child: %s\n", WIFSIGNALED(status) ? strsignal(WTERMSIG(status)) : "no signal");
	return 0;
}
