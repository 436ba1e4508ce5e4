"""Waiting for a condition instead of for a time."""

import asyncio
import inspect
from collections.abc import Callable
from typing import Any

#: Seconds for anything awaited: two cores may be busy with other things.
PATIENCE = 15.0
#: Seconds between two looks.
LOOK_EVERY = 0.02


async def until(holds: Callable[[], Any], seconds: float = PATIENCE) -> Any:
    """Look until it holds, and answer with what was seen then; what is awaitable is awaited. Fails after `seconds`."""
    try:
        async with asyncio.timeout(seconds):
            while True:
                seen = holds()
                if inspect.isawaitable(seen):
                    seen = await seen
                if seen:
                    return seen
                await asyncio.sleep(LOOK_EVERY)
    except TimeoutError as late:
        raise AssertionError(f"the condition did not come about within {seconds} s") from late
