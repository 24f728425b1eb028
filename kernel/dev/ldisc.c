/* The line discipline; see ldisc.h. Linux's defaults: termios(3), `stty sane`. */
#include <kernel/dev/ldisc.h>
#include <lib/string.h>

void ldisc_init(struct ldisc *l, bool framed)
{
	static const uint8_t chars[] = {
		[VINTR] = 3, [VQUIT] = 28, [VERASE] = 127, [VKILL] = 21, [VEOF] = 4, [VMIN] = 1,
		[VSTART] = 17, [VSTOP] = 19, [VSUSP] = 26, [VREPRINT] = 18, [VWERASE] = 23,
		[VLNEXT] = 22,
	};

	memset(l, 0, sizeof(*l));
	l->framed = framed;
	l->tio.c_cflag = B115200 | CS8 | CREAD | HUPCL;
	if (!framed) {		/* else who is at the other end has edited its lines already */
		l->tio.c_iflag = ICRNL;
		l->tio.c_lflag = ICANON | ECHO | ECHOE | ECHOK;
	}
	memcpy(l->tio.c_cc, chars, sizeof(chars));
}

static void put(struct ldisc *l, uint8_t c)
{
	l->ring[l->head++ % LDISC_SIZE] = c;
}

static size_t echo_char(const struct ldisc *l, uint8_t c, char *echo)
{
	if (!(l->tio.c_lflag & ECHO))
		return 0;
	echo[0] = (char)c;
	return 1;
}

/* Takes back the last byte of the line being typed, a UTF-8 sequence whole. */
static size_t erase(struct ldisc *l, char *echo)
{
	uint8_t c;

	if (l->head == l->ready)
		return 0;
	do {
		c = l->ring[--l->head % LDISC_SIZE];
	} while ((c & 0xc0) == 0x80 && l->head != l->ready);
	if (!(l->tio.c_lflag & ECHO))
		return 0;
	memcpy(echo, "\b \b", 3);
	return 3;
}

/* The line being typed is thrown away. */
static size_t kill_line(struct ldisc *l, char *echo)
{
	l->head = l->ready;
	return echo_char(l, '\n', echo);
}

static size_t input_line(struct ldisc *l, uint8_t c, char *echo)
{
	const uint8_t *cc = l->tio.c_cc;

	if (c == cc[VERASE] || c == '\b')
		return erase(l, echo);
	if (c == cc[VKILL])
		return kill_line(l, echo);
	if (c == cc[VEOF]) {
		if (l->head == l->ready)
			l->ends++;
		l->ready = l->head;
		return 0;
	}
	if (c != '\n' && l->head - l->tail >= LDISC_SIZE - 1)
		return 0;		/* the last place is kept for the line's end */
	put(l, c);
	if (c == '\n')
		l->ready = l->head;
	return echo_char(l, c, echo);
}

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

size_t ldisc_input(struct ldisc *l, uint8_t c, char echo[LDISC_ECHO_MAX])
{
	if (l->framed && !unframe(l, c))
		return 0;
	if (c == '\r' && l->tio.c_iflag & ICRNL)
		c = '\n';
	else if (c == '\n' && l->tio.c_iflag & INLCR)
		c = '\r';
	if (l->tio.c_lflag & ICANON)
		return input_line(l, c, echo);
	put(l, c);
	l->ready = l->head;
	return echo_char(l, c, echo);
}

size_t ldisc_read(struct ldisc *l, uint8_t *buf, size_t n)
{
	size_t done = 0;

	if (l->tail == l->ready && l->ends) {
		l->ends--;
		return 0;
	}
	while (done < n && l->tail != l->ready) {
		uint8_t c = l->ring[l->tail++ % LDISC_SIZE];

		buf[done++] = c;
		if (c == '\n' && l->tio.c_lflag & ICANON)
			break;
	}
	return done;
}

void ldisc_set(struct ldisc *l, const struct termios *tio)
{
	l->tio = *tio;
	l->ready = l->head;
}

void ldisc_flush(struct ldisc *l)
{
	l->head = l->ready = l->tail;
	l->ends = 0;
}
