"""Time that a test decides."""


class FrozenClock:
    """A clock that moves only when told to. `now_ms` and `monotonic` advance together."""

    def __init__(self, now_ms: int = 1_795_427_200_000) -> None:
        self._now_ms = now_ms
        self._monotonic = 0.0

    def now_ms(self) -> int:
        return self._now_ms

    def monotonic(self) -> float:
        return self._monotonic

    def advance(self, seconds: float) -> None:
        self._now_ms += round(seconds * 1000)
        self._monotonic += seconds
