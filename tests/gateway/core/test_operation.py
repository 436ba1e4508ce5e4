"""What is wrong with an operation before anybody looks at the page (WIRE rules 2, 11)."""

from typing import Any

import msgspec
import pytest

from kit.operations import ANCHOR, PAGE, claims, operation, uuid
from parley.claims import Claims
from parley.client_frames import Do
from parley.errors import Refusal
from parley.objects import Anchor, Author, Comment, Position, Quote
from parley_gateway.core.operation import accept
from parley_gateway.core.wire_objects import REACTION_BYTES, reactions_on_wire

CHAT = uuid(2)


def anchor(**members: Any) -> Anchor:
    return Anchor(
        Quote(**({"exact": "x"} | members.pop("quote", {}))), members.pop("position", Position(0, 1)), **members
    )


@pytest.mark.parametrize(
    ("members", "code"),
    [
        ({"op": "fly"}, "unknown-op"),
        ({"op": "reply", "chat": CHAT}, "bad-field"),
        ({"op": "reply", "text": "x"}, "bad-field"),
        ({"op": "reply", "chat": "none", "text": "x"}, "unknown-chat"),
        ({"op": "edit", "chat": CHAT, "comment": "none", "text": "x"}, "unknown-comment"),
        ({"op": "reply", "chat": CHAT, "text": ""}, "bad-field"),
        ({"op": "reply", "chat": CHAT, "text": " \n\t"}, "bad-field"),
        ({"op": "reply", "chat": CHAT, "text": "a\0b"}, "bad-field"),
        ({"op": "reply", "chat": CHAT, "text": "a\x1bb"}, "bad-field"),
        ({"op": "reply", "chat": CHAT, "text": "я" * 8_193}, "too-big"),
        ({"op": "react", "chat": CHAT, "comment": CHAT, "emoji": " ", "on": True}, "bad-field"),
        ({"op": "react", "chat": CHAT, "comment": CHAT, "emoji": "x" * 33, "on": True}, "bad-field"),
        ({"op": "react", "chat": CHAT, "comment": CHAT, "emoji": "x"}, "bad-field"),
        ({"op": "relink", "chat": CHAT, "anchor": anchor(quote={"exact": ""})}, "bad-field"),
        ({"op": "relink", "chat": CHAT, "anchor": anchor(quote={"exact": "x" * 257, "tail": "x"})}, "bad-field"),
        ({"op": "relink", "chat": CHAT, "anchor": anchor(quote={"prefix": "a\0"})}, "bad-field"),
        ({"op": "relink", "chat": CHAT, "anchor": anchor(quote={"length": 0})}, "bad-field"),
        ({"op": "relink", "chat": CHAT, "anchor": anchor(position=Position(2, 1))}, "bad-field"),
        ({"op": "relink", "chat": CHAT, "anchor": anchor(position=Position(-1, 1))}, "bad-field"),
        ({"op": "relink", "chat": CHAT, "anchor": anchor(hint="x" * 1_024)}, "bad-field"),
        ({"op": "relink", "chat": CHAT, "anchor": anchor(hint={"a": ["\0"]})}, "bad-field"),
        # Postgres writes 1e300 out: 300 digits for five bytes.
        ({"op": "relink", "chat": CHAT, "anchor": anchor(hint=[1e300] * 100)}, "bad-field"),
    ],
)
def test_rule_11_what_is_wrong_with_an_operation(members: dict[str, Any], code: str) -> None:
    with pytest.raises(Refusal) as refused:
        accept(Do(PAGE, uuid(1), **members), claims())
    assert refused.value.code == code


def test_a_whole_long_quote_keeps_its_head_tail_and_length() -> None:
    quote = Quote("h" * 128 + "😀" + "t" * 128, prefix="before")
    kept = accept(Do(PAGE, uuid(1), "relink", chat=CHAT, anchor=Anchor(quote, Position(0, 258))), claims()).anchor
    assert kept is not None
    # The length is in UTF-16 units, as the offsets are: the smiley has two.
    assert kept.quote == Quote("h" * 128, prefix="before", tail="t" * 128, length=258)


def test_a_quote_of_exactly_the_limit_stays_whole() -> None:
    whole = anchor(quote={"exact": "x" * 256})
    assert accept(Do(PAGE, uuid(1), "relink", chat=CHAT, anchor=whole), claims()).anchor == whole


def test_empty_context_is_written_out() -> None:
    written = msgspec.json.decode(msgspec.json.encode(anchor()))
    assert written["quote"] == {"exact": "x", "prefix": "", "suffix": ""}


@pytest.mark.parametrize(
    "identity",
    ["", "1", "00000000000040008000000000000001", uuid(1) + "0", uuid(1) + "\n", CHAT.upper().replace("0", "A")],
)
def test_a_broadcast_id_is_a_uuid_in_lower_case(identity: str) -> None:
    with pytest.raises(Refusal) as refused:
        accept(Do(PAGE, identity, "resolve", chat=CHAT), claims())
    assert refused.value.code == "bad-field"


@pytest.mark.parametrize("by", [claims(pages=("other/*",)), claims(role="reader")])
def test_who_may_not_is_forbidden_once_it_is_known_that_it_was_not_done_before(by: Claims) -> None:
    refused = operation(1, "resolve", by, chat=2)
    assert refused.refusal is not None and refused.refusal.code == "forbidden"
    assert refused.digest == operation(1, "resolve", chat=2).digest
    with pytest.raises(Refusal, match="forbidden"):
        accept(Do(PAGE, uuid(1), "resolve", chat="names nothing"), by)


def test_rule_2_the_digest_is_author_page_op_and_members() -> None:
    base = operation(1, "relink", chat=2)
    same = accept(Do(PAGE, uuid(1), "relink", chat=CHAT.upper(), anchor=ANCHOR, text="not its own"), claims())
    assert same.digest == base.digest
    others = [
        operation(1, "relink", claims("bob"), chat=2),
        operation(1, "relink", chat=2, page="other"),
        operation(1, "relink", chat=3),
        operation(1, "resolve", chat=2),
        operation(1, "relink", chat=2, anchor=anchor()),
    ]
    assert len({one.digest for one in [base, *others]}) == 6


def test_the_largest_comment_fits_into_a_frame() -> None:
    readers = [chr(1) * 190 + f"{n:03}" for n in range(60)]
    reactions = reactions_on_wire({f"{n:02}" + '"' * 30: readers for n in range(50)})
    author = Author("\x01" * 200, '"' * 200, "https://" + '"' * 1_016)
    comment = Comment(uuid(1), author, 2**40, '"' * 16_384, True, reactions)
    assert reactions is not None and len(reactions) == 50
    assert sum(len(msgspec.json.encode(readers)) for readers in reactions.values()) <= REACTION_BYTES + 102
    assert len(msgspec.json.encode(comment)) < 61_000
