"""The numbered examples. EXAMPLES is the folder where they were built."""

import os
import pathlib
import re
import subprocess


def run(number: str, *arguments: str) -> str:
    program = pathlib.Path(os.environ["EXAMPLES"]) / number / ("example-" + number.partition("-")[2])
    done = subprocess.run([program, *arguments], capture_output=True, text=True, timeout=30)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_hello_adds_up():
    assert run("01-hello") == "1 + 2 + ... + 100 = 5050\n"


def test_a_thousand_handlers_wait_at_the_same_time():
    served = re.fullmatch(r"1000 dishes of 100 ms each, on one thread, in (\d+) ms\n", run("02-waiting"))
    assert served
    # One after the other they would take 100 s.
    assert 100 <= int(served[1]) < 10_000


def test_a_python_peer_answers_dies_and_is_back():
    lines = run("03-python-peer", os.environ["RINGMAIL_PYTHON"]).splitlines()
    said = [line for line in lines if not line.startswith(("[", " "))]  # those are the log's
    assert said[0] == "Hello world, from Python"
    assert said[-1] == "Hello again, from Python"
    # Once or twice: a successor is told of an earlier attempt only at the first message that it is given.
    assert said[1:-1] in (["whom was asked is not there or died"], ["whom was asked is not there or died"] * 2)


def test_a_peer_is_replaced_by_one_in_another_language():
    lines = run("08-replacement", os.environ["RINGMAIL_PYTHON"]).splitlines()
    said = [line for line in lines if not line.startswith(("[", " "))]  # those are the log's
    assert said == [
        "Hello world, from Python",
        "the new program did not get ready: not started: cannot run '/no/such/greeter': No such file or directory",
        "Hello world, from Python",
        "Hello world, from C",
    ]


def test_two_systems_exchange_names_and_handles_and_the_end(tmp_path):
    path = tmp_path / "private" / "socket"
    lines = run("05-two-systems", str(path)).splitlines()
    said = [line for line in lines if not line.startswith(("[", " "))]  # those are the log's
    assert said == [
        "order 1: Middlemarch",
        "order 2: The Waves",
        "ready: Middlemarch",
        "ready: The Waves",
        "the desk ended normally",
    ]
    assert not path.exists()
