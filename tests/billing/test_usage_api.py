"""`GET /v1/usage` and `/metrics` of a real billing process: who sees what, and how soon."""

import asyncio
import json
import time
import urllib.error
import urllib.request
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest

from kit.billing_process import BillingProcess
from kit.tenants import KitTenant, add_tenant
from kit.waiting import until
from parley.redis_keys import Keys
from parley_gateway.core.meter import Meter
from parley_gateway.shell.spool import Spool, new_run
from parley_gateway.shell.usage_reporter import UsageReporter
from parley_runtime.clock import SystemClock
from parley_runtime.redis_client import connect
from parley_runtime.settings import load
from parley_runtime.telemetry import Metrics

pytestmark = pytest.mark.servers


class Asked:
    """An HTTP answer."""

    def __init__(self, status: int, headers: Any, body: bytes) -> None:
        self.status = status
        self.headers = headers
        self.body = body

    @property
    def json(self) -> Any:
        return json.loads(self.body)


def ask(url: str, token: str | None = None, method: str = "GET", **headers: str) -> Asked:
    if token is not None:
        headers["Authorization"] = f"Bearer {token}"
    request = urllib.request.Request(url, headers=headers, method=method)
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return Asked(answer.status, answer.headers, answer.read())
    except urllib.error.HTTPError as refused:
        with refused:
            return Asked(refused.code, refused.headers, refused.read())


@pytest.fixture
def acme(redis_url: str) -> KitTenant:
    return add_tenant(redis_url, "acme")


@pytest.fixture
def globex(redis_url: str) -> KitTenant:
    return add_tenant(redis_url, "globex")


@pytest.fixture
def billing(
    tmp_path: Any, redis_url: str, database_url: str, acme: KitTenant, globex: KitTenant
) -> Iterator[BillingProcess]:
    process = BillingProcess(tmp_path, redis_url, database_url)
    process.start()
    process.wait_ready()
    yield process
    process.kill()


@pytest.fixture
async def meter(tmp_path: Any, redis_url: str) -> AsyncIterator[Meter]:
    clock = SystemClock()
    meter, client = Meter(clock), connect(redis_url)
    spool = Spool(tmp_path / "spool", new_run(clock.now_ms()))
    settings = load(spool_directory=tmp_path / "spool")
    reporter = UsageReporter(meter, spool, client, Keys(), clock, settings, Metrics())
    reporter.start()
    yield meter
    await reporter.close(10)
    await client.aclose()


async def test_usage_shows_within_five_seconds_and_only_to_its_own_tenant(
    billing: BillingProcess, acme: KitTenant, globex: KitTenant, meter: Meter
) -> None:
    mine = acme.token(scope="usage:read")
    theirs = globex.token(scope="usage:read")
    counter = meter.counter("acme", "https://acme.test")
    started = time.monotonic()
    counter.publish(1, 120)
    counter.delivery(4, 1_000)
    counter.presence(2, 60)
    counter.replay(1, 500)
    meter.counter("globex", "").publish(9, 999)
    usage: Any = None

    async def shown() -> bool:
        nonlocal usage
        usage = (await asyncio.to_thread(ask, f"{billing.url}/v1/usage", mine)).json
        return bool(usage["pubSubMessageCount"] and usage["exactSince"])

    await until(shown, 5)
    print(f"usage was shown {time.monotonic() - started:.2f} s after it happened")
    assert usage["tenant"] == "acme"
    assert (usage["pubSubMessageCount"], usage["pubSubBandwidth"]) == (5, 1_120)
    assert usage["classes"] == {
        "publish": {"messages": 1, "bytes": 120},
        "delivery": {"messages": 4, "bytes": 1_000},
        "presence": {"messages": 2, "bytes": 60},
        "replay": {"messages": 1, "bytes": 500},
    }
    assert abs(usage["asOf"] / 1000 - time.time()) < 10
    assert 35 * 86_400 - 60 < time.time() - usage["exactSince"] / 1000 < 35 * 86_400 + 960, "old minutes were swept"
    for by, name in (("hour", "from"), ("day", "from"), ("site", "site")):
        (entry,) = (await asyncio.to_thread(ask, f"{billing.url}/v1/usage?by={by}", mine)).json["series"]
        assert (entry["pubSubMessageCount"], entry["pubSubBandwidth"]) == (5, 1_120)
        assert name in entry
    assert entry["site"] == "https://acme.test"
    other = (await asyncio.to_thread(ask, f"{billing.url}/v1/usage", theirs)).json
    assert (other["tenant"], other["pubSubMessageCount"], other["pubSubBandwidth"]) == ("globex", 9, 999)

    async def exported() -> bool:
        text = (await asyncio.to_thread(ask, f"{billing.metrics_url}/metrics")).body.decode()
        return (
            'parley_pubsub_messages_total{tenant="acme",class="delivery"} 4\n' in text
            and 'parley_pubsub_bytes_total{tenant="globex",class="publish"} 999\n' in text
            and "parley_billing_ready 1.0" in text
        )

    await until(exported, 5)


def test_who_may_not_gets_a_problem_that_says_what_to_do_and_no_token(billing: BillingProcess, acme: KitTenant) -> None:
    allowed, plain = acme.token(scope="usage:read"), acme.token()
    expired = acme.token(scope="usage:read", ttl=-60)
    url = f"{billing.url}/v1/usage"
    for token, status, code in (
        (None, 401, "token-invalid"),
        ("", 401, "token-invalid"),
        ("nonsense", 401, "token-invalid"),
        (allowed[:-4] + "AAAA", 401, "token-invalid"),
        (expired, 401, "token-expired"),
        (plain, 403, "forbidden"),
    ):
        answer = ask(url, token)
        assert (answer.status, answer.json["code"]) == (status, code)
        assert answer.headers["Content-Type"] == "application/problem+json"
        assert answer.json["message"] and answer.json["help"]
        assert (answer.headers["WWW-Authenticate"] == "Bearer") == (status == 401)
        assert answer.headers["Access-Control-Allow-Origin"] == "*"
    assert ask(f"{url}?token={allowed}").status == 401, "never in a URL"
    assert ask(url, Authorization=f"Basic {allowed}").status == 401
    log = billing.log.read_text()
    assert allowed not in log and expired not in log and plain not in log


def test_bad_questions_get_clear_answers(billing: BillingProcess, acme: KitTenant) -> None:
    token = acme.token(scope="usage:read")
    for query in ("by=week", "from=2&to=1", "from=NaN", f"to={2**63}", "from=1&to=2&by=%00"):
        answer = ask(f"{billing.url}/v1/usage?{query}", token)
        assert (answer.status, answer.json["code"]) == (400, "bad-field")
    assert ask(f"{billing.url}/v1/nothing", token).json["code"] == "not-found"
    wrong = ask(f"{billing.url}/v1/usage", token, method="DELETE")
    assert (wrong.status, wrong.json["code"]) == (405, "method-not-allowed")
    assert "GET" in wrong.headers["Allow"]
    assert ask(f"{billing.url}/v1/usage?tenant=acme", token).json["tenant"] == "acme"
    other = ask(f"{billing.url}/v1/usage?tenant=globex", token)
    assert (other.status, other.json["code"]) == (403, "forbidden")


def test_a_page_of_any_site_may_ask_with_a_token(billing: BillingProcess) -> None:
    asks = {"Origin": "https://acme.test", "Access-Control-Request-Method": "GET"}
    answer = ask(f"{billing.url}/v1/usage", method="OPTIONS", **asks)
    assert answer.status == 204
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    assert "authorization" in answer.headers["Access-Control-Allow-Headers"]
    assert answer.headers["Access-Control-Allow-Credentials"] is None


def test_health_is_told_on_both_ports_and_metrics_on_the_operators_only(billing: BillingProcess) -> None:
    for url in (billing.url, billing.metrics_url):
        assert ask(f"{url}/healthz/live").status == 200
        ready = ask(f"{url}/healthz/ready")
        assert (ready.status, ready.json["ready"]) == (200, True)
    assert ask(f"{billing.url}/metrics").status == 404
