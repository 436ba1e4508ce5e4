"""What the parent of several workers decides: who gets the next connections, and when a crashed one starts again."""

from collections.abc import Sequence

import msgspec

#: Weight of a worker that has as many connections as the others. Up to four times that for one that has none, so that
#: one that was started again catches up; at least a quarter for one that has too many.
EVEN = 4
#: Seconds before the first restart; doubled with each further crash, up to the longest.
FIRST_PAUSE = 0.2
LONGEST_PAUSE = 5.0
#: Seconds. A worker that ran this long was sound: its next crash begins with the first pause again.
SOUND_AFTER = 30.0
#: Seconds after which a report says nothing any more: the worker hangs.
REPORT_STALE = 3.0


class WorkerReport(msgspec.Struct, frozen=True):
    """What a worker tells its parent twice a second. `missing`: what keeps it from being ready."""

    connections: int
    missing: list[str]


def weights(connections: Sequence[int], taking: Sequence[bool]) -> list[int]:
    """The shares of new connections. A worker that is not `taking` gets none, unless nobody is.

    The kernel's own choice, by the hash of the addresses, knows nothing of a worker that began later than the others:
    after a crash it would stay nearly empty for as long as the connections last.
    """
    if not any(taking):
        return [EVEN] * len(connections)
    held = [count for count, takes in zip(connections, taking, strict=True) if takes]
    mean = max(sum(held) / len(held), 1.0)
    return [
        max(1, round(EVEN + 3 * EVEN * (mean - count) / mean)) if takes else 0
        for count, takes in zip(connections, taking, strict=True)
    ]


class Restarts:
    """When one worker is started again. `now`: seconds of a steady clock."""

    def __init__(self) -> None:
        self._pause = FIRST_PAUSE
        self._started = 0.0
        #: Crashes since it last ran for long.
        self.crashes = 0

    def started(self, now: float) -> None:
        self._started = now

    def ended(self, now: float) -> float:
        """It ended by itself. Seconds to wait before it is started again."""
        if now - self._started > SOUND_AFTER:
            self._pause, self.crashes = FIRST_PAUSE, 0
        self.crashes += 1
        pause, self._pause = self._pause, min(2 * self._pause, LONGEST_PAUSE)
        return pause

    @property
    def failing(self) -> bool:
        """Whether connections should not wait for its return: a first crash is over in a second, a second is not."""
        return self.crashes > 1
