"""Webhooks: signed as the specification says, at least once, retried, given up, replayed, and to nobody of ours."""

import asyncio
import json
import re
import time
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from kit.certificates import certificate
from kit.crash import die_everywhere
from kit.tenants import add_tenant
from kit.waiting import until
from parley_billing.core.webhook import (
    BODY_MOST,
    DELAYS,
    JITTER,
    RETRY_AFTER_MOST,
    TYPES,
    Answer,
    after,
    body_of,
    headers,
    new_secret,
    read_secret,
    secret_text,
)  # fmt: skip
from parley_billing.shell.webhook_outbox import queue
from parley_billing.shell.webhook_post import Poster
from parley_billing.shell.webhook_sender import WebhookSender
from parley_runtime.cli import main
from parley_runtime.clock import SystemClock
from parley_runtime.database import Pool, close, connect
from parley_runtime.telemetry import Metrics

DOCS = Path(__file__).parents[2] / "docs" / "billing.md"


def receiver() -> Callable[[str, dict[str, str], bytes], bool]:
    """The one that the documentation shows."""
    (code,) = re.findall(r"```python receiver\n(.*?)```", DOCS.read_text(), re.DOTALL)
    names: dict[str, Any] = {}
    exec(code, names)
    checked: Callable[[str, dict[str, str], bytes], bool] = names["is_from_parley"]
    return checked


def test_the_signature_is_that_of_the_reference_implementation() -> None:
    # Made with the Python library of the Standard Webhooks project, version 1.1.0.
    made = headers(
        "msg_p5jXN8AQM9LWM0D4loKWxJek",
        b'{"test": 2432232314}',
        [read_secret("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")],
        1_614_265_330_000,
    )
    assert made == {
        "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "webhook-timestamp": "1614265330",
        "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    }


def test_the_documented_receiver_takes_what_is_ours_and_nothing_else() -> None:
    check, secret, old, body = receiver(), new_secret(), new_secret(), b'{"a":1}'
    now = time.time_ns() // 1_000_000
    made = headers("msg_1", body, [secret, old], now)
    assert check(secret_text(secret), made, body) and check(secret_text(old), made, body)
    assert not check(secret_text(new_secret()), made, body)
    assert not check(secret_text(secret), made, body + b" ")
    assert not check(secret_text(secret), {**made, "webhook-id": "msg_2"}, body)
    assert not check(secret_text(secret), headers("msg_1", body, [secret], now - 301_000), body)


@pytest.mark.parametrize("text", ["whsec_!", "whsec_" + "A" * 8, "whsec_" + "A" * 120])
def test_what_is_no_secret_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"base64|bytes"):
        read_secret(text)


def test_a_body_has_its_type_and_time_and_is_bounded() -> None:
    assert json.loads(body_of("test", {"a": "1"}, 1_795_449_600_123)) == {
        "type": "test",
        "timestamp": "2026-11-23T16:00:00.123Z",
        "data": {"a": "1"},
    }
    with pytest.raises(ValueError, match="nothing that webhooks tell"):
        body_of("other", {}, 0)
    with pytest.raises(ValueError, match="too large"):
        body_of("test", {"a": "x" * BODY_MOST}, 0)


@given(
    attempt=st.integers(1, 20),
    status=st.none() | st.integers(100, 599),
    chance=st.floats(0, 1),
    asked=st.none() | st.floats(0, 1e9),
)
def test_what_follows_an_attempt(attempt: int, status: int | None, chance: float, asked: float | None) -> None:
    follows = after(attempt, Answer(status, retry_after=asked), chance)
    assert (follows.state == "delivered") == (status is not None and 200 <= status < 300)
    assert follows.disable == (status == 410)
    if follows.state == "waiting":
        delay = DELAYS[attempt]
        least, most = max(delay, min(asked or 0, RETRY_AFTER_MOST)), max(delay * (1 + JITTER), asked or 0)
        assert least <= follows.wait <= most
    elif follows.state == "dead":
        assert status == 410 or attempt >= len(DELAYS)


# --- on real servers -----------------------------------------------------------------------------------------------


@dataclass
class Receiver:
    """A tenant's server. `answers`: the statuses of the next requests; then 200."""

    url: str = ""
    answers: list[int] = field(default_factory=list)
    seen: list[tuple[dict[str, str], bytes]] = field(default_factory=list)

    async def take(self, request: web.Request) -> web.Response:
        told = {name.lower(): value for name, value in request.headers.items()}
        self.seen.append((told, await request.read()))
        status = self.answers.pop(0) if self.answers else 200
        return web.Response(status=status, headers={"Location": f"{self.url}elsewhere"} if status == 302 else {})

    @property
    def ids(self) -> list[str]:
        return [told["webhook-id"] for told, _ in self.seen]


@pytest.fixture
async def receiving(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Receiver]:
    made = Receiver()
    path, context = certificate(tmp_path / "tls")
    monkeypatch.setenv("SSL_CERT_FILE", str(path))
    app = web.Application()
    app.router.add_route("*", "/{rest:.*}", made.take)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context).start()
    made.url = f"https://localhost:{runner.addresses[0][1]}/"
    yield made
    await runner.cleanup()


def invoke(*arguments: str) -> str:
    done = CliRunner().invoke(main, ["webhook", *arguments])
    assert done.exit_code == 0, done.output
    return done.stdout


async def command(*arguments: str) -> str:
    return await asyncio.to_thread(invoke, *arguments)


@pytest.fixture
def world(redis_url: str, database_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    monkeypatch.setenv("PARLEY_REDIS_URL", redis_url)
    monkeypatch.setenv("PARLEY_DATABASE_URL", database_url)
    add_tenant(redis_url, "acme")
    yield database_url


@pytest.fixture
async def pool(world: str) -> AsyncIterator[Pool]:
    made = await connect(world, "parley_billing", size=4)
    yield made
    await close(made)


@pytest.fixture
async def sender(pool: Pool) -> AsyncIterator[WebhookSender]:
    poster = Poster(frozenset({"localhost"}))
    yield WebhookSender(pool, poster, SystemClock(), Metrics(), delays=(0.0, 0.01, 0.01), claim_seconds=0.2)
    await poster.close()


async def tell(pool: Pool, *types: str) -> None:
    async with pool.acquire() as connection, connection.transaction():
        for type in types:
            await queue(connection, "acme", type, {"n": "1"}, 1_795_449_600_000)


async def send_all(sender: WebhookSender, pool: Pool) -> None:
    """Until nothing waits."""

    async def done() -> bool:
        for claimed in await sender.claim():
            await sender.send(claimed)
        return not await pool.fetchval("SELECT count(*) FROM parley.webhook_deliveries WHERE state = 'waiting'")

    await until(done)


async def states(pool: Pool) -> list[Any]:
    rows = await pool.fetch("SELECT state, attempt, outcome FROM parley.webhook_deliveries ORDER BY message")
    return [tuple(row) for row in rows]


@pytest.mark.servers
async def test_a_server_is_told_with_a_signature_that_it_can_check(
    receiving: Receiver, pool: Pool, sender: WebhookSender
) -> None:
    name, secret = (await command("add", "acme", receiving.url)).split()
    await tell(pool, "test")
    await send_all(sender, pool)
    ((told, body),) = receiving.seen
    assert receiver()(secret, told, body) and json.loads(body)["data"] == {"n": "1"}
    assert await states(pool) == [("delivered", 1, "200")]
    new = (await command("rotate", "acme", name)).strip()
    await tell(pool, "test")
    await send_all(sender, pool)
    told, body = receiving.seen[-1]
    assert receiver()(secret, told, body) and receiver()(new, told, body)
    assert "delivered" not in await command("list") and "dead 0" in await command("list", "acme")


@pytest.mark.servers
async def test_each_endpoint_is_told_what_it_asked_for(receiving: Receiver, pool: Pool, sender: WebhookSender) -> None:
    await tell(pool, "test")  # nobody to tell: nothing is kept
    await command("add", "acme", receiving.url + "all")
    await command("add", "acme", receiving.url + "some", "--type", "budget.lifted")
    await tell(pool, "budget.lifted", "budget.threshold")
    await send_all(sender, pool)
    assert len(receiving.seen) == 3 and len(set(receiving.ids)) == 2
    assert await pool.fetchval("SELECT count(*) FROM parley.webhook_messages") == 2


@pytest.mark.servers
async def test_what_fails_is_tried_again_given_up_and_replayed(
    receiving: Receiver, pool: Pool, sender: WebhookSender
) -> None:
    await command("add", "acme", receiving.url)
    receiving.answers = [503, 302]
    await tell(pool, "test")
    await send_all(sender, pool)
    assert await states(pool) == [("delivered", 3, "200")] and len(set(receiving.ids)) == 1
    receiving.answers = [500, 500, 500]
    await tell(pool, "test")
    await send_all(sender, pool)
    assert ("dead", 3, "500") in await states(pool)
    dead = await command("dead", "acme")
    assert dead.startswith(receiving.ids[-1]) and "  test  3  500  " in dead
    assert await command("replay", "acme") == "1 delivery waits to be sent again.\n"
    await send_all(sender, pool)
    assert receiving.ids[-1] == receiving.ids[-2] and await command("dead", "acme") == ""
    assert "1 delivery" in await command("replay", "acme", "--message", receiving.ids[0])


@pytest.mark.servers
async def test_who_is_gone_is_told_nothing_until_it_is_enabled(
    receiving: Receiver, pool: Pool, sender: WebhookSender
) -> None:
    name = (await command("add", "acme", receiving.url)).split()[0]
    receiving.answers = [410]
    await tell(pool, "test")
    await send_all(sender, pool)
    assert "disabled: it answered 410" in await command("list")
    await tell(pool, "test")
    assert len(receiving.seen) == 1 and await pool.fetchval("SELECT count(*) FROM parley.webhook_messages") == 1
    await command("enable", "acme", name)
    await tell(pool, "test")
    await send_all(sender, pool)
    assert len(receiving.seen) == 2
    await command("remove", "acme", name)
    assert await states(pool) == []


@pytest.mark.servers
async def test_nobody_of_our_own_network_is_asked(receiving: Receiver, pool: Pool) -> None:
    poster = Poster(frozenset())
    for url in (receiving.url, receiving.url.replace("localhost", "127.0.0.1"), "http://localhost/", "nonsense"):
        answer = await poster(url, {}, b"{}")
        assert answer.status is None and answer.problem
    await poster.close()
    assert receiving.seen == []


@pytest.mark.servers
async def test_a_slow_server_delays_no_other(receiving: Receiver, pool: Pool) -> None:
    await command("add", "acme", receiving.url + "slow")
    await command("add", "acme", receiving.url + "quick")
    hanging = asyncio.Event()
    poster = Poster(frozenset({"localhost"}))

    async def post(url: str, told: Any, body: bytes) -> Answer:
        if url.endswith("slow"):
            await hanging.wait()
        return await poster(url, told, body)

    running = asyncio.create_task(WebhookSender(pool, post, SystemClock(), Metrics()).run())
    await tell(pool, "test", "test", "test")

    async def quick_has_all() -> bool:
        return len(receiving.seen) == 3

    await until(quick_has_all)
    hanging.set()

    async def slow_too() -> bool:
        return len(receiving.seen) == 6

    await until(slow_too)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    await poster.close()


async def send_once(database_url: str) -> None:
    """What dies: claim what is due, send it, settle it."""
    pool = await connect(database_url, "parley_billing", size=2)
    poster = Poster(frozenset({"localhost"}))
    sender = WebhookSender(pool, poster, SystemClock(), Metrics(), claim_seconds=0.01)
    for claimed in await sender.claim():
        await sender.send(claimed)
    await poster.close()
    await pool.close()


@pytest.mark.servers
async def test_whoever_dies_at_any_await_loses_none(
    receiving: Receiver, pool: Pool, sender: WebhookSender, world: str
) -> None:
    await command("add", "acme", receiving.url)
    await tell(pool, *["test"] * 3)
    places = await asyncio.to_thread(die_everywhere, "test_webhook:send_once", world)
    assert places > 10
    await send_all(sender, pool)
    assert {state for state, *_ in await states(pool)} == {"delivered"}
    assert len(set(receiving.ids)) == 3


def test_the_page_names_every_type() -> None:

    assert [type for type in TYPES if f"`{type}`" not in DOCS.read_text()] == []


@pytest.mark.servers
@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("add", "acme", "http://acme.test/"), "must begin with https"),
        (("add", "acme", "https://127.0.0.1/"), "must name a host"),
        (("add", "nobody", "https://acme.test/"), "There is no tenant 'nobody'"),
        (("rotate", "acme", "ep_1"), "acme has no endpoint 'ep_1'"),
        (("remove", "acme", "ep_1"), "acme has no endpoint 'ep_1'"),
        (("replay", "acme", "--message", "msg_1"), "acme has no delivery of a message 'msg_1'"),
    ],
)
def test_what_makes_no_sense_is_said(world: str, arguments: tuple[str, ...], says: str) -> None:
    done = CliRunner().invoke(main, ["webhook", *arguments])
    assert done.exit_code == 1 and says in done.stderr
