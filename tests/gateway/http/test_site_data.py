"""The server API: everything out, everything in again, and a reader out of everything."""

import asyncio
import json
import re
import uuid
from pathlib import Path
from typing import Any

import asyncpg
import pytest
import redis

from kit.gateway import GatewayProcess
from kit.http_world import PAGE, HttpWorld, anchor, new_chat, reply
from kit.site_world import SiteServer, lines, segment
from kit.tenants import KitTenant
from kit.wire_client import WireClient
from parley_runtime.embedded import PostgresServer
from parley_runtime.embedded.postgres import postgres_binaries

pytestmark = pytest.mark.servers


def act(chat: dict[str, Any], op: str, **more: Any) -> dict[str, Any]:
    return {"page": chat["page"], "chat": chat["broadcastId"], "broadcastId": str(uuid.uuid4()), "op": op, **more}


async def write_much(world: HttpWorld, tenant: KitTenant, chats: int = 12) -> list[dict[str, Any]]:
    """Chats of every kind: long quotes, hints, other scripts, replies, edits, reactions, hidden, resolved, a ban."""
    server, bo = SiteServer(world, tenant), SiteServer(world, tenant, name="Bö <b>", avatar="https://a.test/b.png")
    made = [{"page": f"page {n % 3} ☃", **new_chat(f'Текст {n} \\ "quoted" {{[\n')} for n in range(chats)]
    made[0]["page"] = "https://acme.test/a?b=c#d"
    made[1]["anchor"] = anchor("long " * 100)
    made[2]["anchor"] = {**anchor(), "hint": {"path": ["p", 3, {"x": None}]}}
    await server.many(*made)
    answers = [{"page": made[3]["page"], **reply(made[3]["broadcastId"], f"answer {n}")} for n in range(5)]
    await bo.many(*answers)
    await bo.many(act(made[3], "edit", comment=answers[1]["broadcastId"], text="better"),
                  act(made[3], "remove-comment", comment=answers[2]["broadcastId"]))  # fmt: skip
    for reader in ("zoe", "ann", "bob"):
        await SiteServer(world, tenant).many(act(made[4], "resolve"))
        one = world.reader(tenant, reader, page=made[3]["page"])
        await one.done(act(made[3], "react", comment=made[3]["broadcastId"], emoji="👍", on=True))
    await server.many(act(made[5], "hide-chat"), act(made[6], "delete-chat"))
    await server.told("PUT", f"/v1/readers/{segment('évil')}/ban", json={"reason": "spam", "until": 4_000_000_000_000})
    return made


async def test_a_round_trip_is_equal(world: HttpWorld) -> None:
    acme, globex = await world.tenant(), await world.tenant()
    made = await write_much(world, acme)
    theirs, ours = SiteServer(world, globex), SiteServer(world, acme)
    taken = await ours.export()
    assert lines(taken)[-1] == {"kind": "end", "chats": 11, "comments": 15, "bans": 1}
    told = await theirs.take(taken)
    assert (told["imported"], told["existed"], told["bans"], told["complete"], told["problems"]) == (11, 0, 1, True, [])
    assert lines(await theirs.export()) == lines(taken)
    # What readers see is the same, too, but for the seq.
    for page in {chat["page"] for chat in made}:
        views = []
        for tenant in (acme, globex):
            chats = (await world.reader(tenant, page=page).chats()).json["chats"]
            views.append(sorted(({**chat, "seq": 0} for chat in chats), key=lambda chat: str(chat["id"])))
        assert views[0] == views[1]
    again = await theirs.take(taken)
    assert (again["imported"], again["existed"]) == (0, 11)
    assert lines(await theirs.export()) == lines(taken)
    back = await ours.take(taken)
    assert (back["imported"], back["existed"]) == (0, 11), "what was written here is not written over"
    assert lines(await ours.export()) == lines(taken)


async def test_annotations_come_back_equal(world: HttpWorld) -> None:
    acme, globex = await world.tenant(), await world.tenant()
    await write_much(world, acme)
    taken = await SiteServer(world, acme).export("annotations")
    document = json.loads(taken)
    assert document["@context"][0] == "http://www.w3.org/ns/anno.jsonld" and document["type"] == "AnnotationPage"
    assert len(document["items"]) == 15
    chats = [item for item in document["items"] if isinstance(item["target"], dict)]  # a reply's target is a URN
    first = next(chat for chat in chats if chat["target"]["source"] == "https://acme.test/a?b=c#d")
    assert first["type"] == "Annotation" and first["motivation"] == "commenting"
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", first["created"])
    assert {selector["type"] for selector in first["target"]["selector"]} == {
        "TextQuoteSelector",
        "TextPositionSelector",
    }
    theirs = SiteServer(world, globex)
    told = await theirs.take(json.dumps(document, indent=3).encode(), "annotations")
    assert (told["imported"], told["complete"], told["problems"]) == (11, True, [])
    without_bans = [
        line for line in lines(await SiteServer(world, acme).export()) if line["kind"] in ("chat", "comment")
    ]
    assert lines(await theirs.export())[:-1] == without_bans
    assert await theirs.export("annotations") == taken.replace(acme.name.encode(), globex.name.encode(), 1)


async def test_another_programs_annotations_can_be_taken(world: HttpWorld) -> None:
    server = SiteServer(world, await world.tenant())
    foreign = {
        "id": "https://anno.test/1", "type": "Annotation", "created": "2024-02-03T04:05:06Z",
        "motivation": ["highlighting"], "creator": "acct:ann@anno.test",
        "body": [{"type": "TextualBody", "value": "Hm"}],
        "target": {"source": "https://acme.test/x", "selector": {"type": "TextQuoteSelector", "exact": "these words"}},
    }  # fmt: skip
    poor = {**foreign, "id": "https://anno.test/2", "target": "https://acme.test/x"}
    told = await server.take(json.dumps({"items": [foreign, poor, 7]}).encode(), "annotations")
    assert (told["imported"], told["refused"]) == (1, 1)
    (chat,) = await server.list()
    assert (chat["page"], chat["text"], chat["by"]["id"]) == ("https://acme.test/x", "Hm", "acct:ann@anno.test")
    assert chat["at"] == 1_706_933_106_000


async def test_an_import_that_broke_off_goes_on(world: HttpWorld) -> None:
    acme, globex = await world.tenant(), await world.tenant()
    await write_much(world, acme, 40)
    taken = await SiteServer(world, acme).export()
    theirs = SiteServer(world, globex)
    told = await theirs.take(taken[: len(taken) // 2])
    assert not told["complete"] and 0 < told["imported"] < 40
    assert told["refused"] == 1, "the line that was cut"
    whole = await theirs.take(taken)
    assert whole["complete"] and whole["imported"] > 0 and whole["existed"] > 0
    assert lines(await theirs.export()) == lines(taken)


async def test_a_chat_of_many_comments_comes_in_parts_and_whole(world: HttpWorld) -> None:
    acme, globex = await world.tenant(), await world.tenant()
    ours, theirs = SiteServer(world, acme), SiteServer(world, globex)
    chat = {"page": PAGE, **new_chat()}
    await ours.many(chat, *({"page": PAGE, **reply(chat["broadcastId"], f"answer {n}")} for n in range(450)))
    taken = await ours.export()
    async with await WireClient.open(world.gateway.live_url, globex.token("ann")) as ann:
        ann.follow_resyncs = True
        view = await ann.join(PAGE)
        assert (await theirs.take(taken))["imported"] == 3
        assert lines(await theirs.export()) == lines(taken)
        await ann.reach(PAGE, 3)
        texts = [one["text"] for one in view.chats[chat["broadcastId"]]["comments"]]
        assert texts == ["Why?", *(f"answer {n}" for n in range(450))]
        # Who writes on comes after all of it, and nobody can take an imported comment's id.
        late = reply(chat["broadcastId"], "late")
        await world.reader(globex).done(late)
        await ann.reach(PAGE, 4)
        shown = view.chats[chat["broadcastId"]]["comments"]
        assert shown[-1]["text"] == "late" and len(shown) == 452
        stolen = {**late, "broadcastId": shown[5]["id"]}
        assert (await world.reader(globex).do(stolen)).json["code"] == "id-reused"


async def test_bad_lines_are_named_and_the_others_are_in(world: HttpWorld) -> None:
    acme, globex = await world.tenant(), await world.tenant()
    await write_much(world, acme)
    good = (await SiteServer(world, acme).export()).splitlines()
    chat = next(line for line in good if b'"state":"open"' in line)
    first = next(line for line in good if line.startswith(b'{"kind":"comment"'))
    bad = [
        b"{", b"[]", b'{"kind":"zzz"}', b'{"kind":"chat"}', b'{"kind":"comment","x":"\xff"}',
        chat.replace(b'"state":"open"', b'"state":"shut"'), re.sub(rb'"at":\d+', b'"at":-1', chat),
        re.sub(rb'"page":"[^"]*"', b'"page":"%b"' % (b"x" * 513), chat),
        first.replace(b'"text":"', b'"text":"\\u0000'), first,
        b'{"kind":"parley-export","version":2,"tenant":"x","at":1}',
    ]  # fmt: skip
    theirs = SiteServer(world, globex)
    told = await theirs.take(b"\n".join([*bad, *good]))
    assert told["refused"] == len(bad) and [one["line"] for one in told["problems"]] == list(range(1, len(bad) + 1))
    assert all(one["code"] == "bad-field" and one["message"] for one in told["problems"])
    assert lines(await theirs.export()) == [json.loads(line) for line in good[1:]]
    for kind, data in (("text/plain", b""), ("application/ld+json", b'{"items":[{')):
        answer = await theirs.ask("POST", "/v1/import", data=data, headers={"Content-Type": kind})
        assert (answer.status, answer.json["code"][:4]) == (400, "bad-")
    assert (await theirs.ask("GET", "/v1/export?format=xml")).json["code"] == "bad-field"


async def test_an_import_changes_no_ban(world: HttpWorld) -> None:
    server = SiteServer(world, await world.tenant())
    path = f"/v1/readers/{segment('eve')}/ban"
    await server.told("PUT", path, json={"reason": "spam", "until": 1})
    old = await server.export()
    await server.told("PUT", path, json={"reason": "threats"})
    assert (await server.take(old))["bans"] == 0
    (ban,) = (await server.told("GET", "/v1/bans"))["bans"]
    assert ban["reason"] == "threats" and "until" not in ban, "an old file ended a ban"


async def test_a_comment_id_in_use_is_named_and_takes_no_other_with_it(world: HttpWorld) -> None:
    acme = await world.tenant()
    server = SiteServer(world, acme)
    chat = {"page": PAGE, **new_chat()}
    await server.many(chat, *({"page": PAGE, **reply(chat["broadcastId"])} for _ in range(2)))
    _, told, *comments, end = (await server.export()).splitlines()
    theirs = SiteServer(world, await world.tenant())
    answer = await theirs.take(b"\n".join([told, *comments, comments[1], end]))
    assert (answer["imported"], answer["refused"], answer["problems"][0]["line"]) == (1, 1, 5)
    (found,) = await theirs.list()
    assert found["comments"] == 3
    # Of another discussion: the whole piece is refused, and does not pass for one that is known.
    fresh = uuid.uuid4().hex.encode()
    first = chat["broadcastId"].encode()
    other = [line.replace(first, str(uuid.UUID(fresh.decode())).encode()) for line in (told, comments[0], comments[1])]
    answer = await theirs.take(b"\n".join([*other, end]))
    assert (answer["imported"], answer["existed"], answer["refused"]) == (0, 0, 1)


async def test_an_export_is_one_moment(world: HttpWorld) -> None:
    """While it is written, a chat is begun and another deleted, over and over: there are ten, or eleven."""
    acme = await world.tenant()
    server = SiteServer(world, acme)
    chats = [{"page": PAGE, **new_chat()} for _ in range(10)]
    await server.many(*chats)
    busy = True

    async def move() -> None:
        while busy:
            fresh = {"page": PAGE, **new_chat()}
            await server.many(fresh)
            await server.many(act(chats.pop(0), "delete-chat"))
            chats.append(fresh)

    moving = asyncio.create_task(move())
    for _ in range(10):
        told = lines(await server.export())
        counts = {kind: sum(line["kind"] == kind for line in told) for kind in ("chat", "comment")}
        assert counts["chat"] == counts["comment"] == told[-1]["chats"] and 10 <= counts["chat"] <= 11
    busy = False
    await moving


SECRETS = ("Xanthippe-Name", "secret-words-first", "secret-words-reply", "secret-words-old", "secret-words-hidden")


async def leave_traces(world: HttpWorld, acme: KitTenant) -> tuple[Any, Any, Any]:
    """A reader's traces everywhere: chats of her own with and without answers, replies, reactions, hidden, removed."""
    her = {"name": SECRETS[0], "avatar": "https://a.test/Xanthippe-Name.png", "role": "moderator", "scope": "admin"}
    she = SiteServer(world, acme, sub="xanthippe-id", **her)
    alone, answered = ({"page": PAGE, **new_chat(f"{SECRETS[1]} {n}")} for n in range(2))
    hidden, dead = ({"page": PAGE, **new_chat(f"{SECRETS[4]} {n}")} for n in range(2))
    theirs = {"page": PAGE, **new_chat("theirs")}
    await she.many(alone, answered, hidden, dead)
    others = SiteServer(world, acme)
    await others.many({"page": PAGE, **reply(answered["broadcastId"], "kept")}, theirs)
    answer = {"page": PAGE, **reply(theirs["broadcastId"], SECRETS[3])}
    gone = {"page": PAGE, **reply(theirs["broadcastId"], SECRETS[2])}
    await she.many(
        answer, gone, act(theirs, "react", comment=theirs["broadcastId"], emoji="👍", on=True),
        act(theirs, "edit", comment=answer["broadcastId"], text=SECRETS[2]),
        act(theirs, "remove-comment", comment=gone["broadcastId"]), act(hidden, "hide-chat"), act(dead, "delete-chat"),
    )  # fmt: skip
    await others.told("PUT", f"/v1/readers/{segment('xanthippe-id')}/ban", json={"reason": "Xanthippe-Name again"})
    return alone, answered, theirs


async def test_an_erased_reader_is_nowhere_any_more(
    world: HttpWorld, postgres_server: PostgresServer, http_servers: tuple[GatewayProcess, str], tmp_path: Path
) -> None:
    acme, globex = await world.tenant(), await world.tenant()
    server = SiteServer(world, acme)
    alone, answered, theirs = await leave_traces(world, acme)
    twin = SiteServer(world, globex, sub="xanthippe-id")
    await twin.many({"page": PAGE, **new_chat("another tenant's")})
    found = await traces(postgres_server, http_servers[1], tmp_path)
    assert set(found) >= {*SECRETS[:3], SECRETS[4], "xanthippe-id"}, "or this test would prove nothing"
    async with await WireClient.open(world.gateway.live_url, acme.token("ann")) as ann:
        view = await ann.join(PAGE)
        assert (await server.told("DELETE", f"/v1/readers/{segment('xanthippe-id')}"))["chats"] == 5
        page = (await world.reader(acme).chats()).json
        await ann.reach(PAGE, page["seq"])
        assert view.chats == {chat["id"]: chat for chat in page["chats"]}, "told live"
        # Whoever joins now is told nothing of her, not by what was kept for such joins either.
        async with await WireClient.open(world.gateway.live_url, acme.token("bob")) as bob:
            await bob.join(PAGE)
            assert "anthippe" not in json.dumps(bob.frames) and "secret" not in json.dumps(bob.frames)
    assert set(view.chats) == {answered["broadcastId"], theirs["broadcastId"]}
    kept = view.chats[answered["broadcastId"]]
    assert kept["by"] == {"id": "", "name": "—"} and [one["text"] for one in kept["comments"]] == ["—", "kept"]
    assert [one["text"] for one in view.chats[theirs["broadcastId"]]["comments"]] == ["theirs"]
    assert "reactions" not in view.chats[theirs["broadcastId"]]["comments"][0]
    assert alone["broadcastId"] not in view.chats

    left = await traces(postgres_server, http_servers[1], tmp_path)
    assert set(left) == {"xanthippe-id"}, "her id alone, in her ban and at the other tenant"
    assert (await server.told("GET", "/v1/bans"))["bans"][0].get("reason") is None
    assert [chat["text"] for chat in await twin.list()] == ["another tenant's"]
    assert (await server.told("DELETE", f"/v1/readers/{segment('xanthippe-id')}")) == {"chats": 0}
    assert acme.name in {tenant for tenant, *_ in await admin_log(postgres_server)}


async def traces(postgres: PostgresServer, redis_url: str, directory: Path) -> dict[str, list[str]]:
    """Secrets that a dump of the database, or Redis with its file, still hold."""
    dump = directory / "dump.sql"
    program = await asyncio.create_subprocess_exec(
        str(postgres_binaries() / "pg_dump"), "--file", str(dump), postgres.database_url("parley_http")
    )
    assert await program.wait() == 0
    places = {"database": dump.read_bytes()}
    with redis.Redis.from_url(redis_url) as client:
        keys: Any = client.keys("*")
        places["redis"] = b"".join(client.dump(key) or b"" for key in keys)
        client.config_set("rdbcompression", "no")
        client.save()
        file = Path(client.config_get("dir")["dir"]) / client.config_get("dbfilename")["dbfilename"]
        places["file"] = file.read_bytes()
        file.unlink()
    found: dict[str, list[str]] = {}
    for secret in (*SECRETS, "xanthippe-id"):
        for place, data in places.items():
            if secret.encode() in data:
                found.setdefault(secret, []).append(place)
    return found


async def admin_log(postgres: PostgresServer) -> list[Any]:
    connection = await asyncpg.connect(postgres.database_url("parley_http"))
    try:
        return list(await connection.fetch("SELECT tenant, action, detail FROM parley.admin_log ORDER BY id"))
    finally:
        await connection.close()


async def test_every_action_is_in_the_administrators_log(world: HttpWorld, postgres_server: PostgresServer) -> None:
    acme = await world.tenant()
    server = SiteServer(world, acme)
    await server.many({"page": PAGE, **new_chat()})
    await server.told("PUT", f"/v1/readers/{segment('u1')}/ban")
    await server.ask("DELETE", f"/v1/readers/{segment('u1')}/ban")
    await server.take(await server.export())
    await server.told("DELETE", f"/v1/readers/{segment('u1')}")
    logged = [action for tenant, action, _ in await admin_log(postgres_server) if tenant == acme.name]
    assert logged == ["operations", "ban", "unban", "export", "import", "erase-reader"]
