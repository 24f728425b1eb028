/*
 * Numbers that can be read and set: /proc/sys, and the tunable of fault-around
 * in /sys/kernel/debug.
 */
#include <kernel/fs/proc.h>
#include <kernel/fs/sysv_shm.h>
#include <kernel/proc/process.h>
#include <lib/version.h>
#include <linux/errno.h>
#include <mm/mm.h>

#define PID_MAX_MIN	301		/* as Linux has it */

/* A file for a variable of the kernel, from min to max. */
#define SYSCTL(ident, where, var, min, max) \
	static int show_##ident(struct text *t, int pid) \
	{ \
		(void)pid; \
		return proc_show_number(t, (uint64_t)READ_ONCE(var)); \
	} \
	static int store_##ident(char *text, int pid) \
	{ \
		uint64_t v; \
		int err = proc_number(text, min, max, &v); \
	\
		(void)pid; \
		if (!err) \
			WRITE_ONCE(var, (__typeof__(var))v); \
		return err; \
	} \
	PROC_FILE(ident, .path = where, .mode = S_IFREG | 0644, .show = show_##ident, \
		  .store = store_##ident)

SYSCTL(overcommit_memory, "/proc/sys/vm/overcommit_memory", vm_overcommit_memory, 0, 2);
SYSCTL(admin_reserve_kbytes, "/proc/sys/vm/admin_reserve_kbytes", vm_admin_reserve_kbytes, 0,
       UINT64_MAX);
SYSCTL(user_reserve_kbytes, "/proc/sys/vm/user_reserve_kbytes", vm_user_reserve_kbytes, 0,
       UINT64_MAX);
SYSCTL(swappiness, "/proc/sys/vm/swappiness", vm_swappiness, 0, SWAPPINESS_MAX);
SYSCTL(max_map_count, "/proc/sys/vm/max_map_count", vm_max_map_count, 0, INT32_MAX);

/* The limit of mode 2 is a share of memory or a number: who sets one takes the other back. */
static int show_ratio(struct text *t, int pid)
{
	(void)pid;
	return proc_show_number(t, READ_ONCE(vm_overcommit_ratio));
}

static int show_kbytes(struct text *t, int pid)
{
	(void)pid;
	return proc_show_number(t, READ_ONCE(vm_overcommit_kbytes));
}

static int store_ratio(char *text, int pid)
{
	uint64_t v;
	int err = proc_number(text, 0, INT32_MAX, &v);

	(void)pid;
	if (err)
		return err;
	WRITE_ONCE(vm_overcommit_ratio, v);
	WRITE_ONCE(vm_overcommit_kbytes, 0);
	return 0;
}

static int store_kbytes(char *text, int pid)
{
	uint64_t v;
	int err = proc_number(text, 0, UINT64_MAX, &v);

	(void)pid;
	if (err)
		return err;
	WRITE_ONCE(vm_overcommit_kbytes, v);
	WRITE_ONCE(vm_overcommit_ratio, 0);
	return 0;
}
PROC_FILE(overcommit_ratio, .path = "/proc/sys/vm/overcommit_ratio", .mode = S_IFREG | 0644,
	  .show = show_ratio, .store = store_ratio);
PROC_FILE(overcommit_kbytes, .path = "/proc/sys/vm/overcommit_kbytes", .mode = S_IFREG | 0644,
	  .show = show_kbytes, .store = store_kbytes);

SYSCTL(pid_max, "/proc/sys/kernel/pid_max", pid_max, PID_MAX_MIN, PID_LIMIT);

SYSCTL(shmmax, "/proc/sys/kernel/shmmax", shm_max, 0, UINT64_MAX);
SYSCTL(shmall, "/proc/sys/kernel/shmall", shm_all, 0, UINT64_MAX);
SYSCTL(shmmni, "/proc/sys/kernel/shmmni", shm_mni, 0, SHM_MNI_MAX);

static int show_min_free(struct text *t, int pid)
{
	(void)pid;
	return proc_show_number(t, page_min_mark() << (PAGE_SHIFT - 10));
}

/* At most a twentieth of memory, as on Linux; the other watermarks go with it. */
static int store_min_free(char *text, int pid)
{
	uint64_t v, most = page_total_count() / 20;
	int err = proc_number(text, 0, UINT64_MAX >> 1, &v);

	(void)pid;
	if (!err)
		page_set_marks(MIN(MAX(v >> (PAGE_SHIFT - 10), 16ul), most));
	return err;
}
PROC_FILE(min_free_kbytes, .path = "/proc/sys/vm/min_free_kbytes", .mode = S_IFREG | 0644,
	  .show = show_min_free, .store = store_min_free);

/* Bit 0: cached pages of files that nobody uses. Bit 1: what the kernel keeps for the next who wants it. */
static int store_drop_caches(char *text, int pid)
{
	uint64_t v;
	int err = proc_number(text, 1, 4, &v);

	(void)pid;
	if (!err && v & 1)
		objects_drop_clean();
	if (!err && v & 2)
		(void)reclaim_kept();
	return err;
}
PROC_FILE(drop_caches, .path = "/proc/sys/vm/drop_caches", .mode = S_IFREG | 0200,
	  .store = store_drop_caches);

static int store_compact_memory(char *text, int pid)
{
	uint64_t v;
	int err = proc_number(text, 0, INT32_MAX, &v);

	(void)pid;
	if (!err)
		compact_memory();
	return err;
}
PROC_FILE(compact_memory, .path = "/proc/sys/vm/compact_memory", .mode = S_IFREG | 0200,
	  .store = store_compact_memory);

/* The replacement policies, the one at work in brackets; chosen at boot. */
static int show_reclaim(struct text *t, int pid)
{
	const char *name;
	bool chosen;

	(void)pid;
	for (unsigned i = 0; (name = mm_policy(i, &chosen)); i++)
		text_choice(t, name, chosen);
	text_char(t, '\n');
	return 0;
}
PROC_FILE(reclaim, .path = "/proc/sys/vm/reclaim", .mode = S_IFREG | 0444, .show = show_reclaim);

/* A file that says the same forever. */
#define CONSTANT(ident, where, ...) \
	static int show_##ident(struct text *t, int pid) \
	{ \
		(void)pid; \
		text_printf(t, __VA_ARGS__); \
		return 0; \
	} \
	PROC_FILE(ident, .path = where, .mode = S_IFREG | 0444, .show = show_##ident)

CONSTANT(mmap_min_addr, "/proc/sys/vm/mmap_min_addr", "%lu\n", USER_MIN);
CONSTANT(ostype, "/proc/sys/kernel/ostype", QUIRE_SYSNAME "\n");
CONSTANT(osrelease, "/proc/sys/kernel/osrelease", QUIRE_RELEASE "\n");
CONSTANT(kernel_version, "/proc/sys/kernel/version", QUIRE_VERSION "\n");
CONSTANT(hostname, "/proc/sys/kernel/hostname", "quire\n");

/* ---- /sys ---- */

static int show_fault_around(struct text *t, int pid)
{
	(void)pid;
	return proc_show_number(t, mm_fault_around());
}

static int store_fault_around(char *text, int pid)
{
	uint64_t v;
	int err = proc_number(text, 0, UINT64_MAX, &v);

	(void)pid;
	return err ? err : mm_set_fault_around(v);
}
PROC_FILE(fault_around_bytes, .path = "/sys/kernel/debug/fault_around_bytes",
	  .mode = S_IFREG | 0644, .show = show_fault_around, .store = store_fault_around);
