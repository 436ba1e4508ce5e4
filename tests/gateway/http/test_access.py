"""Who may ask what over HTTP: tokens, roles, pages, origins, other sites' scripts."""

import asyncio

import pytest

from kit.http_world import HttpWorld, new_chat, path_of
from kit.tenants import ORIGIN

pytestmark = pytest.mark.servers

RESOURCES = [("GET", "/chats"), ("GET", "/changes?epoch=a&seq=0"), ("GET", "/events"), ("POST", "/operations")]


async def test_without_a_valid_token_nothing_is_shown(world: HttpWorld) -> None:
    acme = await world.tenant()
    wrong = [
        {},
        {"Authorization": ""},
        {"Authorization": "Bearer"},
        {"Authorization": "Bearer "},
        {"Authorization": "Bearer nonsense"},
        {"Authorization": acme.token()},
        {"Authorization": f"Basic {acme.token()}"},
        {"Authorization": f"Bearer {acme.token(aud='somebody')}"},
        {"Authorization": f"Bearer {acme.token(tenant='http-nobody')}"},
        {"Authorization": f"Bearer {acme.token(exp=None)}"},
        {"Authorization": f"Bearer {acme.token()[:-4]}AAAA"},
        {"Authorization": "Bearer ÿþ"},
    ]
    for headers in wrong:
        for method, path in RESOURCES:
            answer = await world.anybody().ask(method, path, headers=headers)
            assert (answer.status, answer.json["code"]) == (401, "token-invalid"), (headers, path)
            assert answer.headers["WWW-Authenticate"] == "Bearer"
    expired = await world.anybody(acme.token(ttl=-60)).chats()
    assert (expired.status, expired.json["code"]) == (401, "token-expired")


async def test_a_token_in_the_address_is_refused_with_a_sentence(world: HttpWorld) -> None:
    acme = await world.tenant()
    ann = world.reader(acme)
    for name in ("token", "access_token", "Token", "jwt", "t"):
        for method, path in RESOURCES:
            joint = "&" if "?" in path else "?"
            answer = await ann.ask(method, f"{path}{joint}{name}={acme.token()}")
            assert answer.status == 401, (name, path)
            assert "address" in answer.json["message"] and acme.token()[:10] not in answer.body.decode()


async def test_tokens_of_each_key_are_taken(world: HttpWorld) -> None:
    acme = await world.tenant(algorithms=("HS256", "ES256", "EdDSA", "RS256"))
    for key in range(4):
        assert (await world.anybody(acme.token(key=key)).chats()).status == 200


async def test_a_role_and_the_pages_of_a_token_hold(world: HttpWorld) -> None:
    acme = await world.tenant()
    watching = world.reader(acme, "watching", role="reader")
    assert (await watching.chats()).status == 200
    refused = await watching.do(new_chat())
    assert (refused.status, refused.json["code"]) == (403, "forbidden")
    elsewhere = world.reader(acme, "elsewhere", pages=["https://acme.test/blog/*"])
    for method, path in RESOURCES[:3]:
        answer = await elsewhere.ask(method, path)
        assert (answer.status, answer.json["code"]) == (403, "forbidden"), path
    assert (await elsewhere.do(new_chat())).json["code"] == "forbidden"


async def test_no_tenant_sees_anothers_page_of_the_same_name(world: HttpWorld) -> None:
    acme, globex = await world.tenant(), await world.tenant()
    await world.reader(acme).done(chat := new_chat("secret"))
    seen = await world.reader(globex).chats()
    assert seen.json["seq"] == 0 and seen.json["chats"] == []
    answer = await world.reader(globex).do(
        {"broadcastId": chat["broadcastId"], "op": "delete-chat", "chat": chat["broadcastId"]}
    )
    assert (answer.status, answer.json["code"]) == (404, "unknown-chat")


async def test_origins_are_checked_where_a_browser_says_one(world: HttpWorld) -> None:
    acme = await world.tenant(origins=[ORIGIN, "https://*.shop.test"])
    anywhere = await world.tenant(origins=["*"])
    for origin in (ORIGIN, "https://a.b.shop.test", None):
        assert (await world.reader(acme, origin=origin).chats()).status == 200, origin
    for origin in ("https://evil.test", "null", "http://acme.test", "https://acme.test.evil.test", "https://shop.test"):
        answer = await world.reader(acme, origin=origin).chats()
        assert (answer.status, answer.json["code"]) == (403, "origin-refused"), origin
        assert answer.headers["Access-Control-Allow-Origin"] == "*", "the site's script must be able to read why"
    assert (await world.reader(anywhere, origin="https://evil.test").chats()).status == 200
    assert (await world.reader(anywhere, origin="https://ÿ.test").chats()).status == 403


async def test_header_bytes_that_are_no_text_are_the_clients_fault(world: HttpWorld) -> None:
    token = (await world.tenant(origins=["*"])).token().encode()
    good = b"Authorization: Bearer " + token
    path = path_of("p").encode()
    for head, status in (
        (b"chats HTTP/1.1\r\n%b\r\nOrigin: https://\xff.test" % good, 403),
        (b"chats HTTP/1.1\r\nAuthorization: Bearer \xff\xfe", 401),
        (b"events HTTP/1.1\r\n%b\r\nLast-Event-ID: \xff:\xb2" % good, 400),
        (b"chats HTTP/1.1\r\n%b\x00" % good, 400),
        (b"chats?token=%b\xff HTTP/1.1\r\n%b" % (token, good), 400),
        (b"changes?epoch=\xff&seq=\xb2 HTTP/1.1\r\n%b" % good, 400),
    ):
        incoming, outgoing = await asyncio.open_connection("127.0.0.1", world.gateway.port)
        outgoing.write(b"GET /v1/pages/%b/%b\r\nHost: parley.test\r\n\r\n" % (path, head))
        assert (await incoming.readline()).split()[1] == b"%d" % status, head
        outgoing.close()
        await outgoing.wait_closed()


async def test_other_sites_scripts_may_ask_and_read(world: HttpWorld) -> None:
    acme = await world.tenant()
    asks = {
        "Origin": ORIGIN,
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "authorization, content-type, last-event-id",
    }
    for path in ("/chats", "/operations", "/events", "/nowhere"):
        answer = await world.anybody().ask("OPTIONS", path, headers=asks)
        assert answer.status == 204
        assert answer.headers["Access-Control-Allow-Origin"] == "*"
        assert "POST" in answer.headers["Access-Control-Allow-Methods"]
        allowed = {name.strip() for name in answer.headers["Access-Control-Allow-Headers"].split(",")}
        assert allowed >= {"authorization", "content-type", "last-event-id"}
    for answer in (await world.reader(acme).chats(), await world.anybody().chats()):
        assert answer.headers["Access-Control-Allow-Origin"] == "*"
        assert "Retry-After" in answer.headers["Access-Control-Expose-Headers"]
        assert "Access-Control-Allow-Credentials" not in answer.headers


async def test_addresses_that_are_none(world: HttpWorld) -> None:
    acme = await world.tenant()
    ann = world.reader(acme)
    for page in ("!", "a", "%00", "%FF", "_w", "AA", "A" * 800, "YQ%3D%3D%3D", "ä"):
        url = f"{world.gateway.url}/v1/pages/{page}/chats"
        async with world.session.get(url, headers=ann.headers) as response:
            assert response.status == 400, page
            assert (await response.json(content_type=None))["code"] == "bad-field", page
    for query in (
        "?seq=1",
        "?epoch=a",
        "?epoch=a&seq=-1",
        "?epoch=a&seq=x",
        "?epoch=a&seq=%D9%A3",
        "?epoch=a&seq=99999999999999999999",
    ):
        answer = await ann.chats(query)
        assert (answer.status, answer.json["code"]) == (400, "bad-field"), query
    for query in ("?waitMs=soon", "?epoch=a&seq=0&waitMs=-1"):
        assert (await ann.ask("GET", f"/changes{query}")).status == 400, query
    for epoch in ("%00", "%FF", "%ED%A0%80", "'", "ä" * 100):
        answer = await ann.chats(f"?epoch={epoch}&seq=3")
        assert (answer.status, answer.json["kind"]) == (200, "snapshot"), epoch
    for query in ("", "?epoch=&seq=&waitMs=9000"):
        answer = await ann.ask("GET", f"/changes{query}")
        assert (answer.status, answer.json["kind"]) == (200, "snapshot"), query
    for method, path, allow in (("POST", "/chats", "GET"), ("GET", "/operations", "POST"), ("HEAD", "/events", "GET")):
        answer = await ann.ask(method, path)
        assert (answer.status, answer.headers["Allow"]) == (405, allow)
    async with world.session.get(f"{world.gateway.url}/v1/live") as response:
        assert (response.status, (await response.json(content_type=None))["code"]) == (400, "bad-frame")
    async with world.session.get(f"{world.gateway.url}/v1/nothing") as response:
        assert (response.status, (await response.json(content_type=None))["code"]) == (404, "not-found")
