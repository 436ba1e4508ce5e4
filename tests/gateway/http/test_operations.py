"""Changes over HTTP: every op, its refusals, and that bad input is never the gateway's fault."""

import asyncio
import gzip
import json
import uuid
from typing import Any

import pytest

from kit.http_world import HttpWorld, anchor, new_chat, reply

pytestmark = pytest.mark.servers


def identity() -> str:
    return str(uuid.uuid4())


async def test_every_op_does_what_it_says(world: HttpWorld) -> None:
    acme = await world.tenant()
    ann, moderator = world.reader(acme), world.reader(acme, "mod", role="moderator")
    chat = new_chat("first")
    assert await ann.done(chat) == {
        "t": "ack",
        "broadcastId": chat["broadcastId"],
        "page": "https://acme.test/post/7",
        "seq": 1,
    }
    first = {"chat": chat["broadcastId"]}
    answer = reply(chat["broadcastId"], "second")
    second = {**first, "comment": answer["broadcastId"]}
    steps: list[tuple[Any, dict[str, Any]]] = [
        (ann, answer),
        (ann, {"op": "edit", **second, "text": "second, better"}),
        (ann, {"op": "react", **second, "emoji": "👍", "on": True}),
        (ann, {"op": "resolve", **first}),
        (ann, {"op": "reopen", **first}),
        (ann, {"op": "relink", **first, "anchor": anchor("elsewhere")}),
    ]
    for number, (who, operation) in enumerate(steps, start=2):
        assert (await who.done({"broadcastId": identity(), **operation}))["seq"] == number
    page = (await ann.chats()).json
    (shown,) = page["chats"]
    assert (page["t"], page["kind"], page["seq"]) == ("page", "snapshot", 7)
    assert (shown["state"], shown["anchor"]["quote"]["exact"]) == ("open", "elsewhere")
    assert [comment["text"] for comment in shown["comments"]] == ["first", "second, better"]
    assert shown["comments"][1]["edited"] and shown["comments"][1]["reactions"] == {"👍": ["ann"]}

    await moderator.done({"broadcastId": identity(), "op": "remove-comment", **second})
    (shown,) = (await ann.chats()).json["chats"]
    assert [comment["text"] for comment in shown["comments"]] == ["first"]
    await moderator.done({"broadcastId": identity(), "op": "delete-chat", **first})
    assert (await ann.chats()).json["chats"] == []


async def test_the_same_operation_again_is_answered_alike_and_not_done_again(world: HttpWorld) -> None:
    ann = world.reader(await world.tenant())
    chat = new_chat()
    acks = [await ann.done(chat) for _ in range(3)]
    assert acks[0] == acks[1] == acks[2]
    assert len((await ann.chats()).json["chats"]) == 1
    other = await ann.do({**chat, "text": "something else"})
    assert (other.status, other.json["code"]) == (409, "id-reused")


async def test_t_and_page_may_be_left_out_or_said(world: HttpWorld) -> None:
    ann = world.reader(await world.tenant())
    await ann.done({**new_chat(), "t": "do", "page": "https://acme.test/post/7"})
    for wrong in ({"page": "https://acme.test/other"}, {"page": 7}, {"t": "join"}, {"t": None}, {"t": ["do"]}):
        answer = await ann.do(new_chat(**wrong))
        assert (answer.status, answer.json["code"]) == (400, "bad-field"), wrong
    assert len((await ann.chats()).json["chats"]) == 1


def chat_with(text: str) -> bytes:
    """A new chat whose `text` is this JSON, verbatim."""
    return json.dumps({**new_chat(), "text": 0}).replace('"text": 0', f'"text": {text}').encode()


def chat_with_hint(hint: str) -> bytes:
    return json.dumps(new_chat()).replace('"quote"', f'"hint": {hint}, "quote"').encode()


BAD: list[tuple[str, bytes, int, str]] = [
    ("nothing", b"", 400, "bad-frame"),
    ("no JSON", b"{", 400, "bad-frame"),
    ("no object", b"[1]", 400, "bad-frame"),
    ("no UTF-8", b'{"op":"\xff"}', 400, "bad-frame"),
    ("no UTF-8 in a member nobody knows", b'{"op":"resolve","zzz":"\xff"}', 400, "bad-frame"),
    ("a lone surrogate", chat_with(r'"\ud800"'), 400, "bad-frame"),
    ("NUL in a text", chat_with(r'"a\u0000b"'), 400, "bad-field"),
    ("NUL in a hint", chat_with_hint(r'{"a":["\u0000"]}'), 400, "bad-field"),
    ("an empty text", chat_with('""'), 400, "bad-field"),
    ("a text that is a number", chat_with("1"), 400, "bad-field"),
    ("a text that is nothing", chat_with("null"), 400, "bad-field"),
    ("a text over its limit", chat_with('"' + "a" * 16_385 + '"'), 413, "too-big"),
    ("a body over its limit", chat_with('"' + "a" * 70_000 + '"'), 413, "too-big"),
    ("1 MB of text", chat_with('"' + "a" * 1_000_000 + '"'), 413, "too-big"),
    ("deep nesting", b'{"zzz":' + b"[" * 10_000 + b"]" * 10_000 + b"}", 400, "bad-frame"),
    ("nesting one too deep", chat_with_hint("[" * 20 + "]" * 20), 400, "bad-frame"),
    ("a hint over its limit", chat_with_hint('"' + "a" * 1_100 + '"'), 400, "bad-field"),
    ("a number out of range", chat_with_hint("1e999"), 400, "bad-frame"),
    ("an unknown op", b'{"broadcastId":"%b","op":"explode"}' % identity().encode(), 400, "unknown-op"),
    ("no op", b'{"broadcastId":"%b"}' % identity().encode(), 400, "bad-field"),
    ("no broadcastId", b'{"op":"resolve","chat":"x"}', 400, "bad-field"),
    ("an id that is none", b'{"op":"resolve","broadcastId":"1","chat":"x"}', 400, "bad-field"),
    (
        "a chat that does not exist",
        b'{"op":"resolve","broadcastId":"%b","chat":"%b"}' % (identity().encode(), identity().encode()),
        404,
        "unknown-chat",
    ),
]


async def test_bad_input_gets_a_clear_error_and_changes_nothing(world: HttpWorld) -> None:
    acme = await world.tenant()
    for number, (name, data, status, code) in enumerate(BAD):
        answer = await world.reader(acme, f"reader-{number}").do(data)
        assert answer.status == status, (name, answer)
        assert answer.headers["Content-Type"] == "application/problem+json", name
        problem = answer.json
        assert (problem["code"], problem["status"]) == (code, status), (name, problem)
        assert problem["message"] and problem["help"], name
    assert (await world.reader(acme).chats()).json["seq"] == 0


async def test_a_body_of_exactly_the_limit_is_taken(world: HttpWorld) -> None:
    ann = world.reader(await world.tenant())
    data = json.dumps(new_chat()).encode()
    assert (await ann.do(data.ljust(65_536))).status == 200
    assert (await ann.do(json.dumps(new_chat()).encode().ljust(65_537))).status == 413


async def test_a_compressed_body_is_understood(world: HttpWorld) -> None:
    ann = world.reader(await world.tenant())
    packed = gzip.compress(json.dumps(new_chat()).encode())
    headers = {"Content-Encoding": "gzip"}
    assert (await ann.ask("POST", "/operations", data=packed, headers=headers)).status == 200
    bomb = gzip.compress(b" " * 5_000_000)
    assert (await ann.ask("POST", "/operations", data=bomb, headers=headers)).status == 413
    broken = await ann.ask("POST", "/operations", data=b"not gzip", headers=headers)
    assert (broken.status, broken.json["code"]) == (400, "bad-frame")


async def test_one_reader_who_writes_too_much_is_told_to_wait_and_others_are_not(world: HttpWorld) -> None:
    acme = await world.tenant()
    flood = world.reader(acme, "flood")
    answers = await asyncio.gather(*(flood.do(new_chat()) for _ in range(120)))
    refused = [answer for answer in answers if answer.status != 200]
    assert refused and {answer.json["code"] for answer in refused} == {"over-limit"}
    for answer in refused:
        assert answer.status == 429
        assert int(answer.headers["Retry-After"]) >= 1 and answer.json["retryInMs"] > 0
    assert len(answers) - len(refused) >= 80
    await world.reader(acme, "calm").done(new_chat())
    assert (await flood.chats()).json["seq"] == len(answers) - len(refused) + 1


async def test_a_tenants_state_decides_about_writing_not_reading(world: HttpWorld) -> None:
    acme = await world.tenant()
    ann = world.reader(acme)
    await ann.done(new_chat())
    suspended = acme.change(state="suspended")
    operation = new_chat()
    answer = await ann.do(operation)
    while answer.status == 200:
        answer = await ann.do(operation := new_chat())
    assert (answer.status, answer.json["code"]) == (403, "suspended")
    assert (await ann.chats()).status == 200
    over = suspended.change(state="active", over_quota=True)
    while answer.json["code"] == "suspended":
        answer = await ann.do(operation)
    assert (answer.status, answer.json["code"]) == (429, "over-quota")
    over.change(over_quota=False)
    while answer.status != 200:
        answer = await ann.do(operation)
