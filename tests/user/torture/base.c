/* What all of torture uses: what went wrong, memory, chance, accesses that may be refused. */
#include "torture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>

static __thread sigjmp_buf *way_out;
__thread volatile int fault_code;
__thread void *volatile fault_at;
__thread int fault_signal;

/* ---- what went wrong ---- */

void wrong(const struct me *m, const char *format, ...)
{
	char text[300];
	int n = m ? snprintf(text, sizeof(text), "torture: process %u thread %u depth %d: ", m->process, m->n,
			     child_depth) : snprintf(text, sizeof(text), "torture: ");
	va_list args;

	va_start(args, format);
	n += vsnprintf(text + n, sizeof(text) - (size_t)n - 1, format, args);
	va_end(args);
	text[n++] = '\n';
	(void)!write(1, text, (size_t)n);
	atomic_fetch_add(&common->failed, 1);
	_exit(99);
}

/* ---- memory ---- */

/*
 * By the bare calls, as children are made: the C library's wait for a lock of its own, which
 * another thread may have held when a child was made; there nobody gives it up.
 */

void *map(void *at, size_t bytes, int prot, int flags, int fd)
{
	return (void *)syscall(SYS_mmap, at, bytes, (long)prot, (long)flags, (long)fd, 0l);
}

int unmap(void *at, size_t bytes)
{
	return (int)syscall(SYS_munmap, at, bytes);
}

void *remap(void *at, size_t old_bytes, size_t bytes, int flags, void *to)
{
	return (void *)syscall(SYS_mremap, at, old_bytes, bytes, (long)flags, to);
}

/* ---- chance, patterns ---- */

uint64_t mix(uint64_t x)
{
	x ^= x >> 31;
	x *= 0x7fb5d329728ea185;
	x ^= x >> 27;
	x *= 0x81dadef4bc2dd44d;
	return x ^ x >> 33;
}

unsigned chance(struct me *m, unsigned n)
{
	m->random = m->random * 6364136223846793005 + 1442695040888963407;
	return (unsigned)((m->random >> 33) % n);
}

uint64_t pattern(unsigned process, unsigned thread, uint32_t age)
{
	return age ? mix((uint64_t)process << 48 | (uint64_t)thread << 40 | age) : 0;
}

/* ---- accesses that may be refused ---- */

void on_fault(int sig, siginfo_t *info, void *context)
{
	(void)context;
	if (!way_out)
		wrong(NULL, "signal %d, code %d at %p", sig, info->si_code, info->si_addr);
	fault_signal = sig;
	fault_code = info->si_code;
	fault_at = info->si_addr;
	siglongjmp(*way_out, 1);
}

/* The rest of a function that makes one access and returns true if it worked. */
#define TRY(access) \
	sigjmp_buf here; \
	volatile bool good = false; \
	\
	if (!sigsetjmp(here, 0)) { \
		way_out = &here; \
		atomic_signal_fence(memory_order_seq_cst); \
		access; \
		good = true; \
	} \
	atomic_signal_fence(memory_order_seq_cst); \
	way_out = NULL; \
	return good

bool try_read(volatile uint64_t *at, uint64_t *value)
{
	TRY(*value = *at);
}

bool try_add(_Atomic uint64_t *at, uint64_t value)
{
	TRY(atomic_fetch_add(at, value));
}

bool try_set(volatile uint64_t *at, uint64_t value)
{
	TRY(*at = value);
}
