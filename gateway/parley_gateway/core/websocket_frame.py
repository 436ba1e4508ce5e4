"""Unmasked frames, made once and written to every socket; and the size of what came in (RFC 6455 §5.2)."""

#: Opcodes (RFC 6455 §5.2).
CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0x0, 0x1, 0x2, 0x8, 0x9, 0xA
#: Bytes that a control frame's payload may have.
CONTROL_SIZE = 125

_FINAL = 0x80


def text_frame(payload: bytes) -> bytes:
    """A final text frame, unmasked as a server's must be."""
    length = len(payload)
    if length < 126:
        return bytes((_FINAL | TEXT, length)) + payload
    if length < 65_536:
        return bytes((_FINAL | TEXT, 126)) + length.to_bytes(2, "big") + payload
    return bytes((_FINAL | TEXT, 127)) + length.to_bytes(8, "big") + payload


def control_frame(opcode: int, payload: bytes) -> bytes:
    """A close, ping or pong frame. `payload`: at most 125 bytes."""
    return bytes((_FINAL | opcode, len(payload))) + payload


def close_frame(code: int, reason: bytes = b"") -> bytes:
    """A close frame; a reason that is too long for it is left out."""
    payload = code.to_bytes(2, "big") + reason
    return control_frame(CLOSE, payload if len(payload) <= CONTROL_SIZE else payload[:2])


#: A ping without a payload: the same two bytes for every socket.
PING_FRAME = control_frame(PING, b"")


def received_size(length: int) -> int:
    """Bytes on the wire of a client's unfragmented frame with a payload of `length`: header, mask, payload."""
    header = 2 if length < 126 else 4 if length < 65_536 else 10
    return header + 4 + length
