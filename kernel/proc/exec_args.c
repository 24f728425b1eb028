/* The strings that a program is given, gathered before its address space exists; see exec.h. */
#include <kernel/proc/exec.h>
#include <kernel/fs/node.h>
#include <lib/string.h>
#include <linux/errno.h>
#include <mm/alloc/slab.h>
#include <mm/obj/object.h>

struct exec_args *exec_args_create(void)
{
	return kzalloc(sizeof(struct exec_args));
}

void exec_args_free(struct exec_args *a)
{
	if (!a)
		return;
	for (unsigned i = 0; i < EXEC_PAGES && a->page[i]; i++)
		page_put(a->page[i]);
	node_put(a->first);
	kfree(a);
}

/* Where the next byte goes and how many fit there; NULL: no memory. */
static char *next_room(struct exec_args *a, size_t *room)
{
	size_t i = a->len >> PAGE_SHIFT, in = a->len & (PAGE_SIZE - 1);

	if (!a->page[i])
		a->page[i] = page_alloc(0, PAGE_KERNEL, 0);
	*room = PAGE_SIZE - in;
	return a->page[i] ? (char *)page_to_virt(a->page[i]) + in : NULL;
}

int exec_args_add(struct exec_args *a, const char *s)
{
	size_t left = strlen(s) + 1;

	if (left > EXEC_STRING_MAX || left > EXEC_STRINGS_MAX - a->len)
		return -E2BIG;
	while (left) {
		size_t room;
		char *to = next_room(a, &room);

		if (!to)
			return -ENOMEM;
		room = MIN(room, left);
		memcpy(to, s, room);
		s += room;
		left -= room;
		a->len += room;
	}
	return 0;
}

/* What lies at pos, and how many bytes of it are together. */
static const char *strings_at(const struct exec_args *a, size_t pos, size_t *n)
{
	size_t in = pos & (PAGE_SIZE - 1);

	*n = MIN(PAGE_SIZE - in, a->len - pos);
	return (const char *)page_to_virt(a->page[pos >> PAGE_SHIFT]) + in;
}

size_t exec_args_next(const struct exec_args *a, size_t pos)
{
	const char *nul = NULL;

	while (!nul && pos < a->len) {
		size_t n;
		const char *from = strings_at(a, pos, &n);

		nul = memchr(from, 0, n);
		pos += nul ? (size_t)(nul + 1 - from) : n;
	}
	return pos;
}

size_t exec_args_find(const struct exec_args *a, unsigned n)
{
	size_t pos = 0;

	while (n--)
		pos = exec_args_next(a, pos);
	return pos;
}

int exec_args_copy(struct exec_args *to, const struct exec_args *from, size_t pos)
{
	if (from->len - pos > EXEC_STRINGS_MAX - to->len)
		return -E2BIG;
	while (pos < from->len) {
		size_t n, room;
		const char *s = strings_at(from, pos, &n);
		char *at = next_room(to, &room);

		if (!at)
			return -ENOMEM;
		n = MIN(n, room);
		memcpy(at, s, n);
		pos += n;
		to->len += n;
	}
	return 0;
}

/* One string: page by page, until its NUL has come. */
static int add_user_string(struct exec_args *a, const char __user *s)
{
	size_t start = a->len;

	for (;;) {
		size_t room;
		ssize_t got;
		char *to;

		if (a->len - start >= EXEC_STRING_MAX || a->len >= EXEC_STRINGS_MAX)
			return -E2BIG;
		to = next_room(a, &room);
		if (!to)
			return -ENOMEM;
		got = strncpy_from_user(to, s, room);
		if (got == -ENAMETOOLONG) {
			a->len += room;
			s += room;
			continue;
		}
		if (got < 0)
			return (int)got;
		a->len += (size_t)got + 1;
		return 0;
	}
}

int exec_args_add_user(struct exec_args *a, const uint64_t __user *list, unsigned *n)
{
	int err = 0;

	*n = 0;
	for (; list && !err; list++) {
		uint64_t s;

		err = get_user_u64(&s, list);
		if (err || !s)
			break;
		err = add_user_string(a, (const char __user *)s);
		if (!err)
			++*n;
	}
	return err;
}
