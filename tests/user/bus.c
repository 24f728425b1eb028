/* A read past the last page of a mapped file: killed by SIGBUS. */
/* files: bus.c */
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>

int main(void)
{
	int fd = open("bus.c", O_RDONLY);
	volatile char *p = mmap(NULL, 3 * 4096, PROT_READ, MAP_PRIVATE, fd, 0);

	printf("first byte %c, page's end %d\n", p[0], p[4095]);
	fflush(stdout);
	printf("not ok: %d\n", p[4096]);
	return 0;
}
