/*
 * Formatting: stb_sprintf without floating point. Against C99: %p is 16 hex
 * digits without 0x; hh and h do not narrow their argument; a NULL string is
 * "null"; a negative * width, and precision 0 of the value 0, are not special;
 * the flag 0 counts also where a precision is given; %n must not be used.
 */
#ifndef LIB_FORMAT_H
#define LIB_FORMAT_H

#include <arch/types.h>
#include <stdarg.h>

/* As C99's: returns the length it would have had; always ends with NUL if n > 0. */
int vsnprintf(char *buf, size_t n, const char *fmt, va_list ap);
int snprintf(char *buf, size_t n, const char *fmt, ...) __printf(3, 4);
/* Returns what was written, without the NUL: < n (0 if n is 0). For building lines piece by piece. */
size_t scnprintf(char *buf, size_t n, const char *fmt, ...) __printf(3, 4);

/* Decimal, 0x hexadecimal, with an optional K, M, G suffix. 0 or -EINVAL (also on trailing text, overflow). */
int __must_check parse_u64(const char *s, uint64_t *v);

#endif
