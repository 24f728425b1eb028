/*
 * The line discipline: what lies between the bytes of a line and read(2):
 * either untouched bytes or edited lines (ICANON), as the termios say. Pure:
 * no locks, no I/O; the console calls it under its lock and sends the echo.
 */
#ifndef KERNEL_DEV_LDISC_H
#define KERNEL_DEV_LDISC_H

#include <arch/types.h>
#include <asm/termbits.h>

#define LDISC_SIZE	4096u		/* a power of two */

struct ldisc {
	struct termios tio;
	uint32_t head, ready, tail;	/* of ring, counting up: written, readable, read */
	uint32_t ends;			/* ends of file typed and not yet read */
	bool framed;			/* option stdin=framed: 0xFF is an escape */
	bool escape;			/* framed: the last byte was one */
	bool ended;			/* framed: end of input, for good */
	uint8_t ring[LDISC_SIZE];
};

/* What to send back to who typed: at most so many bytes for each byte put in. */
#define LDISC_ECHO_MAX	4

void ldisc_init(struct ldisc *l, bool framed);
/* True if another byte has room. */
static inline bool ldisc_room(const struct ldisc *l) { return l->head - l->tail < LDISC_SIZE; }
/* Takes a byte of the line (ldisc_room says yes); returns how many bytes of echo. */
size_t ldisc_input(struct ldisc *l, uint8_t c, char echo[LDISC_ECHO_MAX]);
/* True if a read would not wait. */
static inline bool ldisc_readable(const struct ldisc *l)
{
	return l->ready != l->tail || l->ends || l->ended;
}
/* Bytes that a read would give. */
static inline uint32_t ldisc_count(const struct ldisc *l) { return l->ready - l->tail; }
/*
 * Takes up to n bytes out, one line at most if lines are edited. 0: end of file
 * (ldisc_readable said yes).
 */
size_t ldisc_read(struct ldisc *l, uint8_t *buf, size_t n);
/* New settings; what was typed so far becomes readable. */
void ldisc_set(struct ldisc *l, const struct termios *tio);
/* Throws away what is typed and not read. */
void ldisc_flush(struct ldisc *l);

#endif
