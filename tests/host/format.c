// sources:
/*
 * lib/format.c against the C library over random formats and values, within
 * what lib/format.h promises; buffers of every size, and what lies behind
 * them must stay as it was.
 */
#define vsnprintf quire_vsnprintf
#define snprintf quire_snprintf
#include "lib/format.c"
#undef vsnprintf
#undef snprintf

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ROUNDS	200000

static unsigned tests, bad, shown;

static unsigned below(unsigned n) { return (unsigned)rand() % n; }

/*
 * Values of every magnitude, both signs, the borders often; not the two whose
 * negation stb_sprintf leaves to overflow (tests/kernel/format.c has them).
 */
static uint64_t random_value(void)
{
	static const uint64_t special[] = {
		0, 1, 9, 10, 99, 100, 0x7fffffff, 0x80000001, 0xffffffff, INT64_MAX,
		(uint64_t)INT64_MIN + 1, UINT64_MAX,
	};
	uint64_t v = (uint64_t)rand() << 42 ^ (uint64_t)rand() << 21 ^ (uint64_t)rand();

	v = below(4) ? v >> below(64) : special[below(ARRAY_SIZE(special))];
	return v << 32 == 1ul << 63 || v == 1ul << 63 ? 0 : v;
}

static void check(const char *fmt, int want_len, const char *want, int got_len, const char *got,
		  size_t n)
{
	size_t keep = MIN((size_t)want_len, n - 1);

	if (want_len == got_len && !memcmp(want, got, keep) && !got[keep] && got[n] == '#')
		return;
	bad++;
	if (shown++ < 20)
		printf("# \"%s\" into %zu: \"%.*s\" (%d), expected \"%s\" (%d)\n", fmt, n, (int)n, got,
		       got_len, want, want_len);
}

#pragma GCC diagnostic ignored "-Wformat-nonliteral"
#pragma GCC diagnostic ignored "-Wformat-security"

/* One conversion of an argument, amid some text. */
#define TRY(fmt, arg) \
	do { \
		char want_[1200], got_[1200]; \
		__auto_type arg_ = (arg); \
		size_t n_ = 1 + below(below(2) ? 40 : 1190); \
		memset(got_, '#', sizeof(got_)); \
		int wl_ = snprintf(want_, sizeof(want_), fmt, arg_); \
		check(fmt, wl_, want_, quire_snprintf(got_, n_, fmt, arg_), got_, n_); \
	} while (0)

/* Flags, width and precision; the flag 0 last, and not with a precision. */
static void random_spec(char *spec, size_t n, const char *flags, bool precision, const char *conversion)
{
	size_t len = (size_t)snprintf(spec, n, "%.*s%%", (int)below(9), "some txt");
	bool zero;

	for (; *flags; flags++)
		if (!below(4))
			spec[len++] = *flags;
	zero = len && spec[len - 1] == '0';
	spec[len] = '\0';
	if (below(2))
		len += (size_t)snprintf(spec + len, n - len, "%u", 1 + below(below(20) ? 30 : 900));
	if (precision && !zero && below(2))
		len += (size_t)snprintf(spec + len, n - len, ".%u", 1 + below(25));
	snprintf(spec + len, n - len, "%s%s", conversion, below(2) ? "" : "tail");
}

static void integer_case(void)
{
	static const char *const narrow[] = { "d", "i" }, *const wide[] = { "ld", "lld", "zd", "jd", "td" };
	static const char *const unarrow[] = { "u", "x", "X" };
	static const char *const uwide[] = { "lu", "llu", "zu", "lx", "llx", "zx", "lX", "jx" };
	uint64_t v = random_value();
	char spec[64];

	switch (below(4)) {
	case 0:
		random_spec(spec, sizeof(spec), "-+0", true, narrow[below(2)]);
		TRY(spec, (int)v);
		break;
	case 1:
		random_spec(spec, sizeof(spec), "-+0", true, wide[below(5)]);
		TRY(spec, (long)v);
		break;
	case 2:
		random_spec(spec, sizeof(spec), "-0", true, unarrow[below(3)]);
		TRY(spec, (unsigned)v);
		break;
	case 3:
		random_spec(spec, sizeof(spec), "-0", true, uwide[below(8)]);
		TRY(spec, v);
		break;
	}
}

static void prefix_case(void)
{
	char spec[64];

	random_spec(spec, sizeof(spec), "-#0", false, below(2) ? "lx" : "lX");
	TRY(spec, random_value());
}

/* A block that ends with the string's NUL, or (with a precision) without one. */
static void string_case(void)
{
	unsigned len = below(below(10) ? 40 : 900);
	char *s = malloc(len + 1), spec[64];

	memset(s, 'a' + (int)below(26), len);
	s[len] = '\0';
	random_spec(spec, sizeof(spec), "-", true, "s");
	TRY(spec, s);
	free(s);
}

static void char_case(void)
{
	char spec[64];

	random_spec(spec, sizeof(spec), "-", false, "c");
	TRY(spec, 1 + (int)below(255));
}

static void pointer_case(void)
{
	uint64_t v = random_value();
	char want[32], got[33];

	memset(got, '#', sizeof(got));
	check("%p", snprintf(want, sizeof(want), "%016" PRIx64, v), want,
	      quire_snprintf(got, 32, "%p", (void *)v), got, 32);
}

/* Numbers as text and back, with suffixes; every overflow is refused. */
static void number_case(void)
{
	static const char suffix[] = "kKmMgG";
	uint64_t v = random_value(), got = 7;
	unsigned which = below(12);
	unsigned shift = which < 6 ? 10 * (which / 2 + 1) : 0;
	char text[40];
	int err;

	snprintf(text, sizeof(text), below(2) ? "%" PRIu64 "%.1s" : "0x%" PRIx64 "%.1s", v,
		 which < 6 ? suffix + which : "");
	err = parse_u64(text, &got);
	if (v <= UINT64_MAX >> shift ? err || got != v << shift : err != -EINVAL || got != 7) {
		bad++;
		printf("# parse_u64(\"%s\"): %d, %" PRIu64 "\n", text, err, got);
	}
}

static void run(const char *name, void (*one)(void))
{
	unsigned before = bad;

	for (unsigned i = 0; i < ROUNDS; i++)
		one();
	printf("%s %u - %s: %u of %u cases wrong\n", bad > before ? "not ok" : "ok", ++tests, name,
	       bad - before, ROUNDS);
}

int main(void)
{
	srand(1);
	run("integers", integer_case);
	run("0x prefix", prefix_case);
	run("strings", string_case);
	run("characters", char_case);
	run("pointers", pointer_case);
	run("parse_u64", number_case);
	printf("1..%u\n", tests);
	return bad != 0;
}
