/*
 * In-kernel tests. KTEST(suite, name) { … } puts a test into the sorted
 * section .ktests; test=all or test=suite,suite on the command line runs them
 * and prints KTAP (one subtest plan per suite). A failed EXPECT marks the test
 * and goes on. Around each test the runner calls ktest_before and ktest_after.
 *
 * Suites whose name begins with "selftest_" are broken on purpose, to test the
 * tests; `all` leaves them out.
 */
#ifndef LIB_KTEST_H
#define LIB_KTEST_H

#include <arch/types.h>

struct ktest {
	const char *suite, *name;
	void (*fn)(void);
	const char *file;
};

#define KTEST(s, n) \
	static void ktest_##s##_##n(void); \
	static const struct ktest ktest_reg_##s##_##n \
		__attribute__((used, section(".ktests." #s "." #n), aligned(8))) = \
		{ #s, #n, ktest_##s##_##n, __FILE__ }; \
	static void ktest_##s##_##n(void)

/* Prints a KTAP diagnostic line. */
void ktest_note(const char *fmt, ...) __printf(1, 2);
void ktest_fail(const char *file, int line, const char *fmt, ...) __printf(3, 4);
/* Marks the running test skipped; return from it after this. */
void ktest_skip(const char *why);
/* True if the running test has failed so far. */
bool ktest_failed(void);

#define EXPECT(c) \
	do { if (!(c)) ktest_fail(__FILE__, __LINE__, "expected %s", #c); } while (0)
#define EXPECT_EQ(a, b) \
	do { \
		uint64_t a_ = (uint64_t)(a), b_ = (uint64_t)(b); \
		if (a_ != b_) \
			ktest_fail(__FILE__, __LINE__, "%s is %lu (0x%lx), expected %s = %lu (0x%lx)", \
				   #a, a_, a_, #b, b_, b_); \
	} while (0)

/* Runs the suites named ("all" or a comma list), prints KTAP and the verdict line. False if any failed or none ran. */
bool ktest_run(const char *which);
/* Prints a line `# suite NAME` for each suite. */
void ktest_list(void);

/*
 * Defined by a higher floor (here they are weak, and NULL): called before and
 * after each test (free frames, mm_verify). ktest_after returns false, and
 * why, if the test left something behind: the test has then failed.
 */
extern void (*ktest_before)(void);
extern bool (*ktest_after)(char *why, size_t n);

#endif
