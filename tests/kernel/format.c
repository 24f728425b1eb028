/* Formatting and number parsing: the forms that the kernel uses, and the ends of buffers. */
#include <lib/format.h>
#include <lib/ktest.h>
#include <lib/string.h>
#include <linux/errno.h>

#define EXPECT_FORMAT(want, ...) \
	do { \
		char got_[128]; \
		int len_ = snprintf(got_, sizeof(got_), __VA_ARGS__); \
		if (strcmp(got_, want) != 0 || len_ != (int)strlen(want)) \
			ktest_fail(__FILE__, __LINE__, "\"%s\" (%d), expected \"%s\"", got_, len_, \
				   want); \
	} while (0)

KTEST(format, integers)
{
	EXPECT_FORMAT("0 -1 42", "%d %d %u", 0, -1, 42u);
	EXPECT_FORMAT("-2147483648 4294967295", "%d %u", INT32_MIN, UINT32_MAX);
	EXPECT_FORMAT("-9223372036854775808", "%ld", INT64_MIN);
	EXPECT_FORMAT("18446744073709551615", "%lu", UINT64_MAX);
	EXPECT_FORMAT("18446744073709551615", "%zu", SIZE_MAX);
	EXPECT_FORMAT("1234567890123456789", "%lld", 1234567890123456789ll);
	EXPECT_FORMAT("+5 -5", "%+d %+d", 5, -5);
}

KTEST(format, hexadecimal)
{
	EXPECT_FORMAT("ffffffff80100000", "%lx", 0xffffffff80100000ul);
	EXPECT_FORMAT("0xff 0x0000beef", "%#x %#010x", 0xff, 0xbeef);
	EXPECT_FORMAT("DEADBEEF", "%llX", 0xdeadbeefull);
	EXPECT_FORMAT("0000000000001000", "%016lx", 0x1000ul);
	EXPECT_FORMAT("ffff800000001000", "%p", (void *)0xffff800000001000ul);
}

KTEST(format, width)
{
	EXPECT_FORMAT("   42|42   |00042", "%5d|%-5d|%05d", 42, 42, 42);
	EXPECT_FORMAT("    7|123456", "%5u|%5u", 7u, 123456u);
	EXPECT_FORMAT("   -7", "%*d", 5, -7);
	EXPECT_FORMAT("buddy     |", "%-10s|", "buddy");
	EXPECT_FORMAT("     buddy|", "%10s|", "buddy");
}

KTEST(format, strings)
{
	const char *volatile nothing = NULL;

	EXPECT_FORMAT("abc", "%.*s", 3, "abcdef");
	EXPECT_FORMAT("ab", "%.5s", "ab");
	EXPECT_FORMAT("", "%.0s", "ab");
	EXPECT_FORMAT("x%y", "%c%%%c", 'x', 'y');
	EXPECT_FORMAT("null", "%s", nothing);
}

KTEST(format, truncation)
{
	char buf[8];

	memset(buf, '#', sizeof(buf));
	EXPECT_EQ(snprintf(buf, 4, "abcdef"), 6);
	EXPECT_EQ(memcmp(buf, "abc\0####", 8), 0);
	EXPECT_EQ(snprintf(buf, 0, "%d", 12345), 5);
	EXPECT_EQ(memcmp(buf, "abc\0####", 8), 0);
	EXPECT_EQ(snprintf(NULL, 0, "%d", 12345), 5);
}

KTEST(format, piecewise)
{
	char buf[8];
	size_t n = scnprintf(buf, sizeof(buf), "abc");

	EXPECT_EQ(n, 3);
	n += scnprintf(buf + n, sizeof(buf) - n, "%d", 123456);
	EXPECT_EQ(n, 7);
	n += scnprintf(buf + n, sizeof(buf) - n, "more");
	EXPECT_EQ(n, 7);
	EXPECT_EQ(strcmp(buf, "abc1234"), 0);
	EXPECT_EQ(scnprintf(buf, 0, "x"), 0);
}

KTEST(format, longer_than_a_piece)
{
	static char buf[2000];

	/* stb_sprintf works in pieces of 512 characters */
	EXPECT_EQ(snprintf(buf, sizeof(buf), "%700s|%-700s|", "x", "y"), 1402);
	EXPECT(buf[698] == ' ' && buf[699] == 'x' && buf[700] == '|' && buf[701] == 'y');
	EXPECT(buf[1400] == ' ' && buf[1401] == '|' && buf[1402] == '\0');
}

KTEST(format, parse_u64)
{
	static const struct { const char *text; uint64_t value; } good[] = {
		{ "0", 0 }, { "42", 42 }, { "0x10", 16 }, { "0XfF", 255 }, { "4K", 4096 },
		{ "3m", 3ul << 20 }, { "1G", 1ul << 30 }, { "0x2k", 2048 },
		{ "18446744073709551615", UINT64_MAX }, { "0xffffffffffffffff", UINT64_MAX },
	};
	static const char *const bad[] = {
		"", "-1", "+1", " 1", "1 ", "0x", "x1", "12a", "1KK", "1T", "K",
		"18446744073709551616", "0x10000000000000000", "18014398509481984K",
	};
	uint64_t v;

	for (unsigned i = 0; i < ARRAY_SIZE(good); i++) {
		v = 99;
		EXPECT_EQ(parse_u64(good[i].text, &v), 0);
		EXPECT_EQ(v, good[i].value);
	}
	for (unsigned i = 0; i < ARRAY_SIZE(bad); i++) {
		v = 99;
		if (parse_u64(bad[i], &v) != -EINVAL || v != 99)
			ktest_fail(__FILE__, __LINE__, "\"%s\" was taken as a number", bad[i]);
	}
}
