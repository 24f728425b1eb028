/*
 * Memory and string functions over every small size and alignment, against
 * byte loops; what lies around the target must stay as it was.
 */
#include <lib/ktest.h>
#include <lib/string.h>

#define AREA	192

static unsigned char area[AREA], model[AREA];

static void fill(void)
{
	for (unsigned i = 0; i < AREA; i++)
		area[i] = model[i] = (unsigned char)(i * 7 + 3);
}

static bool areas_differ(void)
{
	for (unsigned i = 0; i < AREA; i++)
		if (area[i] != model[i])
			return true;
	return false;
}

/* Moves n bytes in the model, one after another, as if through a third place. */
static void model_move(unsigned to, unsigned from, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		model[to > from ? to + n - 1 - i : to + i] =
			model[to > from ? from + n - 1 - i : from + i];
}

KTEST(string, memset)
{
	static const unsigned sizes[] = { 0, 1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 31, 127, 128, 129, 160 };

	for (unsigned s = 0; s < ARRAY_SIZE(sizes); s++)
		for (unsigned at = 0; at < 9; at++) {
			fill();
			EXPECT(memset(area + at, 0x1a5, sizes[s]) == area + at);
			for (unsigned i = 0; i < sizes[s]; i++)
				model[at + i] = 0xa5;
			if (areas_differ())
				ktest_fail(__FILE__, __LINE__, "memset of %u at %u", sizes[s], at);
		}
}

KTEST(string, memcpy)
{
	static unsigned char from[AREA];

	for (unsigned i = 0; i < AREA; i++)
		from[i] = (unsigned char)(200 - i);
	for (unsigned n = 0; n <= 160; n++)
		for (unsigned at = 0; at < 9; at++) {
			fill();
			EXPECT(memcpy(area + at, from + 8 - at, n) == area + at);
			for (unsigned i = 0; i < n; i++)
				model[at + i] = from[8 - at + i];
			if (areas_differ())
				ktest_fail(__FILE__, __LINE__, "memcpy of %u at %u", n, at);
		}
}

KTEST(string, memmove_overlapping)
{
	for (unsigned n = 0; n <= 150; n++)
		for (unsigned to = 0; to <= 20; to++) {
			fill();
			memmove(area + to, area + 10, n);
			model_move(to, 10, n);
			if (areas_differ())
				ktest_fail(__FILE__, __LINE__, "memmove of %u from 10 to %u", n, to);
		}
}

KTEST(string, memcmp)
{
	for (unsigned n = 1; n <= 40; n++)
		for (unsigned at = 0; at < n; at++) {
			fill();
			EXPECT_EQ(memcmp(area + 1, model + 1, n), 0);
			area[1 + at] = 0x7f;
			model[1 + at] = 0x80;		/* bytes compare as unsigned */
			EXPECT(memcmp(area + 1, model + 1, n) < 0);
			EXPECT(memcmp(model + 1, area + 1, n) > 0);
			EXPECT_EQ(memcmp(area + 1, model + 1, at), 0);
		}
}

KTEST(string, lengths)
{
	EXPECT_EQ(strlen(""), 0);
	EXPECT_EQ(strlen("quire"), 5);
	EXPECT_EQ(strnlen("quire", 3), 3);
	EXPECT_EQ(strnlen("quire", 9), 5);
	EXPECT_EQ(strnlen(NULL, 0), 0);
}

KTEST(string, compare)
{
	EXPECT_EQ(strcmp("a", "a"), 0);
	EXPECT(strcmp("a", "ab") < 0);
	EXPECT(strcmp("\x80", "a") > 0);
	EXPECT_EQ(strncmp("abc", "abd", 2), 0);
	EXPECT(strncmp("abc", "abd", 3) < 0);
	EXPECT_EQ(strncmp("a", "b", 0), 0);
	EXPECT_EQ(strncmp("ab", "ab", 100), 0);
}

KTEST(string, search)
{
	const char *s = "a/b/c";

	EXPECT(strchr(s, '/') == s + 1);
	EXPECT(strrchr(s, '/') == s + 3);
	EXPECT(strchr(s, '\0') == s + 5);
	EXPECT(strrchr(s, '\0') == s + 5);
	EXPECT(!strchr(s, 'x'));
	EXPECT(!strrchr(s, 'x'));
	EXPECT(memchr(s, 'c', 5) == s + 4);
	EXPECT(!memchr(s, 'c', 4));
}

KTEST(string, strlcpy)
{
	char buf[4] = "zzz";

	EXPECT_EQ(strlcpy(buf, "ab", sizeof(buf)), 2);
	EXPECT_EQ(strcmp(buf, "ab"), 0);
	EXPECT_EQ(strlcpy(buf, "abcdef", sizeof(buf)), 6);
	EXPECT_EQ(strcmp(buf, "abc"), 0);
	EXPECT_EQ(strlcpy(buf, "xyz", 0), 3);
	EXPECT_EQ(strcmp(buf, "abc"), 0);
}
