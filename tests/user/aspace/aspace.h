/*
 * aspace: random address-space programs, the same on Linux and in Quire.
 *
 * Everything happens in one universe of pages at a fixed address, so that what is printed is the
 * same on both systems: a reserve (PROT_NONE) with borders of tables at 2 MB and 1 GB in it, and
 * an empty margin on both sides. Results elsewhere are printed as "elsewhere" and taken down.
 * A step's choices depend on the seed and the step's path (such as 12.3: the third step of the
 * child forked by step 12), never on another step: steps can be left out, the rest stays.
 *
 * What Linux 6.1 and later kernels do differently is avoided, and said where.
 */
#pragma once

#define _GNU_SOURCE

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PAGE		4096ul
#define BORDER		0x100040000000ul		/* of 1 GB */
#define ARENA		(BORDER - (3ul << 20) - (128ul << 10))
#define ARENA_PAGES	1792l		/* 7 MB: below the usual limit of locked memory */
#define MARGIN		64l		/* pages on each side that belong to the universe */
#define FIRST_PAGE	(-MARGIN)
#define END_PAGE	(ARENA_PAGES + MARGIN)
#define USER_END	0x7ffffffff000ul

#define FILES		4				/* memfds */
#define DEPTH		3				/* forks in forks */

/* ---- aspace.c: classes ---- */

struct op {
	const char *name;
	const char *class;
	unsigned weight;
	void (*run)(void);
};

/* Is this class to be tried? */
bool class_on(const char *name);
/* One random step; `path` names it in the output. */
void step_run(const char *path);

extern uint64_t seed;
extern char step_path[64];
extern int depth;

/* ---- random.c ---- */

void random_start(uint64_t seed, const char *path);
uint64_t random_bits(void);
/* Below n. */
uint64_t rnd(uint64_t n);
bool chance(unsigned percent);
#define ONE_OF(array) ((array)[rnd(sizeof(array) / sizeof((array)[0]))])

/* ---- out.c ---- */

enum out_mode { OUT_TEXT, OUT_EACH_LINE, OUT_DIGEST };

void out_start(enum out_mode mode);
void say(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* An address: A+3p+0x10, B+... (break), elsewhere, or 0x... where it is far from all of these. */
void say_addr(uint64_t addr);
void say_prot(int prot);
/* What a call returned: a number or the errno's name. */
void say_result(long result);
void end_line(void);
/* In digest mode: one line that stands for all since the last one. */
void out_digest(const char *label);
void out_flush(void);
uint64_t mix(uint64_t hash, const void *from, size_t n);
extern uint64_t break_base;

/* ---- pick.c ---- */

struct range { uint64_t addr, len; };

long pick_page(void);
long pick_count(void);
/* Whole pages inside the universe. */
struct range pick_pages(void);
/* For calls that refuse nonsense or find nothing there: sometimes nonsense. */
struct range pick_range(void);
int pick_prot(void);
static inline uint64_t page_addr(long page) { return ARENA + page * PAGE; }
static inline bool in_universe(uint64_t addr)
{
	return addr >= page_addr(FIRST_PAGE) && addr < page_addr(END_PAGE);
}
/* Takes the range of a call's arguments into the line. */
void say_range(struct range r);
/* Did the call put a mapping elsewhere? Then it is taken down, and true is returned. */
bool take_down(long result, uint64_t len);

/* ---- fault.c: accesses that may fault ---- */

struct fault { int signal, code; uint64_t addr; };

void fault_start(void);
/* The default actions again. */
void fault_stop(void);
/* Accesses: true, or false and last_fault says why. */
bool try_read(uint64_t addr, uint8_t *value);
bool try_write(uint64_t addr, uint8_t value);
bool try_read_word(uint64_t addr, uint64_t *value);
bool try_write_word(uint64_t addr, uint64_t value);
bool try_exec(uint64_t addr, uint32_t *value);
/* A page of pattern that begins with mov $imm, %eax; ret. */
bool try_fill(uint64_t page, uint32_t value);
bool try_digest(uint64_t page, uint64_t *hash);
void say_fault(void);
extern struct fault last_fault;
/* The next fault is answered by mprotect(page, PROT_READ | PROT_WRITE) and a return. */
extern bool fault_repairs;
void hash_range(long first, long end);

/* ---- files.c ---- */

/* An open fd to map: a memfd mostly; -1 if there is none. *kind is its name in the output. */
int pick_file(const char **kind);
void files_start(const char *self);
/* Seals of a memfd; 0 for others. */
int file_seals(int fd);
int scratch_pipe(int end);
/*
 * Which pages may show parts of files. What is cached of these depends on the version: newer
 * kernels have a page where a write could copy nothing.
 */
void taint(uint64_t addr, uint64_t len, bool on);
void taint_move(uint64_t from, uint64_t to, uint64_t old_len, uint64_t new_len);
bool tainted(uint64_t addr);

/* ---- the steps ---- */

extern const struct op map_ops[], file_ops[], advice_ops[], remap_ops[], touch_ops[], process_ops[],
		       grow_ops[], huge_ops[];

/* mremap of old to so many bytes at target, told with what comes of it. */
void remap(struct range old, uint64_t new_len, int flags, uint64_t target);

/* Waits for a child; how it ended. */
void say_end(long pid);

/* A step: what /proc/self/maps says (maps.c). */
void op_maps(void);
/* Can a page of the range that shows a file not be read? Reads them. */
bool hides_file_pages(struct range r);

/* What /proc/self/status says now is where its figures are counted from. */
void status_start(void);
/* All memory is locked: the program's own, too, which is not the same size everywhere. */
extern bool all_locked;

/* A system call as it is: no C library between; errors are -errno. */
static inline long call(long nr, long a, long b, long c, long d, long e, long f)
{
	register long r10 __asm__("r10") = d, r8 __asm__("r8") = e, r9 __asm__("r9") = f;
	long result;

	__asm__ volatile("syscall" : "=a"(result)
			 : "a"(nr), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
			 : "rcx", "r11", "memory");
	return result;
}

#define SYS_CALL(nr, a, b, c, d, e, f, ...) \
	call(nr, (long)(a), (long)(b), (long)(c), (long)(d), (long)(e), (long)(f))
#define SYS(name, ...) SYS_CALL(__NR_##name, ##__VA_ARGS__, 0, 0, 0, 0, 0, 0, 0)
