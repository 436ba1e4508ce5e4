"""One page on one gateway: puts what arrives back in order, and says what to send next.

Entries come from the own commits, from the bus, and from the database when the bus has a hole. Each covers (after,
seq]. The channel takes what continues its history, holds what is ahead, drops what it knows: so it does not matter how
often, in which order, or by which way an entry comes.

    received   everything up to here is known and in order
    head       everything up to here was handed to the sockets; (head, received] is pending
    recent     the last changes up to head, for who joins in the middle
"""

from collections import deque
from enum import Enum

from parley_gateway.core.bus_entry import Changed
from parley_gateway.core.change import Change

#: Changes. A join whose database answer is older than this many changes asks the database again.
RECENT = 64
#: Entries ahead of a hole. More than this: the hole is filled from the database at once, the rest is dropped.
HELD = 256
#: Changes. Behind by more, the clients resync rather than be told one by one.
LONGEST_FILL = 500


class Taken(Enum):
    """What became of an entry."""

    APPLIED = "applied"
    KNOWN = "known"
    HELD = "held"
    FOREIGN_EPOCH = "foreign-epoch"


class PageChannel:
    """History of one page, as far as its subscribers here are concerned."""

    def __init__(self, tenant: str, page: str) -> None:
        self.tenant = tenant
        self.page = page
        self.epoch: str | None = None
        self.head = 0
        self.received = 0
        self._pending: list[Change] = []
        self._recent: deque[Change] = deque()
        self._recent_from = 0
        self._summed_up = 0
        self._held: dict[int, Changed] = {}

    @property
    def started(self) -> bool:
        """Whether the channel knows where the page stands."""
        return self.epoch is not None

    @property
    def has_pending(self) -> bool:
        return self.received > self.head

    @property
    def has_hole(self) -> bool:
        return bool(self._held)

    def start(self, epoch: str, seq: int) -> None:
        """Begin at a known state; what was held before counts from there."""
        self.epoch = epoch
        self.head = self.received = self._recent_from = self._summed_up = seq
        self._pending.clear()
        self._recent.clear()
        # What is held of another history will never fit.
        self._held = {after: entry for after, entry in self._held.items() if entry.epoch == epoch}
        self._take_held()

    def receive(self, entry: Changed) -> Taken:
        """One entry, from whichever way it came."""
        if self.epoch is None:
            self._hold(entry)
            return Taken.HELD
        if entry.epoch != self.epoch:
            return Taken.FOREIGN_EPOCH
        if entry.seq <= self.received:
            return Taken.KNOWN
        if entry.after > self.received:
            self._hold(entry)
            return Taken.HELD
        self._append(entry)
        self._take_held()
        return Taken.APPLIED

    def _append(self, entry: Changed) -> None:
        if len(entry.changes) < entry.seq - max(entry.after, self.received):
            self._summed_up = entry.seq
        # Part of it may be known: a fill from the database can end in the middle of another gateway's entry.
        self._pending.extend(change for change in entry.changes if change.seq > self.received)
        self.received = entry.seq

    def _hold(self, entry: Changed) -> None:
        known = self._held.get(entry.after)
        if known is not None and known.epoch == entry.epoch and known.seq >= entry.seq:
            return
        if len(self._held) >= HELD:
            # Dropping loses nothing: the database has it, and the hole that is being filled reaches up to it.
            self._held.pop(max(self._held))
        self._held[entry.after] = entry

    def _take_held(self) -> None:
        while self._held:
            first = min(self._held)
            if first > self.received:
                return
            entry = self._held.pop(first)
            if entry.seq > self.received:
                self._append(entry)

    def flush(self) -> tuple[int, int, list[Change]]:
        """(after, seq, changes) to send now; head moves."""
        after, self.head = self.head, self.received
        pending, self._pending = self._pending, []
        for change in pending:
            if len(self._recent) == RECENT:
                self._recent_from = self._recent.popleft().seq
            if change.takes_back:
                # Whoever joins now reads the page anew: an older answer, though what follows would mend it, says more.
                self._recent_from = change.seq
                self._recent.clear()
            else:
                self._recent.append(change)
        if self._summed_up > self._recent_from:
            # What the database summed up cannot be told to who joins in the middle of it.
            self._recent_from = self._summed_up
            self._recent = deque(change for change in self._recent if change.seq > self._summed_up)
        return after, self.head, pending

    def since(self, seq: int) -> list[Change] | None:
        """The changes in (seq, head], or None when they are not all here any more."""
        if seq == self.head:
            return []
        if not self._recent_from <= seq < self.head:
            return None
        return [change for change in self._recent if change.seq > seq]
