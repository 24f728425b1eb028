#!/usr/bin/python3
"""Replacement policies: the table, a policy of one's own in it, recording a trace, reclaim= at boot."""
import os
import re

from tap import WORK, c_program, check, end, equal, machine, run, tool

PLAIN = {name: None for name in ("MAKEFLAGS", "MFLAGS", "MAKELEVEL", "DEBUG", "QUIRE_DEPS_DONE", "CC", "CLANG", "B")}
BUILD = os.path.join(WORK, "build")
TRACES = {"loop", "zipf", "scan", "phases", "sort", "compile"}
POLICIES = ["clock", "clock1", "fifo", "random", "s3fifo"]


def make(*args):
    return run("make", "-s", "-C", machine.ROOT, f"B={BUILD}", *args, env=PLAIN)


def table(out):
    """A printed table: {trace: {column: number}}, and the columns' names."""
    head, *lines = [line.split() for line in out.decode().splitlines()]
    return {line[0]: dict(zip(head[1:], map(float, line[1:]))) for line in lines}, head[3:]


done = make("policies")
equal(done.status, 0, "make policies", done.out, done.err)
rows, columns = table(done.out)
print("".join(f"# {line}\n" for line in done.out.decode().splitlines()), end="")
equal(set(rows), TRACES, "a line for each trace")
equal(columns, ["OPT", "LRU"] + POLICIES, "a column for OPT, LRU and each policy, the default first")
for name, row in rows.items():
    best = max(row[policy] for policy in POLICIES)
    check(row["OPT"] >= max(best, row["LRU"]), f"{name}: no policy beats OPT", row)
    check(row["clock"] >= row["fifo"], f"{name}: the default is not below fifo", row)
    if name != "loop":
        check(row["clock"] >= best - 5, f"{name}: the default is within 5 points of the best", row)

with open(os.path.join(machine.ROOT, "README.md"), encoding="utf-8") as file:
    readme = file.read()
check(all(f"    {line}\n" in readme for line in done.out.decode().splitlines()), "README shows this table", done.out)

# The newest page goes: nothing is better on a loop, and few things worse elsewhere.
own = os.path.join(WORK, "policy_lifo.c")
with open(own, "w", encoding="utf-8") as file:
    file.write(r"""
#include <mm/alloc/policy.h>

static struct policy_queue stack;

static void lifo_reset(uint64_t frames) { (void)frames; queue_init(&stack); }
static void lifo_remove(struct page *p) { queue_remove(&stack, p); }
static void lifo_putback(struct page *p) { queue_push(&stack, p); }
static bool lifo_judge(struct page *p, bool used) { (void)p, (void)used; return true; }

static void lifo_add(struct page *p, uint64_t distance, bool was_active)
{
	(void)distance, (void)was_active;
	queue_push(&stack, p);
}

static unsigned lifo_candidates(struct page **out, unsigned n, unsigned swappiness)
{
	unsigned got = 0;

	(void)swappiness;
	for (; got < n && (out[got] = TAILQ_LAST(&stack.pages, page_list)); got++)
		queue_remove(&stack, out[got]);
	return got;
}

POLICY(lifo, .name = "lifo", .what = "last in, first out",
       .reset = lifo_reset, .add = lifo_add, .remove = lifo_remove,
       .candidates = lifo_candidates, .judge = lifo_judge, .putback = lifo_putback,
       .queues = &stack, .nqueues = 1);
""")
done = make("policies", f"POLICY={own}")
equal(done.status, 0, "a policy of one's own, in a file anywhere", done.out, done.err)
rows, columns = table(done.out)
equal(columns, ["OPT", "LRU", "clock", "clock1", "fifo", "lifo", "random", "s3fifo"], "stands beside the others")
check(90 < rows["loop"]["lifo"] <= rows["loop"]["OPT"], "and does what it should", rows["loop"])

replay = os.path.join(BUILD, "replay")
wrong = os.path.join(WORK, "policy_wrong.c")
with open(own, encoding="utf-8") as file, open(wrong, "w", encoding="utf-8") as out:
    out.write(file.read().replace("lifo", "wrong").replace("return true", "queue_push(&stack, p); return false"))
done = make("policies", f"POLICY={wrong}")
check(done.status != 0 and b"wrong on zipf: the policy lets nobody go" in done.err, "a policy that keeps all is named",
      done.out, done.err)
with open(wrong, encoding="utf-8") as file:
    text = file.read().replace("queue_push(&stack, p); return false", "return false")
with open(wrong, "w", encoding="utf-8") as file:
    file.write(text)
done = make("policies", f"POLICY={wrong}")
check(done.status != 0 and b"wrong on zipf: the policy has" in done.err, "one that loses pages is named", done.out,
      done.err)
equal(make("policies").status, 0, "without POLICY= it is gone again")

done = run(replay, "-m", "faults", "-p", "fifo", "-n", "1200", "loop")
equal(table(done.out)[0]["loop"]["fifo"], 1100, "a loop that fits faults once a page", done.out, done.err)
done = run(replay, "--sweep", "-p", "clock", "zipf")
hits = [float(line.split()[5]) for line in done.out.decode().splitlines()[1:]]
check(len(hits) == 11 and hits == sorted(hits), "--sweep: more memory, more hits", done.out)
for args, text in ((("-p", "lru"), b"there is no policy lru"), (("-n", "0"), b"-n is '0'"), (("-x",), b"option -x"),
                   (("-m", "luck"), b"no measure luck"), (("-n",), b"must follow -n")):
    done = run(replay, *args)
    check(done.status == 2 and text in done.err, f"replay {' '.join(args)}: {text.decode()}", done.err)
done = run(replay, own)
check(done.status == 1 and b"is no page trace" in done.err, "a file that is no trace is refused", done.err)

# 100 pages round and round: a loop of 100 pages and the little that a program needs.
program = c_program("rounds", r"""
static volatile char page[100][4096];

int main(void)
{
	for (int round = 0; round < 50; round++)
		for (int i = 0; i < 100; i++)
			page[i][round]++;
	return 0;
}""")
trace = os.path.join(WORK, "rounds.trace")
done = run(os.path.join(machine.ROOT, "tools/replay/record"), trace, "-e", "16", program, env={"B": BUILD})
equal(done.status, 0, "a program is recorded", done.out, done.err)
found = re.search(rb": (\d+) pages, (\d+) uses", done.out)
check(found and 100 < int(found[1]) < 200 and 5000 < int(found[2]) < 8000, "its pages, and its uses but the nearest",
      done.out)
done = run(replay, "-n", "200", "-m", "refaults", trace)
check(done.status == 0 and set(table(done.out)[0]["rounds"][p] for p in POLICIES) == {0},
      "memory that holds all: nothing comes back", done.out, done.err)
done = run(replay, "-n", "90", "-p", "fifo", "-m", "refaults", trace)
check(table(done.out)[0]["rounds"]["fifo"] > 4800, "memory a little too small: everything does", done.out)

log = os.path.join(WORK, "log")
for args, want in (((), "[clock] clock1 fifo random s3fifo"), (("-a", "reclaim=s3fifo"), "clock clock1 fifo random [s3fifo]"),
                   (("-a", "reclaim=lru"), "[clock] clock1 fifo random s3fifo")):
    done = tool("qrun", "-t", "120", "--log", log, *args, "busybox", "cat", "/proc/sys/vm/reclaim")
    equal(done.out.decode().strip(), want, f"/proc/sys/vm/reclaim, {' '.join(args) or 'by default'}", done.err)
with open(log, encoding="utf-8") as file:
    text = file.read()
check('there is no policy "lru"' in text and all(f"reclaim={name} " in text for name in POLICIES),
      "an unknown policy: the log names those there are", text[-2000:])
end()
