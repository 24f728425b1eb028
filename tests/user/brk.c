/* brk: the heap grows, shrinks, comes back zeroed, and stops at what is in its way. */
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

static char *brk_to(void *p)
{
	return (char *)syscall(SYS_brk, p);
}

static int chdir_faults(void *p)
{
	return syscall(SYS_chdir, p) < 0 && errno == EFAULT;
}

int main(void)
{
	char *start = brk_to(NULL), *p, *wall;
	unsigned long sum = 0;

	start = brk_to((void *)(((uintptr_t)start + 8191) & ~4095ul));
	printf("bytes: %d\n", (int)(brk_to(start + 100) - start));
	start[99] = 1;
	start[4095] = 2;
	printf("whole page: %d\n", start[4095]);
	p = brk_to(start + (16ul << 20));
	printf("grown: %ld\n", (long)(p - start));
	for (long i = 4096; i < 16l << 20; i += 512)
		sum += (unsigned char)start[i];
	printf("zero: %lu\n", sum);
	memset(start, 7, 16ul << 20);
	printf("shrunk: %ld\n", (long)(brk_to(start + 5000) - start));
	printf("kept: %d %d, gone: %d\n", start[0], start[4999], chdir_faults(start + 8192));
	printf("grown: %ld\n", (long)(brk_to(start + (1ul << 20)) - start));
	printf("zero again: %d %d\n", start[8192], start[(1ul << 20) - 1]);
	printf("below its start: %d\n", brk_to((void *)0x1000) == start + (1ul << 20));
	printf("into the kernel: %d\n",
	       brk_to((void *)0xffff800000000000ul) == start + (1ul << 20));
	wall = mmap(start + (4ul << 20), 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED,
		    -1, 0);
	printf("wall: %ld\n", (long)(wall - start));
	printf("through the wall: %d\n", brk_to(start + (8ul << 20)) == start + (1ul << 20));
	printf("up to near it: %d\n", brk_to(start + (2ul << 20)) == start + (2ul << 20));
	start[(2ul << 20) - 1] = 3;
	printf("back to nothing: %ld\n", (long)(brk_to(start) - start));
	printf("gone: %d\n", chdir_faults(start));
	return 0;
}
