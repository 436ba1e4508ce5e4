"""One process's life: run until it is told to stop, and let no background task die unseen."""

import asyncio
import signal
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

from redis.exceptions import RedisError

from parley_runtime.database import FAULTS
from parley_runtime.telemetry import get_logger

#: Seconds. Between the attempts of a loop that failed.
RETRY_FIRST = 0.1
RETRY_LONGEST = 1.0
#: Seconds. Before Python 3.12 `asyncio.wait_for`, which redis-py uses for each command, can swallow a cancellation:
#: who has not ended by then is asked again.
_ASK_AGAIN = 1.0


async def until_stopped() -> None:
    """Returns at SIGTERM or SIGINT."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for sign in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(sign, stop.set)
    await stop.wait()


#: What a dependency that is away looks like.
_AWAY: tuple[type[BaseException], ...] = (*FAULTS, RedisError)


class Background:
    """Tasks that live as long as the process. Ends them all, in reverse order, at `close`."""

    def __init__(self) -> None:
        self._tasks: list[asyncio.Task[None]] = []

    def run(self, name: str, coroutine: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(coroutine, name=name)
        task.add_done_callback(_report)
        self._tasks.append(task)
        return task

    def repeat(self, name: str, once: Callable[[], Awaitable[None]], every: float) -> asyncio.Task[None]:
        """Call `once` every `every` seconds; a failure is logged and does not end it."""

        async def loop() -> None:
            while True:
                try:
                    await once()
                except _AWAY as problem:
                    # A dependency is away: who called it has said what that means; a trace would say nothing more.
                    get_logger().warning("background work waits", work=name, problem=type(problem).__name__)
                except Exception:
                    get_logger().warning("background work failed", work=name, exc_info=True)
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


def _report(task: "asyncio.Task[None]") -> None:
    if not task.cancelled() and (problem := task.exception()) is not None:
        get_logger().error("a background task ended", task=task.get_name(), exc_info=problem)
