/* A directory of one's own for a test of files, in a tmpfs on both systems: made, entered; and taken away with all in it. */
#ifndef TESTS_USER_PLACE_H
#define TESTS_USER_PLACE_H

#include <ftw.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "call.h"

static char place[] = "/dev/shm/quire-XXXXXX";

static inline int place_remove(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st, (void)type, (void)ftw;
	return remove(path);
}

static inline void place_enter(void)
{
	umask(022);
	if (!mkdtemp(place) || chmod(place, 0777) || chdir(place)) {
		perror(place);
		exit(1);
	}
}

static inline void place_leave(void)
{
	if (chdir("/") || nftw(place, place_remove, 16, FTW_DEPTH | FTW_PHYS))
		perror(place);
}

/* Text as a file's whole content. */
static inline void place_file(const char *path, const char *text)
{
	FILE *f = fopen(path, "w");

	if (!f || fputs(text, f) < 0 || fclose(f))
		perror(path);
}

/* What is in it, in a line. */
static inline void place_show(const char *path)
{
	char buf[256];
	FILE *f = fopen(path, "r");
	size_t n = f ? fread(buf, 1, sizeof(buf) - 1, f) : 0;

	if (!f) {
		printf("%s: %s\n", path, strerror(errno));
		return;
	}
	buf[n] = '\0';
	printf("%s: \"%s\"\n", path, buf);
	fclose(f);
}

#endif
