/* fsync, fdatasync, sync: what they say of each kind of file; and the devices that give random bytes. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static void both(const char *what, int fd)
{
	int a = fsync(fd) ? errno : 0, b = fdatasync(fd) ? errno : 0;

	printf("%s: fsync %s, fdatasync %s\n", what, strerror(a), strerror(b));
}

static void of_path(const char *path, int flags)
{
	int fd = open(path, flags);

	both(path, fd);
	close(fd);
}

static void random_bytes(const char *path)
{
	unsigned char buf[4096] = { 0 };
	int fd = open(path, O_RDWR), used[256] = { 0 }, kinds = 0;
	ssize_t n = read(fd, buf, sizeof(buf));

	for (unsigned i = 0; i < sizeof(buf); i++)
		kinds += !used[buf[i]]++;
	printf("%s: %zd bytes, %s, write %zd\n", path, n, kinds > 200 ? "of all kinds" : "alike", write(fd, "x", 1));
	close(fd);
}

int main(void)
{
	int p[2];

	both("no file", -1);
	of_path("/proc/self/exe", O_RDONLY);
	of_path("/bin", O_RDONLY | O_DIRECTORY);
	of_path("/bin", O_PATH);
	of_path("/dev/null", O_RDWR);
	of_path("/dev/zero", O_RDWR);
	of_path("/proc/self/maps", O_RDONLY);
	both("memfd", memfd_create("m", 0));
	if (!pipe(p))
		both("pipe", p[1]);
	sync();
	random_bytes("/dev/urandom");
	return 0;
}
