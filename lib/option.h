/*
 * The kernel's command line. Each option is declared where it is used, with
 * its help text; the linker gathers them into one table (section .koptions),
 * which `help` prints. Words are split at blanks; name=value or a bare name.
 */
#ifndef LIB_OPTION_H
#define LIB_OPTION_H

#include <arch/types.h>

enum option_type { OPT_FLAG, OPT_UINT, OPT_SIZE, OPT_STRING, OPT_CHOICE, OPT_CALL };

struct option {
	const char *name, *help, *values;	/* values: "a|b|c" of OPT_CHOICE, a range text otherwise */
	enum option_type type;
	void *var;				/* bool, uint64_t, uint64_t (bytes), const char *, unsigned (index) */
	uint64_t min, max;			/* of OPT_UINT and OPT_SIZE */
	bool (*take)(const char *value);	/* OPT_CALL: false: a bad value */
};

#define OPTION_(ident, ...) \
	static const struct option koption_##ident \
		__attribute__((used, section(".koptions"), aligned(8))) = { __VA_ARGS__ }

/* option_flag(quiet, &var, "help"): `quiet` sets a bool, `quiet=0|1` as well. */
#define option_flag(nm, ptr, hlp) \
	OPTION_(nm, .name = #nm, .help = hlp, .type = OPT_FLAG, .var = ptr, .values = "0|1")
#define option_uint(nm, ptr, lo, hi, hlp) \
	OPTION_(nm, .name = #nm, .help = hlp, .type = OPT_UINT, .var = ptr, .min = lo, .max = hi)
#define option_size(nm, ptr, lo, hi, hlp) \
	OPTION_(nm, .name = #nm, .help = hlp, .type = OPT_SIZE, .var = ptr, .min = lo, .max = hi)
#define option_string(nm, ptr, hlp) \
	OPTION_(nm, .name = #nm, .help = hlp, .type = OPT_STRING, .var = ptr)
/* The value's place in the list goes to an unsigned. */
#define option_choice(nm, ptr, list, hlp) \
	OPTION_(nm, .name = #nm, .help = hlp, .type = OPT_CHOICE, .var = ptr, .values = list)
/* For options that may come several times, each in its turn: values says what take() knows. */
#define option_call(nm, fn, vals, hlp) \
	OPTION_(nm, .name = #nm, .help = hlp, .type = OPT_CALL, .take = fn, .values = vals)

/*
 * Parses the line (kept: strings point into an own copy). Unknown words are
 * named in the log and passed over; a bad value is refused by name in the log
 * and the default stays. Returns how many words were refused or unknown.
 * Everything from the word `--` on is left alone.
 */
unsigned options_parse(const char *cmdline);
/* The same with a table of the caller's; the line is cut into words in place, and strings point into it. */
unsigned options_parse_table(const struct option *table, const struct option *end, char *line);
/* Prints the whole table on the log. */
void options_help(void);
extern bool option_help;	/* `help` was given */

#endif
