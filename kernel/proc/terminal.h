/*
 * The controlling terminal: which session has it, and which of its process groups
 * is in the foreground. There is one terminal, the console; its bytes are
 * kernel/dev/console.c's. All under process_lock, since sessions and groups are.
 *
 * POSIX, chapter 11.1: General Terminal Interface.
 */
#ifndef KERNEL_PROC_TERMINAL_H
#define KERNEL_PROC_TERMINAL_H

#include <arch/types.h>

struct process;

/* The running process has a controlling terminal. */
bool terminal_is_mine(void);
/*
 * The running process, which leads its session, takes the terminal for it, whoever had
 * it (steal), or only a free one. 0; -EPERM. What it has already is 0.
 */
int __must_check terminal_take(bool steal);
/* p, which nobody knows yet and leads its session, takes it, whoever had it: its group is in the foreground. */
void terminal_give(struct process *p);
/* TIOCNOTTY: the running process gives its session's up; if it leads that, for all, with SIGHUP. 0, -ENOTTY. */
int __must_check terminal_leave(void);
/* p ends: if it leads a session, that loses the terminal, and the foreground group gets SIGHUP. */
void terminal_leader_ends(struct process *p);
/* The foreground group (0: none), and the session: or -ENOTTY if it is not the running process's. */
int __must_check terminal_foreground(void);
int __must_check terminal_session(void);
/* TIOCSPGRP: 0; -ENOTTY, -EINVAL, -ESRCH, -EPERM; -ERESTARTSYS: from the background. */
int __must_check terminal_set_foreground(int pgid);
/*
 * May the running process do now what those in the foreground do? From the background its group
 * gets `sig`, SIGTTIN or SIGTTOU, and the call is to be made again: -ERESTARTSYS; -EIO: its group
 * is orphaned, or it wants to read and ignores SIGTTIN. 0: yes, or it is not its terminal.
 */
int __must_check terminal_check(int sig);
/* A key, or a change of the window: to the foreground group. */
void terminal_signal(int sig);
/* For /proc/PID/stat: whether p has it; then *foreground is set. process_lock held. */
bool terminal_of(const struct process *p, int *foreground);

#endif
