"""A client's bytes, taken apart into WebSocket messages (RFC 6455 §5). No extension is negotiated, so none is known."""

from collections.abc import Iterator

from parley_gateway.core.websocket_frame import BINARY, CLOSE, CONTINUATION, CONTROL_SIZE, PING, PONG, TEXT

#: Close codes (RFC 6455 §7.4.1) of what a reader refuses.
PROTOCOL_ERROR, INVALID_TEXT, TOO_BIG = 1002, 1007, 1009

_KNOWN = frozenset({CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG})
#: What a close frame may say: the registered codes, without those that only stand for a missing one (1005, 1006, 1015).
_CLOSE_CODES = frozenset({1000, 1001, 1002, 1003, *range(1007, 1015)})


class FrameProblem(Exception):
    """The peer broke the protocol: the connection fails with this close code."""

    def __init__(self, code: int, why: str) -> None:
        super().__init__(why)
        self.code = code
        self.why = why


class FrameReader:
    """Whole messages and control frames out of bytes that arrive in any pieces.

    Holds at most one message of `limit` bytes and one frame's worth of bytes beside it. Text is not decoded: whoever
    reads the message sees whether it is UTF-8.
    """

    __slots__ = ("_limit", "_need", "_opcode", "_parts", "_rest")

    def __init__(self, limit: int) -> None:
        self._limit = limit
        #: What has come of a frame that is not complete, and how many bytes must be there before it is looked at again.
        self._rest: bytearray | None = None
        self._need = 0
        #: The message that comes in fragments.
        self._parts: bytearray | None = None
        self._opcode = 0

    def feed(self, data: bytes) -> Iterator[tuple[int, bytes]]:
        """(opcode, payload) of each message and control frame; (CONTINUATION, b"") of each fragment before the last.

        Raises `FrameProblem` behind what was in order before it; nothing may be fed after that.
        """
        if self._rest is not None:
            self._rest += data
            if len(self._rest) < self._need:
                return
            data, self._rest = bytes(self._rest), None
        at, end = 0, len(data)
        while end - at >= 2:
            opcode, length = data[at] & 0xF, data[at + 1] & 0x7F
            self._check_head(data[at], data[at + 1])
            start = at + 6
            if length >= 126:
                start += 2 if length == 126 else 8
                if end < start:
                    break
                length = int.from_bytes(data[at + 2 : start - 4], "big")
            if opcode < CLOSE and length + (len(self._parts) if self._parts is not None else 0) > self._limit:
                raise FrameProblem(TOO_BIG, "a message is too big")
            if end < start + length:
                self._wait(data, at, start + length - at)
                return
            final = data[at] & 0x80
            payload = unmasked(data[start : start + length], data[start - 4 : start]) if length else b""
            at = start + length
            if opcode >= CLOSE:
                yield opcode, payload
            else:
                yield self._message(opcode, payload) if final else self._fragment(opcode, payload)
        if at < end:
            self._wait(data, at, 2)

    def _wait(self, data: bytes, at: int, need: int) -> None:
        self._rest, self._need = bytearray(memoryview(data)[at:]), need

    def _check_head(self, first: int, second: int) -> None:
        opcode = first & 0xF
        if first & 0x70:
            raise FrameProblem(PROTOCOL_ERROR, "a reserved bit is set")
        if opcode not in _KNOWN:
            raise FrameProblem(PROTOCOL_ERROR, "an unknown opcode")
        if not second & 0x80:
            raise FrameProblem(PROTOCOL_ERROR, "a client's frame is not masked")
        if opcode >= CLOSE:
            if not first & 0x80:
                raise FrameProblem(PROTOCOL_ERROR, "a control frame in fragments")
            if second & 0x7F > CONTROL_SIZE:
                raise FrameProblem(PROTOCOL_ERROR, "a control frame is too long")
        elif (opcode == CONTINUATION) != (self._parts is not None):
            raise FrameProblem(PROTOCOL_ERROR, "a fragment out of its place")

    def _fragment(self, opcode: int, payload: bytes) -> tuple[int, bytes]:
        if self._parts is None:
            self._parts, self._opcode = bytearray(), opcode
        self._parts += payload
        return CONTINUATION, b""

    def _message(self, opcode: int, payload: bytes) -> tuple[int, bytes]:
        if self._parts is None:
            return opcode, payload
        whole, self._parts = bytes(self._parts) + payload, None
        return self._opcode, whole


def unmasked(payload: bytes, mask: bytes) -> bytes:
    """The payload without its mask of four bytes. Linear: one long number is the exclusive or of two others."""
    size = len(payload)
    key = (mask * (size // 4 + 1))[:size]
    return (int.from_bytes(payload, "little") ^ int.from_bytes(key, "little")).to_bytes(size, "little")


def close_code(payload: bytes) -> int | None:
    """What a close frame says; None when it says nothing. Raises `FrameProblem`."""
    if not payload:
        return None
    code = int.from_bytes(payload[:2], "big")
    if len(payload) == 1 or not (code in _CLOSE_CODES or 3_000 <= code < 5_000):
        raise FrameProblem(PROTOCOL_ERROR, "a close code that may not be sent")
    try:
        payload[2:].decode()
    except UnicodeDecodeError:
        raise FrameProblem(INVALID_TEXT, "a reason that is no UTF-8") from None
    return code
