"""Whether a gateway has so much to do, or so little memory left, that it takes no newcomers.

Those who are connected are worth more than those who are not yet: a newcomer costs as much as hundreds of deliveries,
and finds another gateway, or a calmer moment, by trying again.
"""

import math
from typing import Literal

#: Seconds over which the CPU is averaged: from near idle, some seven seconds at full load come before the first
#: refusal, so that a burst which is over by then refuses nobody.
MEMORY = 3.0
#: Share of a mark below which newcomers are taken again. The gap keeps the answer from changing with every reading.
RESUME = 0.85

Why = Literal["cpu", "memory"]


class LoadShed:
    """Marks are shares of what this process may use; 0 sets one aside. `why`: what keeps newcomers out, or None."""

    __slots__ = ("_at", "_cpu", "_cpu_mark", "_memory_mark", "why")

    def __init__(self, cpu_mark: float, memory_mark: float) -> None:
        self._cpu_mark = cpu_mark
        self._memory_mark = memory_mark
        self._cpu = 0.0
        self._at: float | None = None
        self.why: Why | None = None

    def read(self, now: float, cpu: float, memory: float) -> None:
        """Shares in use (1 is all), at `now` (seconds, steady clock)."""
        if self._at is not None:
            self._cpu += (cpu - self._cpu) * -math.expm1((self._at - now) / MEMORY)
        self._at = now
        # Who is out already comes back only well below the mark.
        share = RESUME if self.why else 1.0
        if self._memory_mark and memory > share * self._memory_mark:
            self.why = "memory"
        elif self._cpu_mark and self._cpu > share * self._cpu_mark:
            self.why = "cpu"
        else:
            self.why = None
