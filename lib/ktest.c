/*
 * The runner of in-kernel tests. The linker sorts all KTESTs by suite and
 * name (ktests_start .. ktests_end, linker.ld), so that a suite is a run of
 * entries. What is printed is KTAP version 1: a plan of suites, each with its
 * own plan of tests, indented by four spaces.
 *
 * Tests run one after another on the thread that called ktest_run. What they
 * start may report failures from other threads and CPUs: counts are atomic.
 */
#include <lib/ktest.h>
#include <arch/cpu.h>
#include <lib/format.h>
#include <lib/log.h>
#include <lib/string.h>

#define FAILURES_SHOWN	10u		/* of one test */
#define SELFTEST	"selftest_"

extern const struct ktest ktests_start[], ktests_end[];

__attribute__((weak)) void (*ktest_before)(void);
__attribute__((weak)) bool (*ktest_after)(char *why, size_t n);

static unsigned failures;		/* atomic: of the running test */
static const char *skipped;		/* the running test's reason */

struct tally {
	unsigned suites, tests, failed;
};

static __attribute__((format(printf, 1, 0))) void note(const char *fmt, va_list ap)
{
	char text[256];

	vsnprintf(text, sizeof(text), fmt, ap);
	log_raw("    # %s", text);
}

void ktest_note(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	note(fmt, ap);
	va_end(ap);
}

void ktest_fail(const char *file, int line, const char *fmt, ...)
{
	unsigned n = __atomic_add_fetch(&failures, 1, __ATOMIC_RELAXED);
	char text[256];
	va_list ap;

	if (n > FAILURES_SHOWN)
		return;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	ktest_note("%s:%d: %s", file, line, text);
	if (n == FAILURES_SHOWN)
		ktest_note("further failures of this test are not shown");
}

void ktest_skip(const char *why)
{
	skipped = why;
}

bool ktest_failed(void)
{
	return __atomic_load_n(&failures, __ATOMIC_RELAXED) != 0;
}

static bool run_test(const struct ktest *t, unsigned number)
{
	bool irqs = irq_enabled(), ok;
	char why[192] = "";

	__atomic_store_n(&failures, 0, __ATOMIC_RELAXED);
	skipped = NULL;
	if (ktest_before)
		ktest_before();
	t->fn();
	if (irq_enabled() != irqs)
		ktest_fail(t->file, 0, "%s left interrupts %s", t->name, irqs ? "off" : "on");
	if (ktest_after && !ktest_after(why, sizeof(why)))
		ktest_fail(t->file, 0, "after %s: %s", t->name, why);
	ok = !ktest_failed();
	log_raw("    %s %u %s%s%s", ok ? "ok" : "not ok", number, t->name,
		skipped ? " # SKIP " : "", skipped ? skipped : "");
	return ok;
}

/* The end of the suite that begins at t. */
static const struct ktest *suite_end(const struct ktest *t)
{
	const char *suite = t->suite;

	while (t < ktests_end && strcmp(t->suite, suite) == 0)
		t++;
	return t;
}

static bool run_suite(const struct ktest *t, struct tally *tally)
{
	const struct ktest *first = t, *end = suite_end(t);
	bool ok = true;

	log_raw("    KTAP version 1");
	log_raw("    # Subtest: %s", t->suite);
	log_raw("    1..%lu", (unsigned long)(end - first));
	for (; t < end; t++) {
		if (!run_test(t, (unsigned)(t - first) + 1)) {
			ok = false;
			tally->failed++;
		}
		tally->tests++;
	}
	return ok;
}

/* Takes the next name off the comma list; 0 at its end. */
static size_t next_name(const char **list, const char **name)
{
	while (**list == ',')
		(*list)++;
	*name = *list;
	while (**list && **list != ',')
		(*list)++;
	return (size_t)(*list - *name);
}

static bool name_is(const char *name, size_t n, const char *s)
{
	return strlen(s) == n && memcmp(name, s, n) == 0;
}

static bool is_selftest(const char *suite)
{
	return strncmp(suite, SELFTEST, sizeof(SELFTEST) - 1) == 0;
}

static bool selected(const char *list, const char *suite)
{
	const char *name;
	size_t n;

	while ((n = next_name(&list, &name)))
		if (name_is(name, n, suite) || (name_is(name, n, "all") && !is_selftest(suite)))
			return true;
	return false;
}

static bool suite_exists(const char *name, size_t n)
{
	for (const struct ktest *t = ktests_start; t < ktests_end; t = suite_end(t))
		if (name_is(name, n, t->suite))
			return true;
	return name_is(name, n, "all");
}

/* Reports every name of the list that is no suite, as a failed one if `report`; returns how many. */
static unsigned unknown_suites(const char *list, struct tally *report)
{
	unsigned unknown = 0;
	const char *name;
	size_t n;

	while ((n = next_name(&list, &name))) {
		if (suite_exists(name, n))
			continue;
		unknown++;
		if (report) {
			log_raw("# unknown suite: %.*s", (int)n, name);
			log_raw("not ok %u %.*s", ++report->suites, (int)n, name);
			report->failed++;
		}
	}
	return unknown;
}

bool ktest_run(const char *which)
{
	struct tally tally = { 0, 0, 0 };
	unsigned plan = unknown_suites(which, NULL);
	const struct ktest *t;

	for (t = ktests_start; t < ktests_end; t = suite_end(t))
		plan += selected(which, t->suite);
	log_raw("KTAP version 1");
	log_raw("1..%u", plan);
	for (t = ktests_start; t < ktests_end; t = suite_end(t)) {
		if (!selected(which, t->suite))
			continue;
		bool ok = run_suite(t, &tally);

		log_raw("%s %u %s", ok ? "ok" : "not ok", ++tally.suites, t->suite);
	}
	unknown_suites(which, &tally);
	if (!tally.tests)
		log_raw("# no tests ran: nothing is called \"%s\"", which);
	log_raw("# %u tests in %u suites, %u failed", tally.tests, tally.suites, tally.failed);
	log_raw("# quire: tests %s", tally.tests && !tally.failed ? "passed" : "failed");
	return tally.tests && !tally.failed;
}

void ktest_list(void)
{
	for (const struct ktest *t = ktests_start; t < ktests_end; t = suite_end(t))
		log_raw("# suite %s", t->suite);
}
