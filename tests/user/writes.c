/* Writes of all sizes: large ones, empty ones, vectors, from read-only and from untouched memory. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <unistd.h>

static char big[100000];
static const char constant[] = "from read-only memory\n";

int main(void)
{
	struct iovec many[20], v[4] = {
		{ "one ", 4 }, { NULL, 0 }, { "two ", 4 }, { "three\n", 6 },
	};
	char *untouched = mmap(NULL, 8192, PROT_READ | PROT_WRITE,
			       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ssize_t n;

	for (size_t i = 0; i < sizeof(big); i++)
		big[i] = i % 80 == 79 ? '\n' : (char)('a' + i / 80 % 26);
	n = write(1, big, sizeof(big));
	dprintf(1, "\n%zd\n", n);
	dprintf(1, "%zd\n", write(1, big, 0));
	dprintf(1, "%zd\n", write(1, big, 4096));
	dprintf(1, "%zd\n", write(1, big, 4097));
	dprintf(1, "%zd\n", writev(1, v, 4));
	for (int i = 0; i < 20; i++)
		many[i] = (struct iovec){ big + i * 80, 80 };
	dprintf(1, "%zd\n", writev(1, many, 20));
	dprintf(1, "%zd\n", write(1, constant, strlen(constant)));
	dprintf(1, "%zd\n", write(1, untouched + 4000, 200));
	munmap(untouched + 4096, 4096);
	errno = 0;
	n = write(1, untouched + 4096, 1);
	dprintf(1, "%zd %s\n", n, strerror(errno));
	v[1] = (struct iovec){ untouched, (size_t)-1 };
	n = writev(1, v, 4);
	dprintf(1, "%zd %s\n", n, strerror(errno));
	n = writev(1, v, -1);
	dprintf(1, "%zd %s\n", n, strerror(errno));
	n = writev(1, v, 1025);
	dprintf(1, "%zd %s\n", n, strerror(errno));
	return 0;
}
