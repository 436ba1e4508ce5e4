"""What comes off the stream, sorted: records to book, records to refuse, repeats."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from hashlib import sha256
from typing import TypeAlias

import msgspec

from parley.limits import SITE_NAME
from parley.usage import MINUTE_MS, UsageLine, UsageRecord, decode_record

#: (run, number): what identifies a record.
RecordId: TypeAlias = tuple[str, int]

#: Characters. Run ids are made by gateways and have 28.
RUN_LONGEST = 64
TENANT_LONGEST = 63
#: Messages, or bytes, of one sum. A gateway at 10 Gbit/s needs sixty hours for this many bytes, and seals every second.
COUNT_MOST = 2**48
#: ms since the epoch: the year 2248.
TIME_MOST = 2**43


@dataclass(frozen=True, slots=True)
class Arrived:
    """One record as it came, with the digest of its bytes."""

    record: UsageRecord
    digest: bytes
    body: bytes

    @property
    def id(self) -> RecordId:
        return (self.record.run, self.record.number)


@dataclass(frozen=True, slots=True)
class Refused:
    """What must not be added, kept for a person to look at. Bytes that are no record have run "" and number 0."""

    run: str
    number: int
    digest: bytes
    why: str
    body: bytes


@dataclass(slots=True)
class Intake:
    """One batch. `settled` are refused by what they say: their numbers count as dealt with, their lines do not.

    `arrived` is the first with each id, `again` those that came after it; `against` judges both by the ledger.
    """

    arrived: dict[RecordId, Arrived] = field(default_factory=dict)
    again: list[Arrived] = field(default_factory=list)
    settled: set[RecordId] = field(default_factory=set)
    refused: list[Refused] = field(default_factory=list)
    repeats: int = 0
    conflicts: int = 0
    bad: int = 0


def take_in(bodies: Iterable[bytes]) -> Intake:
    """Sort a batch by itself; what the ledger already holds is compared by `against`."""
    intake = Intake()
    for body in bodies:
        digest = sha256(body).digest()
        try:
            record = decode_record(body)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            _refuse_bytes(intake, digest, body, "not a usage record")
            continue
        if not (0 < len(record.run) <= RUN_LONGEST and "\0" not in record.run and 0 < record.number < 2**53):
            _refuse_bytes(intake, digest, body, "not the id of a usage record")
            continue
        arrived = Arrived(record, digest, body)
        first = intake.arrived.setdefault(arrived.id, arrived)
        if first is not arrived:
            intake.again.append(arrived)
        elif (why := _fault(record)) is not None:
            intake.settled.add(arrived.id)
            intake.refused.append(Refused(record.run, record.number, digest, why, body))
            intake.bad += 1
    return intake


def against(intake: Intake, held: dict[RecordId, bytes]) -> list[Arrived]:
    """The records that are new, given the digests of those that the ledger `held` before this batch."""
    new: list[Arrived] = []
    for arrived in intake.arrived.values():
        digest = held.get(arrived.id)
        if digest is None:
            new.append(arrived)
        else:
            if arrived.id in intake.settled:
                intake.bad -= 1  # it was refused when it first came
            _same_again(intake, arrived, digest)
    for arrived in intake.again:
        # What the ledger holds decides, and without that the first: it is what will be held.
        _same_again(intake, arrived, held.get(arrived.id, intake.arrived[arrived.id].digest))
    return new


def _same_again(intake: Intake, arrived: Arrived, digest: bytes) -> None:
    if arrived.digest == digest:
        intake.repeats += 1
        return
    intake.conflicts += 1
    why = "this id is in the ledger with another content"
    intake.refused.append(Refused(*arrived.id, arrived.digest, why, arrived.body))


def _refuse_bytes(intake: Intake, digest: bytes, body: bytes, why: str) -> None:
    intake.refused.append(Refused("", 0, digest, why, body))
    intake.bad += 1


def _fault(record: UsageRecord) -> str | None:
    """Why this record cannot be added; None when it can."""
    if not 0 <= record.sealed_at < TIME_MOST:
        return "the time of sealing is out of range"
    for line in record.lines:
        if (why := _line_fault(line)) is not None:
            return why
    return None


def _line_fault(line: UsageLine) -> str | None:
    if not (0 <= line.messages < COUNT_MOST and 0 <= line.bytes < COUNT_MOST):
        return "a count is out of range"
    if line.minute % MINUTE_MS or not 0 <= line.minute < TIME_MOST:
        return "a time is not a minute"
    if not 0 < len(line.tenant) <= TENANT_LONGEST or "\0" in line.tenant:
        return "a tenant's name is not one"
    if len(line.site) > SITE_NAME.default or "\0" in line.site:
        return "a site is not one"
    return None
