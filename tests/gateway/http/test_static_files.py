"""The widget's files over real HTTP, from a directory that is built while the server runs."""

import gzip
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from yarl import URL

from parley_gateway.shell.static_files import static_routes
from parley_runtime.http.problem import errors_as_problems

SCRIPT = b"console.log('parley');\n" * 200


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[TestServer]:
    app = web.Application(middlewares=[errors_as_problems])
    app.add_routes(static_routes(tmp_path))
    server = TestServer(app)
    async with server:
        yield server


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(auto_decompress=False, skip_auto_headers=["Accept-Encoding"]) as made:
        yield made


async def test_what_is_not_built_says_how_to_build_it(site: TestServer, session: aiohttp.ClientSession) -> None:
    async with session.get(site.make_url("/v1/parley.js")) as response:
        assert response.status == 503 and response.content_type == "application/problem+json"
        assert "make widget" in (await response.json())["help"]


async def test_the_file_comes_with_a_strong_etag_and_compressed_where_taken(
    site: TestServer, session: aiohttp.ClientSession, tmp_path: Path
) -> None:
    for name in ("parley.js", "parley.mjs"):
        (tmp_path / name).write_bytes(SCRIPT)
        url = site.make_url(f"/v1/{name}")
        async with session.get(url) as plain:
            assert plain.status == 200 and await plain.read() == SCRIPT
            assert plain.headers["Content-Type"] == "text/javascript; charset=utf-8"
            assert "max-age" in plain.headers["Cache-Control"] and plain.headers["Vary"] == "Accept-Encoding"
            assert "Content-Encoding" not in plain.headers
        async with session.get(url, headers={"Accept-Encoding": "br, gzip;q=0.8"}) as packed:
            body = await packed.read()
            assert packed.headers["Content-Encoding"] == "gzip" and gzip.decompress(body) == SCRIPT
            assert len(body) < len(SCRIPT) / 10
        async with session.get(url, headers={"Accept-Encoding": "gzip;q=0, identity"}) as refused:
            assert await refused.read() == SCRIPT
        tags = {plain.headers["ETag"], packed.headers["ETag"]}
        assert len(tags) == 2 and all(tag.startswith('"') for tag in tags), "strong, one for each encoding"
        for tag in tags:
            async with session.get(url, headers={"If-None-Match": f'"other", {tag}'}) as known:
                assert known.status == 304 and await known.read() == b""
                assert known.headers["ETag"] in tags


async def test_a_new_build_is_served_at_once(site: TestServer, session: aiohttp.ClientSession, tmp_path: Path) -> None:
    url = site.make_url("/v1/parley.js")
    (tmp_path / "parley.js").write_bytes(SCRIPT)
    async with session.get(url) as old:
        tag = old.headers["ETag"]
    (tmp_path / "parley.js").write_bytes(b"other();")
    async with session.get(url, headers={"If-None-Match": tag}) as new:
        assert new.status == 200 and await new.read() == b"other();"


async def test_parts_are_kept_for_ever_and_only_those_of_the_build_are_there(
    site: TestServer, session: aiohttp.ClientSession, tmp_path: Path
) -> None:
    (tmp_path / "parley").mkdir()
    (tmp_path / "secret-0123456789abcdef.mjs").write_bytes(b"outside")
    name = "de-0123456789abcdef.mjs"
    (tmp_path / "parley" / name).write_bytes(SCRIPT)
    async with session.get(site.make_url(f"/v1/parley/{name}"), headers={"Origin": "https://blog.test"}) as part:
        assert part.status == 200 and await part.read() == SCRIPT
        assert part.content_type == "text/javascript" and "immutable" in part.headers["Cache-Control"]
        assert part.headers["Access-Control-Allow-Origin"] == "*", "a module from another origin is asked for with CORS"
    (tmp_path / "parley" / name).unlink()
    for gone in (name, "parley.js", "..%2Fsecret-0123456789abcdef.mjs", "x" * 300 + "-0123456789abcdef.mjs"):
        async with session.get(URL(f"{site.make_url('/v1/parley/')}{gone}", encoded=True)) as missing:
            assert missing.status == 404 and missing.headers["Cache-Control"] == "no-store", gone
