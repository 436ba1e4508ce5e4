"""Time as a thing that is handed in, so that nothing in a core reads a real clock."""

from typing import Protocol


class Clock(Protocol):
    """Two clocks: the calendar (may jump) for what people see, the steady one for durations."""

    def now_ms(self) -> int:
        """Milliseconds since the Unix epoch."""
        ...

    def monotonic(self) -> float:
        """Seconds from an arbitrary start; never goes back."""
        ...
