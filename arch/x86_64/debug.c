/*
 * What a panic tells of the machine: registers, stack traces, page walks. All
 * of it may run when things are broken: every pointer is read by a probe that
 * survives a fault, and every loop has an end.
 *
 * A stack trace follows rbp from frame to frame (the kernel is compiled
 * with frame pointers). Where a return address is one of entry.S's calls, a
 * trapframe lies above it, and the trace goes on in what was interrupted, on
 * whatever stack that ran.
 */
#include <arch/x86_64/percpu.h>
#include <arch/layout.h>
#include <arch/machine.h>
#include <arch/pte.h>
#include <lib/format.h>
#include <lib/ksyms.h>
#include <lib/log.h>

#define TRACE_MAX	500		/* frames */

uint64_t arch_read_cr2(void)
{
	return read_cr2();
}

static void show_control(void)
{
	log_warn("cr0 %08lx cr2 %016lx cr3 %012lx cr4 %08lx efer %04lx", read_cr0(), read_cr2(),
		 read_cr3(), read_cr4(), rdmsr(MSR_EFER));
	log_warn("fs base %016lx, gs base %016lx, user's gs base %016lx", rdmsr(MSR_FS_BASE),
		 rdmsr(MSR_GS_BASE), rdmsr(MSR_KERNEL_GS_BASE));
}

void arch_show_regs(const struct trapframe *tf)
{
	if (tf) {
		log_warn("%s (vector %lu), error code 0x%lx, in ring %lu", vector_name(tf->vector),
			 tf->vector, tf->error, tf->cs & 3);
		log_warn("rip %04lx:%016lx rsp %04lx:%016lx rflags %08lx", tf->cs, tf->rip, tf->ss,
			 tf->rsp, tf->rflags);
		log_warn("rax %016lx rbx %016lx rcx %016lx", tf->rax, tf->rbx, tf->rcx);
		log_warn("rdx %016lx rsi %016lx rdi %016lx", tf->rdx, tf->rsi, tf->rdi);
		log_warn("rbp %016lx r8  %016lx r9  %016lx", tf->rbp, tf->r8, tf->r9);
		log_warn("r10 %016lx r11 %016lx r12 %016lx", tf->r10, tf->r11, tf->r12);
		log_warn("r13 %016lx r14 %016lx r15 %016lx", tf->r13, tf->r14, tf->r15);
	}
	show_control();
}

/* One line of a trace. back: 1 for a return address, whose call lies before it. */
static void show_place(uint64_t rip, unsigned back)
{
	uint64_t offset;
	const char *name = ksym_lookup(rip - back, &offset);

	if (name)
		log_warn("  %016lx %s+0x%lx", rip, name, offset + back);
	else
		log_warn("  %016lx", rip);
}

static bool is_entry_call(uint64_t ret)
{
	for (const uint64_t *call = entry_calls; call < entry_calls_end; call++)
		if (ret == *call)
			return true;
	return false;
}

/* A copy of the frame at va. False: it cannot be read. */
static bool read_frame(struct trapframe *tf, vaddr_t va)
{
	uint64_t *word = (uint64_t *)tf;

	for (unsigned i = 0; i < sizeof(*tf) / 8; i++)
		if (probe_u64(&word[i], va + 8 * i))
			return false;
	return true;
}

/*
 * Steps over a trapframe at va: says what interrupted what; *rbp is then the
 * interrupted code's. False: that was ring 3, or cannot be read.
 */
static bool trace_trap(vaddr_t va, uint64_t *rbp)
{
	struct trapframe tf;

	if (!read_frame(&tf, va))
		return false;
	if (trap_from_user(&tf)) {
		log_warn("  -- %s of ring 3 at %016lx", vector_name(tf.vector), tf.rip);
		return false;
	}
	log_warn("  -- %s at", vector_name(tf.vector));
	show_place(tf.rip, 0);
	*rbp = tf.rbp;
	return true;
}

static bool in_text(uint64_t addr)
{
	return addr >= (uint64_t)text_start && addr < (uint64_t)text_end;
}

/* The frame at rbp: its caller's rbp and the return address. False: there is none. */
static bool read_link(uint64_t rbp, uint64_t *next, uint64_t *ret)
{
	return rbp >= KERNEL_HALF && IS_ALIGNED(rbp, 8) && !probe_u64(next, rbp) &&
	       !probe_u64(ret, rbp + 8) && in_text(*ret);
}

/* Recursion shows as one line and a count. */
static void trace(uint64_t rbp)
{
	uint64_t last = 0, last_ret = 0, next, ret;
	unsigned repeats = 0;

	for (unsigned i = 0; i < TRACE_MAX; i++, rbp = next) {
		if (rbp <= last || !read_link(rbp, &next, &ret))
			break;
		last = rbp;
		if (ret == last_ret) {
			repeats++;
			continue;
		}
		if (repeats)
			log_warn("  ... and %u more", repeats);
		repeats = 0;
		last_ret = ret;
		show_place(ret, 1);
		if (!is_entry_call(ret))
			continue;
		if (!trace_trap(rbp + 16, &next))
			break;
		last = 0;	/* it may have run on another stack */
	}
	if (repeats)
		log_warn("  ... and %u more", repeats);
}

/* rip stands before its function has made a frame: the caller is still on the stack's top. */
static void show_caller(const struct trapframe *tf)
{
	uint64_t offset, ret;

	if (ksym_lookup(tf->rip, &offset) && offset)
		return;
	if (tf->rsp >= KERNEL_HALF && !probe_u64(&ret, tf->rsp) && in_text(ret))
		show_place(ret, 1);
}

void arch_backtrace(const struct trapframe *tf)
{
	log_warn("stack trace:");
	if (!tf) {
		trace((uint64_t)__builtin_frame_address(0));
		return;
	}
	show_place(tf->rip, 0);
	if (trap_from_user(tf))
		return;
	show_caller(tf);
	trace(tf->rbp);
}

#define LINE_DEPTH	10

static size_t add_place(char *line, size_t n, uint64_t rip, unsigned back)
{
	uint64_t offset;
	const char *name = ksym_lookup(rip - back, &offset);

	if (name)
		return scnprintf(line, n, " %s+0x%lx", name, offset + back);
	return scnprintf(line, n, " %lx", rip);
}

/* The trapframe by which ring 3 came into the kernel, in the functions from the frame rbp on. */
static bool find_entry(uint64_t rbp, struct trapframe *tf)
{
	uint64_t last = 0, ret;

	for (unsigned i = 0; i < TRACE_MAX && rbp > last; i++) {
		last = rbp;
		if (!read_link(last, &rbp, &ret))
			return false;
		if (is_entry_call(ret))
			return read_frame(tf, last + 16) && trap_from_user(tf);
	}
	return false;
}

static size_t add_entry(char *line, size_t n, const struct trapframe *tf)
{
	if (tf->vector == TRAP_SYSCALL)
		return scnprintf(line, n, ", system call %lu(%lx, %lx, %lx) of ring 3 at %lx", tf->error,
				 tf->rdi, tf->rsi, tf->rdx, tf->rip);
	return scnprintf(line, n, ", %s of ring 3 at %lx", vector_name(tf->vector), tf->rip);
}

/* Who called the function whose frame rbp points to. */
static size_t add_callers(char *line, size_t n, uint64_t rbp)
{
	uint64_t last = 0, ret;
	size_t at = 0;

	for (unsigned i = 0; i < LINE_DEPTH && rbp > last; i++) {
		last = rbp;
		if (!read_link(last, &rbp, &ret))
			break;
		at += scnprintf(line + at, n - at, " <");
		at += add_place(line + at, n - at, ret, 1);
	}
	return at;
}

size_t arch_trace_line(const void *frame, char *line, size_t n)
{
	struct trapframe tf;
	size_t at = 0;

	line[0] = '\0';
	if (find_entry((uint64_t)frame, &tf))
		at = add_entry(line, n, &tf);
	return at + add_callers(line + at, n - at, (uint64_t)frame);
}

void arch_backtrace_line(const struct trapframe *tf)
{
	char line[400];
	size_t at = scnprintf(line, sizeof(line), "*** CPU %u:", this_cpu()->id);

	if (trap_from_user(tf))
		at += scnprintf(line + at, sizeof(line) - at, " ring 3 at");
	at += add_place(line + at, sizeof(line) - at, tf->rip, 0);
	if (!trap_from_user(tf))
		add_callers(line + at, sizeof(line) - at, tf->rbp);
	log_warn("%s", line);
}

static const char *entry_kind(pte_t e, unsigned level)
{
	switch (pte_kind(e, level)) {
	case PTE_NONE:		return "nothing";
	case PTE_PRESENT:	return "4 KB page";
	case PTE_SPECIAL_LEAF:	return "4 KB special page";
	case PTE_NOACCESS:	return "no access";
	case PTE_SWAP:		return "swapped out";
	case PTE_MIGRATING:	return "migrating";
	case PTE_MARKER:	return "marker";
	case PTE_HUGE:		return level == 3 ? "1 GB page" : level == 2 ? "2 MB page" : "bad";
	case PTE_TABLE:		return "table";
	}
	return "?";
}

static void show_entry(unsigned level, uint64_t table, unsigned index, pte_t e)
{
	static const char *const name[] = { "", "PT", "PD", "PDPT", "PML4", "PML5" };
	char words[80] = "";

	if (pte_present(e))
		snprintf(words, sizeof(words), ", %s, %s, %s%s%s%s%s",
			 pte_writable(e) ? "writable" : "read-only",
			 pte_user(e) ? "user" : "kernel",
			 pte_exec(e) ? "executable" : "no-execute",
			 pte_young(e) ? ", accessed" : "", pte_dirty(e) ? ", dirty" : "",
			 e.v & PTE_G ? ", global" : "", e.v & PTE_PCD ? ", uncached" : "");
	log_warn("  %-4s at 0x%09lx [%3u] = %016lx %s%s", name[level], table, index, e.v,
		 entry_kind(e, level), words);
}

void arch_show_walk(vaddr_t va)
{
	uint64_t table = read_cr3() & PTE_ADDR_MASK;
	pte_t e;

	log_warn("page walk of 0x%lx, CR3 0x%lx:", va, read_cr3());
	for (unsigned level = arch_levels; level; level--) {
		unsigned index = LEVEL_INDEX(va, level);

		if (probe_u64(&e.v, (vaddr_t)phys_to_virt(paddr(table)) + 8 * index)) {
			log_warn("  a table at 0x%lx cannot be read", table);
			return;
		}
		show_entry(level, table, index, e);
		if (pte_kind(e, level) != PTE_TABLE)
			return;
		table = e.v & PTE_ADDR_MASK;
	}
}
