/* A stack that grows: down to 6 MB in small steps and in large ones, and its content stays. */
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

static __attribute__((noinline)) unsigned long small_steps(unsigned depth)
{
	volatile unsigned long mark = depth * 2654435761ul;
	volatile char pad[200];
	unsigned long sum;

	pad[100] = (char)depth;
	if (!depth)
		return 1;
	sum = small_steps(depth - 1);
	if (mark != depth * 2654435761ul || pad[100] != (char)depth)
		printf("not ok: the stack at depth %u has changed\n", depth);
	return sum + mark;
}

static __attribute__((noinline)) unsigned long large_step(size_t bytes)
{
	char buf[bytes];
	unsigned long sum = 0;

	memset(buf, 1, sizeof(buf));
	for (size_t i = 0; i < bytes; i += 4096)
		sum += (unsigned long)buf[i];
	return sum;
}

/* Touches the far end first, then the middle, which may hold what earlier calls left. */
static __attribute__((noinline)) int far_end(size_t bytes)
{
	volatile char buf[bytes];

	buf[0] = 42;
	(void)buf[bytes / 2];
	return buf[0];
}

int main(void)
{
	struct rlimit r;

	getrlimit(RLIMIT_STACK, &r);
	printf("limit is 8 MB or more: %d\n", r.rlim_cur >= 8ul << 20);
	printf("large %lu\n", large_step(3ul << 20));
	printf("small %lx\n", small_steps((6u << 20) / 300));
	printf("far %d\n", far_end(7ul << 20) == 42);
	return 0;
}
