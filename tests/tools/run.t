#!/usr/bin/python3
"""tools/run and the test runner: bad values, failures and panics are reported as what they are."""
from tap import check, end, tool

for name, value in (("CPUS", "0"), ("CPUS", "many"), ("MEM", "abc"), ("MEM", "1M"), ("ACCEL", "hvf"),
                    ("UEFI", "maybe"), ("CMDLINE", "a\nb"), ("DEBUG", "x")):
    done = tool("run", env={name: value}, timeout=60)
    check(done.status == 2 and done.err.startswith(b"run: " + name.encode()) and done.err.count(b"\n") <= 2,
          f"{name}={value!r} stops with a clear line", done.status, done.err)

done = tool("test", env={"T": "no_such_test", "EMU": ""})
check(done.status != 0 and b"no_such_test" in done.err, "an unknown test is refused by name", done.err)
done = tool("test", env={"T": ",", "EMU": ""})
check(done.status != 0 and not done.out, "no test at all is refused", done.err)
done = tool("test", env={"T": "x", "EMU": "vax"})
check(done.status == 2 and b"vax" in done.err, "an unknown EMU is refused", done.err)
done = tool("test", env={"T": "list", "EMU": ""})
names = done.out.decode().split()
check(done.status == 0 and {"release/all", "la57/all", "tools/run"} <= set(names), "T=list", done.out, done.err)

# Broken on purpose: each must fail, with the right name and the reason shown.
done = tool("test-run", "selftest_fail")
check(done.status != 0 and b"\nnot ok" in b"\n" + done.out and b"selftest_fail" in done.err,
      "a failed test fails, by name", done.out, done.err)
done = tool("test-run", "selftest_panic")
check(done.status != 0 and b"the kernel panicked" in done.err and b"panic" in done.err and b"+0x" in done.err,
      "a panic fails and shows its backtrace", done.out, done.err)
done = tool("test-run", "selftest_overflow")
check(done.status != 0 and b"the kernel panicked" in done.err and b"stack" in done.err,
      "a stack overflow fails and is called so", done.out, done.err)
done = tool("test-run", "selftest_stuck", env={"CPUS": "2", "CMDLINE": "watchdog=3"})
check(done.status != 0 and b"CPU 0 has not ticked" in done.err and b"*** CPU 0: " in done.err and b"interrupts_off" in done.err,
      "the watchdog finds a CPU that is stuck, and shows where", done.out, done.err)
done = tool("test-run", "no_such_suite")
check(done.status != 0 and b"no_such_suite" in done.err, "an unknown suite fails", done.out, done.err)
done = tool("test-run", "all", env={"LIMIT": "0.02"})
check(done.status != 0 and b"hung" in done.err, "a machine that takes too long is ended and fails", done.err)
done = tool("test-run", "host/no_such_test")
check(done.status != 0 and b"not ok" in done.out, "a missing program fails", done.out, done.err)
end()
