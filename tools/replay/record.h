/* From lackey's lines on standard input to a trace. NULL, or what is wrong. */
#ifndef TOOLS_REPLAY_RECORD_H
#define TOOLS_REPLAY_RECORD_H

#include <tools/replay/replay.h>

/* entries: of the TLB whose misses are kept. Memory for the replay: a quarter of the pages. */
const char *trace_record(struct trace *t, const char *name, const char *what, uint32_t entries);

#endif
