"""From the meter to the stream and back: what is sealed is kept until it is confirmed."""

from pathlib import Path
from typing import Any

import pytest
import redis

from kit.servers import MakeValkey
from kit.waiting import until
from parley.metrics import SPOOL_ADOPTED, SPOOL_FAULTS, SPOOL_RECORDS
from parley.redis_keys import BODY, Keys
from parley.usage import UsageLine, UsageRecord, decode_record
from parley_gateway.core import resend_window
from parley_gateway.core.meter import Meter
from parley_gateway.shell import usage_reporter
from parley_gateway.shell.spool import Spool, new_run
from parley_gateway.shell.usage_reporter import UsageReporter
from parley_runtime.clock import SystemClock
from parley_runtime.redis_client import connect
from parley_runtime.settings import load
from parley_runtime.telemetry import Metrics

pytestmark = pytest.mark.servers

KEYS = Keys()


class Gateway:
    """The part of a gateway that counts, and a hand that plays billing."""

    def __init__(self, redis_url: str, directory: Path) -> None:
        clock = SystemClock()
        self.metrics = Metrics()
        self.meter = Meter(clock)
        self.run = new_run(clock.now_ms())
        self.directory = directory
        self.client = connect(redis_url)
        self.valkey = redis.Redis.from_url(redis_url)
        settings = load(spool_directory=directory, seal_interval_ms=50)
        spool = Spool(directory, self.run)
        self.reporter = UsageReporter(self.meter, spool, self.client, KEYS, clock, settings, self.metrics)

    def count(self, messages: int = 1) -> None:
        self.meter.counter("acme", "").delivery(messages, 100)

    def stream(self) -> list[UsageRecord]:
        entries: Any = self.valkey.xrange(KEYS.usage)
        return [decode_record(fields[BODY.encode()]) for _, fields in entries]

    def numbers(self) -> list[int]:
        return [record.number for record in self.stream() if record.run == self.run]

    def confirm(self, number: int, run: str | None = None) -> None:
        self.valkey.hset(KEYS.usage_confirmed, run or self.run, str(number))

    def files(self) -> list[Path]:
        return sorted(self.directory.iterdir()) if self.directory.exists() else []

    async def close(self, seconds: float = 0.0) -> int:
        left = await self.reporter.close(seconds)
        await self.client.aclose()
        self.valkey.close()
        return left


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(usage_reporter, "ADOPT_EVERY", 0.1)
    monkeypatch.setattr(usage_reporter, "CONFIRM_EVERY", 0.1)
    monkeypatch.setattr(resend_window, "DOUBT_AFTER", 0.2)


async def test_what_was_counted_comes_as_a_record_and_stays_on_disk_until_it_is_confirmed(
    redis_url: str, tmp_path: Path
) -> None:
    gateway = Gateway(redis_url, tmp_path)
    gateway.reporter.start()
    gateway.count(3)
    await until(lambda: len(gateway.stream()) == 1)
    (record,) = gateway.stream()
    assert (record.run, record.number) == (gateway.run, 1)
    assert [(line.tenant, line.messages, line.bytes) for line in record.lines] == [("acme", 3, 100)]
    assert gateway.metrics.gauge(SPOOL_RECORDS)._value.get() == 1
    (file,) = gateway.files()
    assert file.stat().st_size > 0
    gateway.confirm(1)
    await until(lambda: gateway.reporter.unconfirmed == 0)
    await until(lambda: file.stat().st_size == 0)
    await until(lambda: gateway.metrics.gauge(SPOOL_RECORDS)._value.get() == 0)
    assert await gateway.close() == 0
    assert gateway.files() == []


async def test_a_record_on_the_stream_is_not_sent_again_and_a_lost_one_is(redis_url: str, tmp_path: Path) -> None:
    gateway = Gateway(redis_url, tmp_path)
    gateway.reporter.start()
    gateway.count()
    await until(lambda: gateway.numbers() == [1])
    window = gateway.reporter._own.window
    first_look = window._sent[1].asked
    await until(lambda: window._sent[1].asked > first_look)  # it was looked for, and found
    assert gateway.numbers() == [1]
    gateway.valkey.flushall()
    await until(lambda: gateway.numbers() == [1])
    gateway.confirm(1)
    assert await gateway.close(10) == 0


async def test_without_redis_records_wait_on_disk_and_go_when_it_is_back(
    make_valkey: MakeValkey, tmp_path: Path
) -> None:
    valkey = make_valkey()
    gateway = Gateway(valkey.url, tmp_path / "spool")
    valkey.kill()
    gateway.reporter.start()
    for number in range(1, 4):
        gateway.count()
        await until(lambda number=number: gateway.reporter.unconfirmed == number)  # type: ignore[misc]
    valkey.restart()
    await until(lambda: gateway.numbers() == [1, 2, 3])
    gateway.confirm(3)
    assert await gateway.close(10) == 0


async def test_a_backlog_fills_the_stream_only_up_to_the_window(
    redis_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(resend_window, "WINDOW", 5)
    gateway = Gateway(redis_url, tmp_path)
    for _ in range(12):
        gateway.count()
        await gateway.reporter.seal()
    gateway.reporter.start()
    await until(lambda: gateway.numbers() == [1, 2, 3, 4, 5])
    for confirmed in (3, 8, 12):
        gateway.valkey.xtrim(KEYS.usage, maxlen=0, approximate=False)
        gateway.confirm(confirmed)
        expected = set(range(confirmed + 1, min(12, confirmed + 5) + 1))
        await until(lambda expected=expected: expected <= set(gateway.numbers()))  # type: ignore[misc]
        assert set(gateway.numbers()) <= set(range(1, confirmed + 6))
    assert await gateway.close(10) == 0


async def test_a_dead_runs_records_go_under_their_own_ids_and_its_file_is_removed(
    redis_url: str, tmp_path: Path
) -> None:
    gateway = Gateway(redis_url, tmp_path)
    gateway.reporter.start()
    # It dies while this gateway already runs.
    dead = Spool(tmp_path, "00deadrun")
    for number in range(1, 4):
        dead.put([UsageLine("acme", "", "publish", 0, number, 1)], 0)
    dead.close()
    await until(lambda: sorted(record.number for record in gateway.stream()) == [1, 2, 3])
    assert {record.run for record in gateway.stream()} == {"00deadrun"}
    assert gateway.metrics.counter(SPOOL_ADOPTED)._value.get() == 1
    gateway.confirm(3, run="00deadrun")
    await until(lambda: gateway.files() == [])
    await until(lambda: gateway.valkey.hlen(KEYS.usage_confirmed) == 0)
    assert await gateway.close() == 0


async def test_a_stop_without_billing_leaves_the_rest_to_the_next_process(redis_url: str, tmp_path: Path) -> None:
    first = Gateway(redis_url, tmp_path)
    first.reporter.start()
    first.count(7)
    assert await first.close(0.2) == 1
    first.valkey = redis.Redis.from_url(redis_url)
    first.valkey.flushall()
    second = Gateway(redis_url, tmp_path)
    second.reporter.start()
    await until(lambda: len(second.stream()) == 1)
    (record,) = second.stream()
    assert (record.run, record.number, record.lines[0].messages) == (first.run, 1, 7)
    second.confirm(1, run=first.run)
    await until(lambda: second.files() == [])
    await second.close()
    first.valkey.close()


async def test_a_disk_that_takes_nothing_is_told_and_does_not_stop_the_way_to_billing(
    redis_url: str, tmp_path: Path
) -> None:
    (tmp_path / "spool").touch()  # a file where the directory should be
    gateway = Gateway(redis_url, tmp_path / "spool")
    gateway.directory = tmp_path / "elsewhere"
    gateway.reporter.start()
    gateway.count()
    await until(lambda: gateway.numbers() == [1])
    await until(lambda: gateway.metrics.counter(SPOOL_FAULTS)._value.get() >= 1)
    gateway.confirm(1)
    assert await gateway.close(10) == 0
