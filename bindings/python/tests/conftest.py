"""A host for the peers under test: a program of tests/host.cpp that is told what to do line by line."""

from __future__ import annotations

import os
import pathlib
import select
import shutil
import subprocess
import sys
import textwrap
import time

import pytest
import schemas

HERE = pathlib.Path(__file__).resolve().parent
TRANSPORT = HERE.parent.parent.parent / "transport"
DEADLINE_S = 30.0  # a watchdog, not a measure


@pytest.fixture(scope="session")
def host_program(tmp_path_factory):
    given = os.environ.get("RINGMAIL_TEST_HOST")
    if given:
        return given
    compiler = os.environ.get("CXX") or shutil.which("c++")
    if not compiler:
        pytest.skip("there is no C++ compiler for the test host")
    program = tmp_path_factory.mktemp("host") / "host"
    platform = "darwin" if sys.platform == "darwin" else "linux"
    folder = TRANSPORT / "src"
    sources = [*sorted(folder.glob("*.cpp")), *sorted((folder / platform).glob("*.cpp"))]
    command = [
        *compiler.split(),
        "-std=c++23",
        "-O1",
        "-pthread",
        "-I",
        TRANSPORT / "include",
        HERE / "host.cpp",
        *sources,
    ]
    subprocess.run([*command, "-o", program], check=True)
    return str(program)


class Host:
    def __init__(
        self, program: str, folder: pathlib.Path, script: str, *options: str, schema: str = schemas.FLIGHTS
    ) -> None:
        self.types = schemas.Types(schema) if schema else None
        self.log = folder / "log"
        (folder / "schema").write_text(schema)
        (folder / "peer.py").write_text(textwrap.dedent(script))
        command = [program, "--schema", folder / "schema", "--log", self.log, *options]
        peer = [sys.executable, "-X", "faulthandler", folder / "peer.py"]
        self.process = subprocess.Popen(
            [*command, "--", *peer], stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0, env=self.environment()
        )
        self.buffer = b""
        self.seen: list[str] = []

    @staticmethod
    def environment() -> dict[str, str]:
        environment = dict(os.environ)
        environment.pop("PYTHONUNBUFFERED", None)
        return environment

    def order(self, *words: object) -> None:
        self.process.stdin.write((" ".join(map(str, words)) + "\n").encode())

    def next_line(self, deadline: float) -> str:
        while b"\n" not in self.buffer:
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([self.process.stdout], [], [], left)[0]:
                raise AssertionError(f"nothing more came after {self.seen[-10:]}; the peer's log: {self.output()}")
            data = os.read(self.process.stdout.fileno(), 65536)
            if not data:
                raise AssertionError(f"the host ended after {self.seen[-10:]}; the peer's log: {self.output()}")
            self.buffer += data
        line, _, self.buffer = self.buffer.partition(b"\n")
        return line.decode()

    def wait_for(self, first_word: str) -> list[str]:
        """The other words of the next line that starts so; what comes before it is put into `seen`."""
        deadline = time.monotonic() + DEADLINE_S
        while True:
            line = self.next_line(deadline)
            self.seen.append(line)
            words = line.split(" ")
            if words[0] == first_word:
                return words[1:]
            if words[0] in ("exit", "killed"):
                raise AssertionError(f"the peer ended: {self.seen[-10:]}; its log: {self.output()}")

    def ready(self) -> Host:
        self.pid = int(self.wait_for("ready")[0])
        return self

    def send(self, message, sender: int = 0, count: int = 1) -> None:
        self.order("send", message._id, sender, bytes(message).hex() or "-", count)
        self.wait_for("sent")

    def ask(self, message, correlation: int, sender: int = 0) -> None:
        self.order("ask", message._id, sender, correlation, bytes(message).hex() or "-")
        self.wait_for("sent")

    def reply(self):
        """(correlation, message) of the next reply."""
        correlation, type_id, payload = self.wait_for("reply")
        return int(correlation), self.decode(type_id, payload)

    def mail(self):
        """(target, message, correlation) of the next message to the host."""
        target, type_id, correlation, payload = self.wait_for("mail")
        return int(target), self.decode(type_id, payload), int(correlation)

    def decode(self, type_id: str, payload: str):
        for declared in vars(self.types).values():
            if getattr(declared, "_id", None) == int(type_id):
                return declared._from_bytes(bytes.fromhex("" if payload == "-" else payload))
        raise AssertionError(f"the peer sent the unknown type {type_id}")

    def failure(self) -> str:
        """The reason of the next failure, which a traceback follows."""
        reason, _, trace = " ".join(self.wait_for("failure")).partition("|")
        assert not trace or trace.startswith("Traceback ") or "Traceback (most recent call last):" in trace, trace
        return reason

    def mail_until_stopped(self) -> list:
        """The messages that still come when the peer is told to stop."""
        self.order("stop")
        start = len(self.seen)
        assert self.wait_for("exit") == ["0"], self.output()
        lines = [line.split(" ") for line in self.seen[start:]]
        return [self.decode(words[2], words[4]) for words in lines if words[0] == "mail"]

    def wait_for_output(self, text: str) -> None:
        self._wait_until(lambda: text in self.output())

    def wait_until_parked(self) -> None:
        """Until the peer sleeps. Call it when the peer is known to be in run(), where it sleeps over nothing else."""
        stat = pathlib.Path(f"/proc/{self.pid}/stat")
        self._wait_until(lambda: stat.read_text().rpartition(")")[2].split()[0] == "S")

    def _wait_until(self, condition) -> None:
        deadline = time.monotonic() + DEADLINE_S
        while not condition():
            assert time.monotonic() < deadline, self.output()
            time.sleep(0.002)  # neither a file nor the state of a process can be waited for

    def stop(self) -> str:
        """Ends the peer in order. Returns what it printed."""
        self.order("stop")
        assert self.wait_for("exit") == ["0"], self.output()
        return self.output()

    def output(self) -> str:
        return self.log.read_text() if self.log.exists() else ""

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        self.process.stdin.close()
        self.process.stdout.close()


@pytest.fixture
def host(host_program, tmp_path):
    hosts: list[Host] = []

    def start(script: str, *options: str, **more) -> Host:
        folder = tmp_path / str(len(hosts))
        folder.mkdir()
        hosts.append(Host(host_program, folder, script, *options, **more))
        return hosts[-1]

    yield start
    for running in hosts:
        running.close()
