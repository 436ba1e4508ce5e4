"""Rule 11. Bad input gets an error, changes nothing, and keeps the connection; few things end it."""

import json
from typing import Any

import pytest

from kit.wire_client import dumps, new_id
from kit.wire_page import Json
from kit.wire_samples import anchor
from kit.wire_world import Dial, Enter, World

PAGE = "https://acme.test/bad-input"
CHAT = new_id()


def do(op: str = "new-chat", **members: Any) -> Json:
    return {"t": "do", "page": PAGE, "broadcastId": new_id(), "op": op, **members}


def chat(**members: Any) -> Json:
    """A valid `new-chat`, but for these members."""
    return do(**{"anchor": anchor(), "text": "x", **members})


def quote(**members: Any) -> Json:
    return chat(anchor={**anchor(), "quote": {"exact": "x", "prefix": "", "suffix": "", **members}})


def position(**members: Any) -> Json:
    return chat(anchor={**anchor(), "position": {"start": 0, "end": 1, **members}})


def nested(depth: int) -> Any:
    value: Any = 1
    for _ in range(depth):
        value = [value]
    return value


#: name → (payload, code)
TABLE: dict[str, tuple[Json | bytes, str]] = {
    # No JSON object
    "empty": (b"", "bad-frame"),
    "no JSON": (b"hello", "bad-frame"),
    "half an object": (b'{"t":"ping"', "bad-frame"),
    "two objects": (b'{"t":"ping"}{"t":"ping"}', "bad-frame"),
    "an array": (b'[{"t":"ping"}]', "bad-frame"),
    "a number": (b"1", "bad-frame"),
    "null": (b"null", "bad-frame"),
    "a comment": (b'{"t":"ping"/**/}', "bad-frame"),
    "single quotes": (b"{'t':'ping'}", "bad-frame"),
    "NaN": (b'{"t":"ping","x":NaN}', "bad-frame"),
    "bytes that are no UTF-8": (b'{"t":"ping","x":"\xff"}', "bad-frame"),
    "a surrogate as bytes": (b'{"t":"ping","x":"\xed\xa0\x80"}', "bad-frame"),
    "an overlong slash": (b'{"t":"ping","x":"\xc0\xaf"}', "bad-frame"),
    "a lone high surrogate": (b'{"t":"join","page":"\\ud800"}', "bad-frame"),
    "a lone low surrogate": (b'{"t":"join","page":"x\\udc00y"}', "bad-frame"),
    "a lone surrogate in a text": (dumps(chat()).replace(b'"text":"x"', b'"text":"\\ud83d"'), "bad-frame"),
    "a raw control character": (b'{"t":"join","page":"a\nb"}', "bad-frame"),
    "deep nesting": (b'{"t":"ping","x":' + b"[" * 20_000 + b"]" * 20_000 + b"}", "bad-frame"),
    "deep nesting, never closed": (b'{"t":' + b"[" * 60_000, "bad-frame"),
    "deep objects": (b'{"t":"ping","x":' + b'{"a":' * 5_000 + b"1" + b"}" * 5_000 + b"}", "bad-frame"),
    "nesting above the limit": (chat(anchor={**anchor(), "hint": nested(20)}), "bad-frame"),
    # What kind of frame
    "no t": ({"page": PAGE}, "bad-field"),
    "t is null": ({"t": None}, "bad-field"),
    "t is a number": ({"t": 1}, "bad-field"),
    "unknown t": ({"t": "jump"}, "unknown-op"),
    "a gateway's frame": ({"t": "live", "page": PAGE}, "unknown-op"),
    "t in capitals": ({"t": "PING"}, "unknown-op"),
    "a second hello": ({"t": "hello", "v": 1, "token": "x", "client": new_id()}, "bad-frame"),
    # Members
    "join without page": ({"t": "join"}, "bad-field"),
    "page is a number": ({"t": "join", "page": 7}, "bad-field"),
    "page is empty": ({"t": "join", "page": ""}, "bad-field"),
    "page with NUL": ({"t": "join", "page": "a\0b"}, "bad-field"),
    "page of 513 bytes": ({"t": "join", "page": "x" * 513}, "bad-field"),
    "page of 513 bytes in Cyrillic": ({"t": "join", "page": "x" + "Ж" * 256}, "bad-field"),
    "since is a string": ({"t": "join", "page": PAGE, "since": "x"}, "bad-field"),
    "since without epoch": ({"t": "join", "page": PAGE, "since": {"seq": 1}}, "bad-field"),
    "since with a float": ({"t": "join", "page": PAGE, "since": {"epoch": "e", "seq": 1.5}}, "bad-field"),
    "since with a string": ({"t": "join", "page": PAGE, "since": {"epoch": "e", "seq": "1"}}, "bad-field"),
    "leave without page": ({"t": "leave"}, "bad-field"),
    "renew without token": ({"t": "renew"}, "bad-field"),
    "token is a number": ({"t": "renew", "token": 7}, "bad-field"),
    "typing without chat": ({"t": "typing", "page": PAGE}, "bad-field"),
    "do without broadcastId": ({"t": "do", "page": PAGE, "op": "new-chat", "text": "x"}, "bad-field"),
    "broadcastId is no UUID": (chat(broadcastId="1"), "bad-field"),
    "broadcastId with braces": (chat(broadcastId="{" + new_id() + "}"), "bad-field"),
    "broadcastId is a number": (chat(broadcastId=1), "bad-field"),
    "do on an empty page": (chat(page=""), "bad-field"),
    "unknown op": (do("explode"), "unknown-op"),
    "op is empty": (do(""), "unknown-op"),
    "op is a number": (do() | {"op": 1}, "bad-field"),
    # Texts
    "no text": (do(anchor=anchor()), "bad-field"),
    "text is null": (chat(text=None), "bad-field"),
    "text is a number": (chat(text=1), "bad-field"),
    "text is empty": (chat(text=""), "bad-field"),
    "text is blank": (chat(text=" \n\t\u00a0"), "bad-field"),
    "text with NUL": (chat(text="a\0b"), "bad-field"),
    "text with escape": (chat(text="a\x1bb"), "bad-field"),
    "text too long": (chat(text="x" * 16_385), "too-big"),
    "text too long in bytes": (chat(text="Ж" * 8_193), "too-big"),
    # Anchors
    "no anchor": (do(text="x"), "bad-field"),
    "anchor is a string": (chat(anchor="here"), "bad-field"),
    "anchor without quote": (chat(anchor={"position": {"start": 0, "end": 1}}), "bad-field"),
    "anchor without position": (chat(anchor={"quote": {"exact": "x"}}), "bad-field"),
    "quote is empty": (quote(exact=""), "bad-field"),
    "quote is too long beside a tail": (quote(exact="x" * 257, tail="x"), "bad-field"),
    "quote with NUL": (quote(exact="a\0"), "bad-field"),
    "prefix is too long": (quote(prefix="x" * 257), "bad-field"),
    "suffix is a list": (quote(suffix=[]), "bad-field"),
    "position is negative": (position(start=-1), "bad-field"),
    "position ends before it starts": (position(start=5, end=4), "bad-field"),
    "position is a float": (position(start=0.5), "bad-field"),
    "position is huge": (position(end=2**63), "bad-field"),
    "hint is too big": (chat(anchor={**anchor(), "hint": "x" * 1_100}), "bad-field"),
    "hint with NUL": (chat(anchor={**anchor(), "hint": {"a": ["\0"]}}), "bad-field"),
    # Reactions and references
    "emoji is empty": (do("react", chat=CHAT, comment=CHAT, emoji="", on=True), "bad-field"),
    "emoji is a text": (do("react", chat=CHAT, comment=CHAT, emoji="x" * 33, on=True), "bad-field"),
    "on is a number": (do("react", chat=CHAT, comment=CHAT, emoji="👍", on=1), "bad-field"),
    "on is missing": (do("react", chat=CHAT, comment=CHAT, emoji="👍"), "bad-field"),
    "reply without chat": (do("reply", text="x"), "bad-field"),
    "chat is a number": (do("reply", chat=5, text="x"), "bad-field"),
    "chat is no UUID": (do("reply", chat="'; DROP TABLE chats; --", text="x"), "unknown-chat"),
}


@pytest.mark.parametrize("name", TABLE)
async def test_the_table(enter: Enter, name: str) -> None:
    payload, code = TABLE[name]
    ann = await enter("ann")
    refused = await ann.error_after(payload)
    assert refused["code"] == code, refused
    if isinstance(payload, dict) and payload.get("t") == "do" and isinstance(payload.get("broadcastId"), str):
        assert refused["broadcastId"] == payload["broadcastId"], "its sender is told which one"
        assert payload["page"] != PAGE or refused["page"] == PAGE
    # The connection is kept, and works; nothing was changed.
    assert (await ann.join(PAGE)).seq == 0
    assert ann.close_code is None


async def test_errors_never_quote_what_was_sent(enter: Enter) -> None:
    secret = "eyJhbGciOiJIUzI1NiJ9.secret"
    for payload in (
        secret.encode(),
        dumps({"t": secret}),
        dumps(do(secret)),
        dumps({"t": "renew", "token": secret}),
        dumps(chat(text=secret + "\0")),
    ):
        ann = await enter("ann")
        refused = await ann.error_after(payload)
        assert "secret" not in json.dumps(refused)


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("tab\tand\nlines\r\n", id="white space"),
        pytest.param("<script>alert(1)</script> & \"quotes\" \\ / 'x'", id="markup"),
        pytest.param("👩‍👩‍👧‍👦 Ж 漢字 עברית \u202e \u2028\u2029 \ufeff \uffff \U0010ffff", id="all of Unicode"),
        pytest.param("x" * 16_384, id="as long as allowed"),
        pytest.param("\x7f", id="delete"),
    ],
)
async def test_good_text_comes_back_as_it_was(enter: Enter, page: str, text: str) -> None:
    ann, bo = await enter("ann"), await enter("bo", gateway=1, joined=page)
    identity = (await ann.do(page, "new-chat", anchor=anchor(), text=text))["broadcastId"]
    view = await bo.reach(page, 1)
    assert view.chats[identity]["comments"] == [{"text": text}]
    assert (await bo.join(page)).chats[identity]["comments"] == [{"text": text}]


async def test_unknown_members_are_ignored_and_escapes_understood(enter: Enter, page: str) -> None:
    ann = await enter("ann")
    frame = {"t": "join", "page": page, "colour": {"deep": [1, {"x": None}]}, "anchor": 5}
    ann.pages.pop(page, None)
    view = await ann.ask_join(page + "/first")
    await ann.until(lambda: view.answers)
    view = await ann.ask_join(page)
    await ann.until(lambda: view.answers)
    view.asked.append(None)
    await ann.send_text(json.dumps(frame, ensure_ascii=True, indent=1).encode())
    await ann.until(lambda: len(view.answers) == 2)


async def test_a_do_with_a_member_of_another_op_is_fine(enter: Enter, page: str) -> None:
    ann = await enter("ann")
    await ann.do(page, "new-chat", anchor=anchor(), text="x", emoji="👍", on=None, chat=None)


async def test_a_megabyte_of_text_ends_the_connection_and_changes_nothing(enter: Enter, page: str) -> None:
    ann = await enter("ann")
    await ann.submit(page, "new-chat", anchor=anchor(), text="x" * 1_000_000)
    assert await ann.ended() == 4413
    assert ann.close_reason["code"] == "too-big"
    bo = await enter("bo")
    assert (await bo.join(page)).seq == 0


async def test_a_flood_of_bad_frames_ends_with_4429(enter: Enter) -> None:
    ann = await enter("ann")
    most = ann.frames[0]["limits"]["badFrames"]
    for _ in range(most + 5):
        await ann.send_text(b"nonsense")
    assert await ann.ended() == 4429
    assert ann.close_reason["code"] == "over-limit"
    assert len(ann.of("error", code="bad-frame")) >= most, "until then each is answered"


async def test_a_flood_of_unknown_ops_ends_with_4429(enter: Enter, page: str) -> None:
    ann = await enter("ann")
    for _ in range(ann.frames[0]["limits"]["badFrames"] + 5):
        await ann.submit(page, "explode")
    assert await ann.ended() == 4429


@pytest.mark.parametrize("greeted", [True, False])
async def test_a_binary_frame_ends_with_4400(world: World, dial: Dial, greeted: bool) -> None:
    client = await dial()
    if greeted:
        await client.hello(world.acme.token())
    await client.socket.send(b'{"t":"ping"}')
    assert await client.ended() == 4400


@pytest.mark.parametrize(
    "first",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"hello", id="no JSON"),
        pytest.param(b'{"t":"ping"}', id="a ping"),
        pytest.param(dumps({"t": "join", "page": "x"}), id="a join"),
        pytest.param(dumps({"t": "hello", "v": 1}), id="no client"),
        pytest.param(dumps({"t": "hello", "v": 1, "client": "me"}), id="client is no UUID"),
        pytest.param(dumps({"t": "hello", "v": 2, "client": new_id()}), id="another version"),
        pytest.param(dumps({"t": "hello", "v": "1", "client": new_id()}), id="version is a string"),
        pytest.param(dumps({"t": "hello", "client": new_id()}), id="no version"),
        pytest.param(dumps({"t": "hello", "v": 1, "client": new_id(), "token": 5}), id="token is a number"),
        pytest.param(dumps({"t": "explode"}), id="unknown"),
    ],
)
async def test_a_first_frame_that_is_no_valid_hello_ends_with_4400(dial: Dial, first: bytes) -> None:
    client = await dial()
    await client.send_text(first)
    assert await client.ended() == 4400
    assert client.close_reason["code"] in ("bad-frame", "bad-field", "unknown-op")


async def test_everything_after_a_bad_start_is_ignored(world: World, dial: Dial) -> None:
    client = await dial()
    await client.send_text(b"nonsense")
    await client.send({"t": "hello", "v": 1, "client": new_id(), "token": world.acme.token()})
    assert await client.ended() == 4400
    assert not client.of("welcome")


async def test_a_quote_over_256_characters_keeps_head_tail_and_length(enter: Enter, page: str) -> None:
    ann, bo = await enter("ann"), await enter("bo", gateway=1, joined=page)
    text = "".join(chr(ord("a") + number % 26) for number in range(300))
    chat = (await ann.do(page, "new-chat", anchor=anchor(text), text="Long."))["broadcastId"]
    kept = (await bo.reach(page, 1)).chats[chat]["anchor"]
    assert kept["quote"]["length"] == 300
    assert text.startswith(kept["quote"]["exact"]) and text.endswith(kept["quote"]["tail"])
    assert kept["position"] == {"start": 120, "end": 420}
    assert kept == (await ann.join(page)).chats[chat]["anchor"], "the same in an answer as in an event"
