"""Unmasked text frames, made once and written to every socket; and the size of what came in (RFC 6455 §5.2)."""

_TEXT = 0x81
_PING = 0x89


def text_frame(payload: bytes) -> bytes:
    """A final text frame, unmasked as a server's must be."""
    length = len(payload)
    if length < 126:
        return bytes((_TEXT, length)) + payload
    if length < 65_536:
        return bytes((_TEXT, 126)) + length.to_bytes(2, "big") + payload
    return bytes((_TEXT, 127)) + length.to_bytes(8, "big") + payload


#: A ping without a payload: the same two bytes for every socket.
PING_FRAME = bytes((_PING, 0))


def received_size(length: int) -> int:
    """Bytes on the wire of a client's unfragmented frame with a payload of `length`: header, mask, payload."""
    header = 2 if length < 126 else 4 if length < 65_536 else 10
    return header + 4 + length
