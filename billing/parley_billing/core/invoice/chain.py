"""The journal of a seller's series: each entry holds the hash of the one before it, so that a change of any invoice, of
its state or of their order shows. Whoever keeps the last hash elsewhere can prove that nothing was removed, either."""

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

import msgspec

What: TypeAlias = Literal["finalized", "paid", "void"]

#: What the first entry of a series holds as the hash before it.
GENESIS: Final = bytes(32)


@dataclass(frozen=True, slots=True)
class Entry:
    """`position` counts from 1. `digest`: SHA-256 of the invoice's bytes. `at`: ms since the epoch. `detail`: who."""

    series: str
    position: int
    what: What
    invoice: str
    number: str
    digest: bytes
    at: int
    detail: str
    previous: bytes

    @property
    def hash(self) -> bytes:
        """SHA-256 over all members, as a JSON array in their order, bytes as hex."""
        members = [
            self.series, self.position, self.what, self.invoice, self.number, self.digest.hex(), self.at, self.detail,
            self.previous.hex(),
        ]  # fmt: skip
        return hashlib.sha256(msgspec.json.encode(members)).digest()


@dataclass(frozen=True, slots=True)
class Held:
    """An entry as it is stored: with the hash that was computed then."""

    entry: Entry
    hash: bytes


#: What may follow what; "" before the first entry of an invoice.
FOLLOWS: Final[dict[str, tuple[What, ...]]] = {
    "": ("finalized",),
    "finalized": ("paid", "void"),
    "paid": (),
    "void": (),
}


def broken(series: str, prefix: str, held: Iterable[Held]) -> Iterator[str]:
    """What is wrong with a journal, a sentence each. Entries in the order of their positions."""
    previous, position, number = GENESIS, 0, 0
    states: dict[str, str] = {}
    for one in held:
        entry = one.entry
        position += 1
        where = f"{series}, entry {entry.position}"
        if entry.position != position:
            yield f"{where}: it should be entry {position}."
            position = entry.position
        if entry.previous != previous:
            yield f"{where}: it does not hold the hash of the entry before it."
        if entry.hash != one.hash:
            yield f"{where}: its hash is not that of its content."
        if entry.what not in FOLLOWS[states.get(entry.invoice, "")]:
            yield f"{where}: {entry.number} cannot be {entry.what} here."
        states[entry.invoice] = entry.what
        if entry.what == "finalized":
            number += 1
            if entry.number != number_text(prefix, number):
                yield f"{where}: it has number {entry.number}, after {number - 1} comes {number_text(prefix, number)}."
        previous = one.hash


def number_text(prefix: str, number: int) -> str:
    """`ACME-000042`: at least six digits, so that they sort."""
    return f"{prefix}-{number:06d}"
