"""WebSocket frames as a client sees them, with as little work as possible: loads run on the machine they measure."""

import base64
import json
from collections.abc import Iterator
from typing import Any

TEXT, CLOSE, PING, PONG = 0x1, 0x8, 0x9, 0xA

_KNOWN = frozenset({TEXT, CLOSE, PING, PONG})
_KEY = base64.b64encode(b"parley-benchmark").decode()


def upgrade(address: str, path: str = "/v1/live") -> bytes:
    """The opening request."""
    return (
        f"GET {path} HTTP/1.1\r\nHost: {address}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        f"Sec-WebSocket-Key: {_KEY}\r\nSec-WebSocket-Version: 13\r\n\r\n"
    ).encode()


def masked(payload: bytes, opcode: int = TEXT) -> bytes:
    """A client's frame. The mask is zero: legal, and it costs the load nothing."""
    length = len(payload)
    if length < 126:
        return bytes((0x80 | opcode, 0x80 | length)) + bytes(4) + payload
    if length < 65_536:
        return bytes((0x80 | opcode, 0xFE)) + length.to_bytes(2, "big") + bytes(4) + payload
    return bytes((0x80 | opcode, 0xFF)) + length.to_bytes(8, "big") + bytes(4) + payload


def frame(**members: Any) -> bytes:
    """A client's text frame of one JSON object."""
    return masked(json.dumps(members, separators=(",", ":"), ensure_ascii=False).encode())


def split(data: bytes) -> Iterator[tuple[int, bytes, int]]:
    """(opcode, payload, where the next frame begins) of each whole frame in a server's bytes.

    Raises `ValueError` when they are out of step, so that no figure is one of broken frames.
    """
    at, size = 0, len(data)
    while size - at >= 2:
        length, start = data[at + 1], at + 2
        if length == 126:
            start = at + 4
            length = int.from_bytes(data[at + 2 : start], "big")
        elif length == 127:
            start = at + 10
            length = int.from_bytes(data[at + 2 : start], "big")
        if start + length > size:
            return
        if data[at] & 0x70 or data[at + 1] & 0x80 or data[at] & 0xF not in _KNOWN:
            raise ValueError("these bytes are no server's frame")
        yield data[at] & 0xF, data[start : start + length], start + length
        at = start + length
