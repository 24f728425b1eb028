/*
 * Formatting, by stb_sprintf without its floating point, and numbers from
 * text. stb_sprintf reads the format and strings in aligned 4-byte words (up
 * to 3 bytes beyond an end, never beyond a page) and negates INT64_MIN: the
 * first is left unsanitised, the second is made defined by -fwrapv.
 */
#include <lib/format.h>
#include <linux/errno.h>
#include <limits.h>

#define STBSP__ASAN __attribute__((no_sanitize("address", "undefined")))
#define STB_SPRINTF_STATIC
#define STB_SPRINTF_NOFLOAT
#define STB_SPRINTF_NOUNALIGNED
#define STB_SPRINTF_IMPLEMENTATION
#include <stb/stb_sprintf.h>

int vsnprintf(char *buf, size_t n, const char *fmt, va_list ap)
{
	return stbsp_vsnprintf(n ? buf : NULL, (int)MIN(n, (size_t)INT_MAX), fmt, ap);
}

int snprintf(char *buf, size_t n, const char *fmt, ...)
{
	va_list ap;
	int len;

	va_start(ap, fmt);
	len = vsnprintf(buf, n, fmt, ap);
	va_end(ap);
	return len;
}

size_t scnprintf(char *buf, size_t n, const char *fmt, ...)
{
	va_list ap;
	size_t len;

	va_start(ap, fmt);
	len = (size_t)vsnprintf(buf, n, fmt, ap);
	va_end(ap);
	return len < n ? len : n - (n > 0);
}

static unsigned digit_value(char c)
{
	if (c >= '0' && c <= '9')
		return (unsigned)(c - '0');
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? (unsigned)(c - 'a' + 10) : 16;
}

static unsigned suffix_shift(char c)
{
	switch (c) {
	case 'k': case 'K':	return 10;
	case 'm': case 'M':	return 20;
	case 'g': case 'G':	return 30;
	default:		return 0;
	}
}

int parse_u64(const char *s, uint64_t *v)
{
	unsigned base = 10, shift;
	uint64_t sum = 0;

	if (s[0] == '0' && (s[1] | 0x20) == 'x') {
		base = 16;
		s += 2;
	}
	if (digit_value(*s) >= base)
		return -EINVAL;
	for (; digit_value(*s) < base; s++)
		if (__builtin_mul_overflow(sum, base, &sum) ||
		    __builtin_add_overflow(sum, digit_value(*s), &sum))
			return -EINVAL;
	shift = suffix_shift(*s);
	if (shift)
		s++;
	if (*s || sum > UINT64_MAX >> shift)
		return -EINVAL;
	*v = sum << shift;
	return 0;
}
