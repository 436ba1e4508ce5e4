"""Keeping children running: what crashes is started again, a little later each time."""

import asyncio
import signal
import time
from collections.abc import Callable
from typing import Protocol

from parley_runtime.demo.background import in_thread, note
from parley_runtime.embedded import SetupProblem

# Between looks at a child. Seconds.
LOOK_EVERY = 0.1
# Pauses before a restart double from the first to the longest. Seconds.
FIRST_PAUSE = 0.2
LONGEST_PAUSE = 5.0
# A child that ran this long is taken as sound: its next crash begins with the first pause again. Seconds.
SOUND_AFTER = 30.0
# Crashes in a row, before it was ever ready, after which trying on would only hide the reason.
HOPELESS_AFTER = 4


class Supervised(Protocol):
    """A child that can be looked at and started again."""

    name: str

    @property
    def running(self) -> bool: ...

    def restart(self) -> None: ...

    def why_ended(self) -> str: ...


async def keep_running(child: Supervised, is_ready: Callable[[], bool]) -> None:
    """Restart `child` whenever it ends, for ever. Raises SetupProblem when it cannot even get going."""
    pause, crashes, started = FIRST_PAUSE, 0, time.monotonic()
    while True:
        while child.running:  # noqa: ASYNC110 (a process's end is no event of this loop)
            await asyncio.sleep(LOOK_EVERY)
        if time.monotonic() - started > SOUND_AFTER:
            pause, crashes = FIRST_PAUSE, 0
        crashes += 1
        if crashes >= HOPELESS_AFTER and not is_ready():
            raise SetupProblem(f"The {child.name} does not start: {child.why_ended()}")
        note(f"The {child.name} ended ({child.why_ended()}); starting it again in {pause:g} s.")
        await asyncio.sleep(pause)
        pause = min(2 * pause, LONGEST_PAUSE)
        try:
            await in_thread(child.restart)
        except SetupProblem as problem:
            note(str(problem))
        started = time.monotonic()


def exit_reason(status: int | None) -> str:
    """An exit status in words."""
    if status is None:
        return "still running"
    if status < 0:
        return f"killed by {signal.Signals(-status).name}"
    return f"exit status {status}"
