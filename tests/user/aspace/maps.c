/* /proc/self/maps: what of it is in the universe, and which of that shows files. */
#include "aspace.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>

struct line { uint64_t start, end, offset; char perms[5], kind[40]; };

static char text[64 << 10];

/* What the file has now; false if there is none, which is told. */
static bool read_maps(void)
{
	int fd = SYS(open, "/proc/self/maps", O_RDONLY);
	long n, used = 0;

	if (fd < 0) {
		say_result(fd);
		return false;
	}
	while ((n = SYS(read, fd, text + used, sizeof(text) - 1 - used)) > 0)
		used += n;
	SYS(close, fd);
	text[used] = 0;
	return true;
}

static const char *map_kind(const char *name)
{
	return strncmp(name, "/dev/zero", 9) && strncmp(name, "/memfd:", 7) ? "self" : name;
}

/* The next line of the text that is in the universe. */
static bool next_line(char **at, struct line *now)
{
	while (**at) {
		char *line = *at, *end = line + strcspn(line, "\n");
		int name = 0;

		*at = *end ? end + 1 : end;
		*end = 0;
		*now = (struct line){ 0 };
		if (sscanf(line, "%lx-%lx %4s %lx %*s %*u %n", &now->start, &now->end, now->perms,
			   &now->offset, &name) < 4 ||
		    now->end <= page_addr(FIRST_PAGE) || now->start >= page_addr(END_PAGE))
			continue;
		if (now->end > page_addr(END_PAGE))	/* it grew out of the universe */
			now->end = page_addr(END_PAGE);
		if (name && line[name])
			snprintf(now->kind, sizeof(now->kind), "%s", map_kind(line + name));
		return true;
	}
	return false;
}

static void say_map(const struct line *l)
{
	if (l->start >= l->end)
		return;
	say(" %ld-%ld %s", (long)(l->start - ARENA) >> 12, (long)(l->end - ARENA) >> 12, l->perms);
	if (l->kind[0])
		say(" %s+%lx", l->kind, (unsigned long)(l->offset >> 12));
	say(";");
}

/* Joined as far as they can be: what the kernel joins is its own affair. */
static bool join(struct line *before, const struct line *now)
{
	if (before->end != now->start || strcmp(before->perms, now->perms) ||
	    strcmp(before->kind, now->kind) ||
	    (now->kind[0] && before->offset + (now->start - before->start) != now->offset))
		return false;
	before->end = now->end;
	return true;
}

void op_maps(void)
{
	struct line before = { 0 }, now;
	char *at = text;

	say("maps");
	if (!read_maps())
		return;
	while (next_line(&at, &now)) {
		if (join(&before, &now))
			continue;
		say_map(&before);
		before = now;
	}
	say_map(&before);
}

static bool all_readable(uint64_t start, uint64_t end)
{
	uint8_t value;

	while (start < end && try_read(start, &value))
		start += PAGE;
	return start >= end;
}

bool hides_file_pages(struct range r)
{
	char *at = text;
	struct line l;
	bool hides = false;

	if (!read_maps())
		return true;
	while (!hides && next_line(&at, &l)) {
		uint64_t start = l.start > r.addr ? l.start : r.addr;
		uint64_t end = l.end < r.addr + r.len ? l.end : r.addr + r.len;

		hides = l.kind[0] && !all_readable(start, end);
	}
	return hides;
}
