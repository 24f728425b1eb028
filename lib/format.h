/* Formatting: stb_sprintf without floating point. */
#ifndef LIB_FORMAT_H
#define LIB_FORMAT_H

#include <arch/types.h>
#include <stdarg.h>

/* As C99's: returns the length it would have had; always ends with NUL if n > 0. */
int vsnprintf(char *buf, size_t n, const char *fmt, va_list ap);
int snprintf(char *buf, size_t n, const char *fmt, ...) __printf(3, 4);
/* Bounded append: returns the new end, never beyond buf + n - 1. For building lines piece by piece. */
size_t scnprintf(char *buf, size_t n, const char *fmt, ...) __printf(3, 4);

/* Decimal, 0x hexadecimal, with an optional K, M, G suffix. 0 or -EINVAL (also on trailing text). */
int __must_check parse_u64(const char *s, uint64_t *v);

#endif
