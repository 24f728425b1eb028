/* open's flags, appending, sizes: what is cut, what grows, and who sees it. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <sys/sendfile.h>
#include <sys/uio.h>

#include "place.h"

static void opening(void)
{
	int fd;

	place_file("f", "0123456789");
	call_show("O_CREAT | O_EXCL", open("f", O_CREAT | O_EXCL | O_RDWR, 0666));
	call_show("missing", open("missing", O_RDWR));
	call_show("O_NOFOLLOW", close(open("f", O_NOFOLLOW | O_RDONLY)));
	call_show("O_DIRECTORY", open("f", O_DIRECTORY));
	call_show("O_DIRECTORY | O_CREAT", open("new", O_DIRECTORY | O_CREAT, 0666));
	place_show("new");
	fd = open("f", O_RDWR | O_TRUNC | O_CLOEXEC | O_NOCTTY | O_APPEND | O_NOFOLLOW);
	printf("F_GETFL %o, F_GETFD %d\n", fcntl(fd, F_GETFL), fcntl(fd, F_GETFD));
	place_show("f");
	close(fd);
	fd = open("mode", O_CREAT | O_RDWR, 0444);
	call_show("write to a new read-only file", write(fd, "x", 1));
	close(fd);
	call_show("creat", close(creat("f", 0)));
	fd = open("f", 3);
	call_show("mode 3: read", read(fd, &fd, 1));
	close(fd);
}

static void appending(void)
{
	int a = open("log", O_CREAT | O_WRONLY | O_APPEND, 0666), b = open("log", O_WRONLY | O_APPEND);
	int c = open("log", O_RDWR);

	write(a, "one ", 4);
	write(b, "two ", 4);
	write(a, "three ", 6);
	printf("at %ld and %ld\n", (long)lseek(a, 0, SEEK_CUR), (long)lseek(b, 0, SEEK_CUR));
	call_show("pwrite", pwrite(a, "four ", 5, 0));
	call_show("without O_APPEND", write(c, "ONE", 3));
	call_show("F_SETFL", fcntl(c, F_SETFL, O_APPEND));
	call_show("with", write(c, "five", 4));
	place_show("log");
	call_show("sendfile to O_APPEND", sendfile(a, c, NULL, 1));
	close(a), close(b), close(c);
}

static void sizes(void)
{
	char buf[64] = "";
	struct stat st;
	int fd = open("sizes", O_CREAT | O_RDWR, 0666);

	call_show("pwrite far off", pwrite(fd, "end", 3, 3 * PAGE));
	fstat(fd, &st);
	printf("size %ld, %ld blocks\n", (long)st.st_size, (long)st.st_blocks);
	printf("hole at %ld, data at %ld\n", (long)lseek(fd, 0, SEEK_HOLE), (long)lseek(fd, 0, SEEK_DATA));
	call_show("truncate", truncate("sizes", 3 * PAGE + 1));
	call_show("pread", pread(fd, buf, sizeof(buf), 3 * PAGE - 2));
	call_show("ftruncate up", ftruncate(fd, 3 * PAGE + 10));
	call_show("pread", pread(fd, buf, sizeof(buf), 3 * PAGE));
	printf("%c %d %d\n", buf[0], buf[1], buf[9]);
	call_show("ftruncate -1", ftruncate(fd, -1));
	call_show("read-only", ftruncate(open("sizes", O_RDONLY), 0));
	call_show("pread at -1", pread(fd, buf, 1, -1));
	call_show("lseek before 0", lseek(fd, -1, SEEK_SET));
	call_show("fallocate", posix_fallocate(fd, PAGE, PAGE));
	fstat(fd, &st);
	printf("size %ld, %ld blocks\n", (long)st.st_size, (long)st.st_blocks);
	call_show("and behind", fallocate(fd, 0, 5 * PAGE, 100));
	call_show("and kept", fallocate(fd, FALLOC_FL_KEEP_SIZE, 8 * PAGE, PAGE));
	call_show("punched", fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, 4 * PAGE));
	fstat(fd, &st);
	printf("size %ld, %ld blocks\n", (long)st.st_size, (long)st.st_blocks);
	call_show("nothing", fallocate(fd, 0, 0, 0));
	call_show("of a directory", fallocate(open(".", O_RDONLY), 0, 0, 1));
	close(fd);
}

static void vectors(void)
{
	char a[4] = "abc", b[8] = "defghij";
	struct iovec v[] = { { a, 3 }, { b, 7 } };
	int fd = open("vectors", O_CREAT | O_RDWR, 0666), to = open("copy", O_CREAT | O_RDWR, 0666);
	off_t off = 5;

	call_show("pwritev", pwritev(fd, v, 2, 2));
	call_show("preadv", preadv(fd, v, 2, 4));
	printf("%.3s %.7s\n", a, b);
	call_show("pwritev at -1", pwritev(fd, v, 2, -1));
	call_show("sendfile from 5", sendfile(to, fd, &off, 100));
	printf("at %ld, the file at %ld\n", (long)off, (long)lseek(fd, 0, SEEK_CUR));
	call_show("sendfile", sendfile(to, fd, NULL, 4));
	printf("the file at %ld\n", (long)lseek(fd, 0, SEEK_CUR));
	call_show("sendfile of a directory", sendfile(to, open(".", O_RDONLY), NULL, 4));
	place_show("copy");
	close(fd), close(to);
}

int main(void)
{
	place_enter();
	opening();
	appending();
	sizes();
	vectors();
	place_leave();
	return 0;
}
