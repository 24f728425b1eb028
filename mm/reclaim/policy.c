/*
 * Which policy it is: the option reclaim=NAME, found in the table that the linker gathers.
 */
#include <mm/reclaim/reclaim.h>
#include <lib/log.h>
#include <lib/option.h>
#include <lib/string.h>

#define POLICY_DEFAULT	"clock"

extern const struct policy *const __start_policies[], *const __stop_policies[];

static const char *wanted = POLICY_DEFAULT;
option_string(reclaim, &wanted, "replacement policy: clock, or another (/proc/sys/vm/reclaim lists them)");

static const struct policy *chosen;

const struct policy *policy_nth(unsigned i)
{
	return i < (unsigned)(__stop_policies - __start_policies) ? __start_policies[i] : NULL;
}

static const struct policy *find(const char *name)
{
	const struct policy *p;

	for (unsigned i = 0; (p = policy_nth(i)); i++)
		if (strcmp(p->name, name) == 0)
			break;
	return p;
}

void policy_init(void)
{
	const struct policy *p;

	chosen = find(wanted);
	if (chosen)
		return;
	log_warn("option reclaim: there is no policy \"%s\", but:", wanted);
	for (unsigned i = 0; (p = policy_nth(i)); i++)
		log_warn("  reclaim=%-8s %s", p->name, p->what);
	log_warn("  reclaim=" POLICY_DEFAULT " it is");
	chosen = find(POLICY_DEFAULT);
}

const struct policy *policy_chosen(void)
{
	return chosen;
}
