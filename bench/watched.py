"""How late an event loop is: `python -m bench.watched FILE gateway|idle`, a real gateway or a loop with nothing to do.

Each line of FILE is when a timer was due (seconds of the steady clock, which all processes share) and how late it
came (seconds).
"""

import asyncio
import sys
import time
from pathlib import Path

import uvloop

from parley_gateway import __main__ as program
from parley_gateway.shell.worker import Worker
from parley_runtime.settings import Settings

#: Seconds between two looks.
EVERY = 0.002
#: Lines written together.
LINES = 100


async def watch(file: Path) -> None:
    """Until cancelled."""
    with file.open("w", encoding="ascii") as output:
        lines: list[str] = []
        while True:
            due = time.monotonic() + EVERY
            await asyncio.sleep(EVERY)
            lines.append(f"{due:.6f} {time.monotonic() - due:.6f}\n")
            if len(lines) >= LINES:
                output.writelines(lines)
                output.flush()
                lines.clear()


def late(file: Path, windows: list[tuple[float, float]]) -> list[float]:
    """How late the timers were that came due in these windows, in ms."""
    found = []
    for line in file.read_text().splitlines():
        due, lag = map(float, line.split())
        if any(begin <= due <= end for begin, end in windows):
            found.append(max(0.0, 1000 * lag))
    return found


def main() -> None:
    file, what = Path(sys.argv[1]), sys.argv[2]
    if what == "idle":
        uvloop.run(watch(file))
        return
    serve = program.serve

    async def watched(settings: Settings, worker: Worker | None = None) -> None:
        watching = asyncio.create_task(watch(file))
        try:
            await serve(settings, worker)
        finally:
            watching.cancel()

    program.serve = watched
    program.gateway(args=[])


if __name__ == "__main__":
    main()
