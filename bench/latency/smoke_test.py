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


def check(key, figures, ratio):
    percentiles = [figures[name] for name in ("p50_ns", "p90_ns", "p99_ns", "p999_ns", "max_ns")]
    assert 0 < percentiles[0] and percentiles == sorted(percentiles), (key, percentiles)
    distribution = figures["percentiles"]
    assert [float(percent) for percent in distribution] == sorted(map(float, distribution)), (key, distribution)
    assert list(distribution.values()) == sorted(distribution.values()), (key, distribution)
    assert distribution["50"] == figures["p50_ns"] and distribution["100"] == figures["max_ns"], (key, distribution)
    assert figures[ratio] > 0, key


for key in round_trips:
    check(key, report[key], "ratio_to_floor")
assert report["floor.rtt"]["ratio_to_floor"] == 1

for key in "futex.wake", "eventfd.wake", "wake":
    check(key, report[key], "ratio_to_futex_wake")
for consumer in "awake", "parked", "parked_16_ringing":
    check(consumer, report["wake.sender_cost"][consumer], "ratio_to_awake")
for links in "1", "2", "8", "64", "512":
    check(links, report["fan_in"][links], "ratio_to_one_link")

stream = report["ring.oneway"]
for figures in stream, stream["32"], stream["1024"], stream["65536"]:
    assert all(figures[name] > 0 for name in ("ns_per_msg", "msgs_per_s", "gb_per_s")), figures
assert stream["ns_per_msg"] == stream["32"]["ns_per_msg"]
assert report["ring.oneway_default"]["1024"]["gb_per_s"] > 0 and report["ring.oneway_default"]["65536"]["gb_per_s"] > 0
assert report["lamport.oneway"]["ns_per_msg"] > 0 and report["lines.oneway"]["gb_per_s"] > 0
assert report["lines.rewritten"]["gb_per_s"] > 0

idle = report["idle"]
assert idle["links"] == 64 and idle["schedulers"] > 0 and idle["seconds"] >= 2, idle
# Nobody sleeps for longer than a quarter of a second, and here nobody wakes before.
assert 0 < idle["scheduler_wakeups_per_s"] and 0 < idle["peer_wakeups_per_s"], idle
assert 0 < idle["cpu_percent"] and 0 < idle["peers_cpu_percent"] and idle["reactor_wakeups_per_s"] >= 0, idle

assert all(report["machine"][name] for name in ("command", "date", "cpu", "kernel", "compiler", "pinning")), report["machine"]
assert report["machine"]["blocks"] == 1
