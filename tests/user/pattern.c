/* args: 8 3 */
/*
 * pattern MB CHILDREN [plain]: every word of MB megabytes has a value that says where and how old it is. Written in
 * order, at random and in strides; then children, all at once, overwrite a part of
 * it each and verify the whole, word by word, as the parent does at the end: more memory than a
 * machine has goes out to swap and comes back right. plain: the pages can be compressed, to a
 * third or so, and each eighth is full of one word.
 */
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define PAGE	4096ul
#define WORDS	(PAGE / sizeof(uint64_t))

static uint64_t *memory;
static size_t npages;
static unsigned char *age;		/* of each page: how often it was written */
static int plain;

static uint64_t word(size_t page, size_t i, unsigned who)
{
	uint64_t x;

	if (plain && page % 8 == 0)
		i = 0;
	else if (plain && i % 4)
		return page << 16 | who << 8 | age[page];
	x = (page * WORDS + i) * 0x9e3779b97f4a7c15ul + who * 0xbf58476d1ce4e5b9ul + age[page];
	return x ^ x >> 31;
}

static void fill(size_t page, unsigned who)
{
	age[page]++;
	for (size_t i = 0; i < WORDS; i++)
		memory[page * WORDS + i] = word(page, i, who);
}

static int is_right(size_t page, unsigned who)
{
	for (size_t i = 0; i < WORDS; i++)
		if (memory[page * WORDS + i] != word(page, i, who)) {
			printf("page %zu, word %zu: 0x%lx, not 0x%lx\n", page, i,
			       (unsigned long)memory[page * WORDS + i], (unsigned long)word(page, i, who));
			return 0;
		}
	return 1;
}

static size_t drawn(uint64_t *x)
{
	*x ^= *x << 13;
	*x ^= *x >> 7;
	*x ^= *x << 17;
	return *x % npages;
}

/* Child n of `children` writes every (4 * children)-th page: a quarter of the memory, by all. */
static int is_mine(size_t page, unsigned n, unsigned children)
{
	return page % (4 * children) == n;
}

static int child(unsigned n, unsigned children)
{
	uint64_t x = 88172645463325252ul + n;

	for (size_t p = n; p < npages; p += 4 * children)
		fill(p, n + 1);
	for (size_t i = 0; i < npages / 8; i++) {
		size_t p = drawn(&x);

		if (!is_right(p, is_mine(p, n, children) ? n + 1 : 0))
			return 1;
	}
	for (size_t p = 0; p < npages; p++)
		if (!is_right(p, is_mine(p, n, children) ? n + 1 : 0))
			return 1;
	for (size_t first = 0; first < 64; first++)		/* strides */
		for (size_t p = first; p < npages; p += 64)
			if (memory[p * WORDS] != word(p, 0, is_mine(p, n, children) ? n + 1 : 0))
				return 1;
	return 0;
}

int main(int argc, char **argv)
{
	unsigned mb = argc > 1 ? (unsigned)atoi(argv[1]) : 8;
	unsigned children = argc > 2 ? (unsigned)atoi(argv[2]) : 3, bad = 0;
	uint64_t x = 1442695040888963407ul;

	plain = argc > 3 && !strcmp(argv[3], "plain");
	setvbuf(stdout, NULL, _IOLBF, 0);
	npages = mb * (1ul << 20) / PAGE;
	memory = mmap(NULL, npages * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	age = calloc(npages, 1);
	if (memory == MAP_FAILED || !age || !npages || !children) {
		printf("usage: pattern MB CHILDREN [plain] (or no memory)\n");
		return 2;
	}
	for (size_t p = 0; p < npages; p++)
		fill(p, 0);
	for (size_t i = 0; i < npages / 8; i++)
		fill(drawn(&x), 0);
	for (size_t first = 0; first < 4; first++)
		for (size_t p = first; p < npages; p += 64)
			fill(p, 0);
	printf("%u MB written\n", mb);
	fflush(stdout);
	for (unsigned n = 0; n < children; n++) {
		pid_t pid = fork();

		if (pid < 0) {
			printf("no child: %s\n", strerror(errno));
			return 2;
		}
		if (!pid)
			_exit(child(n, children));
	}
	for (unsigned n = 0; n < children; n++) {
		int status;

		if (wait(&status) < 0 || status) {
			printf("a child ended with 0x%x\n", status);
			bad++;
		}
	}
	printf("%u children, %u bad\n", children, bad);
	for (size_t p = 0; p < npages && !bad; p++)
		bad += !is_right(p, 0);
	printf("%s\n", bad ? "wrong" : "right");
	return bad != 0;
}
