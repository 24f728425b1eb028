/*
 * The line discipline: what lies between the bytes of a terminal's line and
 * read(2) and write(2): untouched bytes or edited lines (ICANON), keys that are
 * signals (ISIG) or hold output (IXON), echo, and line breaks as terminals want
 * them (OPOST), as the termios say: termios(3). Pure: no locks; the console
 * calls it under its lock.
 */
#ifndef KERNEL_DEV_LDISC_H
#define KERNEL_DEV_LDISC_H

#include <arch/types.h>
#include <asm/termbits.h>

#define LDISC_SIZE	4096u		/* a power of two */
#define LDISC_TAB	8u

struct ldisc {
	struct termios tio;
	void (*echo)(const char *s, size_t n);	/* sends to who types */
	uint32_t head, ready, tail;	/* of ring, counting up: written, readable, read */
	unsigned column;		/* where the cursor is */
	unsigned line_column;		/* where it was when the line being typed began */
	bool framed;			/* option stdin=framed: 0xFF is an escape */
	bool escape;			/* framed: the last byte was one */
	bool ended;			/* framed: end of input, for good */
	bool literal;			/* VLNEXT: the next byte means nothing special */
	bool stopped;			/* VSTOP: output is to wait */
	uint64_t end[LDISC_SIZE / 64];	/* bytes that end a line; of those, NUL is VEOF */
	uint8_t ring[LDISC_SIZE];
};

void ldisc_init(struct ldisc *l, bool framed, void (*echo)(const char *s, size_t n));
/* True if another byte has room. */
static inline bool ldisc_room(const struct ldisc *l) { return l->head - l->tail < LDISC_SIZE; }
/* Takes a byte of the line (ldisc_room says yes). The signal that the foreground group is to get, or 0. */
int ldisc_input(struct ldisc *l, uint8_t c);
/* True if there is something to read: bytes, or an end of file. */
static inline bool ldisc_readable(const struct ldisc *l)
{
	return l->ready != l->tail || l->ended;
}
/* Bytes that reads would give. */
uint32_t ldisc_count(const struct ldisc *l);
/*
 * Takes up to n bytes out, one line at most if lines are edited. 0: end of file, or nothing is
 * there (raw).
 */
size_t ldisc_read(struct ldisc *l, uint8_t *buf, size_t n);
/*
 * What goes out for the *n bytes at s that a program writes, as far as `out` of `room` bytes (at
 * least LDISC_TAB) takes it: its length; *n: how many of s that was.
 */
size_t ldisc_output(struct ldisc *l, const char *s, size_t *n, char *out, size_t room);
/* New settings; what was typed so far becomes readable. */
void ldisc_set(struct ldisc *l, const struct termios *tio);
/* Throws away what is typed and not read. */
void ldisc_flush(struct ldisc *l);

#endif
