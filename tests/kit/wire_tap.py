"""What really passes a client's socket: RFC 6455 frames, cut out of the raw bytes, and what they cost.

Written from the RFC and from the protocol's counting table alone; shares no line with the gateway or with the library
that speaks for the client.
"""

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import Any, NamedTuple

TEXT, CLOSE, PING = 0x1, 0x8, 0x9

#: Frames that count, by their `t`, and the class that they count in.
CLASS_OF = {"live": "delivery", "presence": "presence", "typing": "presence", "page": "replay"}


class RawFrame(NamedTuple):
    """One frame as it came. `size`: header and payload, in bytes."""

    opcode: int
    final: bool
    reserved: int
    masked: bool
    payload: bytes
    size: int


def header_size(length: int) -> int:
    """Bytes before an unmasked payload of `length` bytes: 2, and 2 or 8 for a longer length."""
    if length <= 125:
        return 2
    return 2 + 2 if length <= 0xFFFF else 2 + 8


def sent_size(payload: bytes) -> int:
    """Bytes of a client's frame: header, four bytes of mask, payload."""
    return header_size(len(payload)) + 4 + len(payload)


class Tap:
    """Cuts the bytes that a server sends into frames; the HTTP answer before them is left out."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._upgraded = False
        self.frames: list[RawFrame] = []

    def feed(self, data: bytes) -> None:
        self._buffer += data
        if not self._upgraded:
            end = self._buffer.find(b"\r\n\r\n")
            if end < 0:
                return
            del self._buffer[: end + 4]
            self._upgraded = True
        while (frame := self._cut()) is not None:
            self.frames.append(frame)

    def _cut(self) -> RawFrame | None:
        data = self._buffer
        if len(data) < 2:
            return None
        length, start = data[1] & 0x7F, 2
        if length >= 126:
            start = 4 if length == 126 else 10
            if len(data) < start:
                return None
            length = int.from_bytes(data[2:start], "big")
        masked = bool(data[1] & 0x80)
        start += 4 if masked else 0
        if len(data) < start + length:
            return None
        frame = RawFrame(
            data[0] & 0x0F,
            bool(data[0] & 0x80),
            data[0] >> 4 & 0x7,
            masked,
            bytes(data[start : start + length]),
            start + length,
        )
        del data[: start + length]
        return frame


@dataclass
class Tally:
    """What the counting table makes of what a tenant's clients sent and received."""

    sums: Counter[tuple[str, str]] = field(default_factory=Counter)
    _sent: dict[str, list[int]] = field(default_factory=lambda: defaultdict(list))
    _accepted: set[str] = field(default_factory=set)

    def sent(self, broadcast_id: str, size: int) -> None:
        """A `do` went out."""
        self._sent[broadcast_id].append(size)

    def answered(self, broadcast_id: str, accepted: bool) -> None:
        """The gateway answered the oldest unanswered `do` of this id. Only the first acceptance counts."""
        size = self._sent[broadcast_id].pop(0)
        if accepted and broadcast_id not in self._accepted:
            self._accepted.add(broadcast_id)
            self._add("publish", 1, size)

    def received(self, frame: dict[str, Any], size: int) -> None:
        """A frame came in."""
        usage_class = CLASS_OF.get(frame["t"])
        if usage_class is not None:
            self._add(usage_class, len(frame["events"]) if frame["t"] == "live" else 1, size)

    def _add(self, usage_class: str, messages: int, size: int) -> None:
        self.sums[usage_class, "messages"] += messages
        self.sums[usage_class, "bytes"] += size
