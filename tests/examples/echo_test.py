"""The echo server, by clients that are no part of it. EXAMPLES is the folder where it was built."""

import asyncio
import os
import pathlib
import re
import resource
import signal
import subprocess

import pytest

CLIENTS = 500
ROUNDS = 20
DEADLINE = 40  # seconds; a run takes one


class Server:
    def __init__(self, schedulers: int) -> None:
        program = pathlib.Path(os.environ["EXAMPLES"]) / "04-echo" / "example-echo"
        self.process = subprocess.Popen([program, "0", str(schedulers)], stdout=subprocess.PIPE, text=True)
        self.port = int(re.fullmatch(r"echo at 127\.0\.0\.1:(\d+)\n", self.process.stdout.readline())[1])

    def descriptors(self) -> int:
        return len(os.listdir(f"/proc/{self.process.pid}/fd"))

    def resident_kib(self) -> int:
        status = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.search(r"VmRSS:\s+(\d+)", status)[1])

    def stop(self, number: int) -> None:
        self.process.send_signal(number)
        assert self.process.stdout.read() == "done\n"
        assert self.process.wait(DEADLINE) == 0


@pytest.fixture(params=[1, 2])
def server(request):
    started = Server(request.param)
    yield started
    started.process.kill()
    started.process.wait()


async def connect(server: Server):
    return await asyncio.open_connection("127.0.0.1", server.port)


async def converse(server: Server, number: int, everybody: asyncio.Barrier) -> None:
    reader, writer = await connect(server)
    await everybody.wait()  # all are open at once
    for turn in range(ROUNDS):
        said = f"client {number} says {turn} ".encode() * (1 + (number + turn) % 200)
        writer.write(said)
        assert await reader.readexactly(len(said)) == said
    writer.write_eof()
    assert await reader.read() == b""
    writer.close()
    await writer.wait_closed()


async def within_deadline(work) -> None:
    await asyncio.wait_for(work, DEADLINE)


async def until(condition) -> None:
    while not condition():
        await asyncio.sleep(0.01)


def test_hundreds_of_clients_at_once_get_back_what_they_said(server):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    assert min(hard, 1 << 20) >= 2 * CLIENTS
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, 2 * CLIENTS), hard))
    before = server.descriptors()

    async def work():
        everybody = asyncio.Barrier(CLIENTS)
        await asyncio.gather(*(converse(server, number, everybody) for number in range(CLIENTS)))
        # One is still closed a moment after its end has been seen.
        await until(lambda: server.descriptors() <= before)

    asyncio.run(within_deadline(work()))
    server.stop(signal.SIGTERM)


def test_who_does_not_read_holds_up_itself_and_nobody_else(server):
    async def work():
        before = server.resident_kib()
        _, mute = await connect(server)
        mute.transport.set_write_buffer_limits(high=0)
        chunk = bytes(1 << 20)
        for _ in range(64):
            mute.write(chunk)
            try:
                await asyncio.wait_for(mute.drain(), 0.5)
            except TimeoutError:
                break
        else:
            pytest.fail("the server took 64 MiB from one that read none of it")
        everybody = asyncio.Barrier(10)
        await asyncio.gather(*(converse(server, number, everybody) for number in range(10)))
        assert server.resident_kib() - before < 4096
        mute.transport.abort()

    asyncio.run(within_deadline(work()))
    server.stop(signal.SIGINT)


def test_a_server_with_open_connections_stops_when_it_is_told_to(server):
    async def work():
        ends = [await connect(server) for _ in range(20)]
        # Each has been accepted: what the kernel still holds when the listener closes is reset.
        for reader, writer in ends:
            writer.write(b"?")
            assert await reader.readexactly(1) == b"?"
        server.stop(signal.SIGTERM)
        for reader, writer in ends:
            assert await reader.read() == b""
            writer.close()

    asyncio.run(within_deadline(work()))
