"""A gateway takes a tenant's keys from a URL: over every transport, rotated, out of reach, and gone."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from jwt.algorithms import get_default_algorithms

from kit.certificates import certificate
from kit.gateway import GatewayProcess, MakeGateway
from kit.http_world import Reader
from kit.tenants import ORIGIN, KitTenant, add_tenant
from kit.waiting import until
from kit.wire_client import Closed, WireClient
from kit.wire_samples import anchor
from parley.tenants import Key
from parley_runtime.signing import generate_key, read_key

pytestmark = pytest.mark.servers

PAGE = "https://acme.test/keys"


class KeyServer:
    """The tenant's own server: the set that it publishes."""

    def __init__(self) -> None:
        self.pairs: list[Key] = []
        self.keys: list[Key] = []
        self.asked = 0
        self.works = True
        self.url = ""

    async def handle(self, _: web.Request) -> web.Response:
        self.asked += 1
        if not self.works:
            return web.Response(status=503)
        return web.Response(text=json.dumps({"keys": [_jwk(key) for key in self.keys]}))


def _jwk(key: Key) -> dict[str, Any]:
    tool: Any = get_default_algorithms()[key.algorithm]
    return {**tool.to_jwk(load_pem_public_key(key.material.encode()), as_dict=True), "kid": key.kid}


@pytest.fixture
async def keys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[KeyServer]:
    path, context = certificate(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(path))  # gateways inherit it
    made = KeyServer()
    app = web.Application()
    app.router.add_get("/set", made.handle)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context).start()
    made.url = f"https://localhost:{runner.addresses[0][1]}/set"
    yield made
    await runner.cleanup()


def tenant_of(redis_url: str, keys: KeyServer) -> KitTenant:
    """A tenant without keys of its own, and two key pairs for it, the first of them published."""
    pairs = [generate_key("ES256", "first"), generate_key("EdDSA", "second")]
    keys.pairs = [public for public, _ in pairs]
    keys.keys = keys.pairs[:1]
    signing = tuple(read_key(private.encode(), kid=public.kid) for public, private in pairs)
    added = add_tenant(redis_url, "acme", algorithms=(), jwks_url=keys.url)
    return KitTenant(added.record, signing, redis_url, "parley")


async def test_a_set_serves_rotates_and_ends_what_it_opened(
    redis_url: str, database_url: str, make_gateway: MakeGateway, keys: KeyServer
) -> None:
    acme = await asyncio.to_thread(tenant_of, redis_url, keys)
    made: GatewayProcess = await asyncio.to_thread(
        make_gateway, redis_url, database_url, JWKS_PRIVATE_HOSTS='["localhost"]'
    )
    async with aiohttp.ClientSession() as session:
        # What comes right behind the hello waits with it.
        ann = await WireClient.dial(made.live_url)
        hello = {"t": "hello", "v": 1, "client": ann.client, "token": acme.token("ann")}
        await asyncio.gather(ann.send(hello), ann.send({"t": "ping"}), ann.ask_join(PAGE))
        await ann.until(lambda: ann.pages[PAGE].answers)
        assert [frame["t"] for frame in ann.frames[:2]] == ["welcome", "pong"]
        assert keys.asked == 1
        await ann.close()
        bo = await WireClient.open(made.live_url, acme.token("bo"))
        assert (await bo.do(PAGE, "new-chat", anchor=anchor(), text="hello"))["seq"] == 1
        with pytest.raises(Closed):
            await WireClient.open(made.live_url, acme.token("bo", key=1))
        rest = Reader(session, made.url, acme.token("cy", key=1), PAGE, ORIGIN)
        assert (await rest.chats()).status == 401
        keys.keys = keys.pairs[:2]

        # Unknown kids cause one fetch in ten seconds, so a new key is known within that.
        async def is_known() -> bool:
            return (await rest.chats()).status == 200

        await until(is_known, 20)
        assert keys.asked <= 4
        renewed = await bo.renew(acme.token("bo", key=1))
        assert renewed["t"] == "welcome"
        await bo.close()
        # The record lets go of the URL: what its keys opened ends.
        late = await WireClient.open(made.live_url, acme.token("late"))
        await asyncio.to_thread(acme.change, jwks_url=None)
        assert await late.ended() == 4401
        assert (await rest.chats()).status == 401


async def test_without_the_setting_a_private_address_is_not_asked(
    redis_url: str, database_url: str, make_gateway: MakeGateway, keys: KeyServer
) -> None:
    acme = await asyncio.to_thread(tenant_of, redis_url, keys)
    made = await asyncio.to_thread(make_gateway, redis_url, database_url)
    with pytest.raises(Closed):
        await WireClient.open(made.live_url, acme.token("ann"))
    async with aiohttp.ClientSession() as session:
        answer = await Reader(session, made.url, acme.token("ann"), PAGE, ORIGIN).chats()
        assert (answer.status, answer.json["code"]) == (401, "token-invalid")
        assert (await session.get(f"{made.url}/healthz/ready")).status == 200
    assert keys.asked == 0
    await until(lambda: "key set cannot be fetched" in made.log.read_text())
