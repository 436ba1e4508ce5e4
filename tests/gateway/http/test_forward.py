"""Plain HTTP passed on to other programs, through a real gateway; and how a gateway leaves."""

import asyncio
import gzip
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from kit.gateway import GatewayProcess, MakeGateway
from kit.http_world import HttpWorld, new_chat
from kit.tenants import add_tenant
from kit.waiting import until
from parley_gateway.shell.forward import Forwarder
from parley_runtime.embedded import free_port
from parley_runtime.settings import SettingsError


class Upstream:
    """Answers everything with what it was asked."""

    def __init__(self, name: str) -> None:
        app = web.Application()
        app.router.add_route("*", "/stream", self._stream)
        app.router.add_route("*", "/cut", self._cut)
        app.router.add_route("*", "/{path:.*}", self._echo)
        self.server = TestServer(app)
        self.more = asyncio.Event()
        self._name = name

    async def _echo(self, request: web.Request) -> web.Response:
        said: dict[str, Any] = {
            "name": self._name,
            "method": request.method,
            "path": request.raw_path,
            "headers": {name.lower(): value for name, value in request.headers.items()},
            "body": (await request.read()).decode(),
        }
        response = web.json_response(said, status=int(request.query.get("status", "200")))
        response.headers.update({"Connection": "keep-alive, X-Hop", "X-Hop": "1", "X-Kept": "1"})
        response.headers.add("Set-Cookie", "a=1")
        response.headers.add("Set-Cookie", "b=2")
        return response

    async def _stream(self, request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        await response.write(b"first")
        await self.more.wait()
        await response.write(b"second")
        return response

    async def _cut(self, request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Length": "1000"})
        await response.prepare(request)
        await response.write(b"not all of it")
        assert request.transport is not None
        request.transport.abort()
        return response


class Forwarding:
    """A gateway that forwards `/v1/usage` to one upstream, `/` to another, `/away/` to nobody."""

    def __init__(self, gateway: GatewayProcess, site: Upstream) -> None:
        self.gateway, self.site = gateway, site


@pytest.fixture
async def forwarding(make_gateway: MakeGateway, redis_url: str, database_url: str) -> AsyncIterator[Forwarding]:
    usage, site = Upstream("usage"), Upstream("site")
    async with usage.server, site.server:
        forward = {"/v1/usage": usage, "/": site}
        addresses = {prefix: f"http://127.0.0.1:{upstream.server.port}" for prefix, upstream in forward.items()}
        addresses["/away/"] = f"http://127.0.0.1:{free_port()}"
        made = make_gateway(redis_url, database_url, FORWARD=str(addresses).replace("'", '"'))
        yield Forwarding(made, site)
        made.end()


@pytest.mark.servers
async def test_forwarding(forwarding: Forwarding) -> None:
    url = forwarding.gateway.url
    async with aiohttp.ClientSession() as session:

        async def ask(path: str, method: str = "GET", **more: Any) -> Any:
            async with session.request(method, url + path, **more) as response:
                return await response.json(content_type=None)

        # The longest prefix wins; own routes win over every prefix.
        assert (await ask("/v1/usage?by=day"))["name"] == "usage"
        assert (await ask("/v1/usage/x"))["name"] == "usage"
        assert (await ask("/v1/usages"))["code"] == "not-found", "a prefix ends where a name does"
        assert (await ask("/"))["name"] == "site"
        assert (await ask("/healthz/live")) == {"live": True}
        assert (await ask("/v1/openapi.json"))["openapi"] == "3.1.0"
        assert (await ask("/v1/nothing"))["code"] == "not-found", "a catch-all does not speak for /v1"
        assert (await ask("/v1/pages/x/chats", "POST"))["code"] == "method-not-allowed"
        assert (await ask("/v1/pages/x/chats"))["code"] == "token-invalid"

        # The request goes on as it is, but for what belongs to one connection.
        headers = {
            "Authorization": "Bearer mine",
            "X-Forwarded-For": "1.2.3.4",
            "Connection": "X-Gone",
            "X-Gone": "1",
            "X-Kept": "1",
            "Content-Type": "text/plain",
        }
        said = await ask("/a%2Fb/%D1%8F?q=%20+", "POST", headers=headers, data="x" * 200_000)
        assert (said["method"], said["path"]) == ("POST", "/a%2Fb/%D1%8F?q=%20+")
        assert len(said["body"]) == 200_000, "the limit of frames is not the upstream's"
        got = said["headers"]
        assert got["authorization"] == "Bearer mine" and got["x-kept"] == "1" and got["content-type"] == "text/plain"
        assert got["x-forwarded-for"] == "127.0.0.1" and got["x-forwarded-proto"] == "http"
        assert "x-gone" not in got

        packed = gzip.compress(b"y" * 10_000)
        said = await ask("/", "PUT", headers={"Content-Encoding": "gzip"}, data=packed)
        assert said["body"] == "y" * 10_000 and "content-encoding" not in said["headers"]

        # So does the answer.
        async with session.get(f"{url}/?status=418", allow_redirects=False) as response:
            assert response.status == 418 and response.headers["X-Kept"] == "1"
            assert response.headers.getall("Set-Cookie") == ["a=1", "b=2"]
            assert "X-Hop" not in response.headers
        async with session.head(f"{url}/") as response:
            assert response.status == 200 and int(response.headers["Content-Length"]) > 0

        # It streams: the first piece is here before the second is made.
        async with session.get(f"{url}/stream") as response:
            assert await response.content.readany() == b"first"
            forwarding.site.more.set()
            assert await response.content.read() == b"second"

        # Who is away is said to be away; what was cut is seen to be cut.
        async with session.get(f"{url}/away/x") as response:
            assert response.status == 503 and (await response.json(content_type=None))["code"] == "unavailable"
        with pytest.raises(aiohttp.ClientError):
            async with session.get(f"{url}/cut") as response:
                await response.read()


@pytest.mark.parametrize(
    ("prefix", "upstream"),
    [
        ("demo", "http://127.0.0.1:1"),
        ("/", "https://127.0.0.1:1"),
        ("/", "http://127.0.0.1:1/path"),
        ("/", "http://a:b@127.0.0.1:1"),
        ("/", "127.0.0.1:1"),
        ("/", "http://[::1"),
    ],
)
def test_addresses_that_cannot_be_used_are_refused_at_the_start(prefix: str, upstream: str) -> None:
    with pytest.raises(SettingsError) as refused:
        Forwarder({prefix: upstream})
    assert upstream not in str(refused.value)


@pytest.mark.servers
async def test_a_gateway_that_leaves_tells_streams_and_answers_polls(
    make_gateway: MakeGateway, redis_url: str, database_url: str
) -> None:
    acme = add_tenant(redis_url)
    gateway = make_gateway(redis_url, database_url, DRAIN_SECONDS="2")
    async with aiohttp.ClientSession() as session:
        world = HttpWorld(gateway, redis_url, session)
        await world.known(acme)
        ann = world.reader(acme)
        await ann.done(new_chat())
        page = (await ann.chats()).json
        poll = asyncio.create_task(ann.changes(page["epoch"], page["seq"], 25_000))
        async with ann.stream() as stream:
            await stream.until("page")
            await until(lambda: gateway.metric("parley_gateway_connections", transport="long-poll"))
            gateway.ask_to_stop()
            assert (await stream.until("move")).data == {"t": "move", "withinMs": 1_200}
            # Whoever is still here may go on for a while; whoever is new is sent elsewhere.
            for path in (f"/changes?epoch={page['epoch']}&seq=1&waitMs=1000", "/events"):
                refused = await ann.ask("GET", path)
                assert (refused.status, refused.json["code"]) == (503, "unavailable") and refused.headers["Retry-After"]
            answer = await poll
            assert (answer.status, answer.json["seq"], answer.headers["Connection"]) == (200, 1, "close")
            assert (await stream.until("error")).data["code"] == "unavailable"
            assert await stream.next() is None
    assert gateway.terminate() == 0
