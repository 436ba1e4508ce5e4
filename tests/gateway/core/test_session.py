"""What a client may send, and what it hears when it sends something else (WIRE rules 10, 11, 12)."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kit.operations import PAGE, claims, uuid
from kit.profiles import SHORT
from parley import limits
from parley.client_frames import Do
from parley.errors import BadInput, CloseCode, NotAllowed, NotThere, Refusal
from parley_gateway.core.session import (
    TYPING_BURST,
    AnswerPing,
    ClosePage,
    Ignore,
    Login,
    OpenPage,
    Perform,
    Refuse,
    RenewToken,
    Session,
    ShowTyping,
)

HELLO = b'{"t":"hello","v":1,"token":"x","client":"00000000-0000-4000-8000-00000000000A"}'


def frame(**members: object) -> bytes:
    return json.dumps(members).encode()


def open_session(role: str = "commenter", **more: Any) -> Session:
    session = Session(0.0)
    assert isinstance(session.receive_text(HELLO, 0.0), Login)
    session.logged_in(claims("ann", role, **more))
    return session


def test_hello_comes_first_and_its_client_is_lower_case() -> None:
    assert Session(0.0).receive_text(HELLO, 0.0) == Login("x", uuid(10))


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"nonsense",
        b"[]",
        b'{"t":"ping"}',
        b'{"t":"hello"}',
        b'{"t":"hello","v":2,"client":"00000000-0000-4000-8000-00000000000a"}',
        b'{"t":"hello","v":1,"client":"me"}',
        b'{"t":"hello","v":1,"client":7}',
        b'{"t":"hello","v":"1","client":"00000000-0000-4000-8000-00000000000a"}',
        b'{"t":"join","page":"p"}',
    ],
)
def test_rule_11_a_first_frame_that_is_no_valid_hello_closes_with_4400(data: bytes) -> None:
    answer = Session(0.0).receive_text(data, 0.0)
    assert isinstance(answer, Refuse) and answer.close == CloseCode.MALFORMED


def test_rule_11_binary_closes_with_4400() -> None:
    answer = open_session().receive_binary()
    assert isinstance(answer, Refuse) and answer.close == CloseCode.MALFORMED


def test_no_hello_in_time_closes_with_4408() -> None:
    answer = Session(0.0).hello_timeout()
    assert isinstance(answer, Refuse) and answer.close == CloseCode.HELLO_TIMEOUT


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "bad-frame"),
        (b"{", "bad-frame"),
        (b"[1]", "bad-frame"),
        (b"7", "bad-frame"),
        (b"\xff\xfe", "bad-frame"),
        (b'{"t":"ping","x":"\xff"}', "bad-frame"),
        (b'{"t":"join","page":"\\ud800"}', "bad-frame"),
        (b'{"t":"ping","x":"\\ud800"}', "bad-frame"),
        (b'{"t":"ping","x":' + b"[" * 17 + b"]" * 17 + b"}", "bad-frame"),
        (b'{"t":"ping","x":' + b"[" * 30_000 + b"]" * 30_000 + b"}", "bad-frame"),
        (b'{"t":"ping","x":1e999,"y":[' + b"[]," * 20 + b"[]]}", "bad-frame"),
        (b'{"t":"fly"}', "unknown-op"),
        (b'{"t":7}', "bad-field"),
        (b'{"t":null}', "bad-field"),
        (b"{}", "bad-field"),
        (b'{"t":"join"}', "bad-field"),
        (b'{"t":"join","page":7}', "bad-field"),
        (b'{"t":"join","page":""}', "bad-field"),
        (b'{"t":"join","page":"a\\u0000b"}', "bad-field"),
        (b'{"t":"join","page":"' + b"x" * 513 + b'"}', "bad-field"),
        (b'{"t":"join","page":"p","since":7}', "bad-field"),
        (b'{"t":"join","page":"p","since":{"epoch":"e","seq":"1"}}', "bad-field"),
        (b'{"t":"typing","page":"p","chat":"no uuid"}', "bad-field"),
        (b'{"t":"do","page":"p"}', "bad-field"),
        (b'{"t":"renew"}', "bad-field"),
        (HELLO, "bad-frame"),
    ],
)
def test_rule_11_bad_input_is_answered_and_the_connection_kept(data: bytes, code: str) -> None:
    session = open_session()
    answer = session.receive_text(data, 0.0)
    assert isinstance(answer, Refuse)
    assert (answer.refusal.code, answer.close) == (code, None)
    assert session.receive_text(b'{"t":"ping"}', 0.0) == AnswerPing()


def test_an_error_names_the_operation_and_page_it_is_about() -> None:
    answer = open_session().receive_text(frame(t="do", page=PAGE, broadcastId=uuid(1), op=7), 0.0)
    assert isinstance(answer, Refuse) and (answer.broadcast_id, answer.page) == (uuid(1), PAGE)


def test_rule_11_a_flood_of_bad_frames_closes_with_4429() -> None:
    session = open_session()
    answers = [session.receive_text(b"{", 0.0) for _ in range(limits.BAD_FRAMES.default + 1)]
    assert [answer.close for answer in answers if isinstance(answer, Refuse)][:-1] == [None] * limits.BAD_FRAMES.default
    assert isinstance(answers[-1], Refuse) and answers[-1].close == CloseCode.OVER_LIMIT


def test_bad_frames_are_forgiven_with_time() -> None:
    session = open_session()
    for second in range(100):
        answer = session.receive_text(b"{", float(second))
        assert isinstance(answer, Refuse) and answer.close is None


@pytest.mark.parametrize(("refusal", "closes"), [(BadInput("unknown-op"), True), (NotThere("unknown-chat"), False)])
def test_rule_11_a_flood_of_bad_operations_counts_too(refusal: Refusal, closes: bool) -> None:
    session = open_session()
    answers = [session.refused(refusal, uuid(1), PAGE, 0.0) for _ in range(limits.BAD_FRAMES.default + 1)]
    last = answers[-1]
    assert isinstance(last, Refuse) and (last.close is not None) == closes


def test_a_flood_of_frames_closes_with_4429() -> None:
    session = open_session()
    answers = [session.receive_text(b'{"t":"ping"}', 0.0) for _ in range(2 * limits.FRAMES_PER_CONNECTION.default + 1)]
    last = answers[-1]
    assert isinstance(last, Refuse) and last.close == CloseCode.OVER_LIMIT


def test_too_many_operations_wait_and_the_connection_is_kept() -> None:
    session = open_session()
    do = frame(t="do", page=PAGE, broadcastId=uuid(1), op="resolve", chat=uuid(2))
    answers = [session.receive_text(do, 0.0) for _ in range(4 * limits.OPERATIONS_PER_CONNECTION.default + 1)]
    assert all(isinstance(answer, Perform) for answer in answers[:-1])
    last = answers[-1]
    assert isinstance(last, Refuse) and last.close is None
    assert last.refusal.code == "over-limit" and last.refusal.retry_in_ms == 50
    assert isinstance(session.receive_text(do, 0.05), Perform)


def test_frames_become_what_is_to_be_done() -> None:
    session = open_session()
    assert session.receive_text(frame(t="join", page=PAGE, more=1), 0.0) == OpenPage(PAGE, None)
    assert session.pages == {PAGE}
    assert session.receive_text(frame(t="typing", page=PAGE, chat=uuid(1)), 0.0) == ShowTyping(PAGE, uuid(1))
    assert session.receive_text(frame(t="renew", token="y"), 0.0) == RenewToken("y")
    assert session.receive_text(frame(t="leave", page=PAGE), 0.0) == ClosePage(PAGE)
    assert session.pages == set()


@pytest.mark.parametrize(
    ("role", "pages", "members", "code"),
    [
        ("commenter", ("https://other.test/*",), {"t": "join", "page": PAGE}, "forbidden"),
        ("commenter", ("https://other.test/*",), {"t": "typing", "page": PAGE, "chat": uuid(1)}, "forbidden"),
        ("reader", ("*",), {"t": "typing", "page": PAGE, "chat": uuid(1)}, "forbidden"),
    ],
)
def test_rule_10_forbidden_keeps_the_connection(
    role: str, pages: tuple[str, ...], members: dict[str, object], code: str
) -> None:
    answer = open_session(role, pages=pages).receive_text(frame(**members), 0.0)
    assert isinstance(answer, Refuse) and (answer.refusal.code, answer.close) == (code, None)


def test_a_reader_may_join() -> None:
    assert open_session("reader").receive_text(frame(t="join", page=PAGE), 0.0) == OpenPage(PAGE, None)


def test_one_page_too_many_is_over_limit() -> None:
    session = open_session()
    for number in range(limits.PAGES_PER_CONNECTION.default):
        assert isinstance(session.receive_text(frame(t="join", page=f"p{number}"), 0.0), OpenPage)
    answer = session.receive_text(frame(t="join", page="more"), 0.0)
    assert isinstance(answer, Refuse) and (answer.refusal.code, answer.close) == ("over-limit", None)
    assert isinstance(session.receive_text(frame(t="join", page="p1"), 0.0), OpenPage)


@pytest.mark.parametrize("other", [claims("bob"), claims("ann", tenant="globex")])
def test_rule_12_another_reader_or_tenant_is_a_mismatch(other: object) -> None:
    session = open_session()
    before = session.claims
    with pytest.raises(NotAllowed) as refused:
        session.renewed(other)  # type: ignore[arg-type]
    assert refused.value.code == "renew-mismatch" and session.claims is before


def test_rule_12_pages_no_longer_covered_are_left() -> None:
    session = open_session()
    for page in ("a/1", "b/1"):
        session.receive_text(frame(t="join", page=page), 0.0)
    assert session.renewed(claims("ann", "reader", pages=("b/*",))) == ["a/1"]
    assert session.pages == {"b/1"}
    answer = session.receive_text(frame(t="typing", page="b/1", chat=uuid(1)), 0.0)
    assert isinstance(answer, Refuse) and answer.refusal.code == "forbidden"


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
)
names = st.sampled_from(["t", "v", "token", "client", "page", "since", "broadcastId", "op", "chat", "text", "anchor"])
kinds = st.sampled_from(["hello", "join", "leave", "do", "typing", "renew", "ping", PAGE, uuid(1)])
almost = st.dictionaries(names, json_values | kinds, max_size=6).map(lambda value: json.dumps(value).encode())


@SHORT
@given(st.lists(st.binary(max_size=60) | almost, max_size=8), st.booleans())
def test_no_bytes_raise(frames: list[bytes], greeted: bool) -> None:
    session = open_session() if greeted else Session(0.0)
    for data in frames:
        action = session.receive_text(data, 0.0)
        if isinstance(action, Perform):
            assert isinstance(action.do, Do)
        if isinstance(action, Login):
            session.logged_in(claims())


def test_typing_faster_than_anybody_reads_is_dropped_without_a_word() -> None:
    session = open_session()
    typing = frame(t="typing", page=PAGE, chat=uuid(1))
    said = [session.receive_text(typing, 0.0) for _ in range(TYPING_BURST + 5)]
    assert said == [ShowTyping(PAGE, uuid(1))] * TYPING_BURST + [Ignore()] * 5
    assert session.receive_text(typing, 1.0) == ShowTyping(PAGE, uuid(1)), "a second later it is heard again"
