"""What a peer is told of the end of actors, and what it writes into the host's log."""

import pytest

HEAD = """
import logging, sys, threading
import ringmail
peer = ringmail.peer()
board = peer.mailbox("board")
def told(down):
    print(down.mailbox, ringmail.ExitKind(down.kind).name, down.reason)
"""

ASYNC_HEAD = """
import asyncio
import ringmail
peer = ringmail.peer(pollable=True)
"""

BOARD = 1 << 20


@pytest.fixture
def running(host):
    def start(script):
        started = host(script)
        started.order("publish", "board", BOARD)
        return started.ready()

    return start


def test_an_end_is_told_once_and_in_its_place(running):
    peer = running(
        HEAD
        + """
kept = peer.monitor(board, told)
stopped = peer.monitor(board, told)
peer.demonitor(stopped)
peer.flush()
@peer.on("flights.Flight")
def flight(message):
    print("flight", message.delay)
peer.run()
"""
    )
    kept, mailbox = peer.wait_for("monitor")
    stopped, _ = peer.wait_for("monitor")
    assert int(mailbox) == BOARD and kept != stopped
    assert peer.wait_for("demonitor") == [stopped, mailbox]
    peer.send(peer.types.Flight(delay=1))
    peer.order("down", stopped, BOARD, 0, "ended normally")
    peer.order("down", kept, BOARD, 1, "failed: std::runtime_error: disk full")
    peer.order("down", kept, BOARD, 1, "again")
    peer.send(peer.types.Flight(delay=2))
    assert peer.stop().splitlines() == [
        "flight 1",
        "<mailbox 0x100000> FAILED failed: std::runtime_error: disk full",
        "flight 2",
    ]


def test_what_is_told_of_an_end_may_fail(running):
    peer = running(
        HEAD
        + """
def told(down):
    raise ValueError(down.reason)
peer.monitor(board, told)
peer.flush()
peer.run()
"""
    )
    monitor, _ = peer.wait_for("monitor")
    peer.order("down", monitor, BOARD, 9, "gone")
    assert peer.failure() == "ValueError: gone"
    assert peer.wait_for("exit") == ["1"]


def test_an_end_can_be_received_by_hand(running):
    peer = running(
        HEAD
        + """
number = peer.monitor(board, told)
peer.wait(None)
kind, down, sender, correlation = peer.receive()
print(kind, sender == board, down == (board, 7, "unreachable"), correlation)
peer.release()
try:
    peer.demonitor(number)
except LookupError as error:
    print(error)
"""
    )
    monitor, _ = peer.wait_for("monitor")
    peer.order("down", monitor, BOARD, 7, "unreachable")
    assert peer.wait_for("exit") == ["0"]
    assert peer.output().splitlines() == ["8 True True 0", "there is no such monitor"]


def test_an_end_is_awaited(running):
    peer = running(
        ASYNC_HEAD
        + """
async def main():
    board = await peer.mailbox_async("board")
    cancelled = asyncio.create_task(peer.monitor_async(board))
    await asyncio.sleep(0)
    waiting = asyncio.create_task(peer.monitor_async(board))
    await asyncio.sleep(0)
    cancelled.cancel()
    serving = asyncio.create_task(peer.run_async())
    print(await waiting, cancelled.cancelled())
    await serving
asyncio.run(main())
"""
    )
    cancelled, _ = peer.wait_for("monitor")
    monitor, _ = peer.wait_for("monitor")
    assert peer.wait_for("demonitor") == [cancelled, str(BOARD)]
    peer.order("down", cancelled, BOARD, 0, "ended normally")
    peer.order("down", monitor, BOARD, 8, "linked to one that failed")
    peer.wait_for_output("linked")
    assert "kind=8, reason='linked to one that failed') True" in peer.stop()


def test_what_is_logged_goes_to_the_host(running):
    peer = running(
        HEAD
        + """
logging.basicConfig(level=ringmail.TRACE, handlers=[ringmail.LogHandler(peer)], format="%(name)s: %(message)s")
logging.getLogger("gate").warning("late by %d", 5)
logging.getLogger("gate").log(ringmail.TRACE, "two\\nlines \\0 \\udc80")
with peer.loan(board, "flights.Flight"):
    logging.critical("while a loan is open")
elsewhere = threading.Thread(target=lambda: logging.info("from elsewhere"))
@peer.on("flights.Flight")
def flight(message):
    elsewhere.start()
    elsewhere.join()
peer.run()
"""
    )
    assert " ".join(peer.wait_for("log")) == "3 gate: late by 5"
    assert " ".join(peer.wait_for("log")) == "0 gate: two|lines   ?"
    assert " ".join(peer.wait_for("log")) == "5 root: while a loan is open"
    peer.send(peer.types.Flight())
    assert peer.stop().splitlines() == ["root: from elsewhere"]
    assert not any(line.startswith("log") and "elsewhere" in line for line in peer.seen)


def test_a_failure_has_the_innermost_frames_of_its_traceback(running):
    peer = running(
        HEAD
        + """
def dive(depth):
    if depth == 0:
        raise ValueError("two\\nlines")
    dive(depth - 1)
@peer.on("flights.Flight")
def flight(message):
    dive(500)
peer.run()
"""
    )
    peer.send(peer.types.Flight())
    failure = " ".join(peer.wait_for("failure"))
    assert failure.startswith("ValueError: two lines|Traceback (most recent call last):")
    assert "in dive" in failure and failure.endswith("(while handling flights.Flight)|")
