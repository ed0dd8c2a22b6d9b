# Whoever connects to a keeper: hosts one after the other, two at once, and those that talk nonsense or nothing at all.
#
#   keeper_test.py <the exec helper>
import os
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time

HEAD = struct.Struct("=IIQII")
HOST, PUT, DROP, END = 0x314B4D52, 2, 3, 5
HELPER = sys.argv[1]


def words(word, name=b"", note=b"", pid=0, seconds=0.0):
    return HEAD.pack(word, pid, int(seconds * 1e9), len(name), len(note)) + name + note


def connect(path):
    stream = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    stream.connect(path)
    stream.settimeout(20)
    return stream


def hangs_up(stream):
    try:
        return stream.recv(10) == b""
    except ConnectionResetError:
        return True


def items(stream):
    """By name: the note, the process, and the descriptors."""
    found = {}
    while True:
        message, descriptors, _, _ = socket.recv_fds(stream, 1 << 17, 10)
        if not message:
            raise ConnectionResetError
        word, pid, _, name, note = HEAD.unpack(message[: HEAD.size])
        if word == END:
            return found
        text = message[HEAD.size :]
        found[text[:name]] = (text[name : name + note], pid, descriptors)


def be_host(path):
    """As soon as the keeper knows that the one before is dead."""
    while True:
        try:
            stream = connect(path)
            stream.send(words(HOST))
            return stream, items(stream)
        except (ConnectionResetError, BrokenPipeError):
            time.sleep(0.01)


def put(stream, name, note, descriptors, **how):
    socket.send_fds(stream, [words(PUT, name, note, **how)], descriptors)


def in_child(run):
    """Of a process that dies at its end: its status."""
    child = os.fork()
    if child == 0:
        try:
            run()
            os.kill(os.getpid(), signal.SIGKILL)
        except BaseException as error:
            print(repr(error), file=sys.stderr)
            os._exit(1)
    return os.waitpid(child, 0)[1]


signal.alarm(50)
with tempfile.TemporaryDirectory() as directory:
    path = directory + "/socket.keeper"
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as listening:
        listening.bind(path)
        listening.listen(8)
        listening.setblocking(False)
        keeper = subprocess.Popen([HELPER, str(os.getpid()), "--keep", path], stdin=listening)

    for nonsense in (b"x", bytes(24), os.urandom(60000), HEAD.pack(HOST, 0, 0, 5, 0), words(PUT, b"n"), words(HOST)[:23]):
        stranger = connect(path)
        stranger.send(nonsense)
        assert hangs_up(stranger), nonsense[:40]
    silent = [connect(path) for _ in range(20)]

    source, sink = os.pipe()
    os.write(sink, b"kept")
    peer = subprocess.Popen(["sleep", "1000"], start_new_session=True)
    left = subprocess.Popen(["sleep", "1000"], start_new_session=True)

    def first():
        stream, found = be_host(path)
        assert found == {}
        stream.send(struct.pack("=i", left.pid))  # a peer that is not held
        stream.send(struct.pack("=i", peer.pid))
        put(stream, b"a", b"note of a", [source], pid=peer.pid, seconds=1.0)
        put(stream, b"b", b"note of b", [], seconds=1.0)
        put(stream, b"b", b"another", [source, sink], seconds=1.0)
        put(stream, b"c", b"", [source], seconds=1.0)
        stream.send(words(DROP, b"c"))
        stream.send(words(DROP, b"nobody"))
        second = connect(path)
        second.send(words(HOST))
        assert hangs_up(second)

    assert in_child(first) == signal.SIGKILL
    left.wait()  # its guard was the keeper
    assert peer.poll() is None

    def second():
        stream, found = be_host(path)
        assert set(found) == {b"a", b"b"}, found
        note, pid, descriptors = found[b"a"]
        assert (note, pid, len(descriptors)) == (b"note of a", peer.pid, 2)
        assert os.read(descriptors[0], 4) == b"kept"
        note, pid, descriptors = found[b"b"]
        assert (note, pid, len(descriptors)) == (b"another", 0, 2)
        stream.send(b"what a host does not say to its keeper, long enough for a head")
        assert hangs_up(stream)

    assert in_child(second) == signal.SIGKILL
    began = time.monotonic()
    peer.wait()  # when its time is over, and no sooner
    assert time.monotonic() - began > 0.9
    assert keeper.wait() == 0
    assert not os.path.exists(path)
