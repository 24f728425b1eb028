/*
 * The command line, before there is anything to parse options with: putting
 * it together from its parts, and the one question that boot itself asks of it.
 */
#include <boot/boot.h>
#include <lib/string.h>

void boot_cmdline_add(struct bootinfo *bi, const char *s, size_t n)
{
	size_t at = strlen(bi->cmdline);

	if (!n || !*s)
		return;
	if (at && at < BOOT_CMDLINE_MAX - 1)
		bi->cmdline[at++] = ' ';
	while (n && *s && at < BOOT_CMDLINE_MAX - 1) {
		bi->cmdline[at++] = *s < ' ' ? ' ' : *s;
		s++;
		n--;
	}
	bi->cmdline[at] = '\0';
	if (n && *s)
		bi->cmdline_cut = true;
}

bool boot_cmdline_flag(const char *line, const char *word)
{
	size_t len = strlen(word);
	bool on = false;

	while (*line) {
		const char *end = strchr(line, ' ');
		size_t n = end ? (size_t)(end - line) : strlen(line);

		if (n == 2 && strncmp(line, "--", 2) == 0)
			break;
		if (n >= len && strncmp(line, word, len) == 0) {
			if (n == len)
				on = true;
			else if (n == len + 2 && line[len] == '=')
				on = line[len + 1] == '1';
		}
		line += end ? n + 1 : n;
	}
	return on;
}
