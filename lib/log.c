/*
 * The kernel's log.
 *
 * Every line goes to a ring of 64 KB, whatever the options say, and then to
 * the target (serial line, debug console, none). log_head counts all bytes
 * ever written; the newest is log_ring[(log_head - 1) % LOG_RING_SIZE]. GDB
 * and a core dump read both by name.
 *
 * log_lock (RANK_CONSOLE, the innermost) guards the ring and keeps lines
 * whole. A panic takes no lock: whoever holds it may be the one that died.
 */
#include <lib/log.h>
#include <arch/cpu.h>
#include <arch/machine.h>
#include <lib/assert.h>
#include <lib/format.h>
#include <lib/lock.h>
#include <lib/option.h>
#include <lib/string.h>

#define LINE_MAX	512

char log_ring[LOG_RING_SIZE];
uint64_t log_head;

static struct spinlock log_lock = SPINLOCK_INIT(RANK_CONSOLE);
static unsigned log_target = LOG_SERIAL;
static bool log_quiet;

option_choice(log, &log_target, "serial|debugcon|none", "where the kernel's log goes");
option_flag(quiet, &log_quiet, "log warnings and results only");

void log_set_target(enum log_target t)
{
	log_target = t;
}

enum log_target log_get_target(void)
{
	return log_target;
}

void log_set_quiet(bool quiet)
{
	log_quiet = quiet;
}

static void ring_put(const char *s, size_t n)
{
	while (n) {
		size_t at = log_head % LOG_RING_SIZE, part = MIN(n, LOG_RING_SIZE - at);

		memcpy(log_ring + at, s, part);
		log_head += part;
		s += part;
		n -= part;
	}
}

static void target_put(const char *s, size_t n)
{
	if (log_target == LOG_SERIAL)
		arch_serial_write(s, n);
	if (log_target == LOG_DEBUGCON || (panicking && arch_debugcon_present()))
		arch_debugcon_write(s, n);
}

static void put(const char *s, size_t n, bool show)
{
	ring_put(s, n);
	if (show)
		target_put(s, n);
}

/* One line of the text, its line break included; a missing one is added. */
static void put_line(const char *s, size_t n, bool stamp, bool show)
{
	char buf[LINE_MAX + 24];
	uint64_t us = arch_clock_ns() / 1000;
	size_t len = 0;

	if (stamp)
		len = scnprintf(buf, sizeof(buf), "[%5lu.%06lu] ", us / 1000000, us % 1000000);
	memcpy(buf + len, s, n);
	len += n;
	if (!n || s[n - 1] != '\n')
		buf[len++] = '\n';
	put(buf, len, show);
}

static __attribute__((format(printf, 1, 0)))
void log_text(const char *fmt, va_list ap, bool stamp, bool show)
{
	char text[LINE_MAX];
	const char *s = text, *end;
	uint64_t flags = 0;
	bool locked = !panicking;

	vsnprintf(text, sizeof(text), fmt, ap);
	end = text + strlen(text);
	if (locked)
		flags = spin_lock_irqsave(&log_lock);
	do {
		const char *nl = strchr(s, '\n');
		const char *next = nl ? nl + 1 : end;

		put_line(s, (size_t)(next - s), stamp, show || panicking);
		s = next;
	} while (s < end);
	if (locked)
		spin_unlock_irqrestore(&log_lock, flags);
}

void log_info(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	log_text(fmt, ap, true, !log_quiet);
	va_end(ap);
}

void log_warn(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	log_text(fmt, ap, true, true);
	va_end(ap);
}

void log_raw(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	log_text(fmt, ap, false, true);
	va_end(ap);
}
