"""Waiting between attempts to connect: full jitter, and never an end."""

from collections.abc import Callable

#: Seconds: so long at most before the second attempt, and before any.
BASE, CAP = 0.5, 20.0


class Backoff:
    """`random` gives numbers from 0 to 1."""

    def __init__(self, random: Callable[[], float]) -> None:
        self._random = random
        self._attempt = 0

    def next(self, retry_in_ms: int = 0) -> float:
        """Seconds to wait. A server's own wish is the least; jitter comes on top."""
        ceiling = min(CAP, BASE * (1 << min(self._attempt, 16)))
        self._attempt += 1
        return retry_in_ms / 1000 + self._random() * ceiling

    def reset(self) -> None:
        """It worked."""
        self._attempt = 0
