"""Runs languages for a moment and checks the shape of its report; the figures mean nothing in so short a run.

    smoke_test.py LANGUAGES PEERS_JSON VARIANTS_JSON
"""

import json
import subprocess
import sys

SKIPPED = 77  # one CPU: languages says the same

ran = subprocess.run([sys.argv[1], "--blocks", "1", "--round-trips", "200", "--json", "-"], stdout=subprocess.PIPE)
if ran.returncode == SKIPPED:
    sys.exit(SKIPPED)
assert ran.returncode == 0, f"exit code {ran.returncode}"
report = json.loads(ran.stdout)

with open(sys.argv[2]) as file:
    languages = [peer["language"] for peer in json.load(file)]
assert {"c", "cpp", "python"} <= set(languages), languages
for language in languages:
    trip = report[f"{language}.rtt"]
    for figures in trip, trip["parked"]:
        assert 0 < figures["p50_ns"] <= figures["p99_ns"] <= figures["max_ns"], (language, figures)
    assert trip["ratio_to_floor"] > 0, language
    streams = report[f"{language}.oneway_to"], report[f"{language}.oneway_from"]
    for figures in streams[0]["32"], streams[0]["32 in batches"], streams[0]["1024"], streams[1]["32"], streams[1]["1024"]:
        assert figures["msgs_per_s"] > 0, (language, figures)
assert report["ring.rtt"]["p50_ns"] > 0

with open(sys.argv[3]) as file:
    variants = [(entry["language"], entry["variant"]) for entry in json.load(file)]
for language in languages:
    assert (language, "without generated code") in variants, language
for language, variant in variants:
    trip = report[f"{language}.rtt"]
    for figures in trip[variant], trip[f"parked {variant}"]:
        assert 0 < figures["p50_ns"] <= figures["p99_ns"] <= figures["max_ns"], (language, variant, figures)
    to, back = report[f"{language}.oneway_to"], report[f"{language}.oneway_from"]
    for figures in to[f"32 {variant}"], to[f"32 in batches {variant}"], to[f"1024 {variant}"], back[f"32 {variant}"]:
        assert figures["msgs_per_s"] > 0, (language, variant, figures)
