"""Blocking work beside the event loop, in threads that never hold up the end of the program."""

import asyncio
import sys
import threading
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def note(sentence: str) -> None:
    """Tell the person at the terminal. Standard output is kept for the one line that says ready."""
    print(sentence, file=sys.stderr, flush=True)


async def in_thread(work: Callable[[], T]) -> T:
    """The result of `work`, run in a daemon thread.

    Not the loop's executor: that one is joined at exit, and ctrl-C while Postgres makes its files must not wait
    for it. What an abandoned thread has started is ended by the watchman.
    """
    loop = asyncio.get_running_loop()
    future: asyncio.Future[T] = loop.create_future()

    def deliver(result: T | None, error: BaseException | None) -> None:
        if future.cancelled():
            return
        if error is not None:
            future.set_exception(error)
        else:
            future.set_result(result)  # type: ignore[arg-type]

    def run() -> None:
        result, error = None, None
        try:
            result = work()
        except BaseException as problem:
            error = problem
        try:
            loop.call_soon_threadsafe(deliver, result, error)
        except RuntimeError:
            # The loop is closed: the program is ending and nobody waits for this any more.
            return

    threading.Thread(target=run, daemon=True).start()
    return await future
