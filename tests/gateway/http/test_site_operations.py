"""The server API: operations in bulk, lists and searches over all pages, moderation, bans."""

import asyncio
import io
import json
import uuid
from typing import Any

import pytest

from kit.http_world import PAGE, HttpWorld, new_chat, reply
from kit.site_world import SiteServer, segment
from kit.wire_client import Refused, WireClient

pytestmark = pytest.mark.servers


async def test_operations_in_bulk_have_outcomes_of_their_own(world: HttpWorld) -> None:
    server = SiteServer(world, await world.tenant())
    chat = {"page": PAGE, **new_chat("first")}
    other = {"page": "other", **new_chat("second")}
    answer = {"page": PAGE, **reply(chat["broadcastId"])}
    lost = {"page": PAGE, **reply(str(uuid.uuid4()))}
    results = await server.many(chat, other, lost, answer, {"broadcastId": "x"}, {**chat, "text": "another"})
    assert [result.get("seq") for result in results] == [1, 1, None, 2, None, None]
    codes = [result["error"]["code"] for result in results if "error" in result]
    assert codes == ["unknown-chat", "bad-field", "id-reused"]
    assert [result.get("broadcastId") for result in results[:2]] == [chat["broadcastId"], other["broadcastId"]]
    assert results[2]["error"]["help"]
    assert (await server.many(chat, other, answer)) == [results[0], results[1], results[3]], "repeats are harmless"
    assert len(await server.list()) == 2


async def test_a_bulk_request_is_bounded(world: HttpWorld) -> None:
    server = SiteServer(world, await world.tenant())
    many = [{"page": PAGE, **new_chat(f"number {n}")} for n in range(501)]
    answer = await server.ask("POST", "/v1/operations", json={"operations": many})
    assert (answer.status, answer.json["code"]) == (413, "too-big")
    answer = await server.ask("POST", "/v1/operations", data=io.BytesIO(b" " * 2_097_153))
    assert (answer.status, answer.json["code"]) == (413, "too-big")
    for bad in (b"", b"[]", b'{"operations":{}}', b'{"operations":[1],"x":"\xff"}'):
        assert (await server.ask("POST", "/v1/operations", data=bad)).json["code"] == "bad-frame"
    assert [result["error"]["code"] for result in await server.many(1, [], None)] == ["bad-frame"] * 3  # type: ignore[arg-type]
    results = await server.many(*many[:500])
    assert [result["seq"] for result in results] == list(range(1, 501)), "in order, and all of them"


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/v1/operations"),
        ("GET", "/v1/chats"),
        ("GET", "/v1/bans"),
        ("PUT", "/v1/readers/dTE/ban"),
        ("DELETE", "/v1/readers/dTE/ban"),
        ("DELETE", "/v1/readers/dTE"),
        ("GET", "/v1/export"),
        ("POST", "/v1/import"),
    ],
)
async def test_without_the_scope_nothing_is_told(world: HttpWorld, method: str, path: str) -> None:
    acme = await world.tenant()
    for claims in ({"scope": None}, {"scope": "usage:read"}):
        answer = await SiteServer(world, acme, **claims).ask(method, path)
        assert (answer.status, answer.json["code"]) == (403, "forbidden")
    if path != "/v1/operations":
        answer = await SiteServer(world, acme, pages=["https://acme.test/*"]).ask(method, path)
        assert (answer.status, answer.json["code"]) == (403, "forbidden"), "all pages, or none of this"


async def test_lists_are_paged_filtered_and_of_one_tenant(world: HttpWorld) -> None:
    acme, globex = await world.tenant(), await world.tenant()
    server, other = SiteServer(world, acme), SiteServer(world, globex)
    await other.many({"page": "https://acme.test/1", **new_chat("not yours")})
    chats = [
        {"page": f"https://{host}/{n}", **new_chat(f"Text number {n} ÄPFEL")}
        for host in ("acme.test", "acme.test.evil", "blog.test")
        for n in range(7)
    ]
    for chat in chats:  # one after the other, so that they have an order
        await server.many(chat)
    ann = world.reader(acme, "ann", page="https://blog.test/3")
    await ann.done(reply(chats[17]["broadcastId"], "A needle_in 100%"))
    await server.many({"page": chats[0]["page"], "broadcastId": str(uuid.uuid4()), "op": "resolve",
                       "chat": chats[0]["broadcastId"]})  # fmt: skip

    def ids(found: list[Any]) -> list[str]:
        return [chat["id"] for chat in found]

    newest_first = [chat["broadcastId"] for chat in reversed(chats)]
    assert ids(await server.list()) == newest_first
    for limit in (1, 4, 200):
        assert ids(await server.list(limit=limit)) == newest_first
    assert ids(await server.list(site="https://acme.test")) == newest_first[-7:]
    assert ids(await server.list(page="https://blog.test/3")) == [chats[17]["broadcastId"]]
    assert ids(await server.list(state="resolved")) == [chats[0]["broadcastId"]]
    assert ids(await server.list(author="ann")) == [chats[17]["broadcastId"]]
    assert ids(await server.list(text="NEEDLE_in 100%")) == [chats[17]["broadcastId"]], "no pattern, any case"
    assert ids(await server.list(text="needlein")) == []
    assert ids(await server.list(text="number 3", author="server", limit=1)) == newest_first[3::7]
    assert await server.list(text="number 3", author="ann") == []
    (one,) = await server.list(page="https://blog.test/3")
    assert (one["comments"], one["text"], one["hidden"], one["by"]["id"]) == (2, "Text number 3 ÄPFEL", False, "server")
    middle = (await server.list())[10]["at"]
    newer, older = await server.list(from_=middle), await server.list(to=middle)
    assert ids(newer + older) == newest_first and newer[-1]["at"] >= middle > older[0]["at"]
    for bad in ("limit=0", "limit=201", "limit=x", "state=gone", "cursor=x", "cursor=WzEsMl0", "zzz=1", "from=-1",
                "text=" + "x" * 201, "page=%00"):  # fmt: skip
        answer = await server.ask("GET", f"/v1/chats?{bad}")
        assert (answer.status, answer.json["code"]) == (400, "bad-field"), bad


async def test_a_hidden_chat_leaves_everybodys_view_and_comes_back_whole(world: HttpWorld) -> None:
    acme = await world.tenant()
    server = SiteServer(world, acme)
    chat = {"page": PAGE, **new_chat("first")}
    answer = {"page": PAGE, **reply(chat["broadcastId"], "second")}
    await server.many(chat, answer)
    about = {"page": PAGE, "chat": chat["broadcastId"]}

    def act(op: str, **more: Any) -> dict[str, Any]:
        return {**about, "broadcastId": str(uuid.uuid4()), "op": op, **more}

    async with await WireClient.open(world.gateway.live_url, acme.token("ann")) as ann:
        view = await ann.join(PAGE)
        before = json.loads(json.dumps(view.chats))
        with pytest.raises(Refused, match="forbidden"):
            await ann.do(PAGE, "hide-chat", chat=chat["broadcastId"])
        hide = act("hide-chat")
        assert (await server.many(hide))[0]["seq"] == 3
        await ann.reach(PAGE, 3)
        assert view.chats == {} and view.events[-1]["event"] == "deleted-text-chat"
        with pytest.raises(Refused, match="unknown-chat"):
            await ann.do(PAGE, "reply", chat=chat["broadcastId"], text="still here?")
        assert [one["id"] for one in await server.list(state="hidden")] == [chat["broadcastId"]]
        assert await server.list() == [] and (await world.reader(acme).chats()).json["chats"] == []
        again = (await server.many(act("hide-chat"), act("unhide-chat"), act("unhide-chat")))[0:3]
        assert [one["seq"] for one in again] == [3, 4, 4]
        await ann.reach(PAGE, 4)
        before[chat["broadcastId"]]["seq"] = 4
        assert view.chats == before and view.events[-1]["event"] == "new-text-chat"
        assert (await ann.do(PAGE, "reply", chat=chat["broadcastId"], text="good"))["seq"] == 5
        # A hidden one can be removed for good, and is then nowhere.
        await server.many(act("hide-chat"), act("delete-chat"))
        await ann.reach(PAGE, 6)
        assert await server.list(state="hidden") == []
        assert (await server.many(act("unhide-chat")))[0]["error"]["code"] == "unknown-chat"


async def test_a_chat_too_large_for_an_event_comes_back_by_a_resync(world: HttpWorld) -> None:
    acme = await world.tenant()
    server = SiteServer(world, acme)
    chat = {"page": PAGE, **new_chat("first")}
    await server.many(chat, *({"page": PAGE, **reply(chat["broadcastId"], f"{n} " * 4_000)} for n in range(10)))
    about = {"page": PAGE, "chat": chat["broadcastId"]}
    async with await WireClient.open(world.gateway.live_url, acme.token("ann")) as ann:
        ann.follow_resyncs = True
        view = await ann.join(PAGE)
        before = json.loads(json.dumps(view.chats))
        await server.many({**about, "broadcastId": str(uuid.uuid4()), "op": "hide-chat"})
        await ann.reach(PAGE, 12)
        await server.many({**about, "broadcastId": str(uuid.uuid4()), "op": "unhide-chat"})
        await ann.reach(PAGE, 13)
        before[chat["broadcastId"]]["seq"] = 13
        assert view.chats == before


async def test_a_banned_reader_writes_nothing_more_anywhere(world: HttpWorld) -> None:
    acme, globex = await world.tenant(), await world.tenant()
    server = SiteServer(world, acme)
    path = f"/v1/readers/{segment('böse/ann')}/ban"
    async with await WireClient.open(world.gateway.live_url, acme.token("böse/ann", role="moderator")) as ann:
        await ann.join(PAGE)
        before = await ann.do(PAGE, "new-chat", **_started())
        ban = await server.told("PUT", path, json={"reason": "spam"})
        assert (ban["reader"], ban["reason"]) == ("böse/ann", "spam")
        with pytest.raises(Refused, match="banned"):
            await ann.do(PAGE, "new-chat", **_started())
        over_http = await world.reader(acme, "böse/ann").do(new_chat())
        assert (over_http.status, over_http.json["code"]) == (403, "banned")
        assert await ann.do(PAGE, "new-chat", **_started(), id=before["broadcastId"]) == before, "what was done is done"
        await world.reader(acme, "bo").done(new_chat())
        await ann.reach(PAGE, 2)
        await world.reader(globex, "böse/ann").done(new_chat())
        assert [one["reader"] for one in (await server.told("GET", "/v1/bans"))["bans"]] == ["böse/ann"]
        assert (await SiteServer(world, globex).told("GET", "/v1/bans")) == {"bans": [], "next": None}
        assert (await SiteServer(world, globex).ask("DELETE", path)).status == 404
        assert (await server.ask("DELETE", path)).status == 204
        assert (await server.ask("DELETE", path)).json["code"] == "not-found"
        await ann.do(PAGE, "new-chat", **_started())
        assert (await server.told("PUT", path, json={"until": 1}))["until"] == 1
        await ann.do(PAGE, "new-chat", **_started())  # that ban is over
    for bad in (  # type: ignore[var-annotated]
        {"until": "x"},
        {"reason": "x" * 201},
        {"until": -1},
        [],
    ):
        assert (await server.ask("PUT", path, json=bad)).json["code"] == "bad-field"
    assert (await server.ask("PUT", "/v1/readers/***/ban", json={})).json["code"] == "bad-field"


async def test_a_banned_reader_is_not_shown_writing_either(world: HttpWorld) -> None:
    acme = await world.tenant()
    server, path = SiteServer(world, acme), f"/v1/readers/{segment('ann')}/ban"
    async with (
        await WireClient.open(world.gateway.live_url, acme.token("ann")) as ann,
        await WireClient.open(world.gateway.live_url, acme.token("bo")) as bo,
    ):
        await bo.join(PAGE)
        chat = str((await ann.do(PAGE, "new-chat", **_started()))["broadcastId"])

        async def everybody_types(number: int) -> list[str]:
            """Whom `bo` has seen writing, once that is `carl` for the `number`-th time: signals keep their order."""
            await ann.typing(PAGE, chat)
            await ann.ping()
            over_http = world.reader(acme, "ann")
            assert (await over_http.ask("POST", "/typing", json={"chat": chat})).status == 204
            carl = world.reader(acme, "carl")
            assert (await carl.ask("POST", "/typing", json={"chat": chat})).status == 204
            await bo.until(lambda: len(bo.of("typing", reader="carl")) == number)
            return [frame["reader"] for frame in bo.of("typing")]

        assert await everybody_types(1) == ["ann", "ann", "carl"]
        await server.told("PUT", path)
        assert (await everybody_types(2))[3:] == ["carl"]
        await server.told("PUT", path, json={"until": 1})
        assert (await everybody_types(3))[4:] == ["ann", "ann", "carl"], "that ban is over"


def _started() -> dict[str, Any]:
    return {name: value for name, value in new_chat("the same").items() if name in ("anchor", "text")}


async def test_bans_are_paged(world: HttpWorld) -> None:
    server = SiteServer(world, await world.tenant())
    for n in range(5):
        await server.told("PUT", f"/v1/readers/{segment(f'r{n}')}/ban")
    first = await server.told("GET", "/v1/bans?limit=3")
    rest = await server.told("GET", f"/v1/bans?limit=3&after={first['next']}")
    assert [one["reader"] for one in first["bans"] + rest["bans"]] == [f"r{n}" for n in range(5)]
    assert rest["next"] is None


async def test_a_tenant_does_not_take_more_than_its_share(world: HttpWorld) -> None:
    server = SiteServer(world, await world.tenant())
    answers = await asyncio.gather(*(server.ask("GET", "/v1/chats") for _ in range(40)))
    assert {answer.status for answer in answers} <= {200, 429} and answers[0].status == 200
    assert all(answer.json["retryInMs"] for answer in answers if answer.status == 429)


async def test_what_a_suspended_tenant_may(world: HttpWorld) -> None:
    acme = await world.tenant()
    server = SiteServer(world, acme)
    chat = {"page": PAGE, **new_chat()}
    done = await server.many(chat)
    acme.change(state="suspended")
    while "seq" in (result := (await server.many({"page": PAGE, **new_chat()}))[0]):
        pass
    assert result["error"]["code"] == "suspended"
    assert await server.many(chat) == done, "what was done is done"
    answer = await server.ask("POST", "/v1/import", data=b"", headers={"Content-Type": "application/x-ndjson"})
    assert (answer.status, answer.json["code"]) == (403, "suspended")
    assert await server.list() and b'"kind":"chat"' in await server.export()


async def test_bulk_takes_its_share_of_what_the_tenant_may_do_and_leaves_the_readers_theirs(world: HttpWorld) -> None:
    acme = await world.tenant(limits={"operationsPerTenant": 100})
    server = SiteServer(world, acme)
    many = [{"page": PAGE, **new_chat()} for _ in range(150)]
    working = asyncio.ensure_future(server.many(*many))
    for number in range(30):
        await world.reader(acme, f"r{number}", page="other").done(new_chat())
    assert all("seq" in result for result in await working), "it waits for its turn"


async def test_bulk_beyond_what_the_tenant_may_do_is_told_when_to_come_back(world: HttpWorld) -> None:
    acme = await world.tenant(limits={"operationsPerTenant": 0})
    results = await SiteServer(world, acme).many(*({"page": PAGE, **new_chat()} for _ in range(3)))
    assert [(result["error"]["code"], result["error"]["retryInMs"]) for result in results] == [
        ("over-limit", 60_000)
    ] * 3
