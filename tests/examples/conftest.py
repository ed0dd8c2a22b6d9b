"""Runs of the flights example. FLIGHTS is the program, RINGMAIL_PYTHON the Python that has the ringmail package."""

import os
import pathlib
import re
import subprocess

import pytest

DATA = pathlib.Path(__file__).parents[2] / "examples" / "data" / "flights.csv"
DEADLINE = 30  # seconds; a run takes half of one

BALANCE = re.compile(r"^(airports|statistics\S*) +(\d+) +(\d+) +(\d+) +(\d+)$", re.MULTILINE)
ROW = re.compile(r"^([A-Z]{3}) +(\d+) +(-?[\d.]+) +(-?\d+) +(-?\d+) +(-?\d+)$", re.MULTILINE)


class Run:
    def __init__(self, done: subprocess.CompletedProcess) -> None:
        self.status, self.output, self.errors = done.returncode, done.stdout, done.stderr

    def succeeded(self) -> "Run":
        assert self.status == 0, self.errors + self.output
        return self

    @property
    def table(self) -> list[tuple[str, ...]]:
        return ROW.findall(self.output)

    @property
    def receivers(self) -> list[str]:
        return [row[0] for row in BALANCE.findall(self.output)]

    def balance(self, receiver: str) -> dict[str, int]:
        rows = {row[0]: map(int, row[1:]) for row in BALANCE.findall(self.output)}
        return dict(zip(("sent", "delivered", "dead_lettered", "undelivered"), rows[receiver], strict=True))


@pytest.fixture
def flights(tmp_path):
    """flights("--repeat", "3"): runs it with a temporary folder of its own, which it must leave empty."""
    scratch = tmp_path / "tmp"
    scratch.mkdir()

    def run(*arguments: object, **options: object) -> Run:
        done = subprocess.run(
            [os.environ["FLIGHTS"], *map(str, arguments)],
            env={**os.environ, "TMPDIR": str(scratch)},
            capture_output=True,
            text=True,
            **{"timeout": DEADLINE, **options},
        )
        assert done.returncode >= 0, f"killed by signal {-done.returncode}: {done.stderr}"
        assert list(scratch.iterdir()) == []
        return Run(done)

    return run


@pytest.fixture
def altered_peer(tmp_path):
    """A Python that runs the peer with one piece of its code replaced."""

    def make(piece: str, replacement: str) -> pathlib.Path:
        python = tmp_path / "python"
        python.write_text(
            f"#!{os.environ['RINGMAIL_PYTHON']}\n"
            "import sys\n"
            "del sys.argv[0]\n"
            "source = open(sys.argv[0]).read()\n"
            f"assert {piece!r} in source\n"
            f"exec(compile(source.replace({piece!r}, {replacement!r}), sys.argv[0], 'exec'))\n"
        )
        python.chmod(0o755)
        return python

    return make
