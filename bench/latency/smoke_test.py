"""Runs latency for a moment and checks the shape of its report; the figures mean nothing in so short a run.

    smoke_test.py LATENCY
"""

import json
import subprocess
import sys

SKIPPED = 77  # one CPU: latency says the same

ran = subprocess.run([sys.argv[1], "--blocks", "1", "--round-trips", "200", "--json", "-"], stdout=subprocess.PIPE)
if ran.returncode == SKIPPED:
    sys.exit(SKIPPED)
assert ran.returncode == 0, f"exit code {ran.returncode}"
report = json.loads(ran.stdout)

round_trips = """floor.rtt flags.rtt ring.rtt actor.remote_rtt actor.remote_ask python.rtt lamport.rtt boost_spsc.rtt
futex.rtt eventfd.rtt pipe.rtt unix_stream.rtt unix_seqpacket.rtt posix_mq.rtt boost_mq.rtt zeromq.rtt""".split()
for key in round_trips:
    trip = report[key]
    percentiles = [trip[name] for name in ("p50_ns", "p90_ns", "p99_ns", "p999_ns", "max_ns")]
    assert 0 < percentiles[0] and percentiles == sorted(percentiles), (key, percentiles)
    assert trip["ratio_to_floor"] > 0, key
assert report["floor.rtt"]["ratio_to_floor"] == 1

for key in "futex.wake", "eventfd.wake", "wake":
    assert 0 < report[key]["p50_ns"] <= report[key]["max_ns"] and report[key]["ratio_to_futex_wake"] > 0, key

stream = report["ring.oneway"]
for figures in stream, stream["32"], stream["1024"], stream["65536"]:
    assert all(figures[name] > 0 for name in ("ns_per_msg", "msgs_per_s", "gb_per_s")), figures
assert stream["ns_per_msg"] == stream["32"]["ns_per_msg"]
assert report["lamport.oneway"]["ns_per_msg"] > 0 and report["lines.oneway"]["gb_per_s"] > 0

assert all(report["machine"][name] for name in ("cpu", "kernel", "compiler", "pinning")), report["machine"]
assert report["machine"]["blocks"] == 1
