/* /proc/sysrq-trigger: a letter asks the kernel for something, as on Linux. */
#include <kernel/fs/proc.h>
#include <kernel/proc/look.h>
#include <lib/log.h>

static int store_sysrq(char *text, int pid)
{
	(void)pid;
	log_info("sysrq: %s", *text == 't' ? "every thread, and where it is" : "t shows what every thread does");
	if (*text == 't')
		tasks_show();
	return 0;
}
PROC_FILE(sysrq, .path = "/proc/sysrq-trigger", .mode = S_IFREG | 0200, .store = store_sysrq);
