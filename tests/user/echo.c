/* Standard input to standard output, all 256 values of bytes, until its end. */
/* stdin: bytes.bin */
#include <stdio.h>
#include <unistd.h>

int main(void)
{
	char buf[100];
	unsigned long total = 0, sum = 0;
	ssize_t n;

	while ((n = read(0, buf, sizeof(buf))) > 0) {
		total += (unsigned long)n;
		for (ssize_t i = 0; i < n; i++)
			sum = sum * 31 + (unsigned char)buf[i];
		if (write(1, buf, (size_t)n) != n)
			printf("not ok: a write came up short\n");
	}
	printf("\n%lu bytes, sum %lx\n", total, sum);
	printf("after the end: %zd %zd\n", read(0, buf, 1), read(0, buf, sizeof(buf)));
	return 0;
}
