/*
 * Output: lines in a buffer that parents and children share, so that a child's lines stand where
 * they belong; or a digest of them.
 */
#include "aspace.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define BUFFER	(128ul << 10)
#define LINE	4096

static struct shared {
	uint64_t digest;
	size_t used;
	char text[BUFFER];
} *shared;
static enum out_mode mode;
static char line[LINE];
static size_t length;
uint64_t break_base;

void out_start(enum out_mode how)
{
	mode = how;
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
		      -1, 0);
	if (shared == MAP_FAILED) {
		dprintf(2, "aspace: no memory for the output\n");
		exit(2);
	}
}

void out_flush(void)
{
	for (size_t done = 0; done < shared->used;) {
		ssize_t n = write(1, shared->text + done, shared->used - done);

		if (n <= 0)
			_exit(2);
		done += n;
	}
	shared->used = 0;
}

static void put(const char *text, size_t n)
{
	if (shared->used + n > BUFFER)
		out_flush();
	memcpy(shared->text + shared->used, text, n);
	shared->used += n;
}

uint64_t mix(uint64_t hash, const void *from, size_t n)
{
	const uint8_t *p = from;

	for (; n >= 8; n -= 8, p += 8) {
		uint64_t word;

		memcpy(&word, p, 8);
		hash = (hash ^ word) * 0x9e3779b97f4a7c15ul;
		hash ^= hash >> 29;
	}
	for (; n; n--, p++)
		hash = (hash ^ *p) * 0x100000001b3ul;
	return hash;
}

void say(const char *format, ...)
{
	va_list args;
	int n;

	va_start(args, format);
	n = vsnprintf(line + length, LINE - 1 - length, format, args);
	va_end(args);
	if (n > 0)
		length = length + n < LINE - 1 ? length + n : LINE - 2;
}

void end_line(void)
{
	line[length++] = '\n';
	if (mode == OUT_DIGEST)
		shared->digest = mix(shared->digest, line, length);
	else
		put(line, length);
	if (mode == OUT_EACH_LINE)
		out_flush();
	length = 0;
}

void out_digest(const char *label)
{
	char text[128];

	if (mode != OUT_DIGEST)
		return;
	put(text, snprintf(text, sizeof(text), "%s: %016lx\n", label,
			   (unsigned long)shared->digest));
	shared->digest = 0;
}

void say_addr(uint64_t addr)
{
	long page = (long)(addr - ARENA) >> 12;

	if (in_universe(addr) || addr == page_addr(END_PAGE))
		say("A%+ldp", page);
	else if (break_base && addr - break_base < 1ul << 24)
		say("B%+ldp", (long)((addr - break_base) >> 12));
	else {
		say("%#lx", (unsigned long)addr);
		return;
	}
	if (addr % PAGE)
		say("+%#lx", (unsigned long)(addr % PAGE));
}

void say_prot(int prot)
{
	say("%c%c%c", prot & PROT_READ ? 'r' : '-', prot & PROT_WRITE ? 'w' : '-',
	    prot & PROT_EXEC ? 'x' : '-');
	if (prot & ~7)
		say("+%#x", prot & ~7);
}

void say_result(long result)
{
	static const struct { int value; const char *name; } names[] = {
		{ EPERM, "EPERM" }, { ENOENT, "ENOENT" }, { ESRCH, "ESRCH" }, { EINTR, "EINTR" },
		{ ENXIO, "ENXIO" }, { EBADF, "EBADF" }, { ECHILD, "ECHILD" }, { EAGAIN, "EAGAIN" },
		{ ENOMEM, "ENOMEM" }, { EACCES, "EACCES" }, { EFAULT, "EFAULT" },
		{ EBUSY, "EBUSY" }, { EEXIST, "EEXIST" }, { ENODEV, "ENODEV" },
		{ EINVAL, "EINVAL" }, { EFBIG, "EFBIG" }, { ESPIPE, "ESPIPE" }, { EROFS, "EROFS" },
		{ EPIPE, "EPIPE" }, { ENOSYS, "ENOSYS" }, { EOVERFLOW, "EOVERFLOW" },
		{ EOPNOTSUPP, "EOPNOTSUPP" }, { ENOSPC, "ENOSPC" },
	};

	if (result >= 0 || result < -4095) {
		say(" = %ld", result);
		return;
	}
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (names[i].value == -result) {
			say(" = %s", names[i].name);
			return;
		}
	say(" = errno %ld", -result);
}
