"""Who reads which page, as far as this gateway knows: distinct readers over connections, with a grace after leaving."""

from collections.abc import Iterable

#: Seconds. At most one presence frame per page in this time.
PRESENCE_INTERVAL = 1.0


class PagePresence:
    """Readers of one page on this gateway, and what the whole page's count was last."""

    __slots__ = (
        "_connections",
        "_leaving",
        "added",
        "announced",
        "counted_at",
        "others",
        "removed",
        "told",
        "told_at",
        "total",
    )

    def __init__(self) -> None:
        self._connections: dict[str, int] = {}
        self._leaving: dict[str, float] = {}
        #: Readers of whom Redis does not know yet that they came, or that they left.
        self.added: set[str] = set()
        self.removed: set[str] = set()
        self.total = 0
        #: Other gateways that held readers of the page when it was counted last; None when that is not known.
        self.others: int | None = None
        self.told: int | None = None
        self.announced: int | None = None
        self.told_at = float("-inf")
        self.counted_at = float("-inf")

    def join(self, reader: str) -> None:
        """One more connection of this reader."""
        known = reader in self._connections or reader in self._leaving
        self._connections[reader] = self._connections.get(reader, 0) + 1
        self._leaving.pop(reader, None)
        self.removed.discard(reader)
        if not known:
            self.added.add(reader)

    def leave(self, reader: str, now: float, grace: float) -> bool:
        """One connection less; the last one starts the grace: then True."""
        left = self._connections.get(reader, 0) - 1
        if left > 0:
            self._connections[reader] = left
        elif left == 0:
            del self._connections[reader]
            self._leaving[reader] = now + grace
        return left == 0

    def expire(self, now: float) -> None:
        """Readers whose grace is over are gone."""
        for reader in [reader for reader, until in self._leaving.items() if until <= now]:
            del self._leaving[reader]
            self.removed.add(reader)
            self.added.discard(reader)

    @property
    def readers(self) -> Iterable[str]:
        """Everybody who counts here, those in their grace included."""
        return self._connections.keys() | self._leaving.keys()

    @property
    def here(self) -> int:
        return len(self._connections) + len(self._leaving)

    @property
    def dirty(self) -> bool:
        return bool(self.added or self.removed)

    @property
    def best_total(self) -> int:
        """The page's count as well as it is known: never less than who is here."""
        return max(self.total, self.here)

    def settle(self) -> bool:
        """Whether the count is known without asking Redis. With nobody elsewhere it is who is here."""
        if self.others == 0:
            self.total = self.here
            return True
        return self.others is not None and not self.dirty

    def counted(self, total: int, others: int, now: float) -> None:
        """Redis said so."""
        self.total, self.others, self.counted_at = total, others, now

    def heard(self, total: int) -> None:
        """Another gateway, which therefore has or had readers here, says so."""
        self.total = total
        self.others = self.others or None

    def due(self, now: float) -> bool:
        """Whether the subscribers should be told the count now."""
        return self.told != self.total and now - self.told_at >= PRESENCE_INTERVAL

    def joined(self, readers: int) -> bool:
        """Somebody is told from now on whose answer said `readers`: if that is old by now, the count is told again."""
        if readers != self.total:
            self.told = None
        return self.told != self.total

    def mark_told(self, now: float) -> None:
        self.told = self.total
        self.told_at = now
