"""The flights example when it is given something wrong: one clear line, and a status that is not 0."""

import pytest
from conftest import DATA

LINES = DATA.read_text().splitlines(keepends=True)


def assert_one_line(run, line: str) -> None:
    assert run.status == 1
    assert run.errors == line + "\n"
    assert run.output == ""


def test_a_missing_file_is_named(flights):
    assert_one_line(flights("--data", "/missing/flights.csv"), "/missing/flights.csv: No such file or directory")


def test_a_folder_is_no_file(flights, tmp_path):
    assert_one_line(flights("--data", tmp_path), f"{tmp_path}: Is a directory")


@pytest.mark.parametrize(
    ("bad", "cause"),
    [
        ("2001/01/01 17:00,66,1750,DTW", "4 columns in place of 5"),
        ("2001/01/01 17:00,66,1750,DTW,LAS,", "6 columns in place of 5"),
        ("", "1 columns in place of 5"),
        ("2001/02/29 17:00,66,1750,DTW,LAS", "the date '2001/02/29 17:00' is not of the form YYYY/MM/DD HH:MM"),
        ("2001/01/01 17:00,late,1750,DTW,LAS", "the delay 'late' is not a whole number"),
        ("2001/01/01 17:00,66.5,1750,DTW,LAS", "the delay '66.5' is not a whole number"),
        ("2001/01/01 17:00,99999999999,1750,DTW,LAS", "the delay '99999999999' is not a whole number"),
        ("2001/01/01 17:00,66,-1,DTW,LAS", "the distance '-1' is not a whole number from 0"),
        ("2001/01/01 17:00,66,1750,Detroit,LAS", "the origin 'Detroit' is not three capital letters"),
        ("2001/01/01 17:00,66,1750,DTW,LAS\r", "the destination 'LAS\\x0d' is not three capital letters"),
    ],
)
def test_a_malformed_line_is_named_by_its_number(flights, tmp_path, bad, cause):
    file = tmp_path / "flights.csv"
    file.write_bytes("".join([*LINES[:122], bad + "\n", *LINES[123:200]]).encode())
    assert_one_line(flights("--data", "flights.csv", cwd=tmp_path), f"flights.csv:123: {cause}")


@pytest.mark.parametrize("content", ["", "date,delay\n", "".join(LINES[1:3])])
def test_a_file_that_does_not_start_with_the_header_is_refused(flights, tmp_path, content):
    file = tmp_path / "flights.csv"
    file.write_text(content)
    run = flights("--data", "flights.csv", cwd=tmp_path)
    assert_one_line(run, "flights.csv:1: the header is not 'date,delay,distance,origin,destination'")


def test_a_file_without_flights_is_refused(flights, tmp_path):
    (tmp_path / "flights.csv").write_text(LINES[0])
    run = flights("--data", "flights.csv", cwd=tmp_path)
    assert_one_line(run, "flights.csv: there are no flights in it")


def test_a_file_that_ends_without_a_line_feed_is_read_to_its_end(flights, tmp_path):
    (tmp_path / "flights.csv").write_text("".join(LINES[:11]).rstrip("\n"))
    run = flights("--data", "flights.csv", cwd=tmp_path).succeeded()
    assert sum(int(count) for _, count, *_ in run.table) == 10


@pytest.mark.parametrize(
    ("python", "cause"),
    [
        ("/missing/python", "cannot run '/missing/python': No such file or directory"),
        ("missing-python", "cannot run 'missing-python': no such program in PATH"),
        ("true", "it ended before it was ready"),
        ("false", "exited with 1"),
    ],
)
def test_a_peer_that_cannot_be_started_is_given_up_by_name_and_cause(flights, python, cause):
    run = flights("--python", python)
    assert run.status == 1
    assert run.output == ""
    last = run.errors.splitlines()[-1]
    assert last.startswith("peer 'statistics': ")
    assert cause in last


def test_a_count_that_is_none_is_refused(flights):
    run = flights("--repeat", 0)
    assert run.status != 0
    assert "--repeat" in run.errors
