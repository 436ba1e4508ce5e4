"""Bytes become a frame, or a clear error, and nothing else."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from parley.client_frames import Do, Hello, Join, Leave, Ping, Renew, Since, Typing, addressed, parse, parse_do
from parley.errors import BadInput
from parley.pages import check_page

VALID: dict[str, tuple[str, object]] = {
    "hello": ('{"t":"hello","v":1,"token":"x","client":"c"}', Hello(1, "c", "x")),
    "hello without token": ('{"t":"hello","v":1,"client":"c"}', Hello(1, "c")),
    "join": ('{"t":"join","page":"p"}', Join("p")),
    "join with since": ('{"t":"join","page":"p","since":{"epoch":"7.2","seq":41}}', Join("p", Since("7.2", 41))),
    "leave": ('{"t":"leave","page":"p"}', Leave("p")),
    "do": ('{"t":"do","page":"p","broadcastId":"b","op":"resolve","chat":"c"}', Do("p", "b", "resolve", chat="c")),
    "typing": ('{"t":"typing","page":"p","chat":"c"}', Typing("p", "c")),
    "renew": ('{"t":"renew","token":"x"}', Renew("x")),
    "ping": ('{"t":"ping"}', Ping()),
    "t last": ('{"page":"p","t":"leave"}', Leave("p")),
    "unknown members": ('{"t":"ping","new":{"in":["version",2]}}', Ping()),
    "white space": (' \n{ "t" : "ping" }\t', Ping()),
    "many brackets in a text": (json.dumps({"t": "leave", "page": "[" * 200}), Leave("[" * 200)),
    "NUL in a text": ('{"t":"leave","page":"a\\u0000b"}', Leave("a\0b")),
    "surrogate pair": ('{"t":"leave","page":"\\ud83d\\ude00"}', Leave("😀")),
    "sixteen levels": ('{"t":"ping","x":' + "[" * 15 + "]" * 15 + "}", Ping()),
}

MANY = '"y":"' + "[" * 40 + '"'

INVALID: dict[str, tuple[str | bytes, str]] = {
    "empty": ("", "bad-frame"),
    "no JSON": ("hello", "bad-frame"),
    "cut": ('{"t":"ping"', "bad-frame"),
    "two objects": ('{"t":"ping"}{"t":"ping"}', "bad-frame"),
    "list": ("[]", "bad-frame"),
    "string": ('"ping"', "bad-frame"),
    "null": ("null", "bad-frame"),
    "byte order mark": (b'\xef\xbb\xbf{"t":"ping"}', "bad-frame"),
    "UTF-16": ('{"t":"ping"}'.encode("utf-16"), "bad-frame"),
    "no UTF-8": (b'{"t":"leave","page":"\xff"}', "bad-frame"),
    "no UTF-8 in an ignored member": (b'{"t":"ping","x":"\xff"}', "bad-frame"),
    "overlong UTF-8": (b'{"t":"leave","page":"\xc0\x80"}', "bad-frame"),
    "encoded surrogate": (b'{"t":"leave","page":"\xed\xa0\x80"}', "bad-frame"),
    "lone surrogate": ('{"t":"leave","page":"\\ud800"}', "bad-frame"),
    "lone surrogate in an ignored member": ('{"t":"ping","x":"\\ud800"}', "bad-frame"),
    "raw control character": ('{"t":"leave","page":"\n"}', "bad-frame"),
    "NaN": ('{"t":"ping","x":NaN}', "bad-frame"),
    "nested 17 deep": ('{"t":"ping","x":' + "[" * 17 + "]" * 17 + "}", "bad-frame"),
    "nested 30,000 deep": ('{"t":"ping","x":' + "[" * 30_000 + "]" * 30_000 + "}", "bad-frame"),
    "nested in a hint": (
        '{"t":"do","page":"p","broadcastId":"b","op":"relink","chat":"c","anchor":{"quote":{"exact":"a"},'
        '"position":{"start":0,"end":1},"hint":' + '{"a":' * 17 + "1" + "}" * 17 + "}}",
        "bad-frame",
    ),
    "huge number in an ignored member, many brackets": (f'{{"t":"ping","x":{"9" * 5_000},{MANY}}}', "bad-frame"),
    "endless number in an ignored member, many brackets": (f'{{"t":"ping","x":1e999,{MANY}}}', "bad-frame"),
    "no t": ("{}", "bad-field"),
    "t number": ('{"t":1}', "bad-field"),
    "t null": ('{"t":null}', "bad-field"),
    "t list": ('{"t":["ping"]}', "bad-field"),
    "t unknown": ('{"t":"subscribe"}', "unknown-op"),
    "t in capitals": ('{"t":"PING"}', "unknown-op"),
    "t of the other direction": ('{"t":"live"}', "unknown-op"),
    "page number": ('{"t":"join","page":7}', "bad-field"),
    "page null": ('{"t":"join","page":null}', "bad-field"),
    "page missing": ('{"t":"join"}', "bad-field"),
    "since list": ('{"t":"join","page":"p","since":[1,2]}', "bad-field"),
    "seq string": ('{"t":"join","page":"p","since":{"epoch":"1","seq":"4"}}', "bad-field"),
    "seq fraction": ('{"t":"join","page":"p","since":{"epoch":"1","seq":4.5}}', "bad-field"),
    "seq true": ('{"t":"join","page":"p","since":{"epoch":"1","seq":true}}', "bad-field"),
    "v string": ('{"t":"hello","v":"1","client":"c"}', "bad-field"),
    "text number": ('{"t":"do","page":"p","broadcastId":"b","op":"reply","text":5}', "bad-field"),
    "anchor string": ('{"t":"do","page":"p","broadcastId":"b","op":"relink","anchor":"a"}', "bad-field"),
    "anchor without position": (
        '{"t":"do","page":"p","broadcastId":"b","op":"relink","anchor":{"quote":{"exact":"a"}}}',
        "bad-field",
    ),
}


def _bytes(text: str | bytes) -> bytes:
    return text if isinstance(text, bytes) else text.encode()


@pytest.mark.parametrize("name", VALID)
def test_valid_frame(name: str) -> None:
    text, expected = VALID[name]
    assert parse(text.encode()) == expected


@pytest.mark.parametrize("name", INVALID)
def test_bad_frame_has_a_clear_error(name: str) -> None:
    text, code = INVALID[name]
    with pytest.raises(BadInput) as problem:
        parse(_bytes(text))
    assert problem.value.code == code
    assert problem.value.message.endswith(".") and problem.value.help


def test_the_error_names_the_member_and_never_quotes_its_content() -> None:
    with pytest.raises(BadInput) as problem:
        parse(b'{"t":"join","page":"p","since":{"epoch":"secret-content","seq":"secret-content"}}')
    assert "`since.seq`" in problem.value.message
    assert "secret-content" not in str(problem.value)


def test_nul_passes_as_json_and_is_refused_as_a_page() -> None:
    frame = parse(b'{"t":"join","page":"a\\u0000b"}')
    assert isinstance(frame, Join)
    with pytest.raises(BadInput):
        check_page(frame.page)


class TestBodyOfAnOperation:
    """`parse_do`: over HTTP the address says the page, so `t` and `page` may be left out."""

    def test_short_and_long_form_are_the_same(self) -> None:
        short = parse_do(b'{"broadcastId":"b","op":"resolve","chat":"c"}', "p")
        assert short == parse(b'{"t":"do","page":"p","broadcastId":"b","op":"resolve","chat":"c"}')
        assert short == parse_do(b'{"t":"do","page":"p","broadcastId":"b","op":"resolve","chat":"c"}', "p")

    @pytest.mark.parametrize(
        "body",
        ['{"t":"ping"}', '{"t":null}', '{"page":"other"}', "[]", "", "{}", '{"broadcastId":1}', "[" * 9_000],
    )
    def test_anything_else_is_refused(self, body: str) -> None:
        with pytest.raises(BadInput):
            parse_do(body.encode(), "p")


def test_a_bad_frames_sender_is_found_where_it_can_be() -> None:
    assert addressed(b'{"t":"do","broadcastId":"b","page":"p","op":5}') == ("b", "p")
    assert addressed(b'{"broadcastId":5,"page":["p"]}') == (None, None)
    assert addressed(json.dumps({"broadcastId": "b" * 65, "page": "p" * 513}).encode()) == (None, None)
    assert addressed(b"\xff") == addressed(b"[]") == addressed(b"[" * 50_000) == (None, None)


JSON: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=20,
)
MEMBERS = ("page", "token", "client", "v", "since", "broadcastId", "op", "anchor", "text", "chat", "comment", "on")
FRAMES = st.fixed_dictionaries(
    {"t": st.sampled_from(["hello", "join", "leave", "do", "typing", "renew", "ping"]) | JSON},
    optional={member: JSON for member in MEMBERS},
)


def frame_or_bad_input(work: Callable[[], object]) -> None:
    try:
        work()
    except BadInput as problem:
        assert problem.code in ("bad-frame", "bad-field", "unknown-op")


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=200) | st.text(max_size=200).map(lambda text: text.encode(errors="surrogatepass")))
def test_any_bytes_become_a_frame_or_bad_input(data: bytes) -> None:
    frame_or_bad_input(lambda: parse(data))
    frame_or_bad_input(lambda: parse_do(data, "p"))
    addressed(data)


@settings(max_examples=300, deadline=None)
@given(FRAMES)
def test_any_object_becomes_a_frame_or_bad_input(value: dict[str, Any]) -> None:
    data = json.dumps(value).encode()
    frame_or_bad_input(lambda: parse(data))
    frame_or_bad_input(lambda: parse_do(data, "p"))
    addressed(data)


@settings(max_examples=300, deadline=None)
@given(st.sampled_from([text for text, _ in VALID.values()]), st.data())
def test_any_mutation_of_a_frame_becomes_a_frame_or_bad_input(text: str, data: st.DataObject) -> None:
    whole = bytearray(text.encode())
    for _ in range(data.draw(st.integers(1, 4))):
        whole[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
    frame_or_bad_input(lambda: parse(bytes(whole)))
    addressed(bytes(whole))
