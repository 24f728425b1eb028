/* /dev/null, zero, full, urandom: no place is another; sendfile and lists of pieces go there. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/uio.h>
#include <unistd.h>

static long shown(long r)
{
	return r < 0 ? -errno : r;
}

static void show(const char *path, int file)
{
	int fd = open(path, O_RDWR);
	struct iovec pieces[] = { { "abc", 3 }, { NULL, 0 }, { "de", 2 } };
	char c[16];
	off_t from = 0;

	printf("%s: seek %ld", path, shown(lseek(fd, 1000, SEEK_SET)));
	printf(" %ld", shown(lseek(fd, -5, SEEK_SET)));
	printf(" %ld", shown(lseek(fd, 1ul << 62, SEEK_END)));
	printf(" %ld", shown(lseek(fd, 7, SEEK_CUR)));
	printf(", read %ld", shown(read(fd, c, sizeof(c))));
	printf(", then at %ld", shown(lseek(fd, 0, SEEK_CUR)));
	printf(", write %ld", shown(write(fd, c, sizeof(c))));
	printf(", pieces %ld", shown(writev(fd, pieces, 3)));
	printf(", at %ld", shown(pwrite(fd, c, sizeof(c), 100)));
	printf(", from a file %ld\n", shown(sendfile(fd, file, &from, 9000)));
	close(fd);
}

int main(void)
{
	int file = memfd_create("file", 0);

	ftruncate(file, 10000);
	show("/dev/null", file);
	show("/dev/zero", file);
	show("/dev/full", file);
	show("/dev/urandom", file);
	return 0;
}
