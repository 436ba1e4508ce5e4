"""The demo's site gives tokens that hold and refuses what makes no sense."""

from collections.abc import AsyncIterator
from pathlib import Path

import jwt
import pytest
from aiohttp.test_utils import TestClient, TestServer

from parley_runtime.demo import site as site_module
from parley_runtime.demo.site import Site
from parley_runtime.demo.tenants import keep_tenants, signing_key


@pytest.fixture
async def browser(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[TestClient]:  # type: ignore[type-arg]
    static = tmp_path / "static"
    static.mkdir()
    (static / "index.html").write_text("<!doctype html><title>An article</title>")
    (static / "demo.js").write_text("export {}")
    (tmp_path / "tenants.secret").write_text("not for readers")
    monkeypatch.setattr(site_module, "STATIC", static)
    # Nothing listens on port 9 (discard): a program that does not answer.
    site = Site(keep_tenants(tmp_path), {"gateway": "http://127.0.0.1:9/metrics"})
    async with TestClient(TestServer(site.application())) as client:
        yield client


async def claims(browser: TestClient, tmp_path: Path, **query: str) -> dict[str, object]:  # type: ignore[type-arg]
    answer = await browser.get("/demo/token", params=query)
    assert answer.status == 200, await answer.text()
    assert answer.headers["Cache-Control"] == "no-store"
    token = (await answer.json())["token"]
    key = signing_key(keep_tenants(tmp_path)[query["tenant"]])
    assert jwt.get_unverified_header(token)["kid"] == key.kid
    decoded: dict[str, object] = jwt.decode(token, key.material, algorithms=["HS256"], audience="parley")
    return decoded


async def test_a_token_says_what_was_asked_for(browser: TestClient, tmp_path: Path) -> None:  # type: ignore[type-arg]
    found = await claims(browser, tmp_path, tenant="globex", reader="u1", role="moderator", scope="usage:read")
    assert found["tenant"] == "globex" and found["sub"] == "u1"
    assert found["role"] == "moderator" and found["scope"] == "usage:read"
    assert found["name"] == "u1"
    assert int(str(found["exp"])) - int(str(found["iat"])) == site_module.TOKEN_TTL


async def test_what_was_not_asked_for_is_left_to_the_gateway(browser: TestClient, tmp_path: Path) -> None:  # type: ignore[type-arg]
    found = await claims(browser, tmp_path, tenant="acme", reader="u1")
    assert not {"role", "scope", "pages"} & set(found)


@pytest.mark.parametrize(
    "query",
    [
        {"tenant": "initech", "reader": "u1"},
        {"tenant": "acme"},
        {"tenant": "acme", "reader": "x" * 129},
        {"tenant": "acme", "reader": "a\nb"},
        {"tenant": "acme", "reader": "u1", "role": "owner"},
        {"tenant": "acme", "reader": "u1", "scope": "usage:write"},
    ],
)
async def test_a_wish_that_makes_no_sense_is_refused(browser: TestClient, query: dict[str, str]) -> None:  # type: ignore[type-arg]
    answer = await browser.get("/demo/token", params=query)
    assert answer.status == 400
    assert answer.content_type == "application/problem+json"
    assert set(await answer.json()) == {"code", "message", "help"}


@pytest.mark.parametrize("path", ["/", "/demo/"])
async def test_the_article_is_at_the_front(browser: TestClient, path: str) -> None:  # type: ignore[type-arg]
    answer = await browser.get(path)
    assert answer.status == 200 and "An article" in await answer.text()


@pytest.mark.parametrize("path", ["/demo/demo.js", "/demo/./demo.js"])
async def test_what_the_page_loads_is_there(browser: TestClient, path: str) -> None:  # type: ignore[type-arg]
    answer = await browser.get(path)
    assert answer.status == 200
    assert answer.content_type in ("text/javascript", "application/javascript")


@pytest.mark.parametrize(
    "path", ["/demo/missing.js", "/demo/%2e%2e/tenants.json", "/demo/..%2ftenants.secret", "/demo//etc/passwd"]
)
async def test_nothing_outside_the_page_is_served(browser: TestClient, path: str) -> None:  # type: ignore[type-arg]
    answer = await browser.get(path)
    assert answer.status == 404


async def test_metrics_say_who_does_not_answer(browser: TestClient) -> None:  # type: ignore[type-arg]
    answer = await browser.get("/metrics")
    assert answer.status == 200
    assert 'parley_demo_up{program="gateway"} 0' in await answer.text()
