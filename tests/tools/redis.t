#!/usr/bin/python3
"""Debian's redis-server, unmodified, in one machine: snapshots by fork while it is written to, and its log.

It listens on a unix socket. BGSAVE's snapshot is of the moment of its fork, whatever is written while the
child writes it; the log, rewritten by a child while it grows, survives SIGKILL. `debug digest` tells the
contents; the host's answers are what is wanted.
"""
import os
import shutil

from tap import WORK, check, end, equal, run, skip, tool

SERVER = "/usr/bin/redis-check-rdb"     # of redis-tools; called redis-server, it is the server

SCRIPT = r"""
exec 2>&1
cd "${1:-/tmp}" || exit 1
cli() { redis-cli -s redis.sock "$@"; }
start() {
	redis-server --port 0 --unixsocket redis.sock --save '' --enable-debug-command yes "$@" >>log 2>&1 &
	server=$!
	until cli ping 2>/dev/null | grep -q PONG; do
		kill -0 $server || { cat log; df .; exit 1; }
		sleep 0.1
	done
}
rows() {
	awk -v from=$1 -v n=$2 -v tag=$3 'BEGIN {
		for (i = from; i < from + n; i++)
			printf "SET key:%d %s:%d:%0200d\r\n", i, tag, i, i * 7919
	}'
}
ended() { while cli info persistence | grep -q "$1:1"; do sleep 0.1; done; }
show() { echo "$1: $(cli dbsize) keys, $(cli debug digest) $(cli get key:77 | cut -c 1-20)"; }

start
rows 0 20000 first | cli --pipe
show "20,000 keys"
rows 0 20000 second >second
rows 10000 20000 third >third
cli bgsave
cli --pipe <second
show "written to while a child saves"
ended rdb_bgsave_in_progress
cli info persistence | grep rdb_last_bgsave_status
cli shutdown nosave
wait $server
echo "the server left with $?"

start
show "the snapshot, of before"
cli config set appendonly yes
ended aof_rewrite_in_progress
cli --pipe <second
cli bgrewriteaof
cli --pipe <third
ended aof_rewrite_in_progress
cli info persistence | grep -E 'aof_last_(bgrewrite|write)_status'
cli config set appendfsync always
cli set last one
show "the log"
kill -9 $server
wait $server
echo "the server left with $?"

start --appendonly yes
show "the log, read again"
cli get last
cli shutdown save
wait $server
echo "the server left with $?"
start
show "saved at the end"
cli shutdown nosave
"""

PACKED = {SERVER: "redis-server", "/usr/bin/redis-cli": "redis-cli"}


def lines(done):
    """What was said, but for the shell's word on the job that was killed, which comes if it looks in time."""
    return [line for line in done.out.decode().splitlines() if line.strip() != "Killed"]


missing = [path for path in PACKED if not os.path.exists(path)]
if missing:
    skip("redis", f"no {missing[0]} here")
    end()
folder, script = os.path.join(WORK, "host"), os.path.join(WORK, "redis.sh")
os.mkdir(folder)
for path, name in PACKED.items():
    os.symlink(path, os.path.join(folder, name))
with open(script, "w", encoding="utf-8") as file:
    file.write(SCRIPT)
busybox = shutil.which("busybox")
there = run(busybox, "sh", script, folder, env={"PATH": f"{folder}:{os.environ['PATH']}"}, timeout=200)
check(there.out.count(b"errors: 0, replies: 20000") == 4, "the host's run is whole", there.out, there.err)
packed = [word for path, name in PACKED.items() for word in ("-f", f"{path}:/bin/{name}")]
# Two logs with what they are based on are there while one is rewritten: more than half of the little memory holds.
MACHINES = {"one CPU": ["-m", "256M"], "two CPUs, little memory": ["-c", "2", "-m", "88M", "-a", "swap=32M root_size=28M"]}
for name, machine in MACHINES.items():
    here = tool("qrun", "-t", "250", *machine, "-f", script, *packed, "--with-libs", "busybox", "sh", "/redis.sh")
    equal((here.status, lines(here)), (there.status, lines(there)),
          f"redis-server: snapshot, log, restart: {name}", here.err)
end()
