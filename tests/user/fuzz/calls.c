/* The calls that are made, and which are made with care. */
#include "fuzz.h"
#include <stddef.h>
#include <sys/syscall.h>

#ifndef SYS_futex_waitv
#define SYS_futex_waitv	449
#endif

const struct call calls[] = {
	{ SYS_read, "fpn" }, { SYS_write, "fpn" }, { SYS_open, "Pii" }, { SYS_close, "f" },
	{ SYS_stat, "Pp" }, { SYS_fstat, "fp" }, { SYS_lstat, "Pp" }, { SYS_poll, "pni" },
	{ SYS_lseek, "foi" }, { SYS_mmap, "pniifo" }, { SYS_mprotect, "pni" }, { SYS_munmap, "pn" },
	{ SYS_brk, "p" }, { SYS_rt_sigaction, "sppn" }, { SYS_rt_sigprocmask, "ippn" },
	{ SYS_rt_sigreturn, "" }, { SYS_ioctl, "fip" }, { SYS_pread64, "fpno" },
	{ SYS_pwrite64, "fpno" }, { SYS_readv, "fvi" }, { SYS_writev, "fvi" }, { SYS_access, "Pi" },
	{ SYS_pipe, "p" }, { SYS_sched_yield, "" }, { SYS_mremap, "pnnip" }, { SYS_msync, "pni" },
	{ SYS_mincore, "pnp" }, { SYS_madvise, "pni" }, { SYS_dup, "f" }, { SYS_dup2, "ff" },
	{ SYS_pause, "" }, { SYS_nanosleep, "pp" }, { SYS_alarm, "i" }, { SYS_setitimer, "ipp" },
	{ SYS_getitimer, "ip" }, { SYS_getpid, "" }, { SYS_sendfile, "ffpn" },
	{ SYS_clone, "ipppp" }, { SYS_fork, "" }, { SYS_vfork, "" }, { SYS_execve, "Ppp" },
	{ SYS_exit, "i" }, { SYS_wait4, "dpip" }, { SYS_waitid, "idpip" }, { SYS_kill, "ds" },
	{ SYS_uname, "p" }, { SYS_fcntl, "fip" }, { SYS_ftruncate, "fo" }, { SYS_truncate, "Po" },
	{ SYS_getdents64, "fpn" }, { SYS_getcwd, "pn" }, { SYS_chdir, "P" }, { SYS_fchdir, "f" },
	{ SYS_mkdir, "Pi" }, { SYS_rmdir, "P" }, { SYS_unlink, "P" }, { SYS_readlink, "Ppn" },
	{ SYS_umask, "i" }, { SYS_gettimeofday, "pp" }, { SYS_getrlimit, "ip" },
	{ SYS_setrlimit, "ip" }, { SYS_getrusage, "ip" }, { SYS_sysinfo, "p" }, { SYS_times, "p" },
	{ SYS_getuid, "" }, { SYS_getppid, "" }, { SYS_getpgid, "d" }, { SYS_getsid, "d" },
	{ SYS_setpgid, "dd" }, { SYS_setsid, "" }, { SYS_rt_sigpending, "pn" },
	{ SYS_rt_sigtimedwait, "pppn" }, { SYS_rt_sigqueueinfo, "dsp" },
	{ SYS_rt_sigsuspend, "pn" }, { SYS_sigaltstack, "pp" }, { SYS_statfs, "Pp" },
	{ SYS_fstatfs, "fp" }, { SYS_mlock, "pn" }, { SYS_munlock, "pn" }, { SYS_mlockall, "i" },
	{ SYS_munlockall, "" }, { SYS_prctl, "ipnnn" }, { SYS_arch_prctl, "ip" },
	{ SYS_gettid, "" }, { SYS_tkill, "ds" }, { SYS_time, "p" }, { SYS_futex, "piippi" },
	{ SYS_sched_setaffinity, "dnp" }, { SYS_sched_getaffinity, "dnp" },
	{ SYS_clock_gettime, "ip" }, { SYS_clock_nanosleep, "iipp" }, { SYS_exit_group, "i" },
	{ SYS_tgkill, "dds" }, { SYS_openat, "fPii" }, { SYS_mkdirat, "fPi" },
	{ SYS_newfstatat, "fPpi" }, { SYS_unlinkat, "fPi" }, { SYS_readlinkat, "fPpn" },
	{ SYS_faccessat, "fPi" }, { SYS_ppoll, "pnppn" }, { SYS_set_robust_list, "pn" },
	{ SYS_dup3, "ffi" }, { SYS_pipe2, "pi" }, { SYS_preadv, "fvio" }, { SYS_pwritev, "fvio" },
	{ SYS_prlimit64, "dipp" }, { SYS_process_vm_readv, "dvivii" },
	{ SYS_process_vm_writev, "dvivii" }, { SYS_getrandom, "pni" }, { SYS_memfd_create, "Pi" },
	{ SYS_mlock2, "pni" }, { SYS_set_tid_address, "p" }, { SYS_fallocate, "fioo" },
	{ SYS_rt_tgsigqueueinfo, "ddsp" }, { SYS_get_robust_list, "dpp" },
	{ SYS_clock_getres, "ip" }, { SYS_faccessat2, "fPii" }, { SYS_getgroups, "ip" },
	{ SYS_getresuid, "ppp" }, { SYS_getresgid, "ppp" }, { SYS_rseq, "pnii" },
	{ SYS_getpgrp, "" }, { SYS_restart_syscall, "" }, { SYS_ioctl, "ftp" },
	{ SYS_rename, "PP" }, { SYS_renameat2, "fPfPi" }, { SYS_link, "PP" }, { SYS_linkat, "fPfPi" },
	{ SYS_symlink, "PP" }, { SYS_symlinkat, "PfP" }, { SYS_creat, "Pi" }, { SYS_mknodat, "fPii" },
	{ SYS_chmod, "Pi" }, { SYS_fchmod, "fi" }, { SYS_fchmodat, "fPi" }, { SYS_chown, "Pii" },
	{ SYS_fchown, "fii" }, { SYS_lchown, "Pii" }, { SYS_fchownat, "fPiii" }, { SYS_utimensat, "fPpi" },
	{ SYS_utimes, "Pp" }, { SYS_statx, "fPiip" }, { SYS_flock, "fi" }, { SYS_syncfs, "f" },
	{ SYS_preadv2, "fviooi" }, { SYS_pwritev2, "fviooi" }, { SYS_setresuid, "iii" }, { SYS_setreuid, "ii" },
	{ SYS_setgroups, "ip" }, { SYS_setfsuid, "i" }, { SYS_getxattr, "Pppn" },
	{ SYS_eventfd2, "ii" }, { SYS_timerfd_create, "ii" }, { SYS_timerfd_settime, "fipp" },
	{ SYS_timerfd_gettime, "fp" }, { SYS_epoll_create1, "i" }, { SYS_epoll_ctl, "fifp" },
	{ SYS_epoll_wait, "fpii" }, { SYS_epoll_pwait, "fpiipn" }, { SYS_select, "ipppp" },
	{ SYS_pselect6, "ippppp" }, { SYS_socket, "iii" }, { SYS_socketpair, "iiip" },
	{ SYS_bind, "fAl" }, { SYS_connect, "fAl" }, { SYS_listen, "fi" }, { SYS_accept4, "fppi" },
	{ SYS_shutdown, "fi" }, { SYS_sendto, "fpniAl" }, { SYS_recvfrom, "fpnipp" },
	{ SYS_sendmsg, "fmi" }, { SYS_recvmsg, "fmi" }, { SYS_getsockname, "fpp" },
	{ SYS_splice, "fpfpni" }, { SYS_tee, "ffni" }, { SYS_vmsplice, "fvii" }, { SYS_copy_file_range, "fpfpni" },
	{ SYS_shmget, "hni" }, { SYS_shmat, "hpi" }, { SYS_shmdt, "p" }, { SYS_shmctl, "hip" },
	{ SYS_getpeername, "fpp" }, { SYS_getsockopt, "fiipp" }, { SYS_setsockopt, "fiipi" },
	{ SYS_timer_create, "cpp" }, { SYS_timer_settime, "cipp" }, { SYS_timer_gettime, "cp" },
	{ SYS_timer_getoverrun, "c" }, { SYS_timer_delete, "c" }, { SYS_signalfd4, "fpni" },
	{ SYS_signalfd, "fpn" }, { SYS_execveat, "fPppi" }, { SYS_setpriority, "idi" },
	{ SYS_getpriority, "id" }, { SYS_capget, "pp" }, { SYS_capset, "pp" }, { SYS_personality, "i" },
	{ SYS_pidfd_open, "di" }, { SYS_pidfd_send_signal, "fspi" }, { SYS_pidfd_getfd, "ffi" },
	{ SYS_process_madvise, "fviii" }, { SYS_close_range, "ffi" }, { SYS_set_mempolicy, "ipn" },
	{ SYS_get_mempolicy, "ppnpi" }, { SYS_mbind, "pnipni" }, { SYS_migrate_pages, "dnpp" },
	{ SYS_fadvise64, "fooi" }, { SYS_readahead, "fon" }, { SYS_sync_file_range, "fooi" },
	{ SYS_sched_rr_get_interval, "dp" }, { SYS_sched_setscheduler, "dip" }, { SYS_sched_getparam, "dp" },
	{ SYS_getcpu, "pp" }, { SYS_membarrier, "ii" }, { SYS_fdatasync, "f" }, { SYS_accept, "fpp" },
	{ SYS_epoll_pwait2, "fpippn" }, { SYS_setfsgid, "i" }, { SYS_fcntl, "fcp" },
	{ SYS_mount, "PMTip" }, { SYS_mount, "PMTiO" }, { SYS_umount2, "Mi" }, { SYS_swapon, "Di" }, { SYS_swapoff, "D" },
	{ SYS_sync, "" }, { SYS_fsync, "f" }, { SYS_vhangup, "" }, { SYS_reboot, "iiip" }, { SYS_clone3, "kn" },
	{ SYS_futex_waitv, "piipi" }, { SYS_epoll_create, "i" }, { SYS_eventfd, "i" }, { SYS_mknod, "Pii" },
	{ SYS_renameat, "fPfP" }, { SYS_futimesat, "fPp" }, { SYS_utime, "Pp" }, { SYS_remap_file_pages, "pnioi" },
	{ SYS_setuid, "i" }, { SYS_setgid, "i" }, { SYS_setregid, "ii" }, { SYS_setresgid, "iii" },
	{ SYS_geteuid, "" }, { SYS_getgid, "" }, { SYS_getegid, "" }, { SYS_sched_getscheduler, "d" },
	{ SYS_sched_setparam, "dp" }, { SYS_sched_get_priority_max, "i" }, { SYS_sched_get_priority_min, "i" },
	{ SYS_lgetxattr, "PPpn" }, { SYS_fgetxattr, "fPpn" }, { SYS_setxattr, "PPpni" }, { SYS_lsetxattr, "PPpni" },
	{ SYS_fsetxattr, "fPpni" }, { SYS_listxattr, "Ppn" }, { SYS_llistxattr, "Ppn" }, { SYS_flistxattr, "fpn" },
	{ SYS_removexattr, "PP" }, { SYS_lremovexattr, "PP" }, { SYS_fremovexattr, "fP" },
};
const unsigned ncalls = sizeof(calls) / sizeof(calls[0]);

/* These take other processes' numbers, or end the machine: never with any number. */
bool tame(uint64_t nr)
{
	static const int never[] = {
		SYS_kill, SYS_tkill, SYS_tgkill, SYS_rt_sigqueueinfo, SYS_rt_tgsigqueueinfo,
		SYS_process_vm_writev, SYS_prlimit64, SYS_reboot, SYS_setpgid, SYS_ptrace,
		SYS_sched_setaffinity, SYS_pidfd_open, SYS_pidfd_send_signal, SYS_setpriority, SYS_migrate_pages,
	};

	for (size_t i = 0; i < sizeof(never) / sizeof(never[0]); i++)
		if ((uint32_t)nr == (uint32_t)never[i])
			return false;
	return true;
}
