"""The connections of a load that are counted together, and what is counted of them."""

import heapq
import socket
from collections.abc import Callable
from typing import Any

from bench.report import percentile


class Client:
    """One connection. `stage`: upgrade, hello, join, open, closed."""

    # `epoch` and `seq` are followed only by those who joined with a cursor.
    __slots__ = ("chat", "epoch", "group", "page", "resolved", "rest", "seq", "since", "sock", "stage", "token")

    def __init__(self, group: "Group", sock: socket.socket, token: str, page: str, since: Any) -> None:
        self.group = group
        self.sock = sock
        self.token = token
        self.page = page
        self.since = since
        self.stage = "upgrade"
        self.rest = b""
        self.epoch = ""
        self.seq = 0
        self.chat = ""
        self.resolved = False


class Group:
    """Connections that are counted together."""

    def __init__(self, how: str) -> None:
        self.how = how
        self.clients: list[Client] = []
        self.opened = 0
        self.lost = 0
        self.frames = 0
        self.events = 0
        self.bytes = 0
        #: Set while operations are timed: when each was due, by broadcastId.
        self.due: dict[bytes, float] | None = None
        self.delays: list[float] = []
        self.acks: list[float] = []
        self.errors: dict[str, int] = {}
        self.acked: Callable[[Client], None] | None = None


def spread(seconds: list[float]) -> dict[str, float]:
    """p50, p99 and maximum, in ms."""
    values = heapq.nsmallest(len(seconds), seconds)
    return {
        "p50": 1000 * percentile(values, 0.5),
        "p99": 1000 * percentile(values, 0.99),
        "max": 1000 * percentile(values, 1.0),
        "n": len(values),
    }
