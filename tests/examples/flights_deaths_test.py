"""The flights example when one of its processes is killed."""

import os
import pathlib
import re
import signal
import subprocess
import time
import uuid

import pytest
from conftest import DEADLINE

RING = 4096  # flights that fit into the ring to the peer


@pytest.mark.parametrize("at", [500, 10000, 19000, 20000])
def test_a_peer_that_is_killed_is_restarted_and_nothing_is_lost(flights, at):
    undisturbed = flights().succeeded()
    run = flights("--kill-peer-at", at, "--verbose").succeeded()
    assert run.table == undisturbed.table
    assert len(run.table) == 20
    assert "statistics was restarted 1 time; " in run.output
    assert "killed by signal 9" in run.errors
    for receiver in ("airports", "statistics"):
        balance = run.balance(receiver)
        assert balance["sent"] == balance["delivered"] >= 20220

    # It died with state that could have been lost: what had left the ring had been handled.
    taken_up = re.search(r"\[statistics\] took up (\d+) flights of a predecessor", run.errors)
    if at > RING:
        assert taken_up and at - RING <= int(taken_up[1]) <= at


def test_a_peer_that_dies_of_every_message_is_given_up(flights, altered_peer):
    python = altered_peer("    slot = message.index", "    raise ValueError('no such airport')\n    slot = message.index")
    run = flights("--python", python)
    assert run.status == 1
    last = run.errors.splitlines()[-1]
    assert "peer 'statistics'" in last
    assert "no such airport" in last
    assert "undelivered" in last


def processes_of(mark: str) -> set[int]:
    """Those that have the mark in their environment. A zombie has none."""
    found = set()
    for environment in pathlib.Path("/proc").glob("[0-9]*/environ"):
        try:
            if mark.encode() in environment.read_bytes():
                found.add(int(environment.parent.name))
        except OSError:  # gone meanwhile, or somebody else's
            continue
    return found


def wait_until(condition, seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.005)
    return True


@pytest.mark.parametrize("moment", ["while the peer starts", "in the middle of the stream"])
def test_a_host_that_is_killed_leaves_no_process(tmp_path, moment):
    mark = f"flights_test={uuid.uuid4()}"
    host = subprocess.Popen(
        [os.environ["FLIGHTS"], "--repeat", "400"],
        env={**os.environ, "TMPDIR": str(tmp_path), "FLIGHTS_TEST": mark},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        if moment == "in the middle of the stream":
            assert host.stdout.readline() == "2000000 of 8000000 flights sent\n"
        assert wait_until(lambda: len(processes_of(mark)) > 1, DEADLINE)
        assert host.poll() is None
        host.send_signal(signal.SIGKILL)
        assert wait_until(lambda: not processes_of(mark), 1), processes_of(mark)
    finally:
        for process in processes_of(mark):
            os.kill(process, signal.SIGKILL)
        host.communicate(timeout=DEADLINE)
