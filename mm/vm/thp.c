/* Transparent huge pages: the policy's place (thp.h). */
#include <mm/vm/thp.h>
#include <lib/option.h>

struct thp_policy thp = { .enabled = THP_MADVISE };
option_choice(transparent_hugepage, &thp.enabled, "always|madvise|never",
	      "which private memory gets 2 MB pages (default madvise)");
