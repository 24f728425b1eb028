/* The line discipline; see ldisc.h. Linux's defaults: `stty sane`. */
#include <kernel/dev/ldisc.h>
#include <lib/string.h>
#include <linux/signal.h>

#define CONTROL(c)	((c) & 0x1f)
#define DELETE		0x7f

void ldisc_init(struct ldisc *l, bool framed, void (*echo)(const char *s, size_t n))
{
	static const uint8_t keys[] = {
		[VINTR] = CONTROL('C'), [VQUIT] = CONTROL('\\'), [VERASE] = DELETE,
		[VKILL] = CONTROL('U'), [VEOF] = CONTROL('D'), [VMIN] = 1,
		[VSTART] = CONTROL('Q'), [VSTOP] = CONTROL('S'), [VSUSP] = CONTROL('Z'),
		[VREPRINT] = CONTROL('R'), [VDISCARD] = CONTROL('O'), [VWERASE] = CONTROL('W'),
		[VLNEXT] = CONTROL('V'),
	};

	memset(l, 0, sizeof(*l));
	l->framed = framed;
	l->echo = echo;
	l->tio.c_cflag = B115200 | CS8 | CREAD | HUPCL;
	if (!framed) {		/* else who is at the other end has edited its lines already */
		l->tio.c_iflag = ICRNL | IXON | IUTF8;
		l->tio.c_oflag = OPOST | ONLCR;
		l->tio.c_lflag = ISIG | ICANON | IEXTEN | ECHO | ECHOE | ECHOK | ECHOCTL | ECHOKE;
	}
	memcpy(l->tio.c_cc, keys, sizeof(keys));
}

static bool has(const struct ldisc *l, unsigned lflag)
{
	return l->tio.c_lflag & lflag;
}

/* A key of the terminal's, unless it is switched off. */
static bool is_key(const struct ldisc *l, uint8_t c, unsigned key)
{
	return c && c == l->tio.c_cc[key];
}

static bool is_control(uint8_t c)
{
	return c < 0x20 || c == DELETE;
}

/* A byte of a letter that began before it. */
static bool goes_on(const struct ldisc *l, uint8_t c)
{
	return l->tio.c_iflag & IUTF8 && (c & 0xc0) == 0x80;
}

/* ---- output ---- */

static void move_cursor(struct ldisc *l, uint8_t c)
{
	if (c == '\r' || (c == '\n' && l->tio.c_oflag & (ONLCR | ONLRET)))
		l->column = 0;
	else if (c == '\t')
		l->column = ALIGN_DOWN(l->column, LDISC_TAB) + LDISC_TAB;
	else if (c == '\b')
		l->column -= l->column > 0;
	else if (!is_control(c) && !goes_on(l, c))
		l->column++;
}

/* What goes out for c: at most LDISC_TAB bytes. */
static size_t output_char(struct ldisc *l, uint8_t c, char *out)
{
	unsigned flags = l->tio.c_oflag, before = l->column;

	if (!(flags & OPOST)) {
		out[0] = (char)c;
		return 1;
	}
	if (c == '\r' && flags & ONOCR && !l->column)
		return 0;
	if (c == '\r' && flags & OCRNL)
		c = '\n';
	move_cursor(l, c);
	if (c == '\n' && flags & ONLCR) {
		memcpy(out, "\r\n", 2);
		return 2;
	}
	if (c == '\t' && (flags & TABDLY) == XTABS) {
		memset(out, ' ', l->column - before);
		return l->column - before;
	}
	out[0] = (char)c;
	return 1;
}

size_t ldisc_output(struct ldisc *l, const char *s, size_t *n, char *out, size_t room)
{
	size_t done = 0, i;

	for (i = 0; i < *n && room - done >= LDISC_TAB; i++)
		done += output_char(l, (uint8_t)s[i], out + done);
	*n = i;
	return done;
}

/* ---- echo ---- */

static void echo_raw(struct ldisc *l, uint8_t c)
{
	char out[LDISC_TAB];
	size_t n = output_char(l, c, out);

	if (n)
		l->echo(out, n);
}

static void echo_string(struct ldisc *l, const char *s)
{
	while (*s)
		echo_raw(l, (uint8_t)*s++);
}

/* A byte as it is shown: control ones as ^X. */
static void echo_char(struct ldisc *l, uint8_t c)
{
	if (!has(l, ECHO))
		return;
	if (has(l, ECHOCTL) && is_control(c) && c != '\t' && c != '\n') {
		echo_raw(l, '^');
		c ^= 0x40;
	}
	echo_raw(l, c);
}

/* ---- the line being typed ---- */

static uint8_t at(const struct ldisc *l, uint32_t i)
{
	return l->ring[i % LDISC_SIZE];
}

static bool is_end(const struct ldisc *l, uint32_t i)
{
	return l->end[i % LDISC_SIZE / 64] >> i % 64 & 1;
}

static void put(struct ldisc *l, uint8_t c, bool end)
{
	uint32_t i = l->head++ % LDISC_SIZE;

	if (l->head - 1 == l->ready)
		l->line_column = l->column;
	l->ring[i] = c;
	l->end[i / 64] &= ~(1ul << i % 64);
	l->end[i / 64] |= (uint64_t)end << i % 64;
	if (end || !has(l, ICANON))
		l->ready = l->head;
}

/* The column in which the line's end is shown, if nobody wrote in between. */
static unsigned shown_column(const struct ldisc *l)
{
	unsigned column = l->line_column;

	for (uint32_t i = l->ready; i != l->head; i++) {
		uint8_t c = at(l, i);

		if (c == '\t')
			column = ALIGN_DOWN(column, LDISC_TAB) + LDISC_TAB;
		else if (is_control(c))
			column += has(l, ECHOCTL) ? 2 : 0;
		else if (!goes_on(l, c))
			column++;
	}
	return column;
}

/* The line has lost what was shown as c. */
static void unshow(struct ldisc *l, uint8_t c)
{
	if (c == '\t') {
		for (unsigned n = LDISC_TAB - shown_column(l) % LDISC_TAB; n; n--)
			echo_raw(l, '\b');
		return;
	}
	if (is_control(c) && !has(l, ECHOCTL))
		return;
	echo_string(l, is_control(c) ? "\b \b\b \b" : "\b \b");
}

/* Takes back the last letter. False: there is none. */
static bool take_back(struct ldisc *l)
{
	uint8_t c;

	if (l->head == l->ready)
		return false;
	do {
		c = at(l, --l->head);
	} while (goes_on(l, c) && l->head != l->ready);
	if (has(l, ECHO) && has(l, ECHOE))
		unshow(l, c);
	return true;
}

static void erase(struct ldisc *l)
{
	if (take_back(l) && !has(l, ECHOE))
		echo_char(l, l->tio.c_cc[VERASE]);
}

static bool is_word(uint8_t c)
{
	return (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') || c == '_' || c >= 0x80;
}

/* Back to the beginning of a word. */
static void erase_word(struct ldisc *l)
{
	bool in_word = false;

	while (l->head != l->ready) {
		bool word = is_word(at(l, l->head - 1));

		if (in_word && !word)
			break;
		in_word |= word;
		(void)take_back(l);
	}
}

static void kill_line(struct ldisc *l)
{
	if (has(l, ECHO) && has(l, ECHOK) && has(l, ECHOKE) && has(l, ECHOE)) {
		while (take_back(l))
			;
		return;
	}
	l->head = l->ready;
	echo_char(l, l->tio.c_cc[VKILL]);
	if (has(l, ECHOK))
		echo_char(l, '\n');
}

static void reprint(struct ldisc *l)
{
	echo_char(l, l->tio.c_cc[VREPRINT]);
	echo_raw(l, '\n');
	l->line_column = l->column;
	for (uint32_t i = l->ready; i != l->head; i++)
		echo_char(l, at(l, i));
}

/* Keys that edit the line. False: c is none. */
static bool edit(struct ldisc *l, uint8_t c)
{
	if (is_key(l, c, VERASE))
		erase(l);
	else if (is_key(l, c, VKILL))
		kill_line(l);
	else if (has(l, IEXTEN) && is_key(l, c, VWERASE))
		erase_word(l);
	else if (has(l, IEXTEN) && has(l, ECHO) && is_key(l, c, VREPRINT))
		reprint(l);
	else
		return false;
	return true;
}

static bool ends_line(const struct ldisc *l, uint8_t c)
{
	return c == '\n' || is_key(l, c, VEOL) || (has(l, IEXTEN) && is_key(l, c, VEOL2));
}

/* A byte of input, whatever it looks like. The last place is kept for the line's end. */
static void take_char(struct ldisc *l, uint8_t c)
{
	if (has(l, ICANON) && l->head - l->tail >= LDISC_SIZE - 1)
		return;
	put(l, c, false);
	echo_char(l, c);
}

static void input_line(struct ldisc *l, uint8_t c)
{
	if (edit(l, c))
		return;
	if (is_key(l, c, VEOF)) {
		put(l, '\0', true);
	} else if (ends_line(l, c)) {
		put(l, c, true);
		if (c == '\n' && has(l, ECHONL) && !has(l, ECHO))
			echo_raw(l, c);
		echo_char(l, c);
	} else {
		take_char(l, c);
	}
}

/* ---- input ---- */

/* True if c is a byte of input; framed input's escapes are not. */
static bool unframe(struct ldisc *l, uint8_t c)
{
	if (l->ended)
		return false;
	if (!l->escape) {
		l->escape = c == 0xff;
		return !l->escape;
	}
	l->escape = false;
	l->ended = c == 0;
	return c == 0xff;
}

/* True if c holds output, or lets it go on. */
static bool flow_key(struct ldisc *l, uint8_t c)
{
	if (!(l->tio.c_iflag & IXON))
		return false;
	if (is_key(l, c, VSTOP) || is_key(l, c, VSTART)) {
		l->stopped = !is_key(l, c, VSTART);
		return true;
	}
	if (l->tio.c_iflag & IXANY)
		l->stopped = false;
	return false;
}

static int signal_of(const struct ldisc *l, uint8_t c)
{
	if (!has(l, ISIG))
		return 0;
	return is_key(l, c, VINTR) ? SIGINT : is_key(l, c, VQUIT) ? SIGQUIT :
	       is_key(l, c, VSUSP) ? SIGTSTP : 0;
}

static int signal_key(struct ldisc *l, uint8_t c, int sig)
{
	if (!has(l, NOFLSH))
		ldisc_flush(l);
	if (l->tio.c_iflag & IXON)
		l->stopped = false;
	echo_char(l, c);
	return sig;
}

/* Line breaks as the settings say. False: c is dropped. */
static bool translate(const struct ldisc *l, uint8_t *c)
{
	unsigned flags = l->tio.c_iflag;

	if (flags & ISTRIP)
		*c &= 0x7f;
	if (*c == '\r' && flags & IGNCR)
		return false;
	if (*c == '\r' && flags & ICRNL)
		*c = '\n';
	else if (*c == '\n' && flags & INLCR)
		*c = '\r';
	return true;
}

int ldisc_input(struct ldisc *l, uint8_t c)
{
	int sig;

	if (l->framed && !unframe(l, c))
		return 0;
	if (l->literal) {
		l->literal = false;
		take_char(l, c);
		return 0;
	}
	if (flow_key(l, c))
		return 0;
	sig = signal_of(l, c);
	if (sig)
		return signal_key(l, c, sig);
	if (!translate(l, &c))
		return 0;
	if (!has(l, ICANON)) {
		take_char(l, c);
	} else if (has(l, IEXTEN) && is_key(l, c, VLNEXT)) {
		l->literal = true;
		if (has(l, ECHO) && has(l, ECHOCTL))
			echo_string(l, "^\b");
	} else {
		input_line(l, c);
	}
	return 0;
}

/* ---- reading ---- */

static bool is_eof(const struct ldisc *l, uint32_t i)
{
	return is_end(l, i) && !at(l, i);
}

uint32_t ldisc_count(const struct ldisc *l)
{
	uint32_t n = 0;

	for (uint32_t i = l->tail; i != l->ready; i++)
		n += !is_eof(l, i);
	return n;
}

/* An end of file right behind what was read is read with it: else the next read would give 0. */
size_t ldisc_read(struct ldisc *l, uint8_t *buf, size_t n)
{
	bool over = false;
	size_t done = 0;

	while (!over && l->tail != l->ready && (done < n || is_eof(l, l->tail))) {
		uint32_t i = l->tail++;

		over = has(l, ICANON) && is_end(l, i);
		if (!is_eof(l, i))
			buf[done++] = at(l, i);
	}
	return done;
}

void ldisc_set(struct ldisc *l, const struct termios *tio)
{
	l->tio = *tio;
	l->ready = l->head;
	l->literal = false;
	if (!(tio->c_iflag & IXON))
		l->stopped = false;
}

void ldisc_flush(struct ldisc *l)
{
	l->head = l->ready = l->tail;
	l->literal = false;
}
