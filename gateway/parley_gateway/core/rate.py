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

    def take(self, now: float, spare: float = 0.0) -> int:
        """0 when one more is allowed, else the milliseconds after which it will be.

        `spare`: the share of a burst that must be left for others, as far as there is room for both.
        """
        self._left = min(self._burst, self._left + (now - self._at) * self.per_second)
        self._at = now
        if self.per_second <= 0:
            return NEVER
        needed = max(1.0, min(self._burst, 1 + spare * self._burst))
        if self._left >= needed:
            self._left -= 1
            return 0
        return max(1, round((needed - self._left) / self.per_second * 1000))
