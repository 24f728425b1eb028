/*
 * The kernel's command line: one table, gathered by the linker from all files
 * that declare an option (koptions_start .. koptions_end, linker.ld), in no
 * order. Parsing cuts the words in place, so that string options can point
 * into the line.
 */
#include <lib/option.h>
#include <lib/format.h>
#include <lib/log.h>
#include <lib/string.h>
#include <linux/errno.h>

extern const struct option koptions_start[], koptions_end[];

bool option_help;
option_flag(help, &option_help, "print this table");

static char options_line[4096];

/* Place of value (n characters) in the list "a|b|c", or -EINVAL. */
static int choice_index(const char *list, const char *value, size_t n)
{
	for (int i = 0; ; i++) {
		const char *bar = strchr(list, '|');
		size_t len = bar ? (size_t)(bar - list) : strlen(list);

		if (len == n && memcmp(list, value, n) == 0)
			return i;
		if (!bar)
			return -EINVAL;
		list = bar + 1;
	}
}

static int set_number(const struct option *o, const char *value)
{
	uint64_t v;

	if (parse_u64(value, &v) < 0 || v < o->min || v > o->max)
		return -EINVAL;
	*(uint64_t *)o->var = v;
	return 0;
}

/* value NULL: the bare name was given. */
static int option_set(const struct option *o, const char *value)
{
	int i;

	if (!value && o->type != OPT_FLAG)
		return -EINVAL;
	switch (o->type) {
	case OPT_FLAG:
		i = value ? choice_index("0|1", value, strlen(value)) : 1;
		if (i >= 0)
			*(bool *)o->var = i;
		return MIN(i, 0);
	case OPT_CHOICE:
		i = choice_index(o->values, value, strlen(value));
		if (i >= 0)
			*(unsigned *)o->var = (unsigned)i;
		return MIN(i, 0);
	case OPT_STRING:
		*(const char **)o->var = value;
		return 0;
	case OPT_CALL:
		return o->take(value) ? 0 : -EINVAL;
	case OPT_UINT:
	case OPT_SIZE:
		return set_number(o, value);
	}
	return -EINVAL;
}

/* What may stand behind the name, for messages. */
static void option_values(const struct option *o, char *buf, size_t n)
{
	switch (o->type) {
	case OPT_FLAG:
		scnprintf(buf, n, "[=0|1]");
		break;
	case OPT_CHOICE:
	case OPT_CALL:
		scnprintf(buf, n, "=%s", o->values);
		break;
	case OPT_STRING:
		scnprintf(buf, n, "=TEXT");
		break;
	case OPT_SIZE:
	case OPT_UINT:
		if (o->max == UINT64_MAX)
			scnprintf(buf, n, "=%lu or more", o->min);
		else
			scnprintf(buf, n, "=%lu..%lu", o->min, o->max);
		break;
	}
}

static const struct option *option_find(const struct option *table, const struct option *end,
					const char *name)
{
	for (; table < end; table++)
		if (strcmp(table->name, name) == 0)
			return table;
	return NULL;
}

/* One word, cut at its '='. Returns 1 if it was refused or unknown. */
static unsigned option_word(const struct option *table, const struct option *end, char *word)
{
	char *value = strchr(word, '='), may[128];
	const struct option *o;

	if (value)
		*value++ = '\0';
	o = option_find(table, end, word);
	if (!o) {
		log_warn("option %s: unknown (the option help lists all)", word);
		return 1;
	}
	if (option_set(o, value) < 0) {
		option_values(o, may, sizeof(may));
		log_warn("option %s: bad value \"%s\"; may be %s%s", word, value ? value : "", word, may);
		return 1;
	}
	return 0;
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

unsigned options_parse_table(const struct option *table, const struct option *end, char *line)
{
	unsigned bad = 0;

	for (;;) {
		char *word;

		while (is_blank(*line))
			line++;
		word = line;
		while (*line && !is_blank(*line))
			line++;
		if (line == word)
			return bad;
		if (*line)
			*line++ = '\0';
		if (strcmp(word, "--") == 0)
			return bad;
		bad += option_word(table, end, word);
	}
}

unsigned options_parse(const char *cmdline)
{
	if (strlcpy(options_line, cmdline, sizeof(options_line)) >= sizeof(options_line))
		log_warn("command line cut at %zu characters", sizeof(options_line) - 1);
	return options_parse_table(koptions_start, koptions_end, options_line);
}

/* The next name after `last` in the alphabet; NULL after the last. */
static const struct option *option_after(const char *last)
{
	const struct option *next = NULL;

	for (const struct option *o = koptions_start; o < koptions_end; o++)
		if ((!last || strcmp(o->name, last) > 0) &&
		    (!next || strcmp(o->name, next->name) < 0))
			next = o;
	return next;
}

void options_help(void)
{
	const struct option *o = NULL;
	char may[128], word[160];

	log_raw("Kernel options:");
	while ((o = option_after(o ? o->name : NULL))) {
		option_values(o, may, sizeof(may));
		scnprintf(word, sizeof(word), "%s%s", o->name, may);
		log_raw("  %-32s %s", word, o->help);
	}
}
