/* reboot(2). */
#include <kernel/proc/cred.h>
#include <kernel/proc/power.h>
#include <kernel/sys/syscall.h>
#include <linux/reboot.h>

static bool is_magic(uint32_t second)
{
	return second == LINUX_REBOOT_MAGIC2 || second == LINUX_REBOOT_MAGIC2A ||
	       second == LINUX_REBOOT_MAGIC2B || second == LINUX_REBOOT_MAGIC2C;
}

SYSCALL3(reboot, uint32_t, first, uint32_t, second, uint32_t, what)
{
	if (!cred_is_privileged(cred_current()))
		return -EPERM;
	if (first != LINUX_REBOOT_MAGIC1 || !is_magic(second))
		return -EINVAL;
	switch (what) {
	case LINUX_REBOOT_CMD_RESTART:
	case LINUX_REBOOT_CMD_RESTART2:
		power_end(POWER_RESTART);
	case LINUX_REBOOT_CMD_HALT:
		power_end(POWER_HALT);
	case LINUX_REBOOT_CMD_POWER_OFF:
		power_end(POWER_OFF);
	case LINUX_REBOOT_CMD_CAD_ON:	/* Ctrl-Alt-Del: there is no keyboard that has it */
	case LINUX_REBOOT_CMD_CAD_OFF:
		return 0;
	default:
		return -EINVAL;
	}
}
