"""The form of one record on the spool: length, checksum, number, body; little-endian, 16 bytes before the body.

The checksum covers number and body. A write that was cut short (a kill, a full disk, a power cut) leaves a last
frame that does not hold it, and so is told from a whole one.
"""

import struct
import zlib

_HEADER = struct.Struct("<IIQ")
_NUMBER = struct.Struct("<Q")
HEADER_BYTES = _HEADER.size

#: Bytes. A record holds at most some hundred KB; a length above this is no length.
BODY_MOST = 16 * 1024 * 1024


def encode_frame(number: int, body: bytes) -> bytes:
    """The frame of one record."""
    return _HEADER.pack(len(body), _checksum(number, body), number) + body


def body_length(header: bytes) -> int | None:
    """Bytes that follow this header; None when it cannot be the header of a whole frame."""
    if len(header) < HEADER_BYTES:
        return None
    length, _, _ = _HEADER.unpack(header)
    return length if 0 < length <= BODY_MOST else None


def frame_number(header: bytes, body: bytes) -> int | None:
    """The record's number; None when header and body do not belong together."""
    length, checksum, number = _HEADER.unpack(header)
    whole = len(body) == length and _checksum(number, body) == checksum
    return int(number) if whole else None


def _checksum(number: int, body: bytes) -> int:
    return zlib.crc32(body, zlib.crc32(_NUMBER.pack(number)))
