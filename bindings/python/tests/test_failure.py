"""What goes wrong, and who learns of it."""

import os
import select
import signal
import subprocess
import sys

import pytest
import schemas

HEAD = """
import ringmail
peer = ringmail.peer()
"""

ANSWERING = (
    HEAD
    + """
@peer.on("flights.Ask")
def ask(message):
    return peer.new("flights.Answer")
"""
)


def park(running):
    """Leaves an answering peer asleep in run()."""
    running.ask(running.types.Ask(), correlation=1)
    running.reply()
    running.wait_until_parked()


FAILING = (
    HEAD
    + """
@peer.on("flights.Flight")
def flight(message, sender):
    if message.delay < 0:
        raise ValueError(f"bad delay {message.delay}")
    print(message.delay, peer.redelivered, peer.attempt)

@peer.on("flights.Ask")
def ask(message):
    return peer.new("flights.Answer", mean=0)

peer.run()
"""
)


def test_an_exception_of_a_handler_reaches_host_and_log_and_ends_the_process(host):
    running = host(FAILING).ready()
    running.send(running.types.Flight(delay=1))
    running.send(running.types.Flight(delay=-2))
    assert running.failure() == "ValueError: bad delay -2"
    assert running.wait_for("exit") == ["1"]
    output = running.output()
    assert output.count("Traceback") == 1 and output.count("ValueError: bad delay -2") == 1
    assert "in flight" in output and "(while handling flights.Flight)" in output
    assert "goodbye" not in running.seen


def test_the_message_that_failed_comes_again_and_those_before_it_do_not(host):
    running = host(FAILING).ready()
    for delay in (1, 2, -3, 4):
        running.send(running.types.Flight(delay=delay))
    running.wait_for("exit")
    running.order("position")
    assert running.wait_for("unfinished") == ["2"]
    running.order("restart")
    running.ready()
    assert running.failure() == "ValueError: bad delay -3"
    running.wait_for("exit")
    assert running.output().splitlines()[:2] == ["1 False 0", "2 False 0"]
    assert "which 1 earlier processes died with" in running.output()


def test_an_asker_whose_handler_fails_is_told(host):
    running = host(FAILING).ready()
    running.ask(running.types.Flight(delay=-1), correlation=6)
    assert running.wait_for("no_reply") == ["6", "2"]
    assert running.wait_for("exit") == ["1"]


@pytest.mark.parametrize(
    ("returned", "failure"),
    [
        ("3", "TypeError: the reply to flights.Ask must be a message, not int"),
        ("message", "TypeError: no protocol allows flights.Ask as the reply to flights.Ask"),
    ],
)
def test_a_reply_must_be_what_the_protocol_says(host, returned, failure):
    running = host(HEAD + f'peer.on("flights.Ask")(lambda message: {returned})\npeer.run()').ready()
    running.ask(running.types.Ask(), correlation=6)
    assert running.failure() == failure
    running.wait_for("exit")
    assert "no_reply 6 2" in running.seen


def test_what_was_sent_before_the_failure_is_sent(host):
    running = host(
        HEAD
        + """
@peer.on("flights.Flight")
def flight(message, sender):
    sender.send(peer.new("flights.Other"))
    raise KeyError("é\\0\\ud800")

peer.run()
"""
    ).ready()
    running.send(running.types.Flight(), sender=3)
    seen = running.wait_for("exit")
    assert seen == ["1"]
    assert any(line.startswith("mail 3 ") for line in running.seen)
    assert any(line.startswith("failure KeyError: ") for line in running.seen)


def test_a_message_of_the_wrong_length_is_a_fault_of_the_host(host):
    running = host(FAILING).ready()
    running.order("send", running.types.Flight._id, 0, "00" * 23)
    assert (
        running.failure() == "ProtocolError: a flights.Flight of 23 bytes came; it is 24 bytes long"
    )
    assert running.wait_for("exit") == ["1"]


def test_an_open_loan_fails_the_handler(host):
    running = host(
        HEAD + 'loans = []\n@peer.on("flights.Flight")\ndef flight(message, sender):\n'
        '    loans.append(sender._loan(peer.type("flights.Other"), 5.0))\npeer.run()'
    ).ready()
    running.send(running.types.Flight(), sender=3)
    running.wait_for("exit")
    assert "RuntimeError: the handler left a loan open" in running.output()


def test_the_end_of_the_host_ends_the_peer_at_once_and_quietly(host):
    running = host(ANSWERING + "try:\n    peer.run()\nexcept Exception:\n    print('caught')\nprint('went on')").ready()
    park(running)
    watch = os.pidfd_open(running.pid)
    running.order("die")
    assert select.select([watch], [], [], 30)[0]
    os.close(watch)
    assert running.output() == "the host has died or has closed the link\n"


def test_an_interrupt_ends_a_parked_peer(host):
    running = host(
        ANSWERING
        + """
try:
    peer.run()
except KeyboardInterrupt:
    print("interrupted", peer.closed)
    peer.close()
    peer.close()
"""
    ).ready()
    park(running)
    running.order("signal", int(signal.SIGINT))
    assert running.wait_for("exit") == ["0"]
    assert running.output() == "interrupted False\n"
    assert not any(line.startswith("failure") for line in running.seen)


def test_an_interrupt_ends_a_handler(host):
    running = host(
        HEAD
        + """
@peer.on("flights.Flight")
def flight(message, sender):
    sender.send(peer.new("flights.Other"))
    peer.flush()
    while True:
        pass

try:
    peer.run()
except KeyboardInterrupt:
    print('interrupted', peer.closed)
"""
    ).ready()
    running.send(running.types.Flight(), sender=3)
    running.mail()
    running.order("signal", int(signal.SIGINT))
    assert running.wait_for("exit") == ["0"]
    assert running.output() == "interrupted True\n"
    running.order("position")
    assert running.wait_for("unfinished") == ["1"]


def test_python_signal_handlers_run_while_parked(host):
    running = host(
        """
import os, signal
signal.signal(signal.SIGUSR1, lambda *_: os.write(1, b"signal\\n"))
"""
        + ANSWERING
        + "peer.run()"
    ).ready()
    park(running)
    running.order("signal", int(signal.SIGUSR1))
    running.wait_for_output("signal\n")
    assert running.stop() == "signal\n"


def test_a_process_that_nobody_spawned_says_so_in_one_line():
    environment = {name: value for name, value in os.environ.items() if name != "RINGMAIL_FDS"}
    alone = subprocess.run(
        [sys.executable, "-c", "import ringmail; ringmail.peer(); print('went on')"],
        env=environment, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL,
    )  # fmt: skip
    assert (alone.returncode, alone.stdout) == (2, "")
    assert len(alone.stderr.splitlines()) == 1
    assert "not spawned by a Ringmail system" in alone.stderr


def test_a_socket_that_is_not_there_is_an_error(tmp_path):
    import ringmail

    with pytest.raises(OSError, match="no-such-socket"):
        ringmail.peer(path=tmp_path / "no-such-socket")


def test_an_expectation_that_the_host_does_not_meet_fails_the_peer(host):
    running = host("import ringmail\nringmail.peer(expect={'flights.Flight': {'delay': 'i16'}})")
    text = "message flights.Flight: field delay is i16 here and i32 there"
    assert running.failure() == f"SchemaError: {text}"
    assert running.wait_for("exit") == ["1"]
    assert f"ringmail.SchemaError: {text}" in running.output()


def test_a_schema_that_does_not_agree_fails_the_peer(host, tmp_path):
    path = tmp_path / "schema"
    path.write_text(schemas.FLIGHTS.replace("distance u16", "distance i16"))
    running = host(f"import ringmail\nringmail.peer(schema={str(path)!r})")
    expected = "SchemaError: message flights.Flight: field distance is i16 here and u16 there"
    assert running.failure() == expected
    assert running.wait_for("exit") == ["1"]


def test_a_refusal_of_the_host_is_an_error_with_its_text(host):
    running = host(
        "import ringmail\ntry:\n    ringmail.peer()\nexcept ringmail.RefusedError as error:\n    print(error)",
        "--refuse",
        "message flights.Flight: field delay is i32 here and i16 there",
    )
    assert running.wait_for("exit") == ["0"]
    assert "message flights.Flight: field delay is i32 here and i16 there" in running.output()


def test_only_a_canonical_text_is_a_schema(tmp_path):
    import ringmail

    path = tmp_path / "flights.mail"
    path.write_text("namespace flights;")
    with pytest.raises(ringmail.SchemaError, match=r"flights\.mail: not a canonical schema text"):
        ringmail.peer(schema=path, path="/nowhere")


def test_a_second_peer_of_one_process_is_refused(host):
    running = host(HEAD + "ringmail.peer()").ready()
    assert running.wait_for("exit") == ["2"]
    assert "not spawned by a Ringmail system" in running.output()


def test_a_closed_peer_says_so(host):
    running = host(
        HEAD
        + """
peer.close()
for use in (peer.run, peer.flush, lambda: peer.name, lambda: peer.mailbox("x"), peer.receive, lambda: peer.counters):
    try:
        use()
    except RuntimeError as error:
        print(error)
print(peer, peer.closed)
"""
    )
    assert running.wait_for("exit") == ["0"]
    assert running.output().splitlines() == ["the peer is closed"] * 6 + ["<ringmail.Peer, closed> True"]
