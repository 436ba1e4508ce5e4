"""What is metered, and the sealed records that carry it from a gateway to the ledger.

A record is identified by (`run`, `number`): the run is one life of one gateway process, the number counts from 1
without holes. The same pair with another `digest` is a fault that must be refused and flagged, never added.
"""

import hashlib
from typing import Literal, TypeAlias

import msgspec

UsageClass: TypeAlias = Literal["publish", "delivery", "presence", "replay"]
USAGE_CLASSES: tuple[UsageClass, ...] = ("publish", "delivery", "presence", "replay")
#: `pubSubMessageCount` and `pubSubBandwidth` are these two classes together, nothing else.
PUBSUB_CLASSES: tuple[UsageClass, ...] = ("publish", "delivery")

MINUTE_MS = 60_000


class UsageLine(msgspec.Struct, frozen=True, array_like=True):
    """One sum. `site` is the verified Origin, or "" without one. `minute`: ms, a multiple of 60 000."""

    tenant: str
    site: str
    usage_class: UsageClass
    minute: int
    messages: int
    bytes: int


class UsageRecord(msgspec.Struct, frozen=True):
    """A sealed record: what one run counted since its previous record. `sealed_at` is ms since the epoch."""

    run: str
    number: int
    sealed_at: int
    lines: list[UsageLine]

    def digest(self) -> bytes:
        """32 bytes that change whenever anything in the record does."""
        return hashlib.sha256(encode_record(self)).digest()


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(UsageRecord)


def encode_record(record: UsageRecord) -> bytes:
    """The one byte form: on the spool, on the stream, and under the digest."""
    return _encoder.encode(record)


def decode_record(data: bytes) -> UsageRecord:
    """Raises `msgspec.DecodeError` (or its subclass `ValidationError`) when these bytes are no record."""
    return _decoder.decode(data)
