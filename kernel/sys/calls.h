/*
 * The system calls that there are: one list for the prototypes (below) and for the
 * table (dispatch.c); what Linux has besides is ENOSYS.
 */
#ifndef KERNEL_SYS_CALLS_H
#define KERNEL_SYS_CALLS_H

struct trapframe;

#define SYSCALLS(X) \
	/* files */ \
	X(read) X(write) X(readv) X(writev) X(pread64) X(pwrite64) X(open) X(openat) \
	X(close) X(lseek) X(dup) X(dup2) X(dup3) X(fcntl) X(ioctl) X(getdents64) \
	X(poll) X(ppoll) X(select) X(pselect6) X(pipe) X(pipe2) \
	X(eventfd) X(eventfd2) X(signalfd) X(signalfd4) X(timerfd_create) X(timerfd_settime) X(timerfd_gettime) \
	X(epoll_create) X(epoll_create1) X(epoll_ctl) X(epoll_wait) X(epoll_pwait) X(epoll_pwait2) \
	X(fsync) X(fdatasync) X(sync) X(syncfs) X(creat) X(preadv) X(pwritev) X(preadv2) X(pwritev2) \
	X(sendfile) X(splice) X(tee) X(vmsplice) X(copy_file_range) X(flock) X(close_range) X(fadvise64) X(readahead) X(sync_file_range) \
	/* sockets */ \
	X(socket) X(socketpair) X(bind) X(listen) X(accept) X(accept4) X(connect) X(shutdown) X(sendto) \
	X(recvfrom) X(sendmsg) X(recvmsg) X(getsockname) X(getpeername) X(setsockopt) X(getsockopt) \
	/* the file tree */ \
	X(stat) X(lstat) X(fstat) X(newfstatat) X(access) X(faccessat) X(faccessat2) \
	X(readlink) X(readlinkat) X(statfs) X(fstatfs) X(chdir) X(fchdir) X(getcwd) \
	X(umask) X(statx) X(mkdir) X(mkdirat) X(mknod) X(mknodat) X(symlink) X(symlinkat) X(link) X(linkat) \
	X(unlink) X(unlinkat) X(rmdir) X(rename) X(renameat) X(renameat2) X(chmod) X(fchmod) X(fchmodat) \
	X(chown) X(fchown) X(lchown) X(fchownat) X(utimensat) X(utimes) X(futimesat) X(utime) \
	X(getxattr) X(lgetxattr) X(fgetxattr) X(setxattr) X(lsetxattr) X(fsetxattr) X(listxattr) X(llistxattr) \
	X(flistxattr) X(removexattr) X(lremovexattr) X(fremovexattr) \
	/* memory */ \
	X(mmap) X(munmap) X(mprotect) X(madvise) X(brk) X(mremap) X(mincore) \
	X(remap_file_pages) X(msync) X(mlock) X(mlock2) X(munlock) X(mlockall) X(munlockall) X(memfd_create) X(truncate) \
	X(ftruncate) X(fallocate) X(process_vm_readv) X(process_vm_writev) \
	X(shmget) X(shmat) X(shmdt) X(shmctl) \
	X(set_mempolicy) X(get_mempolicy) X(mbind) X(migrate_pages) \
	/* processes */ \
	X(fork) X(vfork) X(clone) X(clone3) X(execve) X(execveat) X(exit) X(exit_group) X(wait4) X(waitid) \
	X(getpid) X(getppid) X(gettid) X(getpgrp) X(getpgid) X(setpgid) X(getsid) X(setsid) \
	X(getuid) X(geteuid) X(getgid) X(getegid) \
	X(getresuid) X(getresgid) X(getgroups) X(setuid) X(setgid) X(setreuid) X(setregid) \
	X(setresuid) X(setresgid) X(setfsuid) X(setfsgid) X(setgroups) X(capget) X(capset) X(arch_prctl) X(prctl) X(personality) \
	X(set_tid_address) X(futex) X(futex_waitv) X(set_robust_list) X(get_robust_list) X(rseq) X(prlimit64) X(getrlimit) \
	X(setrlimit) X(getrusage) X(times) \
	/* scheduling */ \
	X(sched_yield) X(getpriority) X(setpriority) X(sched_getaffinity) X(sched_setaffinity) X(getcpu) X(membarrier) \
	X(sched_getscheduler) X(sched_setscheduler) X(sched_getparam) X(sched_setparam) \
	X(sched_rr_get_interval) X(sched_get_priority_max) X(sched_get_priority_min) \
	/* signals */ \
	X(kill) X(tkill) X(tgkill) X(rt_sigaction) X(rt_sigprocmask) X(rt_sigpending) \
	X(rt_sigreturn) X(rt_sigsuspend) X(rt_sigtimedwait) X(rt_sigqueueinfo) \
	X(rt_tgsigqueueinfo) X(sigaltstack) X(pause) X(alarm) X(setitimer) X(getitimer) \
	X(restart_syscall) X(pidfd_open) X(pidfd_send_signal) X(pidfd_getfd) X(process_madvise) \
	X(timer_create) X(timer_settime) X(timer_gettime) X(timer_getoverrun) X(timer_delete) \
	/* time */ \
	X(time) X(gettimeofday) X(clock_gettime) X(clock_getres) X(nanosleep) \
	X(clock_nanosleep) \
	/* the system */ \
	X(uname) X(sysinfo) X(getrandom) X(vhangup) X(swapon) X(swapoff) X(mount) X(umount2) X(reboot)

/*
 * What calls of the list lack of Linux's (tools/syscalls prints the whole table from this file):
 *
 * partly: fcntl: no leases, no notification (F_SETLEASE, F_NOTIFY, F_SETOWN, F_SETSIG)
 * partly: ioctl: of the terminal, of block devices, FIONREAD
 * partly: socket socketpair: AF_UNIX alone; records and datagrams of up to 64 KB each
 * partly: bind: no name is made up for who gives none
 * partly: sendto recvfrom sendmsg recvmsg: no MSG_OOB; a socket that was sent one is not sent itself: ETOOMANYREFS
 * partly: setsockopt getsockopt: buffers have one size
 * partly: getxattr lgetxattr fgetxattr setxattr lsetxattr fsetxattr: EOPNOTSUPP: no file system has attributes
 * partly: listxattr llistxattr flistxattr removexattr lremovexattr fremovexattr: EOPNOTSUPP, too
 * partly: renameat2: no RENAME_WHITEOUT
 * partly: fallocate: allocates and punches holes; nothing is collapsed, inserted or zeroed
 * partly: madvise: no KSM (MADV_MERGEABLE), no poison (MADV_HWPOISON, MADV_SOFT_OFFLINE)
 * partly: mbind: checked, true, and not kept: there is one node
 * partly: clone clone3: threads share all, processes nothing but memory; no namespaces, no CLONE_PIDFD of threads, no chosen pids
 * partly: execve execveat: set-user-ID and set-group-ID of a program are not obeyed
 * partly: capget capset: capabilities are all or none
 * partly: prctl: no seccomp, no PR_SET_MM, PR_SET_VMA, no speculation control; timer slack is kept and told
 * partly: arch_prctl: FS and GS alone
 * partly: personality: ADDR_NO_RANDOMIZE and READ_IMPLIES_EXEC; other systems' ways are EINVAL
 * partly: futex: no priority inheritance (FUTEX_LOCK_PI and its kin)
 * partly: getrusage wait4 waitid: times, faults and the largest size; no counts of switches and blocks
 * partly: sched_setscheduler sched_setparam: SCHED_OTHER; real time, SCHED_BATCH and SCHED_IDLE are EPERM
 * partly: membarrier: no restartable sequences
 * partly: close_range: CLOSE_RANGE_UNSHARE is EINVAL in a process of several threads
 * partly: timer_create: clocks of the caller alone; CPU time goes by ticks; none wakes the machine
 * partly: setitimer: CPU time goes by ticks
 * partly: sysinfo: no load, no shared and buffered memory
 * partly: mount umount2: tmpfs, proc, sysfs, devtmpfs; nothing is bound or moved, no namespaces of mounts
 * partly: vhangup: EOPNOTSUPP for who has a terminal
 * partly: swapon: discards nothing
 * ENOSYS: rseq: glibc asks for it at each start, and does without
 */

#define SYSCALL_PROTOTYPE(name) long sys_##name(struct trapframe *tf);
SYSCALLS(SYSCALL_PROTOTYPE)

#endif
