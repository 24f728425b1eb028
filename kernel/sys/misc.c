/* Calls about the system as a whole. */
#include <kernel/core/clock.h>
#include <kernel/core/load.h>
#include <kernel/dev/console.h>
#include <kernel/proc/process.h>
#include <kernel/proc/terminal.h>
#include <kernel/sys/syscall.h>
#include <lib/version.h>
#include <linux/random.h>
#include <linux/sysinfo.h>
#include <linux/utsname.h>
#include <mm/mm.h>

SYSCALL1(uname, struct new_utsname __user *, to)
{
	static const struct new_utsname name = {
		.sysname = QUIRE_SYSNAME,
		.nodename = "quire",
		.release = QUIRE_RELEASE,
		.version = QUIRE_VERSION,
		.machine = "x86_64",
		.domainname = "(none)",
	};

	return copy_to_user(to, &name, sizeof(name)) ? -EFAULT : 0;
}

SYSCALL1(sysinfo, struct sysinfo __user *, to)
{
	struct mem_info m;
	struct sysinfo s = { 0 };

	mm_info(&m);
	s.uptime = (long)(clock_monotonic_ns() / NS_PER_SEC);
	s.totalram = m.total;
	s.freeram = m.free;
	s.totalswap = m.swap;
	s.freeswap = m.swap_free;
	s.procs = (uint16_t)process_count();
	for (unsigned i = 0; i < LOAD_AVERAGES; i++)
		s.loads[i] = load_average(i) << (SI_LOAD_SHIFT - LOAD_SHIFT);
	s.mem_unit = 1;
	return copy_to_user(to, &s, sizeof(s)) ? -EFAULT : 0;
}

/* There is nothing to hang up where a process has no terminal; open files of one cannot be made dead. */
SYSCALL0(vhangup)
{
	if (!cred_is_privileged(cred_current()))
		return -EPERM;
	return terminal_session() < 0 ? 0 : -EOPNOTSUPP;
}

SYSCALL3(getrandom, void __user *, to, size_t, n, unsigned, flags)
{
	if (flags & ~(GRND_NONBLOCK | GRND_RANDOM | GRND_INSECURE) ||
	    (flags & (GRND_RANDOM | GRND_INSECURE)) == (GRND_RANDOM | GRND_INSECURE))
		return -EINVAL;
	return random_read(to, MIN(n, 0x7ffffffful));
}
