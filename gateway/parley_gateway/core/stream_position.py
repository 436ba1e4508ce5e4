"""A reader's place in one stream, and what a look at the stream says about it."""

from collections.abc import Mapping
from enum import Enum
from typing import Any

_Id = tuple[int, int]
#: Where a reader stands: the id of its last entry, and how many were ever added up to it.
Place = tuple[str, int]
START = "0-0"


class Seen(Enum):
    """What a look showed."""

    FINE = "fine"
    TRIMMED = "trimmed"
    BACKWARDS = "backwards"


def _parse(identity: str) -> _Id:
    milliseconds, _, number = identity.partition("-")
    return int(milliseconds), int(number or 0)


def _text(value: Any) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)


class StreamPosition:
    """`cursor`: the id after which to read on.

    Trimming leaves no mark of its own in a stream (`max-deleted-entry-id` knows XDEL only), but the stream counts what
    was ever added: what is no longer in it and was not read here was lost.
    """

    __slots__ = ("_added", "_looked", "_passed", "cursor")

    def __init__(self) -> None:
        self.cursor = START
        self._added = 0
        self._passed = 0
        self._looked = False

    def advance(self, identity: str) -> None:
        """One entry was read."""
        self.cursor = identity
        self._passed += 1

    @property
    def place(self) -> Place:
        """To be kept while a look is on its way."""
        return self.cursor, self._passed

    def look(self, info: Mapping[str, Any] | None, asked_at: Place) -> Seen:
        """`info`: XINFO STREAM's answer, None when there is no such stream; `asked_at`: the place when it was asked.

        Reading goes on while the answer is on its way, so only what was known before proves a step back: a smaller
        last id, fewer entries than at the last look, or fewer than were read. The last one shows a failover to a
        replica that lacks the tail also when so much was added since that its ids are ahead of ours.
        The first look begins at the stream's end: who starts knows nothing that it could have missed.
        """
        last = _text(info["last-generated-id"]) if info else START
        added = int(info["entries-added"]) if info else 0
        trimmed = added - int(info["length"]) if info else 0
        before, self._added = self._added, added
        if not self._looked:
            self._looked = True
            self.cursor, self._passed = last, added
            return Seen.FINE
        cursor, passed = asked_at
        if added < max(before, passed) or _parse(last) < _parse(cursor):
            # Another history: read all of it. What is known of it is recognised and dropped.
            self.cursor, self._passed = START, trimmed
            return Seen.BACKWARDS
        if trimmed > self._passed:
            self._passed = trimmed
            return Seen.TRIMMED
        return Seen.FINE
