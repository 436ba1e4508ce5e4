"""What travels over the bus, from one gateway to all. msgpack arrays: one byte string per stream entry."""

from typing import TypeAlias

import msgspec

from parley_gateway.core.change import Change


class Changed(msgspec.Struct, tag="l", array_like=True, frozen=True):
    """Everything that happened on a page in (`after`, `seq`], as one gateway committed it."""

    tenant: str
    page: str
    epoch: str
    after: int
    seq: int
    changes: list[Change]
    #: Trace contexts (W3C `traceparent`) of what was committed, if any is traced.
    traces: tuple[str, ...] = ()


class Counted(msgspec.Struct, tag="p", array_like=True, frozen=True):
    """How many readers a page has now."""

    tenant: str
    page: str
    readers: int


class Typed(msgspec.Struct, tag="t", array_like=True, frozen=True):
    """Somebody is writing in a chat. `client`: the connection it came from, which is not told."""

    tenant: str
    page: str
    chat: str
    reader: str
    client: str


class Probe(msgspec.Struct, tag="x", array_like=True, frozen=True):
    """A gateway's question to itself: does what I send come back?"""

    run: str
    number: int


BusEntry: TypeAlias = Changed | Counted | Typed | Probe

_encoder = msgspec.msgpack.Encoder()
_decoder: msgspec.msgpack.Decoder[BusEntry] = msgspec.msgpack.Decoder(BusEntry)


def encode(entry: BusEntry) -> bytes:
    return _encoder.encode(entry)


def decode(data: bytes) -> BusEntry:
    """Raises `msgspec.DecodeError` when this is no entry."""
    return _decoder.decode(data)
