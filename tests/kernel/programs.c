/*
 * What becomes of a program that does what it may not: it is killed, with the
 * right signal, alone. And of one that never ends: it can be killed.
 */
#include <kernel/proc/process.h>
#include <lib/ktest.h>
#include <linux/errno.h>
#include <mm/alloc/slab.h>
#include <mm/pt/pt.h>
#include <tests/kernel/program.h>

#define CODE(...) (const uint8_t[]){ __VA_ARGS__ }, sizeof((const uint8_t[]){ __VA_ARGS__ })

static int run(const uint8_t *code, size_t n, unsigned ms)
{
	struct program *p = program_create(code, n);
	int status = program_run(p, ms);

	kfree(p);
	return status;
}

#define EXPECT_KILLED(sig, ...) EXPECT_EQ(run(CODE(__VA_ARGS__), 10000), STATUS_SIGNAL(sig))

/* mov rax, imm64 */
#define MOV_RAX(v) 0x48, 0xb8, (uint8_t)(v), (uint8_t)((v) >> 8), (uint8_t)((v) >> 16), (uint8_t)((v) >> 24), \
	(uint8_t)((v) >> 32), (uint8_t)((v) >> 40), (uint8_t)((v) >> 48), (uint8_t)((v) >> 56)

KTEST(programs, bad_accesses_kill)
{
	EXPECT_KILLED(SIGSEGV, MOV_RAX(0ul), 0xc6, 0x00, 1);			/* movb $1, (rax) */
	EXPECT_KILLED(SIGSEGV, MOV_RAX(0ul), 0x8a, 0x00);			/* mov (rax), al */
	EXPECT_KILLED(SIGSEGV, MOV_RAX(0ul), 0xff, 0xe0);			/* jmp *rax */
	EXPECT_KILLED(SIGSEGV, MOV_RAX(PROGRAM_CODE), 0xc6, 0x00, 1);		/* its own code */
	EXPECT_KILLED(SIGSEGV, MOV_RAX(PROGRAM_DATA), 0xff, 0xe0);		/* jumps to data */
	/* the page below the hole */
	EXPECT_KILLED(SIGSEGV, MOV_RAX(0x7ffffffff000ul), 0x8a, 0x00);
	EXPECT_KILLED(SIGSEGV, MOV_RAX(0xffffffff80100000ul), 0x8a, 0x00);	/* the kernel */
	EXPECT_KILLED(SIGSEGV, MOV_RAX(0xffff800000000000ul), 0xc6, 0x00, 1);	/* all RAM */
	/* not canonical, or not mapped */
	EXPECT_KILLED(SIGSEGV, MOV_RAX(0x0000900000000000ul), 0x8a, 0x00);
	EXPECT_KILLED(SIGSEGV, MOV_RAX(0x8000000000000000ul), 0xff, 0xe0);	/* jumps there */
}

KTEST(programs, exceptions_kill)
{
	EXPECT_KILLED(SIGFPE, 0x31, 0xc9, 0xf7, 0xf1);			/* xor ecx, ecx; div ecx */
	EXPECT_KILLED(SIGILL, 0x0f, 0x0b);				/* ud2 */
	EXPECT_KILLED(SIGTRAP, 0xcc);					/* int3 */
	EXPECT_KILLED(SIGSEGV, 0xf4);					/* hlt */
	EXPECT_KILLED(SIGSEGV, 0xfa);					/* cli */
	EXPECT_KILLED(SIGSEGV, 0x0f, 0x22, 0xd8);			/* mov rax, cr3 */
	EXPECT_KILLED(SIGSEGV, 0x0f, 0x20, 0xd8);			/* mov cr3, rax */
	/* outb 0xf4: may not end the machine */
	EXPECT_KILLED(SIGSEGV, 0xe6, 0xf4);
	EXPECT_KILLED(SIGSEGV, 0xcd, 0x0e);				/* int 14 */
	EXPECT_KILLED(SIGSEGV, 0xcd, 0x80);				/* int 0x80 */
	EXPECT_KILLED(SIGSEGV, 0x0f, 0x32);				/* rdmsr */
	EXPECT_KILLED(SIGTRAP, 0x9c, 0x81, 0x0c, 0x24, 0, 1, 0, 0, 0x9d, 0x90); /* sets TF */
}

/* Registers that a system call or an interrupt finds broken: the kernel does not care. */
KTEST(programs, broken_registers)
{
	int status;

	/* rsp not canonical, then a system call: exit_group(5) */
	EXPECT_EQ(run(CODE(MOV_RAX(0x8000000000000000ul), 0x48, 0x89, 0xc4, CODE_EXIT(5)), 10000),
		  STATUS_EXIT(5));
	/* the same, then a push: #SS, which QEMU's TCG takes for #GP */
	status = run(CODE(MOV_RAX(0x8000000000000000ul), 0x48, 0x89, 0xc4, 0x50), 10000);
	EXPECT(status == STATUS_SIGNAL(SIGBUS) || status == STATUS_SIGNAL(SIGSEGV));
	/* DF and AC set, NT set, then a system call */
	EXPECT_EQ(run(CODE(0x9c, 0x81, 0x0c, 0x24, 0, 0x44, 0x04, 0, 0x9d, CODE_EXIT(6)), 10000),
		  STATUS_EXIT(6));
	/* loads of selectors */
	/* the kernel's into ds */
	EXPECT_KILLED(SIGSEGV, 0x66, 0xb8, 0x08, 0x00, 0x8e, 0xd8);
	/* one that is not there */
	EXPECT_KILLED(SIGSEGV, 0x66, 0xb8, 0xff, 0xff, 0x8e, 0xd8);
}

KTEST(programs, stack_overflow_kills)
{
	EXPECT_KILLED(SIGSEGV, 0x50, 0xeb, 0xfd);			/* push rax; jmp back */
}

KTEST(programs, unknown_calls_are_refused)
{
	/* mov eax, 9999; syscall; neg eax; mov edi, eax; exit_group: with ENOSYS, 38 */
	EXPECT_EQ(run(CODE(0xb8, 0x0f, 0x27, 0, 0, 0x0f, 0x05, 0xf7, 0xd8, 0x89, 0xc7,
			   0xb8, 231, 0, 0, 0, 0x0f, 0x05), 10000), STATUS_EXIT(38));
	/* the same with -1: mov rax, -1 */
	EXPECT_EQ(run(CODE(0x48, 0xc7, 0xc0, 0xff, 0xff, 0xff, 0xff, 0x0f, 0x05, 0xf7, 0xd8, 0x89,
			   0xc7, 0xb8, 231, 0, 0, 0, 0x0f, 0x05), 10000), STATUS_EXIT(38));
}

/*
 * The n-th allocation of frames fails, whichever that is: the program is not
 * started, cannot be executed, is killed for want of memory or runs.
 */
KTEST(programs, no_memory_anywhere)
{
	struct program *p = program_create(CODE(CODE_EXIT(3)));
	unsigned ran = 0, spoilt = 0;

	for (uint64_t nth = 1; nth < 64; nth++) {
		int status;

		kstack_drain();
		slab_shrink();
		page_fail_nth = nth;
		status = program_run(p, 10000);
		page_fail_nth = 0;
		EXPECT(status == -ENOMEM || status == STATUS_EXIT(126) ||
		       status == STATUS_EXIT(3) || status == STATUS_SIGNAL(SIGKILL));
		ran += status == STATUS_EXIT(3);
		spoilt += status != STATUS_EXIT(3);
	}
	ktest_note("%u ran, %u did not", ran, spoilt);
	EXPECT(ran > 5 && spoilt > 5);
	kfree(p);
}

KTEST(programs, an_endless_one_can_be_killed)
{
	EXPECT_EQ(run(CODE(0xeb, 0xfe), 20), STATUS_SIGNAL(SIGKILL));
}

/* sched_yield for ever: never leaves by an interrupt only. */
KTEST(programs, a_yielding_one_can_be_killed)
{
	EXPECT_EQ(run(CODE(0xb8, 24, 0, 0, 0, 0x0f, 0x05, 0xeb, 0xf7), 20), STATUS_SIGNAL(SIGKILL));
}
