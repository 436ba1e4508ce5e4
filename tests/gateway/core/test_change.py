"""Merging says the same with fewer entries (WIRE rule 8); so does reading back, and so do parts and cuts."""

import copy
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kit.gateway_world import truth_of
from kit.model_client import Json, ModelClient, apply
from kit.operations import OTHER_ANCHOR, PAGE, claims, operation, uuid
from kit.page_database import PageDatabase
from kit.profiles import SHORT
from parley import limits
from parley_gateway.core.bus_entry import Changed
from parley_gateway.core.change import Change, merge
from parley_gateway.core.fill import changes_from
from parley_gateway.core.live_frames import live_frames
from parley_gateway.core.page_answer import parts_of
from parley_gateway.core.page_channel import PageChannel, Taken

OPS = ("new-chat", "reply", "reply", "edit", "remove-comment", "resolve", "reopen", "relink", "react", "delete-chat")
LONG = '"' * limits.TEXT.default
step = st.tuples(st.sampled_from(OPS), st.integers(0, 60), st.sampled_from(("short", "other", LONG)))
scripts = st.lists(step, min_size=1, max_size=30)


def play(script: list[tuple[str, int, str]], database: PageDatabase | None = None) -> list[Change]:
    """The changes of a page, one operation after the other, each on something that exists where possible."""
    database = database or PageDatabase()
    known: list[tuple[int, int]] = []
    changes: list[Change] = []
    for number, (op, pick, text) in enumerate([("new-chat", 0, "short"), *script], start=1):
        members: dict[str, Any] = {}
        chat, comment = known[-1 - pick % min(len(known), 8)] if known else (0, 0)
        if op != "new-chat":
            members["chat"] = chat
        if op in ("edit", "remove-comment", "react"):
            members["comment"] = comment
        if op in ("new-chat", "reply", "edit"):
            members["text"] = text
        if op == "relink":
            members["anchor"] = OTHER_ANCHOR
        if op == "react":
            members |= {"emoji": "👍🎉"[pick % 2], "on": text == "short"}
        if op == "new-chat":
            known.append((number, number))
        elif op == "reply":
            known.append((chat, number))
        decided = database.commit([operation(number, op, claims("ann", "moderator"), **members)], number)
        changes.extend(decided.changes.get(("acme", PAGE), []))
    return changes


def entries(changes: list[Change]) -> list[Json]:
    return [json.loads(change.entry) for change in changes]


def after(changes: list[Change], chats: dict[str, Json] | None = None) -> dict[str, Json]:
    chats = copy.deepcopy(chats or {})
    for event in entries(changes):
        apply(chats, event)
    return chats


def ids(changes: list[Change]) -> list[str]:
    return sorted(one for event in entries(changes) for one in (event["broadcastId"], *event.get("merged", ())))


@SHORT
@given(scripts, st.data())
def test_merged_changes_say_the_same_wherever_the_sequence_is_cut(script: Any, data: st.DataObject) -> None:
    changes = play(script)
    first = data.draw(st.integers(0, len(changes)))
    last = data.draw(st.integers(first, len(changes)))
    before, cut = after(changes[:first]), changes[first:last]
    merged = merge(cut)
    assert after(merged, before) == after(cut, before)
    assert len(merged) <= len(cut)
    assert ids(merged) == ids(cut)
    assert [change.seq for change in merged] == sorted(change.seq for change in merged)


def read_back(database: PageDatabase, asked: int, known: int) -> list[Change]:
    read = changes_from(database.events("acme", PAGE, asked, 500), known)
    assert read is not None, "more than events can tell"
    return read


@SHORT
@given(scripts, st.data())
def test_what_is_read_back_says_the_same(script: Any, data: st.DataObject) -> None:
    database = PageDatabase()
    changes = play(script, database)
    asked = data.draw(st.integers(0, len(changes)))
    known = data.draw(st.integers(asked, len(changes)))
    read = read_back(database, asked, known)
    assert after(read, after(changes[:known])) == after(changes) == truth_of(database)
    assert ids(read) == ids(changes[known:])
    assert all(len(change.entry) <= limits.FRAME.default - 4_000 for change in read)


@SHORT
@given(scripts, st.integers(0, 30))
def test_live_frames_fit_and_each_says_all_of_its_range(script: Any, cut: int) -> None:
    changes = play(script)
    cut = min(cut, len(changes) - 1)
    frames = live_frames(PAGE, "e1", cut, len(changes), changes[cut:])
    chats, seq = after(changes[:cut]), cut
    for frame in frames:
        live = json.loads(frame.payload)
        assert len(frame.payload) <= limits.FRAME.default
        assert (live["after"], live["seq"]) == (seq, frame.seq) and frame.events == len(live["events"])
        for event in live["events"]:
            apply(chats, event)
        seq = frame.seq
        assert chats == after(changes[:seq])
    assert seq == len(changes)


@SHORT
@given(scripts, st.data())
def test_parts_fit_make_up_the_page_and_can_be_cut_anywhere(script: Any, data: st.DataObject) -> None:
    database = PageDatabase(answer=data.draw(st.sampled_from((3, 1_000))))
    changes = play(script, database)
    cursor = data.draw(st.integers(0, len(changes)))
    client = ModelClient(PAGE)
    client.epoch, client.seq, client.chats = "e1", cursor, after(changes[:cursor])
    for _ in range(200):
        client.join()
        found = database.changes("acme", PAGE, "e1", client.seq)
        more = False
        for part in parts_of(found, client.seq):
            chats = [bytes(chat) for chat in part.chats]
            size = sum(len(chat) + 1 for chat in chats) + 39 * len(part.gone)
            assert size + 6 * limits.PAGE_NAME.default + 512 <= limits.FRAME.default
            more = part.more
            frame = {"t": "page", "page": PAGE, "epoch": "e1", "seq": part.seq, "kind": "changes", "gone": part.gone}
            client.take(frame | {"chats": [json.loads(chat) for chat in chats], "more": more})
            if more and data.draw(st.integers(0, 3)) == 0:
                break
        if not more:
            break
    assert client.seq == len(changes)
    assert client.chats == truth_of(database)


@SHORT
@given(scripts, st.data())
def test_a_channel_tells_all_of_it_once_however_it_comes(script: Any, data: st.DataObject) -> None:
    database = PageDatabase()
    changes = play(script, database)
    channel = PageChannel("acme", PAGE)
    channel.start("e1", 0)
    chats: dict[str, Json] = {}
    told: list[str] = []
    seq = 0

    def flush() -> None:
        nonlocal seq
        start, end, pending = channel.flush()
        assert start == seq <= end
        told.extend(ids(pending))
        for event in entries(merge(pending)):
            apply(chats, event)
        seq = end
        assert end < len(changes) or chats == after(changes)

    for _ in range(data.draw(st.integers(0, 40))):
        first = data.draw(st.integers(0, len(changes) - 1))
        last = data.draw(st.integers(first + 1, min(len(changes), first + 5)))
        epoch = data.draw(st.sampled_from(("e1", "e1", "e1", "e0")))
        taken = channel.receive(Changed("acme", PAGE, epoch, first, last, changes[first:last]))
        assert (taken is Taken.FOREIGN_EPOCH) == (epoch == "e0")
        if data.draw(st.booleans()):
            flush()
    asked = channel.received
    read = read_back(database, asked, channel.received)
    channel.receive(Changed("acme", PAGE, "e1", asked, len(changes), read))
    flush()
    assert not channel.has_hole and seq == len(changes)
    assert sorted(told) == ids(changes)


N, R, E, X, U, D = "new-chat", "reply", "edit", "resolve", "reopen", "delete-chat"


@pytest.mark.parametrize(
    ("ops", "entries_left"),
    [
        ([(E, 2), (E, 2)], 1),
        ([(X, 0), (U, 0)], 1),
        ([(R, 0), (X, 0)], 2),
        ([(E, 2), (E, 1)], 2),
        ([(E, 2), (X, 0), (E, 2)], 2),
        ([(E, 2), (X, 0), (D, 0)], 1),
        ([(R, 0), (R, 0)], 2),
    ],
)
def test_rule_8_merging(ops: list[tuple[str, int]], entries_left: int) -> None:
    database = PageDatabase()
    first = [operation(1, N), operation(2, R, chat=1)]
    database.commit(first, 0)
    changes: list[Change] = []
    for number, (op, comment) in enumerate(ops, start=3):
        members: dict[str, Any] = {"chat": 1} | ({"comment": comment} if comment else {})
        decided = database.commit([operation(number, op, **members)], number)
        changes.extend(decided.changes["acme", PAGE])
    assert len(changes) == len(ops) and len(merge(changes)) == entries_left


def test_rule_8_new_and_updated_is_new_with_the_final_content() -> None:
    database = PageDatabase()
    made = [operation(1, N), operation(2, R, chat=1), operation(3, X, chat=1)]
    [entry] = entries(merge(database.commit(made, 0).changes["acme", PAGE]))
    assert entry["event"] == "new-text-chat" and entry["seq"] == 3 == entry["chat"]["seq"]
    assert entry["chat"]["state"] == "resolved" and len(entry["chat"]["comments"]) == 2
    assert (entry["broadcastId"], entry["merged"]) == (uuid(1), [uuid(2), uuid(3)])


def test_rule_8_a_new_chat_that_is_told_whole_again_replaces_the_first() -> None:
    database = PageDatabase()
    changes = play([("reply", 0, "short"), ("reply", 0, "other")], database)
    whole = read_back(database, 0, 0)
    assert after(merge([changes[0], *whole])) == after(changes)


def test_a_comment_keeps_its_place_when_it_is_edited_after_the_next_one() -> None:
    database = PageDatabase()
    changes = play([("reply", 0, "short"), ("reply", 1, "other"), ("edit", 1, "other")], database)
    assert after(merge(changes[1:]), after(changes[:1])) == after(changes) == truth_of(database)
    assert after(read_back(database, 1, 1), after(changes[:1])) == after(changes)
