"""Over a mark newcomers are refused early, with a time to come back; those who are connected are served."""

import asyncio
import json
import urllib.error
import urllib.request

import aiohttp
import pytest

from kit.gateway import GatewayProcess, MakeGateway
from kit.installation import apart
from kit.tenants import ORIGIN, KitTenant, add_tenant
from kit.waiting import until
from kit.wire_client import WireClient
from parley.metrics import SHED, SHEDDING
from parley.pages import encode_page

pytestmark = pytest.mark.servers

PAGE = "https://acme.test/post"
QUOTE = {"quote": {"exact": "a", "prefix": "b", "suffix": "c"}, "position": {"start": 1, "end": 2}}
#: Seconds for a change of load to be noticed, on a machine that does much else.
NOTICED = 40.0


async def refused(gateway: GatewayProcess, path: str) -> None:
    """A newcomer there gets 503 with a time, and nobody looks at its token."""
    headers = {"Authorization": "Bearer nonsense", "Origin": ORIGIN, "Upgrade": "websocket", "Connection": "Upgrade"}

    def ask() -> urllib.error.HTTPError:
        with pytest.raises(urllib.error.HTTPError) as caught:
            urllib.request.urlopen(urllib.request.Request(f"{gateway.url}{path}", headers=headers), timeout=10)
        return caught.value

    answer = await apart(ask)
    body = json.load(answer)
    assert (answer.status, body["code"]) == (503, "unavailable")
    assert 2_000 <= body["retryInMs"] <= 8_000
    assert answer.headers["Retry-After"] == str(-(-body["retryInMs"] // 1000))
    assert body["help"] and "nonsense" not in json.dumps(body)


async def until_shedding_is(value: float, gateway: GatewayProcess) -> None:
    await until(lambda: apart(lambda: gateway.metric(SHEDDING.name) == value), NOTICED)


async def test_too_much_work_keeps_newcomers_out_and_serves_who_is_there(
    redis_url: str, database_url: str, make_gateway: MakeGateway
) -> None:
    tenant = add_tenant(redis_url)
    gateway = make_gateway(redis_url, database_url, SHED_CPU_PERCENT="12")
    ann = await WireClient.open(gateway.live_url, tenant.token("ann"), origin=ORIGIN)
    await ann.join(PAGE)

    async def hammer(session: aiohttp.ClientSession) -> None:
        while True:
            async with session.get(f"{gateway.url}/v1/openapi.json") as answer:
                await answer.read()

    async with aiohttp.ClientSession() as session:
        hammers = [asyncio.create_task(hammer(session)) for _ in range(8)]
        try:
            await until_shedding_is(1, gateway)
            await refused(gateway, "/v1/live")
            await refused(gateway, f"/v1/pages/{encode_page(PAGE)}/events")
            assert await apart(lambda: gateway.metric(SHED.name, why="cpu")) == 2
            await ann.do(PAGE, "new-chat", anchor=QUOTE, text="Is it slow today?")
            await ann.until(lambda: bool(ann.of("live")))
            assert await apart(lambda: gateway.ready), "it serves, so it is ready"
        finally:
            for task in hammers:
                task.cancel()
            await asyncio.gather(*hammers, return_exceptions=True)
    await until_shedding_is(0, gateway)
    await comes_in(gateway, tenant)
    await ann.close()
    ann.check()


async def comes_in(gateway: GatewayProcess, tenant: KitTenant) -> None:
    bo = await WireClient.open(gateway.live_url, tenant.token("bo"), origin=ORIGIN)
    await bo.join(PAGE)
    await bo.close()


async def test_too_little_memory_keeps_newcomers_out(
    redis_url: str, database_url: str, make_gateway: MakeGateway
) -> None:
    """A gateway holds more than 20 MiB before anybody has come."""
    gateway = make_gateway(redis_url, database_url, MEMORY_LIMIT_MB="20")
    await until_shedding_is(1, gateway)
    await refused(gateway, "/v1/live")
    assert await apart(lambda: gateway.metric(SHED.name, why="memory")) == 1


async def test_marks_of_zero_keep_nobody_out(redis_url: str, database_url: str, make_gateway: MakeGateway) -> None:
    tenant = add_tenant(redis_url)
    gateway = make_gateway(redis_url, database_url, MEMORY_LIMIT_MB="20", SHED_MEMORY_PERCENT="0")
    await comes_in(gateway, tenant)
    assert gateway.metric(SHEDDING.name) == 0
