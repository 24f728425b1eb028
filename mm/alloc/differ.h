/* How the checks of this folder say what does not agree: a text in a buffer of the including file. */
#ifndef MM_ALLOC_DIFFER_H
#define MM_ALLOC_DIFFER_H

#include <lib/format.h>

/* The text, until the next call. */
static __printf(1, 2) const char *differ(const char *fmt, ...)
{
	static char why[160];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(why, sizeof(why), fmt, ap);
	va_end(ap);
	return why;
}

#endif
