/*
 * Text that is made when somebody reads it (/proc): pages filled from the
 * front, of any length there is memory for. Counted, since a reader may still
 * copy from it while the next one has it made anew. What does not fit, for
 * want of memory, is remembered: the maker looks once, at the end.
 */
#ifndef KERNEL_FS_TEXT_H
#define KERNEL_FS_TEXT_H

#include <lib/ref.h>

#define TEXT_BYTES_MAX	(64ul << 20)

#define TEXT_PIECE	(16u << 10)

/*
 * A long one may come in pieces: its maker begins at `at` (0: the beginning), and if it stops
 * before the end, which it may when text_full, sets `at` to where the next piece begins, and `more`.
 */
struct text {
	uint32_t refs;			/* atomic */
	uint64_t start;			/* how much came before */
	uint64_t at;
	bool more;
	unsigned npages, max;		/* pages there are; room in page[] */
	size_t len;
	int err;			/* 0, -ENOMEM */
	char **page;
};

/* Empty, one reference; NULL: no memory. */
struct text *text_create(void);
static inline void text_get(struct text *t) { ref_get(&t->refs); }
void text_put(struct text *t);		/* NULL is fine */
static inline bool text_full(const struct text *t) { return t->len >= TEXT_PIECE; }

/* To be called by who made it, before others can read it. */
void text_add(struct text *t, const char *s, size_t n);
static inline void text_char(struct text *t, char c) { text_add(t, &c, 1); }
/* One piece, at most 511 bytes. */
void text_printf(struct text *t, const char *fmt, ...) __printf(2, 3);
/* A path or name, its newlines as \012. */
void text_escaped(struct text *t, const char *s, size_t n);
/* A number, decimal, with blanks before it up to `width` bytes, at most TEXT_NUMBER_MAX: printf's %*lu, many times faster. */
#define TEXT_NUMBER_MAX	24
void text_number(struct text *t, uint64_t v, size_t width);
/* Blanks, 80 at most, until the line, which began at `line`, is `width` bytes long. */
void text_pad(struct text *t, size_t line, size_t width);

/* One word of a choice on a line of its own: in brackets the one that is chosen. */
void text_choice(struct text *t, const char *name, bool chosen);

/* To user memory, from off on, of which this piece has the first byte: bytes, 0 at the end, -EFAULT. */
ssize_t text_read(const struct text *t, void __user *to, size_t n, uint64_t off);

#endif
