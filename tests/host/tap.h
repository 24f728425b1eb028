/*
 * TAP for host tests. A test is a function; TAP_RUN(fn) runs it as one numbered
 * line, and each CHECK in it that fails is a diagnostic and makes that line
 * "not ok". main ends with `return tap_done();`, which prints the plan.
 */
#ifndef TESTS_HOST_TAP_H
#define TESTS_HOST_TAP_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

static unsigned tap_count, tap_bad, tap_fails;

static inline bool tap_check(bool ok, const char *what, const char *file, int line)
{
	if (!ok && tap_fails++ < 20)
		printf("# %s:%d: expected %s\n", file, line, what);
	return ok;
}

static inline bool tap_check_eq(uint64_t a, uint64_t b, const char *what, const char *file,
				int line)
{
	if (a != b && tap_fails++ < 20)
		printf("# %s:%d: expected %s: %lu (0x%lx), %lu (0x%lx)\n", file, line, what,
		       a, a, b, b);
	return a == b;
}

#define CHECK(c)	tap_check(!!(c), #c, __FILE__, __LINE__)
#define CHECK_EQ(a, b)	tap_check_eq((uint64_t)(a), (uint64_t)(b), #a " == " #b, __FILE__, __LINE__)
#define TAP_RUN(fn)	tap_run(#fn, fn)

static inline void tap_run(const char *name, void (*fn)(void))
{
	tap_fails = 0;
	fn();
	tap_count++;
	tap_bad += tap_fails > 0;
	printf("%sok %u - %s\n", tap_fails ? "not " : "", tap_count, name);
	fflush(stdout);
}

static inline int tap_done(void)
{
	printf("1..%u\n", tap_count);
	return tap_bad || !tap_count;
}

/* The same numbers in each run; the environment's SEED starts another row of them. */
static inline uint64_t tap_random(void)
{
	static uint64_t x;

	if (!x) {
		x = 0x9e3779b97f4a7c15ul;
		if (getenv("SEED"))
			x ^= strtoull(getenv("SEED"), NULL, 0) * 0xbf58476d1ce4e5b9ul;
		x += !x;
	}
	x ^= x << 13;
	x ^= x >> 7;
	x ^= x << 17;
	return x;
}

/* One of 0 .. n - 1. */
static inline uint64_t tap_below(uint64_t n)
{
	return (tap_random() >> 11) % n;
}

#endif
