"""An outage is said once, and so is its end."""

import asyncio

import pytest
from redis.exceptions import ConnectionError as RedisAway
from structlog.testing import capture_logs

from parley_runtime.lifecycle import Background
from parley_runtime.outage import Outage


def test_an_outage_is_said_when_it_begins_when_it_changes_and_when_it_ends() -> None:
    with capture_logs() as said:
        outage = Outage("the bus is away", partition=3)
        assert outage.began(RedisAway())
        assert not any(outage.began(problem) for problem in [RedisAway(), TimeoutError()] * 50)
        assert outage.over()
        assert not outage.over()
    assert [(line["event"], line["log_level"], line.get("problem"), line["partition"]) for line in said] == [
        ("the bus is away", "warning", "ConnectionError", 3),
        ("the bus is away", "warning", "TimeoutError", 3),
        ("the bus is away: over", "info", None, 3),
    ]


def test_what_no_outage_explains_comes_with_its_trace() -> None:
    with capture_logs() as said:
        outage = Outage("the ledger waits")
        outage.began(TimeoutError())
        outage.began(KeyError("a fault of ours"))
    assert [bool(line["exc_info"]) for line in said] == [False, True]


async def test_repeated_work_that_fails_for_long_is_said_once_and_goes_on() -> None:
    tried, worked = 0, asyncio.Event()

    async def once() -> None:
        nonlocal tried
        tried += 1
        if tried < 50:
            raise TimeoutError
        worked.set()

    background = Background()
    with capture_logs() as said:
        background.repeat("ask", once, 0)
        await asyncio.wait_for(worked.wait(), 10)
        await background.close()
    assert [line["event"] for line in said] == ["background work waits", "background work waits: over"]
    assert background.dead == []


async def test_a_task_that_a_fault_ends_is_known_by_name() -> None:
    async def fault() -> None:
        raise KeyError("a fault of ours")

    background = Background()
    with pytest.raises(KeyError):
        await background.run("fan-out", fault())
    await background.close()
    assert background.dead == ["fan-out"]
