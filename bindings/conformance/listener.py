"""The conformance listener in Python: bindings/README.md says what it does with the peers that attach to it."""

import os
import sys
import time

import ringmail
from conformance_mail import SCHEMA, Payload, Ping, Stream, Tick

PATIENCE_S = 20.0  # a watchdog, not a measure


def handle_until(peer, done):
    """False: the peer has ended before."""
    deadline = time.monotonic() + PATIENCE_S
    while not done():
        if not peer.poll(1):
            return False
        assert time.monotonic() < deadline, "nothing comes"
    return True


def stop(listener, peer):
    peer.stop()
    peer.run()
    assert peer.unfinished == 0
    peer.close()
    assert listener.counters == (0, 0), listener.counters


def plays(listener):
    peer = listener.accept(PATIENCE_S)
    assert (peer.name, peer.incarnation) == ("conformance", 1)
    answers, pings, prices = [], [], []
    peer.on(Ping)(lambda ping: pings.append(ping.words[0]))
    peer.on(Tick)(lambda tick: prices.append(tick.price))
    for number in range(100):
        peer.other.ask(Ping(words=[number, 2, 3, 4]), lambda ping: answers.append(list(ping.words)), reply=Ping)
    assert handle_until(peer, lambda: len(answers) == 100)
    assert answers == [[number, 2, 3, 4] for number in range(100)]
    peer.mailbox("conformance").send(Tick(number=9, price=2))
    assert handle_until(peer, lambda: prices)
    assert prices == [4]
    peer.other.send(Stream(count=5000, payload=Payload.ping))
    assert handle_until(peer, lambda: len(pings) == 5000)
    assert pings == list(range(5000))
    stop(listener, peer)


def outlives(listener):
    lives, least, sent, back = 3, 1000, 0, 0

    def on_Tick(tick):
        nonlocal back
        assert tick.number <= back, "something is missing"
        back += tick.number == back

    for life in range(lives):
        is_last = life == lives - 1
        peer = listener.accept(PATIENCE_S)
        assert peer.incarnation == life + 1
        peer.on(Tick)(on_Tick)
        is_to_be_killed = not is_last
        # One that is to be killed is sent to until it is: so that is in mid-stream, however fast it is.
        while not is_last or back < max(least, sent):
            try:
                while not is_last or sent < least:
                    peer.other.send(Tick(number=sent), timeout=0)
                    sent += 1
            except (ringmail.FullError, ringmail.PeerGone):
                pass
            before = back
            if not handle_until(peer, lambda: back > before):  # noqa: B023
                break
            if is_to_be_killed and back >= least * (life + 1) // 4:
                print("kill", flush=True)
                is_to_be_killed = False
        if is_last and back == max(least, sent):
            stop(listener, peer)
            return
        unfinished = peer.unfinished
        peer.close()
        assert listener.counters == (unfinished, 0), (listener.counters, unfinished)
    raise AssertionError(f"{back} of {sent} came back")


with ringmail.listen(os.environ["CONFORMANCE_LISTEN"], name="sink", schema=SCHEMA, ring_bytes=1 << 14) as listening:
    print("listening", flush=True)
    {"plays": plays, "outlives": outlives}[sys.argv[1]](listening)
