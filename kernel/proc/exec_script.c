/*
 * Scripts: a file that begins with `#!INTERPRETER [ARGUMENT]` is run by that program. Its
 * line is taken apart as Linux does it: the argument is all that follows, as one word, and of a line
 * that is too long only what counts of it, unless that would cut the interpreter's path.
 */
#include <kernel/fs/node.h>
#include <kernel/proc/exec.h>
#include <lib/string.h>
#include <linux/errno.h>

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

/* Ends the line in s->line. False: its last word may go on behind what counts. */
static bool end_line(struct exec_script *s)
{
	char *last = s->line + EXEC_SCRIPT_LINE - 1, *end = strchr(s->line, '\n');
	bool whole = end || strlen(s->line) < EXEC_SCRIPT_LINE || is_blank(*last);

	if (!end)
		end = MIN(last, s->line + strlen(s->line));
	while (is_blank(end[-1]))
		end--;
	*end = '\0';
	return whole;
}

static int take_apart(struct exec_script *s)
{
	bool whole = end_line(s);
	char *at = s->line + 2;

	while (is_blank(*at))
		at++;
	s->interpreter = at;
	while (*at && !is_blank(*at))
		at++;
	if (at == s->interpreter || (!*at && !whole))
		return -ENOEXEC;
	while (is_blank(*at))
		*at++ = '\0';
	s->argument = *at ? at : NULL;
	return 1;
}

int exec_script_read(struct exec_script *s, struct node *exe)
{
	ssize_t n = object_read_kernel(node_object(exe), 0, s->line, EXEC_SCRIPT_LINE);

	if (n < 0)
		return (int)n;
	s->line[n] = '\0';
	return n > 2 && s->line[0] == '#' && s->line[1] == '!' ? take_apart(s) : 0;
}

int exec_script_args(const struct exec_script *s, const struct exec_args *from, bool nested,
		     struct exec_args *to)
{
	size_t name = exec_args_find(from, from->argc + from->envc);
	int err = exec_args_add(to, s->interpreter);

	to->argc = 1 + from->argc;
	to->envc = from->envc;
	if (!err && s->argument) {
		err = exec_args_add(to, s->argument);
		to->argc++;
	}
	if (!err && !nested)
		err = exec_args_copy(to, from, name);
	return err ? err : exec_args_copy(to, from, nested ? 0 : exec_args_find(from, 1));
}
