"""Peers without a system: this process listens, in pytest itself, and others attach to it by the path."""

import asyncio
import os
import signal
import subprocess
import sys
import textwrap
import threading

import pytest
import schemas

import ringmail

DEADLINE_S = 30.0  # a watchdog, not a measure

# A desk, which asks and is sent to; `path` and `name` are its arguments.
HEAD = """
import sys
import ringmail
SCHEMA = sys.argv[3]
peer = ringmail.peer(path=sys.argv[1], name=sys.argv[2], schema=SCHEMA)
market = peer.mailbox("market")

@peer.on("flights.Ask")
def ask(message):
    return peer.new("flights.Answer", mean=1.5)
"""


@pytest.fixture
def listener(tmp_path):
    with ringmail.listen(tmp_path / "ringmail" / "at", name="market", schema=schemas.FLIGHTS) as listening:
        yield listening


class Desk:
    def __init__(self, listener, script, name="desk", schema=schemas.FLIGHTS, head=HEAD):
        command = [sys.executable, "-X", "faulthandler", "-c", head + textwrap.dedent(script)]
        self.process = subprocess.Popen(
            [*command, listener.path, name, schema], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )

    def ended(self):
        """(exit status, what it printed)"""
        out, err = self.process.communicate(timeout=DEADLINE_S)
        return self.process.returncode, out + err


@pytest.fixture
def desk(listener):
    desks = []

    def start(script, **more):
        desks.append(Desk(listener, script, **more))
        return desks[-1]

    yield start
    for each in desks:
        each.process.kill()
        each.process.communicate()


def flights_of(peer):
    """The delays that come, in the order of their coming."""
    delays = []

    @peer.on("flights.Flight")
    def flight(message):
        delays.append(message.delay)

    return delays


def serve(peer):
    """Answers every ask with the number of flights that came before."""
    delays = flights_of(peer)

    @peer.on("flights.Ask")
    def ask(message):
        return peer.new("flights.Answer", mean=len(delays))

    peer.run()
    return delays


def test_each_side_asks_the_other_and_run_returns_when_the_other_has_ended(listener, desk):
    other = desk("""
        def answered(answer):
            print("answer", answer.mean, flush=True)
            market.send(peer.new("flights.Flight", delay=8))

        market.send(peer.new("flights.Flight", delay=7))
        market.ask(peer.new("flights.Ask"), answered)
        peer.run()
    """)
    with listener.accept(DEADLINE_S) as peer:
        assert (peer.name, peer.incarnation) == ("desk", 1)
        assert peer.mailbox("desk") == peer.other
        answers = []
        peer.other.ask(peer.new("flights.Ask"), lambda answer: answers.append(answer.mean), timeout=DEADLINE_S)

        @peer.on("flights.Ask")
        def ask(message):
            return peer.new("flights.Answer", mean=len(delays))

        delays = flights_of(peer)
        while 8 not in delays or not answers:
            assert peer.poll(DEADLINE_S)
        peer.stop()
        peer.run()
        assert (delays, answers) == ([7, 8], [1.5])
        assert other.ended() == (0, "answer 1.0\n")
        with pytest.raises(ringmail.PeerGone, match="the peer has ended"):
            peer.other.send(peer.new("flights.Flight"))


def test_a_thread_for_each_peer(listener, desk):
    script = """
        for delay in range(200):
            market.send(peer.new("flights.Flight", delay=delay), timeout=None)
        market.ask(peer.new("flights.Ask"), lambda answer: print(answer.mean, flush=True))
        peer.poll(30)
    """
    others = [desk(script, name=f"desk {i}") for i in range(3)]
    received = {}
    threads = []
    for peer in listener:
        name = peer.name
        threads.append(threading.Thread(target=lambda p=peer, n=name: received.__setitem__(n, serve(p))))
        threads[-1].start()
        if len(threads) == len(others):
            break
    for thread in threads:
        thread.join(DEADLINE_S)
    assert received == {f"desk {i}": list(range(200)) for i in range(3)}
    assert [other.ended() for other in others] == [(0, "200.0\n")] * 3


def test_other_threads_run_while_one_accepts(listener):
    """The very thread that attaches needs the GIL to do so, and to be heard of."""
    attached = []

    def attach():
        with ringmail.peer(path=listener.path, name="thread") as peer:
            attached.append(peer.mailbox("market"))
            peer.run()

    thread = threading.Thread(target=attach)
    thread.start()
    peer = listener.accept(DEADLINE_S)
    assert peer.name == "thread"
    peer.stop()
    peer.run()
    thread.join(DEADLINE_S)
    assert len(attached) == 1


def test_nobody_comes_in_time(listener):
    with pytest.raises(TimeoutError, match=f"nobody attached to {listener.path} within 0"):
        listener.accept(0)
    with pytest.raises(TimeoutError):
        listener.accept(timeout=0.01)


def test_a_signal_handler_runs_while_it_accepts_and_may_close_it(listener):
    before = signal.signal(signal.SIGALRM, lambda *_: listener.close())
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.01)
        assert list(listener) == []
    finally:
        signal.signal(signal.SIGALRM, before)
    assert listener.closed
    assert not os.path.exists(listener.path)
    with pytest.raises(RuntimeError, match="the listener is closed"):
        listener.accept(0)


def test_what_a_peer_published_is_received_before_its_end(listener, desk):
    other = desk("""
        @peer.on("flights.Flight")
        def flight(message, sender):
            for delay in range(100):
                sender.send(peer.new("flights.Flight", delay=delay))
            raise ValueError("no more")

        peer.run()
    """)
    peer = listener.accept(DEADLINE_S)
    peer.other.send(peer.new("flights.Flight"))
    delays = flights_of(peer)
    while peer.poll(DEADLINE_S):
        pass
    assert delays == list(range(100))
    with pytest.raises(ringmail.PeerGone, match="the peer has ended: ValueError: no more"):
        peer.other.send(peer.new("flights.Flight"))
    assert other.ended()[0] == 1


def test_asks_of_a_peer_that_ends_are_answered_by_none(listener, desk):
    other = desk("""
        peer.wait(None)
        import os
        os._exit(3)
    """)
    peer = listener.accept(DEADLINE_S)
    answers = []
    peer.other.ask(peer.new("flights.Ask"), answers.append)
    peer.run()
    assert answers == [None]
    assert other.ended()[0] == 3


def test_the_mail_to_a_peer_that_died_waits_for_the_next_of_its_name(listener, desk):
    other = desk("peer.run()")
    peer = listener.accept(DEADLINE_S)
    other.process.kill()
    other.process.wait()
    peer.run()
    peer.close()
    assert listener.counters == (0, 0)
    other = desk("""
        received = []

        @peer.on("flights.Flight")
        def flight(message):
            received.append((message.delay, peer.redelivered))
            if peer.incarnation == 2:
                import os
                os._exit(9)

        peer.run()
        print(received, peer.incarnation)
    """)
    peer = listener.accept(DEADLINE_S)
    for delay in range(5):
        peer.other.send(peer.new("flights.Flight", delay=delay))
    assert peer.unfinished == 5
    peer.run()
    assert other.ended()[0] == 9
    peer.close()
    assert listener.counters == (5, 0)
    again = desk("""
        received = []

        @peer.on("flights.Flight")
        def flight(message):
            received.append((message.delay, peer.redelivered, peer.attempt))

        peer.run()
        print(received, peer.incarnation)
    """)
    peer = listener.accept(DEADLINE_S)
    peer.stop()
    peer.run()
    assert again.ended() == (0, f"{[(delay, True, int(delay == 0)) for delay in range(5)]} 3\n")
    peer.close()
    assert listener.counters == (0, 0)


def test_a_peer_of_another_schema_is_not_let_in_and_the_next_is(listener, desk, capfd):
    # One that does not compare by itself.
    differs = schemas.FLIGHTS.replace("field date u64", "field date i64")
    stranger = desk("", name="stranger", schema=differs, head="""
import sys, ringmail._ringmail
peer = ringmail._ringmail.Peer()
peer._attach(
    descriptor=-1, path=sys.argv[1], name=sys.argv[2], schema=sys.argv[3], ring_bytes=0, timeout=10.0, pollable=False,
    token=None, reconnect=0.0)
try:
    peer.wait(None)
    peer.receive()
except ringmail._ringmail.HostGone:
    print("gone")
""")  # fmt: skip
    line = "stranger is not let in: message flights.Flight: field date is u64 here and i64 there"
    said = ""
    while line not in said:
        was_alive = stranger.process.poll() is None
        with pytest.raises(TimeoutError):
            listener.accept(0.01)
        said += capfd.readouterr().err
        assert was_alive or line in said, stranger.ended()
    assert stranger.ended() == (0, "gone\n")
    desk("peer.run()")
    assert listener.accept(DEADLINE_S).name == "desk"


def test_a_peer_without_a_schema_is_told_this_one_s(listener, desk):
    other = desk(
        """
        market.send(peer.new("flights.Flight", delay=3))
        """,
        schema="",
        head=HEAD.replace("SCHEMA = sys.argv[3]", "SCHEMA = None"),
    )
    peer = listener.accept(DEADLINE_S)
    assert serve(peer) == [3]
    assert other.ended() == (0, "")


def test_a_handler_that_raises_ends_that_link_alone(listener, desk):
    other = desk("""
        market.ask(peer.new("flights.Ask"), print)
        peer.run()
    """)
    peer = listener.accept(DEADLINE_S)

    @peer.on("flights.Ask")
    def ask(message):
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        peer.run()
    assert peer.closed
    assert other.ended()[0] == 1  # its host is gone
    desk("peer.run()", name="next")
    assert listener.accept(DEADLINE_S).name == "next"


def test_a_fork_cannot_accept(listener):
    child = os.fork()
    if child == 0:
        try:
            listener.accept(0)
        except ringmail.ForkedError:
            os._exit(0)
        finally:
            os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert os.path.exists(listener.path)


def test_what_cannot_be_listened_at_is_said_in_a_line(listener, tmp_path):
    with pytest.raises(OSError, match="listen"):
        ringmail.listen(listener.path)
    with pytest.raises(ValueError, match="ring_bytes cannot be 5000"):
        ringmail.listen(tmp_path / "ringmail" / "other", ring_bytes=5000)
    open_to_all = tmp_path / "open"
    open_to_all.mkdir(mode=0o755)
    with pytest.raises(OSError, match="open"):
        ringmail.listen(open_to_all / "at")


def test_a_listener_that_is_left_takes_its_socket_away(tmp_path):
    with ringmail.listen(tmp_path / "ringmail" / "at") as listener:
        assert os.path.exists(listener.path)
        assert repr(listener) == f"<ringmail.Listener, at {listener.path}>"
    assert not os.path.exists(listener.path)
    assert repr(listener) == "<ringmail.Listener, closed>"
    listener.close()


# ---- asyncio


def run(main):
    return asyncio.run(asyncio.wait_for(main, DEADLINE_S))


def test_peers_are_accepted_and_served_in_an_event_loop(listener, desk):
    script = """
        for delay in range(200):
            market.send(peer.new("flights.Flight", delay=delay), timeout=None)
        market.ask(peer.new("flights.Ask"), lambda answer: print(answer.mean, flush=True))
        peer.run()
    """

    async def serve_async(peer):
        delays = flights_of(peer)

        @peer.on("flights.Ask")
        async def ask(message):
            reply = await peer.other.ask_async(peer.new("flights.Ask"), timeout=DEADLINE_S)
            return peer.new("flights.Answer", mean=len(delays) + reply.mean)

        stop = asyncio.get_running_loop().call_soon(lambda: None)
        await peer.run_async()
        stop.cancel()
        return delays

    async def main():
        others = [desk(script, name=f"desk {i}") for i in range(3)]
        tasks = []
        peers = []
        async for peer in listener:
            peers.append(peer)
            tasks.append(asyncio.create_task(serve_async(peer)))
            if len(tasks) == len(others):
                break
        while any(peer.counters.received < 201 for peer in peers):
            await asyncio.sleep(0.001)  # nothing tells that a handler has ended
        for peer in peers:
            peer.stop()
        assert await asyncio.gather(*tasks) == [list(range(200))] * 3
        assert [other.ended() for other in others] == [(0, "201.5\n")] * 3

    run(main())


def test_the_loop_goes_on_while_a_task_accepts_and_closing_ends_the_iteration(listener):
    async def accept_all():
        return [peer async for peer in listener]

    async def main():
        task = asyncio.create_task(accept_all())
        for _ in range(10):
            await asyncio.sleep(0)
        with pytest.raises(RuntimeError, match="another task accepts"):
            await listener.accept_async()
        listener.close()
        assert await task == []

    run(main())


def test_a_task_that_accepts_can_be_cancelled_and_nobody_is_lost(listener, desk):
    async def main():
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.01):
                await listener.accept_async()
        desk("peer.run()")
        peer = await listener.accept_async()
        assert peer.name == "desk"

    run(main())


def test_in_an_event_loop_mail_is_received_before_the_end_and_asks_fail_at_it(listener, desk):
    other = desk("""
        for delay in range(300):
            market.send(peer.new("flights.Flight", delay=delay))
        peer.wait(None)
        import os
        peer.flush()
        os._exit(0)
    """)

    async def main():
        peer = await listener.accept_async()
        begun = asyncio.Event()
        asked = asyncio.create_task(peer.other.ask_async(peer.new("flights.Ask")))
        delays = []

        @peer.on("flights.Flight")
        async def flight(message):
            if not delays:
                begun.set()
                # While this one is in hand, the other ends; that fails the ask, and nothing else.
                with pytest.raises(ringmail.PeerGone):
                    await asked
                with pytest.raises(ringmail.PeerGone):
                    await peer.other.send_async(peer.new("flights.Flight"))
            delays.append(message.delay)

        await peer.run_async()
        assert delays == list(range(300))
        assert begun.is_set()
        assert other.ended()[0] == 0

    run(main())


def test_an_iteration_over_messages_ends_with_the_other_peer(listener, desk):
    desk("""
        for delay in range(3):
            market.send(peer.new("flights.Flight", delay=delay))
    """)

    async def main():
        with await listener.accept_async() as peer:
            return [message.delay async for message in peer]

    assert run(main()) == [0, 1, 2]
