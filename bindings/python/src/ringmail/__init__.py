"""Be a peer of a Ringmail system: receive messages from C++ actors, send, and answer.

import ringmail

peer = ringmail.peer()

@peer.on("flights.Flight")
def flight(message, sender):
    print(message.origin, message.delay)

peer.run()
"""

from ._listener import Listener, ListenerCounters, listen
from ._log import TRACE, LogHandler
from ._peer import Counters, Down, ExitKind, Peer, peer
from ._ringmail import (
    AskError,
    Batch,
    Body,
    BodyLoan,
    Error,
    ForkedError,
    FullError,
    HostGone,
    Mailbox,
    Message,
    NotSpawnedError,
    PeerGone,
    ProtocolError,
    RefusedError,
    ReleasedError,
    SchemaError,
    Stopped,
)
from ._schema import Schema, parse_schema

__all__ = [
    "TRACE",
    "AskError",
    "Batch",
    "Body",
    "BodyLoan",
    "Counters",
    "Down",
    "Error",
    "ExitKind",
    "ForkedError",
    "FullError",
    "HostGone",
    "Listener",
    "ListenerCounters",
    "LogHandler",
    "Mailbox",
    "Message",
    "NotSpawnedError",
    "Peer",
    "PeerGone",
    "ProtocolError",
    "RefusedError",
    "ReleasedError",
    "Schema",
    "SchemaError",
    "Stopped",
    "listen",
    "parse_schema",
    "peer",
]
