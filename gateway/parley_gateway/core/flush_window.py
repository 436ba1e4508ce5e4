"""How long a page collects changes before it sends them.

A quiet page sends at once. A busy one waits longer the busier it is: joining changes is what makes delivery cheap, and
nobody reads a hundred changes a second one by one.
"""

#: Changes per second up to which nothing is collected.
QUIET_RATE = 4.0
#: Milliseconds of waiting for each change per second above that.
SLOPE_MS = 4.0
#: Seconds over which the rate is averaged.
MEMORY = 1.0


class FlushWindow:
    """The rate of one page, and the moment at which it may flush."""

    __slots__ = ("_at", "_last_flush", "_longest", "_rate")

    def __init__(self, longest_ms: int) -> None:
        self._longest = longest_ms / 1000
        self._rate = 0.0
        self._at = 0.0
        self._last_flush = float("-inf")

    def count(self, changes: int, now: float) -> None:
        """Note changes at `now` (seconds, steady clock)."""
        elapsed = now - self._at
        self._rate = self._rate * max(0.0, 1 - elapsed / MEMORY) + changes / MEMORY
        self._at = now

    def wait(self, now: float) -> float:
        """Seconds until a flush is due; 0 or less: now."""
        rate = self._rate * max(0.0, 1 - (now - self._at) / MEMORY)
        window = min(self._longest, max(0.0, rate - QUIET_RATE) * SLOPE_MS / 1000)
        return self._last_flush + window - now

    def flushed(self, now: float) -> None:
        self._last_flush = now
