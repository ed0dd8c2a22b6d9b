"""What the flights example prints."""

import os
import pathlib
import pty
import subprocess

import pytest
from conftest import DATA, DEADLINE

SQL = pathlib.Path(__file__).with_name("flights.sql")


@pytest.fixture
def expected_table():
    sqlite = subprocess.run(
        ["sqlite3", "-cmd", f".import --csv {DATA} flights", ":memory:"],
        input=SQL.read_text(),
        capture_output=True,
        text=True,
        check=True,
    )
    return [line.split("|") for line in sqlite.stdout.splitlines()]


def test_the_table_is_what_sqlite_computes_from_the_same_file(flights, expected_table):
    table = flights().succeeded().table
    assert len(table) == len(expected_table) == 20
    for row, expected in zip(table, expected_table, strict=True):
        assert (row[0], *row[1:2], *row[3:]) == (expected[0], expected[1], *expected[3:])
        # Printed with two digits behind the point.
        assert float(row[2]) == pytest.approx(float(expected[2]), abs=0.005 + 1e-9)


@pytest.mark.parametrize("schedulers", [1, 2, 4])
def test_everything_sent_is_delivered_whatever_the_number_of_threads(flights, schedulers):
    run = flights("--schedulers", schedulers).succeeded()
    # A question for each of 220 airports, and the peer is asked once for its totals.
    assert run.balance("airports") == {"sent": 20220, "delivered": 20220, "dead_lettered": 0, "undelivered": 0}
    assert run.balance("statistics") == {"sent": 20221, "delivered": 20221, "dead_lettered": 0, "undelivered": 0}
    assert "messages per second" in run.output


def test_a_repeated_file_counts_each_time_and_changes_no_percentile(flights):
    once = flights().succeeded()
    thrice = flights("--repeat", 3).succeeded()
    assert [(code, int(count) * 3, *rest) for code, count, *rest in once.table] == [
        (code, int(count), *rest) for code, count, *rest in thrice.table
    ]
    assert thrice.balance("airports")["delivered"] == 60220
    assert thrice.balance("statistics")["delivered"] == 60221


def test_without_a_terminal_there_are_plain_lines(flights):
    run = flights().succeeded()
    lines = [line for line in run.output.splitlines() if line.endswith(" flights sent")]
    assert lines == [f"{sent} of 20000 flights sent" for sent in (5000, 10000, 15000, 20000)]
    assert not {"\r", "\x1b", "\b"} & set(run.output + run.errors)


def test_on_a_terminal_there_is_a_bar_that_fills():
    terminal, end = pty.openpty()
    process = subprocess.Popen([os.environ["FLIGHTS"]], stdout=end, stderr=subprocess.DEVNULL)
    os.close(end)
    output = b""
    try:
        while piece := os.read(terminal, 65536):
            output += piece
    except OSError:  # how a terminal says that nobody holds its other end any more
        pass
    os.close(terminal)
    assert process.wait(DEADLINE) == 0
    bars = [bar.split(b"]")[0] for bar in output.split(b"\r[")[1:]]
    assert len(bars) > 10
    assert {len(bar) for bar in bars} == {50}
    assert [bar.count(b"#") for bar in bars] == sorted(bar.count(b"#") for bar in bars)
    assert bars[-1] == b"#" * 50
    assert b"flights sent" not in output


def test_a_peer_that_computes_something_else_is_noticed(flights, altered_peer):
    python = altered_peer("median=percentile(ordered, 50)", "median=percentile(ordered, 51)")
    run = flights("--python", python)
    assert run.status == 1
    assert "flights: PHX: the actor says: 633 flights, mean " in run.errors
    assert "agree" not in run.output
