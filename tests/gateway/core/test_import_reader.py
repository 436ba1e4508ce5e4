"""Imports: whatever the bytes are, in whatever pieces they come, each line is taken or refused, in linear time."""

import json
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kit.operations import uuid
from parley.errors import BadInput, Refusal
from parley_gateway.core.import_reader import LONGEST_HEAD, ImportReader, annotation_reader, jsonl_reader
from parley_gateway.core.operation import Operation
from parley_gateway.core.page_state import Accepted
from parley_gateway.core.portable import BanLine
from parley_gateway.core.rows import LoadedTenant, PageRow
from parley_gateway.core.site_state import SiteState

ANNOTATION = {
    "id": f"urn:uuid:{uuid(1)}",
    "created": "2024-02-03T04:05:06Z",
    "creator": {"id": "urn:parley:reader:ann", "name": "Ann"},
    "motivation": "commenting",
    "body": {"type": "TextualBody", "value": "a \\ \"text\" ]}"},
    "target": {"source": "https://acme.test/", "selector": [{"type": "TextQuoteSelector", "exact": "words"}]},
    "parley:anchor": None, "parley:state": "open", "parley:hidden": False, "parley:edited": False,
    "parley:reactions": {"👍": ["bo"]},
}  # fmt: skip

BY = {"id": "ann", "name": "Ann"}
ANCHOR = {"quote": {"exact": "words", "prefix": "", "suffix": ""}, "position": {"start": 0, "end": 5}}
CHAT = {"kind": "chat", "page": "p", "id": uuid(1), "state": "open", "anchor": ANCHOR, "by": BY, "at": 1}

anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(st.sampled_from(["id", "name", "value", "type", "source", "selector", "exact"]), inner)
    ),
    max_leaves=4,
)


def comment(number: int) -> dict[str, Any]:
    return {"kind": "comment", "chat": uuid(1), "id": uuid(number), "by": BY, "at": 1, "text": "hm"}


def read(reader: ImportReader, data: bytes, piece: int = 65_536) -> list[Operation | BanLine | Refusal]:
    """What comes out of the data in pieces of this size."""
    found: list[Operation | BanLine | Refusal] = []
    for start in range(0, len(data), piece):
        found += reader.feed(data[start : start + piece])
    return found + list(reader.close())


def jsonl(*said: dict[str, Any]) -> bytes:
    return b"\n".join(json.dumps(line).encode() for line in said)


def listed(*items: Any) -> bytes:
    return json.dumps({"type": "AnnotationPage", "items": items}).encode()


@given(st.sampled_from(sorted(ANNOTATION)), anything)
def test_no_annotation_breaks_an_import(name: str, value: Any) -> None:
    other = {**ANNOTATION, "id": f"urn:uuid:{uuid(2)}"}
    found = read(annotation_reader("acme"), listed({**ANNOTATION, name: value}, other))
    assert [type(one) for one in found] in ([Operation, Operation], [BadInput, Operation])
    assert isinstance(found[-1], Operation) and found[-1].id == uuid(2)


@pytest.mark.parametrize("piece", [1, 7, 65_536])
def test_pieces_make_no_difference(piece: int) -> None:
    other = {**ANNOTATION, "id": f"urn:uuid:{uuid(2)}"}
    pages = listed(ANNOTATION, {}, other)
    whole = list(map(repr, read(annotation_reader("acme"), pages)))
    assert len(whole) == 3
    assert list(map(repr, read(annotation_reader("acme"), pages, piece))) == whole
    lines = jsonl(CHAT, comment(1), {}, comment(2)) + b"\n\n"
    (refused, taken) = read(jsonl_reader("acme"), lines, piece)
    assert isinstance(refused, BadInput) and isinstance(taken, Operation) and taken.imported is not None
    assert [one.id for one in taken.imported.comments] == [uuid(1), uuid(2)]


def test_a_comment_that_comes_twice_is_refused_and_the_others_are_taken() -> None:
    refused, taken = read(jsonl_reader("acme"), jsonl(CHAT, comment(1), comment(2), comment(2), comment(3)))
    assert isinstance(refused, BadInput) and isinstance(taken, Operation) and taken.imported is not None
    assert [one.id for one in taken.imported.comments] == [uuid(1), uuid(2), uuid(3)]


def test_two_versions_of_a_chat_are_never_mixed() -> None:
    """Here it has 150 comments; a file has 250, which come in two pieces, of which the first is left out."""
    here, file = (read(jsonl_reader("acme"), jsonl(CHAT, *map(comment, range(1, most)))) for most in (151, 251))
    state = SiteState(LoadedTenant("acme", [PageRow("p", 0, 0)], [], [], [], [], []))
    outcomes = [state.apply(one, 1) for one in [*here, *file, *here] if isinstance(one, Operation)]
    assert [one.code if isinstance(one, Refusal) else one.repeat for one in outcomes] == [
        False, "id-reused", "id-reused", True,
    ]  # fmt: skip
    again = SiteState(LoadedTenant("acme", [PageRow("p", 0, 0)], [], [], [], [], []))
    assert all(isinstance(again.apply(one, 1), Accepted) for one in file if isinstance(one, Operation))


@pytest.mark.parametrize("start", [b'{"kind":"', b'{"items":[{"x":"'])
def test_a_long_line_in_tiny_pieces_costs_as_much_as_its_bytes(start: bytes) -> None:
    reader = jsonl_reader("acme") if b"kind" in start else annotation_reader("acme")
    list(reader.feed(start + b"x" * 3_000_000))
    began = time.perf_counter()
    for _ in range(20_000):
        list(reader.feed(b"x"))
    assert time.perf_counter() - began < 2.0, "each byte copied the line, which takes over 4 s"


def test_what_stands_around_the_annotations_is_bounded() -> None:
    with pytest.raises(BadInput, match="items"):
        read(annotation_reader("acme"), b'{"label":"' + b"x" * LONGEST_HEAD)
    after = listed(ANNOTATION)[:-1] + b" " * 5_000_000 + b"}"
    assert len(read(annotation_reader("acme"), after)) == 1
