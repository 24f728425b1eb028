/*
 * The fake machine: CPUs, interrupt flags, clock, panic and log. See fake.h.
 */
#include <tests/host/fake.h>
#include <arch/cpu.h>
#include <arch/page.h>
#include <kernel/core/thread.h>
#include <kernel/core/wait.h>
#include <lib/assert.h>
#include <lib/log.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* ---- CPUs ---- */

static struct cpu fake_cpu[FAKE_CPUS];
static __thread struct cpu *on_cpu;
static __thread bool irqs_off;

struct cpu *arch_cpus[MAX_CPUS];
unsigned arch_ncpus;
struct cpu_features arch_features = {
	.nx = true, .pdpe1gb = true, .phys_bits = 46, .virt_bits = 48,
};
uint64_t arch_tsc_khz = 1000000;

void fake_set_cpus(unsigned n)
{
	arch_ncpus = n;
	on_cpu = NULL;
	for (unsigned i = 0; i < FAKE_CPUS; i++) {
		fake_cpu[i] = (struct cpu){ .self = &fake_cpu[i], .id = i, .apic_id = i };
		arch_cpus[i] = i < n ? &fake_cpu[i] : NULL;
	}
}

__attribute__((constructor)) static void fake_cpus_init(void)
{
	fake_set_cpus(1);
}

void fake_on_cpu(unsigned id)
{
	on_cpu = &fake_cpu[id];
}

struct cpu *this_cpu(void)
{
	return on_cpu ? on_cpu : &fake_cpu[0];
}

struct thread *current_thread(void)
{
	static __thread struct thread self;

	return &self;
}

bool irq_enabled(void) { return !irqs_off; }
void irq_enable(void) { irqs_off = false; }
void irq_disable(void) { irqs_off = true; }

uint64_t irq_save(void)
{
	uint64_t flags = irqs_off ? 0 : 0x200;

	irqs_off = true;
	return flags;
}

void irq_restore(uint64_t flags)
{
	if (flags & 0x200)
		irqs_off = false;
}

uint64_t arch_clock_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000ul + (uint64_t)t.tv_nsec;
}

uint64_t arch_tsc(void) { return arch_clock_ns(); }

/* A test may bring its own. */
#pragma weak clear_page
#pragma weak copy_page
void clear_page(void *p) { memset(p, 0, PAGE_SIZE); }
void copy_page(void *dst, const void *src) { memcpy(dst, src, PAGE_SIZE); }

/* ---- log ---- */

static char log_kept[1 << 16];
static size_t log_len;

static void fake_log(const char *fmt, va_list ap)
{
	char line[512];

	vsnprintf(line, sizeof(line), fmt, ap);
	if (getenv("FAKE_LOG"))
		fprintf(stderr, "# %s\n", line);
	if (log_len + strlen(line) + 2 > sizeof(log_kept))
		log_len = 0;
	log_len += (size_t)sprintf(log_kept + log_len, "%s\n", line);
}

void log_info(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	fake_log(fmt, ap);
	va_end(ap);
}

void log_warn(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	fake_log(fmt, ap);
	va_end(ap);
}

bool fake_log_has(const char *text)
{
	return strstr(log_kept, text);
}

void fake_log_clear(void)
{
	log_len = 0;
	log_kept[0] = '\0';
}

/* ---- panic ---- */

#define PANIC_STATUS	77

bool panicking;
static char *panic_text;	/* shared with the child of EXPECT_PANIC */
static bool panic_expected;
#define PANIC_TEXT_MAX	512

void panic(const char *fmt, ...)
{
	char text[PANIC_TEXT_MAX];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (panic_expected) {
		strcpy(panic_text, text);
		_exit(PANIC_STATUS);
	}
	fprintf(stderr, "# panic: %s\n", text);
	abort();
}

bool fake_panic_fork(void)
{
	int status;
	pid_t pid;

	if (!panic_text)
		panic_text = mmap(NULL, PANIC_TEXT_MAX, PROT_READ | PROT_WRITE,
				  MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	strcpy(panic_text, "(no panic)");
	fflush(NULL);
	pid = fork();
	if (pid == 0) {
		panic_expected = true;
		return true;
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid) {
		perror("fork");
		abort();
	}
	if (!WIFEXITED(status) || WEXITSTATUS(status) != PANIC_STATUS)
		snprintf(panic_text, PANIC_TEXT_MAX, "(no panic, but wait status 0x%x)", status);
	return false;
}

void fake_panic_missed(void)
{
	_exit(0);
}

bool fake_panic_was(const char *text)
{
	if (strstr(panic_text, text))
		return true;
	printf("# expected a panic with '%s', got: %s\n", text, panic_text);
	return false;
}

/*
 * ---- wait queues: somebody may look whether there is anybody to wake; nobody
 * ever sleeps. A test of kernel/core brings the real ones.
 */
#pragma weak waitq_init
#pragma weak waitq_lock
#pragma weak waitq_unlock
#pragma weak waitq_wake_all
#pragma weak waitq_wake_one

void waitq_init(struct waitq *q)
{
	spin_init(&q->lock, RANK_WAITQ);
	TAILQ_INIT(&q->sleepers);
}

uint64_t waitq_lock(struct waitq *q) { return spin_lock_irqsave(&q->lock); }
void waitq_unlock(struct waitq *q, uint64_t flags) { spin_unlock_irqrestore(&q->lock, flags); }
void waitq_wake_all(struct waitq *q) { assert(TAILQ_EMPTY(&q->sleepers)); }
void waitq_wake_one(struct waitq *q) { assert(TAILQ_EMPTY(&q->sleepers)); }

/* Of options, which no native test gives. */
int parse_u64(const char *text, uint64_t *v)
{
	char *end;

	*v = strtoull(text, &end, 0);
	return *text && !*end ? 0 : -1;
}
