"""The host's log as a handler of Python's logging."""

from __future__ import annotations

import logging
import sys
from typing import TYPE_CHECKING

from ._ringmail import Error

if TYPE_CHECKING:
    from ._peer import Peer

TRACE = 5  # the host's level below logging.DEBUG

_LEAST = (logging.DEBUG, logging.INFO, logging.WARNING, logging.ERROR, logging.CRITICAL)  # of the host's levels 1, 2, ...


def host_level(level: int) -> int:
    """The number of the host's level that is nearest, and not above."""
    return sum(level >= least for least in _LEAST)


class LogHandler(logging.Handler):
    """Writes into the host's log: `logging.basicConfig(handlers=[ringmail.LogHandler(peer)])`.

    What the peer cannot be used for, since another thread logs it, or the host is too slow, goes to stderr, which the host
    logs as well."""

    def __init__(self, peer: Peer, level: int = logging.NOTSET) -> None:
        super().__init__(level)
        self._peer = peer

    def emit(self, record: logging.LogRecord) -> None:
        try:
            text = self.format(record)
            if not self._is_written(record.levelno, text):
                print(text, file=sys.stderr)
        except Exception:
            self.handleError(record)

    def _is_written(self, level: int, text: str) -> bool:
        try:
            return self._peer.log(level, text)
        except (Error, RuntimeError):
            return False
