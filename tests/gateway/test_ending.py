"""A gateway that stops takes every step of stopping, whichever of them fails: above all the last seal of usage."""

from contextlib import AsyncExitStack
from types import SimpleNamespace
from typing import Any, cast

import pytest

from kit.clock import FrozenClock
from parley_gateway.__main__ import _Process

#: In the order in which they are taken.
STEPS = [
    "sites", "presence", "background", "key sets", "fetcher", "reporter", "tracing", "export", "pool", "client",
    "blocking",
]  # fmt: skip


def stopping(taken: list[str], failing: set[str]) -> tuple[_Process, AsyncExitStack]:
    """A process of which only the ends are there."""

    def step(name: str) -> Any:
        async def take(*_: object, **__: object) -> None:
            taken.append(name)
            if name in failing:
                raise OSError(name)

        return take

    process = cast(Any, object.__new__(_Process))
    process.clock, process._until = FrozenClock(), 0.0
    process.presence = SimpleNamespace(forget_all=step("presence"))
    names = ("background", "key_sets", "fetcher", "reporter", "tracing", "export", "pool")
    for attribute, name in zip(names, STEPS[2:9], strict=True):
        setattr(process, attribute, SimpleNamespace(close=step(name)))
    process.client, process.blocking = (SimpleNamespace(aclose=step(name)) for name in STEPS[9:])
    sites = AsyncExitStack()
    sites.push_async_callback(step("sites"))
    return process, sites


@pytest.mark.parametrize("failing", [*({name} for name in STEPS), set(STEPS)], ids=[*STEPS, "all"])
async def test_each_step_is_taken_whatever_becomes_of_the_others(failing: set[str]) -> None:
    taken: list[str] = []
    process, sites = stopping(taken, failing)
    with pytest.raises(OSError, match="|".join(failing)):
        await process._end(sites)
    assert taken == STEPS
