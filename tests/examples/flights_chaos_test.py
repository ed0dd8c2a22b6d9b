"""The flights example when its peers are killed again and again."""

import re

REPEAT = 3
LONGEST = 100  # seconds, for a run of five


def test_peers_of_several_languages_come_to_the_table_of_an_undisturbed_run(flights):
    run = flights("--chaos", 1, "--seconds", 5, "--repeat", REPEAT, timeout=LONGEST).succeeded()
    assert len(run.table) == 20
    assert run.table == flights("--repeat", REPEAT).succeeded().table
    restarts = re.findall(r"^(statistics\S*) was restarted (\d+) time", run.output, re.MULTILINE)
    assert sum(int(times) for _, times in restarts) >= 5, run.output
    peers = [name for name in run.receivers if name != "airports"]
    assert {"statistics", "statistics.c"} <= set(peers)
    for receiver in run.receivers:
        balance = run.balance(receiver)
        assert balance["sent"] == balance["delivered"] >= REPEAT * 20000
        assert balance["dead_lettered"] == balance["undelivered"] == 0
