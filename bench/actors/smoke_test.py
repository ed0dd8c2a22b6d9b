"""Runs actors for a moment and checks the shape of its report; the figures mean nothing in so short a run.

    smoke_test.py ACTORS

That each scenario came to the right answer the program checks itself.
"""

import json
import subprocess
import sys

SKIPPED = 77  # one CPU: actors says the same

ran = subprocess.run([sys.argv[1], "--blocks", "1", "--shrink", "100", "--json", "-"], stdout=subprocess.PIPE)
if ran.returncode == SKIPPED:
    sys.exit(SKIPPED)
assert ran.returncode == 0, f"exit code {ran.returncode}"
report = json.loads(ran.stdout)
machine = report["machine"]
has_caf = machine["caf"]

compared = """pingpong.local pingpong.schedulers counting.local counting.schedulers spawn spawn.bytes ask.local""".split()
savina = """threadring forkjoin_throughput forkjoin_create big chameneos bounded_buffer philosophers apsp nqueens sieve
uct""".split()
compared += [f"savina.{name}" for name in savina]
alone = "pingpong.processes suspend suspend.bytes ask.remote timer.set_cancel publish.1 publish.8 publish.64".split()
death = "death.notice death.successor".split()
alone += death
assert set(report) == {*compared, *alone, "machine"}, sorted(report)

for key in compared + alone:
    figure = report[key]
    unit = "bytes" if key.endswith(".bytes") else "ns"
    assert 0 < figure["min_" + unit] <= figure[unit] <= figure["max_" + unit], (key, figure)
    assert ("caf_ratio" in figure) == ("caf_" + unit in figure) == (has_caf and key in compared), (key, figure)
    assert figure.get("caf_ratio", 1) > 0, (key, figure)

for key in "pingpong.schedulers", "pingpong.processes", "ask.remote":
    assert report[key]["ring_ns"] > 0 and report[key]["ring_ratio"] > 0, (key, report[key])
for key in "counting.local", "counting.schedulers":
    assert report[key]["grown_bytes"] >= 0, (key, report[key])
for key in death:
    figure = report[key]
    assert 0 < figure["p50_ns"] <= figure["p90_ns"] <= figure["p99_ns"] <= figure["p999_ns"] <= figure["longest_ns"], (key, figure)
assert report["death.notice"]["p50_ns"] < report["death.successor"]["p50_ns"], report
assert report["suspend.bytes"]["left_bytes"] < report["suspend.bytes"]["bytes"], report["suspend.bytes"]
assert report["pingpong.local"]["schedulers"] == 1 and report["savina.big"]["schedulers"] == machine["schedulers"]

assert all(machine[name] for name in ("command", "date", "cpu", "kernel", "compiler", "build")), machine
assert machine["groups"] == 1 and machine["shrunk_by"] == 100, machine
