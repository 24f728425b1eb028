/*
 * What -fsanitize=undefined calls (debug builds): every finding is a panic
 * that says where and what. The layouts are the compilers' (gcc and clang
 * agree): compiler-rt, lib/ubsan/ubsan_handlers.h and ubsan_value.h.
 */
#ifdef DEBUG
#include <lib/assert.h>
#include <lib/format.h>

struct location {
	const char *file;
	uint32_t line, column;
};

struct type {
	uint16_t kind;		/* 0: integer, 1: float, 0xffff: other */
	uint16_t info;		/* integer: log2 of the bits << 1 | signed */
	char name[];		/* in quotes */
};

struct at { struct location loc; };
struct at_type { struct location loc; const struct type *type; };
struct at_two_types { struct location loc; const struct type *left, *right; };
struct at_access { struct location loc; const struct type *type; uint8_t log_align, kind; };
struct at_builtin { struct location loc; uint8_t kind; };
struct at_arg { struct location loc, attribute; int arg; };
struct at_assumption { struct location loc, assumption; const struct type *type; };

/* An integer of up to 64 bits comes as the argument itself, a wider one by pointer. */
static const char *value_text(char *buf, size_t n, const struct type *t, uintptr_t v)
{
	unsigned bits = 1u << (t->info >> 1);

	if (t->kind != 0 || bits > 64)
		scnprintf(buf, n, "(%s)", t->name);
	else if (t->info & 1)
		scnprintf(buf, n, "%ld", (int64_t)(v << (64 - bits)) >> (64 - bits));
	else
		scnprintf(buf, n, "%lu", v);
	return buf;
}

#define report(loc, fmt, ...) \
	panic("undefined behaviour at %s:%u:%u: " fmt, (loc).file, (loc).line, (loc).column, \
	      ##__VA_ARGS__)

static void __noreturn overflow(const struct at_type *d, uintptr_t a, const char *op, uintptr_t b)
{
	char left[32], right[32];

	report(d->loc, "%s %s %s does not fit %s", value_text(left, sizeof(left), d->type, a), op,
	       value_text(right, sizeof(right), d->type, b), d->type->name);
}

/* The compiler calls these by name; nothing else does. */
#define HANDLER(name, ...) \
	void __ubsan_handle_##name(__VA_ARGS__); \
	void __ubsan_handle_##name(__VA_ARGS__)

HANDLER(add_overflow, const struct at_type *d, uintptr_t a, uintptr_t b)
{
	overflow(d, a, "+", b);
}

HANDLER(sub_overflow, const struct at_type *d, uintptr_t a, uintptr_t b)
{
	overflow(d, a, "-", b);
}

HANDLER(mul_overflow, const struct at_type *d, uintptr_t a, uintptr_t b)
{
	overflow(d, a, "*", b);
}

HANDLER(divrem_overflow, const struct at_type *d, uintptr_t a, uintptr_t b)
{
	overflow(d, a, "/", b);
}

HANDLER(negate_overflow, const struct at_type *d, uintptr_t v)
{
	char text[32];

	report(d->loc, "-(%s) does not fit %s", value_text(text, sizeof(text), d->type, v),
	       d->type->name);
}

HANDLER(shift_out_of_bounds, const struct at_two_types *d, uintptr_t v, uintptr_t by)
{
	char left[32], right[32];

	report(d->loc, "%s shifted by %s in %s", value_text(left, sizeof(left), d->left, v),
	       value_text(right, sizeof(right), d->right, by), d->left->name);
}

HANDLER(out_of_bounds, const struct at_two_types *d, uintptr_t index)
{
	char text[32];

	report(d->loc, "index %s beyond %s", value_text(text, sizeof(text), d->right, index),
	       d->left->name);
}

HANDLER(type_mismatch_v1, const struct at_access *d, uintptr_t ptr)
{
	report(d->loc, "%s pointer 0x%lx to %s, which wants alignment %lu",
	       !ptr ? "null" : ptr & ((1ul << d->log_align) - 1) ? "misaligned" : "wrong",
	       ptr, d->type->name, 1ul << d->log_align);
}

HANDLER(pointer_overflow, const struct at *d, uintptr_t base, uintptr_t result)
{
	report(d->loc, "pointer 0x%lx moved to 0x%lx", base, result);
}

HANDLER(load_invalid_value, const struct at_type *d, uintptr_t v)
{
	report(d->loc, "%lu is no value of %s", v, d->type->name);
}

HANDLER(builtin_unreachable, const struct at *d)
{
	report(d->loc, "unreachable code reached");
}

HANDLER(missing_return, const struct at *d)
{
	report(d->loc, "end of a function without its value");
}

HANDLER(invalid_builtin, const struct at_builtin *d)
{
	report(d->loc, "%s of 0", d->kind == 0 ? "ctz" : "clz");
}

HANDLER(vla_bound_not_positive, const struct at_type *d, uintptr_t bound)
{
	char text[32];

	report(d->loc, "array of length %s", value_text(text, sizeof(text), d->type, bound));
}

HANDLER(nonnull_arg, const struct at_arg *d)
{
	report(d->loc, "argument %d must not be null", d->arg);
}

HANDLER(nonnull_return_v1, const struct at *attribute, const struct location *loc)
{
	report(*loc, "null returned; declared nonnull at %s:%u", attribute->loc.file,
	       attribute->loc.line);
}

HANDLER(alignment_assumption, const struct at_assumption *d, uintptr_t ptr, uintptr_t align,
	uintptr_t offset)
{
	report(d->loc, "0x%lx - %lu is not aligned to %lu", ptr, offset, align);
}
#endif
