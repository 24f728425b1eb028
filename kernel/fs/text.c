/* Text that is made when somebody reads it; see text.h. */
#include <kernel/fs/text.h>
#include <arch/page.h>
#include <arch/uaccess.h>
#include <lib/format.h>
#include <lib/string.h>
#include <linux/errno.h>
#include <mm/alloc/slab.h>

#define PIECE_MAX	512

struct text *text_create(void)
{
	struct text *t = kzalloc(sizeof(*t));

	if (t)
		t->refs = 1;
	return t;
}

void text_put(struct text *t)
{
	if (!t || !ref_put(&t->refs))
		return;
	for (unsigned i = 0; i < t->npages; i++)
		kfree(t->page[i]);
	kfree(t->page);
	kfree(t);
}

/* Room for the pointers to twice as many pages. */
static int grow_index(struct text *t)
{
	unsigned max = t->max ? 2 * t->max : 8;
	char **page = kmalloc(max * sizeof(*page));

	if (!page)
		return -ENOMEM;
	if (t->npages)
		memcpy(page, t->page, t->npages * sizeof(*page));
	kfree(t->page);
	t->page = page;
	t->max = max;
	return 0;
}

static int add_page(struct text *t)
{
	char *page;

	if (t->len >= TEXT_BYTES_MAX || (t->npages == t->max && grow_index(t)))
		return -ENOMEM;
	page = kmalloc(PAGE_SIZE);
	if (!page)
		return -ENOMEM;
	t->page[t->npages++] = page;
	return 0;
}

void text_add(struct text *t, const char *s, size_t n)
{
	while (n && !t->err) {
		size_t in = t->len % PAGE_SIZE, part = MIN(n, PAGE_SIZE - in);

		if (!in)
			t->err = add_page(t);
		if (t->err)
			return;
		memcpy(t->page[t->npages - 1] + in, s, part);
		t->len += part;
		s += part;
		n -= part;
	}
}

void text_printf(struct text *t, const char *fmt, ...)
{
	char piece[PIECE_MAX];
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(piece, sizeof(piece), fmt, ap);
	va_end(ap);
	text_add(t, piece, MIN((size_t)n, sizeof(piece) - 1));
}

void text_escaped(struct text *t, const char *s, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (s[i] == '\n')
			text_add(t, "\\012", 4);
		else
			text_char(t, s[i]);
	}
}

void text_pad(struct text *t, size_t line, size_t width)
{
	static const char blanks[] = "                                                                                ";
	size_t n = t->len - line;

	if (n < width)
		text_add(t, blanks, MIN(width - n, sizeof(blanks) - 1));
}

void text_number(struct text *t, uint64_t v, size_t width)
{
	char digits[TEXT_NUMBER_MAX];
	size_t at = sizeof(digits);

	do
		digits[--at] = (char)('0' + v % 10);
	while (v /= 10);
	while (sizeof(digits) - at < width)
		digits[--at] = ' ';
	text_add(t, digits + at, sizeof(digits) - at);
}

void text_choice(struct text *t, const char *name, bool chosen)
{
	text_printf(t, chosen ? "%s[%s]" : "%s%s", t->len ? " " : "", name);
}

ssize_t text_read(const struct text *t, void __user *to, size_t n, uint64_t off)
{
	size_t done = 0;

	off -= t->start;
	if (off >= t->len)
		return 0;
	n = MIN(n, t->len - off);
	while (done < n) {
		size_t in = (off + done) % PAGE_SIZE, part = MIN(n - done, PAGE_SIZE - in);

		if (copy_to_user((char __user *)to + done, t->page[(off + done) / PAGE_SIZE] + in,
				 part))
			return done ? (ssize_t)done : -EFAULT;
		done += part;
	}
	return (ssize_t)done;
}
