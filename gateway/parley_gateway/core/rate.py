"""A token bucket."""

#: Milliseconds after which to ask again where nothing is allowed at all.
NEVER = 60_000


class Rate:
    """`per_second` on average, `burst` at once. Time in seconds of a steady clock."""

    __slots__ = ("_at", "_burst", "_left", "per_second")

    def __init__(self, per_second: float, burst: float, now: float) -> None:
        self.per_second = per_second
        self._burst = burst
        self._left = burst
        self._at = now

    def take(self, now: float) -> int:
        """0 when one more is allowed, else the milliseconds after which it will be."""
        self._left = min(self._burst, self._left + (now - self._at) * self.per_second)
        self._at = now
        if self.per_second <= 0:
            return NEVER
        if self._left >= 1:
            self._left -= 1
            return 0
        return max(1, round((1 - self._left) / self.per_second * 1000))
