/* The line discipline: edited lines, keys, echo, output, and that nothing is lost. */
#include <kernel/dev/ldisc.h>
#include <lib/ktest.h>
#include <lib/string.h>
#include <linux/signal.h>

static struct ldisc ldisc;
static char echoed[256];
static size_t necho;

static void echo(const char *s, size_t n)
{
	n = MIN(n, sizeof(echoed) - necho);
	memcpy(echoed + necho, s, n);
	necho += n;
}

/* The last signal. */
static int type(const char *s, size_t n)
{
	int sig = 0;

	for (size_t i = 0; i < n; i++) {
		int got = ldisc_input(&ldisc, (uint8_t)s[i]);

		sig = got ? got : sig;
	}
	return sig;
}

#define TYPE(s) type(s, sizeof(s) - 1)

static void expect_echo(const char *want)
{
	EXPECT_EQ(necho, strlen(want));
	EXPECT_EQ(memcmp(echoed, want, MIN(necho, strlen(want))), 0);
	necho = 0;
}

static void expect_line(const char *want)
{
	uint8_t got[64];
	size_t n = ldisc_read(&ldisc, got, sizeof(got));

	EXPECT_EQ(n, strlen(want));
	EXPECT_EQ(memcmp(got, want, MIN(n, strlen(want))), 0);
}

static void expect_output(const char *s, const char *want)
{
	char out[64];
	size_t n = strlen(s), len = ldisc_output(&ldisc, s, &n, out, sizeof(out));

	EXPECT_EQ(n, strlen(s));
	EXPECT_EQ(len, strlen(want));
	EXPECT_EQ(memcmp(out, want, MIN(len, strlen(want))), 0);
}

static void start(bool framed)
{
	ldisc_init(&ldisc, framed, echo);
	necho = 0;
}

/* Other settings from now on. */
static void set(unsigned iflag, unsigned oflag, unsigned lflag)
{
	struct termios tio = ldisc.tio;

	tio.c_iflag = iflag;
	tio.c_oflag = oflag;
	tio.c_lflag = lflag;
	ldisc_set(&ldisc, &tio);
}

KTEST(ldisc, lines)
{
	start(false);
	TYPE("ab");
	EXPECT(!ldisc_readable(&ldisc));
	TYPE("c\x7f\r");
	expect_echo("abc\b \b\r\n");
	TYPE("second\nthird");
	expect_line("ab\n");
	expect_line("second\n");
	EXPECT(!ldisc_readable(&ldisc));
	TYPE("\x15" "a word \x17" "fourth\x04");	/* the line is killed, then a word */
	expect_line("a fourth");
	EXPECT(!ldisc_readable(&ldisc));
	TYPE("\x7f\x7fgr\xc3\xbc\x7f\x7f\n");	/* a letter of two bytes goes whole */
	expect_line("g\n");
}

/* Each end of file is one read of 0 bytes, in its place; one behind bytes ends their read. */
KTEST(ldisc, ends)
{
	start(false);
	TYPE("\x04");
	EXPECT(ldisc_readable(&ldisc));
	EXPECT_EQ(ldisc_count(&ldisc), 0);
	expect_line("");
	EXPECT(!ldisc_readable(&ldisc));
	TYPE("a\n\x04" "b\x04" "c\n");
	EXPECT_EQ(ldisc_count(&ldisc), 5);
	expect_line("a\n");
	expect_line("");
	expect_line("b");
	expect_line("c\n");
	EXPECT(!ldisc_readable(&ldisc));
}

/* What is shown of a line goes when it goes. */
KTEST(ldisc, erasing_shows)
{
	start(false);
	TYPE("a\x01\x7f\x7f");
	expect_echo("a^A\b \b\b \b\b \b");
	TYPE("abc\t\x7f\x15");
	expect_echo("abc\t\b\b\b\b\b\b \b\b \b\b \b");
	expect_output("12345\t", "12345\t");
	TYPE("x\t\x7f");			/* from column 9 to 16 */
	expect_echo("x\t\b\b\b\b\b\b\b");
	TYPE("\x15\x16\x03y\x12");
	expect_echo("\b \b^\b^Cy^R\r\n^Cy");
	TYPE("\n");
	expect_line("\x03y\n");
}

KTEST(ldisc, keys)
{
	start(false);
	EXPECT_EQ(TYPE("gone\x03"), SIGINT);
	EXPECT_EQ(TYPE("\x1a"), SIGTSTP);
	EXPECT_EQ(TYPE("\x1c"), SIGQUIT);
	expect_echo("gone^C^Z^\\");
	EXPECT(!ldisc_readable(&ldisc));
	TYPE("\x13");
	EXPECT(ldisc.stopped);
	TYPE("a");
	EXPECT(ldisc.stopped);
	TYPE("\x11\n");
	EXPECT(!ldisc.stopped);
	expect_line("a\n");
	set(0, 0, NOFLSH | ISIG | ICANON);
	EXPECT_EQ(TYPE("kept\x03\r\n\x13\n"), SIGINT);
	expect_line("kept\r\n");
	expect_line("\x13\n");
}

KTEST(ldisc, raw)
{
	start(false);
	TYPE("begun");
	set(0, 0, 0);
	expect_line("begun");			/* what was typed is readable now */
	necho = 0;
	EXPECT_EQ(TYPE("\x03\x04\r\x7f\x15"), 0);
	expect_line("\x03\x04\r\x7f\x15");
	expect_echo("");
	set(INLCR | IGNCR, 0, ECHO);
	TYPE("a\r\n");
	expect_line("a\r");
	expect_echo("a\r");
}

KTEST(ldisc, output)
{
	start(false);
	expect_output("a\nb\r\n", "a\r\nb\r\r\n");
	set(0, OPOST | ONLCR | XTABS, 0);
	expect_output("\tab\tc", "        ab      c");
	set(0, OPOST | ONOCR | OCRNL, 0);
	expect_output("\r", "\n");
	set(0, 0, 0);
	expect_output("\n\r\t", "\n\r\t");
}

KTEST(ldisc, framed)
{
	start(true);
	EXPECT_EQ(TYPE("a\r\n\x04\x7f\x03"), 0);
	expect_line("a\r\n\x04\x7f\x03");
	expect_echo("");
	expect_output("\n", "\n");
	TYPE("\xff");
	EXPECT(!ldisc_readable(&ldisc));
	TYPE("\xffz\xff");
	expect_line("\xffz");
	type("\0", 1);
	EXPECT(ldisc_readable(&ldisc));
	expect_line("");
	TYPE("more");
	EXPECT(ldisc_readable(&ldisc));
	expect_line("");
}

/* Nothing is lost up to the last place, a line can always be ended. */
KTEST(ldisc, full)
{
	uint8_t got[512];
	size_t n = 0, part;

	start(false);
	for (unsigned i = 0; i < 2 * LDISC_SIZE; i++)
		ldisc_input(&ldisc, 'x');
	EXPECT(ldisc_room(&ldisc));
	ldisc_input(&ldisc, '\n');
	EXPECT(!ldisc_room(&ldisc));
	while (ldisc_readable(&ldisc) && (part = ldisc_read(&ldisc, got, sizeof(got))))
		n += part;
	EXPECT_EQ(n, LDISC_SIZE);
}
