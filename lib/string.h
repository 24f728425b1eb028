/* What the compiler may call, and the little of <string.h> that the kernel uses. */
#ifndef LIB_STRING_H
#define LIB_STRING_H

#include <arch/types.h>

void *memcpy(void *restrict dst, const void *restrict src, size_t n);
void *memmove(void *dst, const void *src, size_t n);
void *memset(void *dst, int c, size_t n);
int memcmp(const void *a, const void *b, size_t n);
void *memchr(const void *s, int c, size_t n);
size_t strlen(const char *s);
size_t strnlen(const char *s, size_t n);
int strcmp(const char *a, const char *b);
int strncmp(const char *a, const char *b, size_t n);
char *strchr(const char *s, int c);
char *strrchr(const char *s, int c);
/* Copies with truncation; returns the length of src. dst always ends with NUL if n > 0. */
size_t strlcpy(char *dst, const char *src, size_t n);

#endif
