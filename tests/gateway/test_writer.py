"""Group commit while the database is in trouble."""

from types import SimpleNamespace
from typing import Any, cast

import asyncpg

from kit.clock import FrozenClock
from kit.operations import uuid
from kit.virtual_time import VirtualLoop
from parley.errors import Refusal
from parley.objects import Author
from parley_gateway.core.operation import Operation
from parley_gateway.shell.writer import PATIENCE, Writer
from parley_runtime.telemetry import Metrics


class Store:
    """A deadlock at first, which splits the batch; then the database is away."""

    def __init__(self) -> None:
        self.attempts: list[int] = []

    async def commit(self, wanted: list[dict[str, Any]], decide: object) -> object:
        self.attempts.append(sum(len(of_tenant["ids"]) for of_tenant in wanted))
        raise asyncpg.DeadlockDetectedError if len(self.attempts) == 1 else OSError


def operation(number: int) -> Operation:
    return Operation("acme", "p", uuid(number), "resolve", Author("ann", "Ann"), False, "digest", chat=uuid(0))


def test_a_split_batch_waits_for_an_absent_database_once_and_not_for_each_operation() -> None:
    loop, store = VirtualLoop(), Store()
    told: list[object] = []

    async def commit() -> float:
        writer = Writer(
            cast(Any, store),
            cast(Any, SimpleNamespace(get=lambda _: None)),
            FrozenClock(),
            Metrics(),
            committed=told.append,
            doubtful=lambda *page: told.append(page),
        )
        futures = [writer.perform(operation(number)) for number in range(1, 101)]
        await writer.close()
        said = {cast(Refusal, future.exception()).code for future in futures}
        assert said == {"unavailable"}
        return loop.time()

    try:
        assert loop.run(commit()) < 2 * PATIENCE
    finally:
        loop.end()
    assert store.attempts[0] == 100
    assert told == []
