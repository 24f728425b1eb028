/*
 * The kernel's log: lines with a time stamp, kept in a ring (for panic, GDB
 * and later dmesg) and written to where the option log= says.
 */
#ifndef LIB_LOG_H
#define LIB_LOG_H

#include <arch/types.h>

/* One line, or several; a line break is added if there is none. At most 512 bytes. Any context but NMI. */
void log_info(const char *fmt, ...) __printf(1, 2);
void log_warn(const char *fmt, ...) __printf(1, 2);
/* Without a time stamp (verdicts, KTAP): what tools read. Always goes to the log's channel, quiet or not. */
void log_raw(const char *fmt, ...) __printf(1, 2);

/* Where lines go from now on; the option log= chooses at boot. LOG_SERIAL until then. */
enum log_target { LOG_SERIAL, LOG_DEBUGCON, LOG_NONE };
void log_set_target(enum log_target t);
enum log_target log_get_target(void);
void log_set_quiet(bool quiet);

/* All lines, also those not shown: a ring, and the bytes ever written to it. log_lock; for GDB and dumps. */
#define LOG_RING_SIZE	65536ul
extern char log_ring[LOG_RING_SIZE];
extern uint64_t log_head;

/* The same for a message that belongs to a bug of this kernel: at most once per place. */
#define log_once(...) \
	do { \
		static bool said_; \
		if (!said_) { said_ = true; log_warn(__VA_ARGS__); } \
	} while (0)

#endif
