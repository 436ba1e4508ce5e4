"""One process's life: run until it is told to stop, and let no background task die unseen."""

import asyncio
import signal
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import AsyncExitStack
from typing import Any

from parley_runtime.outage import Outage
from parley_runtime.telemetry import get_logger

#: Seconds. Between the attempts of a loop that failed.
RETRY_FIRST = 0.1
RETRY_LONGEST = 1.0
#: Seconds. Before Python 3.12 `asyncio.wait_for`, which redis-py uses for each command, can swallow a cancellation:
#: who has not ended by then is asked again.
_ASK_AGAIN = 0.2


async def until_stopped() -> None:
    """Returns at SIGTERM or SIGINT."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for sign in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(sign, stop.set)
    await stop.wait()


async def end_all(*steps: Callable[[], Awaitable[object]]) -> None:
    """Take each step of stopping in turn, whatever becomes of the others; what they raise comes after the last one."""
    async with AsyncExitStack() as taken_from_its_end:
        for step in reversed(steps):
            taken_from_its_end.push_async_callback(step)


class Background:
    """Tasks that live as long as the process. Ends them all, in reverse order, at `close`.

    None of them ends by itself. `dead` names those that a fault has ended all the same: the process is of no more use.
    """

    def __init__(self) -> None:
        self._tasks: list[asyncio.Task[None]] = []
        self.dead: list[str] = []

    def run(self, name: str, coroutine: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(coroutine, name=name)
        task.add_done_callback(self._report)
        self._tasks.append(task)
        return task

    def repeat(self, name: str, once: Callable[[], Awaitable[None]], every: float) -> asyncio.Task[None]:
        """Call `once` every `every` seconds; a failure is logged and does not end it."""

        async def loop() -> None:
            outage = Outage("background work waits", work=name)
            while True:
                try:
                    await once()
                    outage.over()
                except Exception as problem:
                    outage.began(problem)
                await asyncio.sleep(every)

        return self.run(name, loop())

    async def close(self) -> None:
        for task in reversed(self._tasks):
            task.cancel()
        running = set(self._tasks)
        while running:
            _, running = await asyncio.wait(running, timeout=_ASK_AGAIN)
            for task in running:
                task.cancel()
        self._tasks.clear()

    def _report(self, task: "asyncio.Task[None]") -> None:
        if not task.cancelled() and (problem := task.exception()) is not None:
            self.dead.append(task.get_name())
            get_logger().error("a background task ended", task=task.get_name(), exc_info=problem)
