/*
 * Accesses that may fault: the handlers note the signal and jump back, or repair the page and
 * return. Odd seeds have the mask saved and restored by the jump, even ones SA_NODEFER.
 */
#include "aspace.h"

#include <setjmp.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

struct fault last_fault;
bool fault_repairs;
static sigjmp_buf back;
static volatile bool armed;
static _Alignas(16) char stack[64 << 10];

static void on_fault(int signal, siginfo_t *info, void *context)
{
	(void)context;
	last_fault = (struct fault){ signal, info->si_code, (uint64_t)info->si_addr };
	if (!armed) {
		say("unexpected ");
		say_fault();
		end_line();
		out_flush();
		_exit(99);
	}
	if (fault_repairs) {
		fault_repairs = false;
		SYS(mprotect, last_fault.addr & -PAGE, PAGE, PROT_READ | PROT_WRITE);
		return;
	}
	siglongjmp(back, 1);
}

static void handle(void (*handler)(int, siginfo_t *, void *))
{
	static const int signals[] = { SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGTRAP };
	struct sigaction action = {
		.sa_flags = SA_SIGINFO | SA_ONSTACK | (seed & 1 ? 0 : SA_NODEFER),
	};

	action.sa_sigaction = handler;
	if (!handler)
		action.sa_flags = 0;
	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
		sigaction(signals[i], &action, NULL);
}

void fault_start(void)
{
	stack_t alternate = { .ss_sp = stack, .ss_size = sizeof(stack) };

	sigaltstack(&alternate, NULL);
	handle(on_fault);
}

void fault_stop(void)
{
	handle(NULL);
}

/* ACCESS runs with the handlers armed; false if it ended by a fault. */
#define GUARDED(access) ({						\
	bool good = !sigsetjmp(back, seed & 1);				\
									\
	if (good) {							\
		armed = true;						\
		access;							\
	}								\
	__asm__ volatile("" : : : "memory");				\
	armed = false;							\
	good;								\
})

bool try_read(uint64_t addr, uint8_t *value)
{
	return GUARDED(*value = *(volatile uint8_t *)addr);
}

bool try_write(uint64_t addr, uint8_t value)
{
	return GUARDED(*(volatile uint8_t *)addr = value);
}

/* By one instruction, aligned or not. */
bool try_read_word(uint64_t addr, uint64_t *value)
{
	return GUARDED(__asm__ volatile("mov (%1), %0" : "=r"(*value) : "r"(addr) : "memory"));
}

bool try_write_word(uint64_t addr, uint64_t value)
{
	return GUARDED(__asm__ volatile("mov %0, (%1)" : : "r"(value), "r"(addr) : "memory"));
}

bool try_exec(uint64_t addr, uint32_t *value)
{
	return GUARDED(*value = ((uint32_t (*)(void))addr)());
}

static void fill(uint64_t page, uint32_t value)
{
	volatile uint32_t *words = (volatile uint32_t *)page;

	words[0] = 0xb8 | value << 8;		/* mov $value, %eax; ret */
	words[1] = value >> 24 | 0xc3 << 8;
	for (size_t i = 2; i < PAGE / 4; i += 1 + i % 61)
		words[i] = value * 0x9e3779b1u + i;
}

bool try_fill(uint64_t page, uint32_t value)
{
	return GUARDED(fill(page, value));
}

bool try_digest(uint64_t page, uint64_t *hash)
{
	return GUARDED(*hash = mix(*hash, (const void *)page, PAGE));
}

static const char *code_name(const struct fault *f)
{
	switch (f->signal << 8 | f->code) {
	case SIGSEGV << 8 | SEGV_MAPERR:
		return "MAPERR";
	case SIGSEGV << 8 | SEGV_ACCERR:
		return "ACCERR";
	case SIGBUS << 8 | BUS_ADRERR:
		return "ADRERR";
	case SIGSEGV << 8 | SI_KERNEL:
		return "KERNEL";
	default:
		return NULL;
	}
}

void say_fault(void)
{
	const char *code = code_name(&last_fault);

	if (last_fault.signal == SIGSEGV)
		say(" = SEGV ");
	else if (last_fault.signal == SIGBUS)
		say(" = BUS ");
	else
		say(" = signal %d ", last_fault.signal);
	if (code)
		say("%s ", code);
	else
		say("code %d ", last_fault.code);
	say_addr(last_fault.addr);
}

static void say_run(long start, int kind, uint64_t hash)
{
	const char *why = code_name(&(struct fault){ kind >> 8, kind & 255, 0 });

	if (kind)
		say(" %ld:%s", start, why ? why : "?");
	else
		say(" %ld:%08x", start, (uint32_t)hash);
}

/* The pages [first, end) in runs: those that can be read with a digest, others with the reason. */
void hash_range(long first, long end)
{
	long start = first;
	uint64_t hash = 1;
	int before = -1;

	for (long page = first; page < end; page++) {
		uint64_t next = before ? 1 : hash;
		bool good = try_digest(page_addr(page), &next);
		int kind = good ? 0 : last_fault.signal << 8 | last_fault.code;

		if (kind != before && page > first)
			say_run(start, before, hash);
		if (kind != before)
			start = page;
		before = kind;
		hash = kind ? hash : next;
	}
	say_run(start, before, hash);
}
