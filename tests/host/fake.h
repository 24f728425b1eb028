/*
 * The fake machine of the host tests: what <arch/...> promises, made from an
 * ordinary process, so that the code of mm runs under ASan and UBSan.
 *
 * fake.c has CPUs (a thread of the test is on one, fake_on_cpu chooses),
 * interrupt flags, clock, panic and log; fake_ram.c has RAM, struct pages and
 * the kernel image's symbols. A test names on its first line what is linked:
 *
 *	// sources: tests/host/fake.c tests/host/fake_ram.c lib/lock.c mm/alloc/early.c ...
 *
 * Tests are built with HOST_TEST and DEBUG: lock ranks are checked.
 */
#ifndef TESTS_HOST_FAKE_H
#define TESTS_HOST_FAKE_H

#include <arch/types.h>
#include <boot/bootinfo.h>

/* ---- CPUs (fake.c) ---- */

#define FAKE_CPUS	8

/* How many there are, from 1 (as at the start) to FAKE_CPUS, all fresh; the caller is on CPU 0. */
void fake_set_cpus(unsigned n);
/* The calling thread is on CPU id from now on; every thread starts on CPU 0. */
void fake_on_cpu(unsigned id);

/* ---- panic and log (fake.c) ---- */

/*
 * Runs the statement in a child process, which must panic with a message that
 * contains `text`; what the statement changes is not seen afterwards.
 */
#define EXPECT_PANIC(text, ...) \
	do { \
		if (fake_panic_fork()) { \
			__VA_ARGS__; \
			fake_panic_missed(); \
		} \
		CHECK(fake_panic_was(text)); \
	} while (0)
bool fake_panic_fork(void);
void fake_panic_missed(void) __noreturn;
bool fake_panic_was(const char *text);

/*
 * The log is kept, and shown on stderr if FAKE_LOG is set in the environment.
 * True if some line since fake_log_clear() contains text.
 */
bool fake_log_has(const char *text);
void fake_log_clear(void);

/* ---- RAM (fake_ram.c) ---- */

/*
 * An arena for all RAM of the map, then early_init, struct pages and
 * page_init, as the kernel does. Again for another map: all memory of the one
 * before is gone. The stages apart: fake_ram, early_init, fake_vmemmap.
 */
void fake_boot(const struct bootinfo *bi);
/* The same with the map of an ordinary PC of that many bytes (the last MB is firmware's). */
void fake_boot_size(uint64_t bytes);
void fake_map_pc(struct bootinfo *bi, uint64_t bytes);
/* Room for every byte that the map calls RAM; an access elsewhere is a segmentation fault. */
void fake_ram(const struct bootinfo *bi);
/* Struct pages, zeroed, for what early_for_each_ram says, in whole pages like kmap_build. */
void fake_vmemmap(void);

/* Adds a range to a map. */
void fake_range(struct bootinfo *bi, uint64_t start, uint64_t end, enum boot_range_kind kind);

#endif
