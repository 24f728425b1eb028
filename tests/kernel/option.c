/* The command line, with a table of its own: the kernel's options stay as they are. */
#include <lib/format.h>
#include <lib/ktest.h>
#include <lib/option.h>
#include <lib/string.h>

static bool flag;
static uint64_t number, size;
static const char *text;
static unsigned choice;

static const struct option table[] = {
	{ .name = "flag", .help = "", .type = OPT_FLAG, .var = &flag, .values = "0|1" },
	{ .name = "number", .help = "", .type = OPT_UINT, .var = &number, .min = 2, .max = 9 },
	{ .name = "size", .help = "", .type = OPT_SIZE, .var = &size, .max = UINT64_MAX },
	{ .name = "text", .help = "", .type = OPT_STRING, .var = &text },
	{ .name = "choice", .help = "", .type = OPT_CHOICE, .var = &choice, .values = "a|bc|d" },
};

/* Starts from the defaults; what the line says is then in the variables. */
static unsigned parse(const char *line)
{
	static char buf[256];

	flag = false;
	number = 5;
	size = 0;
	text = "default";
	choice = 0;
	strlcpy(buf, line, sizeof(buf));
	return options_parse_table(table, table + ARRAY_SIZE(table), buf);
}

KTEST(option, all_types)
{
	EXPECT_EQ(parse("flag number=7 size=3M text=/bin/sh choice=bc"), 0);
	EXPECT(flag);
	EXPECT_EQ(number, 7);
	EXPECT_EQ(size, 3ul << 20);
	EXPECT_EQ(strcmp(text, "/bin/sh"), 0);
	EXPECT_EQ(choice, 1);
}

KTEST(option, flags)
{
	EXPECT_EQ(parse("flag=1"), 0);
	EXPECT(flag);
	EXPECT_EQ(parse("flag flag=0"), 0);
	EXPECT(!flag);
	EXPECT_EQ(parse("flag=2"), 1);
	EXPECT(!flag);
}

KTEST(option, blanks)
{
	EXPECT_EQ(parse(""), 0);
	EXPECT_EQ(parse(" \t \n"), 0);
	EXPECT_EQ(parse("  number=3\t\tflag  "), 0);
	EXPECT_EQ(number, 3);
	EXPECT(flag);
}

KTEST(option, last_one_counts)
{
	EXPECT_EQ(parse("number=3 number=4"), 0);
	EXPECT_EQ(number, 4);
	EXPECT_EQ(parse("text=a text="), 0);
	EXPECT_EQ(strcmp(text, ""), 0);
}

KTEST(option, value_with_equals_sign)
{
	EXPECT_EQ(parse("text=a=b"), 0);
	EXPECT_EQ(strcmp(text, "a=b"), 0);
}

KTEST(option, bad_values_are_refused)
{
	EXPECT_EQ(parse("number=1 number=10 number=x number= number size=1T choice=b choice= text"), 9);
	EXPECT_EQ(number, 5);
	EXPECT_EQ(size, 0);
	EXPECT_EQ(choice, 0);
	EXPECT_EQ(strcmp(text, "default"), 0);
}

KTEST(option, unknown_words_are_passed_over)
{
	EXPECT_EQ(parse("nosuch=1 Flag flagg number=8"), 3);
	EXPECT_EQ(number, 8);
	EXPECT(!flag);
}

KTEST(option, rest_is_left_alone)
{
	EXPECT_EQ(parse("number=8 -- number=9 nosuch"), 0);
	EXPECT_EQ(number, 8);
}
