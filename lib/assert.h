/*
 * Panic and assertions. assert() stays in every build; debug_assert() is for
 * checks too dear for a release.
 */
#ifndef LIB_ASSERT_H
#define LIB_ASSERT_H

#include <arch/types.h>

/*
 * A kernel bug: prints the message, registers, the page walk of CR2 and a
 * symbolised backtrace on every console, and leaves the machine with 0x12.
 * A second panic while one is being printed is cut short.
 */
void panic(const char *fmt, ...) __noreturn __printf(1, 2) __cold_;

struct trapframe;
/* The same for an exception in the kernel: tf's registers and its backtrace. */
void panic_trap(const struct trapframe *tf, const char *fmt, ...) __noreturn __printf(2, 3) __cold_;
/* True from the first panic on: the log goes out unbuffered and takes no lock. */
extern bool panicking;
/* Called in a panic to say more (the running thread); set by a higher floor, or NULL. */
extern void (*panic_hook)(void);

#define assert(cond) \
	do { \
		if (unlikely(!(cond))) \
			panic("assertion failed: %s, %s:%d", #cond, __FILE__, __LINE__); \
	} while (0)

#ifdef DEBUG
#define debug_assert(cond) assert(cond)
#else
#define debug_assert(cond) ((void)sizeof(!(cond)))
#endif

#endif
