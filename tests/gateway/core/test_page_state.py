"""What each operation makes of a page: who may, idempotency, what nothing changes (WIRE rules 1, 2, 10)."""

from typing import Any

import pytest

from kit.operations import ANCHOR, OTHER_ANCHOR, PAGE, claims, operation, uuid
from kit.page_database import PageDatabase
from parley.claims import Claims
from parley.errors import Refusal
from parley_gateway.core.operation import Operation
from parley_gateway.core.page_state import Accepted

ANN, BOB, MOD = claims("ann"), claims("bob"), claims("mod", "moderator")


def do(database: PageDatabase, *operations: Operation) -> list[Accepted | Refusal]:
    return database.commit(operations, 1_000).outcomes


def code_of(outcome: Accepted | Refusal) -> str:
    if isinstance(outcome, Refusal):
        return outcome.code
    return "repeat" if outcome.repeat else "ok" if outcome.change else "unchanged"


@pytest.fixture
def database() -> PageDatabase:
    """Ann's chat 1; replies 2 by Ann and 3 by Bob."""
    found = PageDatabase()
    do(found, operation(1, "new-chat", ANN), operation(2, "reply", ANN, chat=1), operation(3, "reply", BOB, chat=1))
    return found


@pytest.mark.parametrize(
    ("who", "op", "comment", "code"),
    [
        # A commenter on what is its own (Ann) and on what is not (Bob).
        ("ann", "new-chat", None, "ok"),
        ("ann", "reply", None, "ok"),
        ("ann", "react", 3, "ok"),
        ("ann", "edit", 1, "ok"),
        ("ann", "edit", 2, "ok"),
        ("ann", "edit", 3, "forbidden"),
        ("ann", "remove-comment", 1, "use-delete-chat"),
        ("ann", "remove-comment", 2, "ok"),
        ("ann", "remove-comment", 3, "forbidden"),
        ("ann", "resolve", None, "ok"),
        ("ann", "reopen", None, "unchanged"),
        ("ann", "relink", None, "ok"),
        ("ann", "delete-chat", None, "ok"),
        ("bob", "reply", None, "ok"),
        ("bob", "react", 2, "ok"),
        ("bob", "edit", 1, "forbidden"),
        ("bob", "edit", 2, "forbidden"),
        ("bob", "remove-comment", 1, "use-delete-chat"),
        ("bob", "remove-comment", 2, "forbidden"),
        ("bob", "resolve", None, "ok"),
        ("bob", "relink", None, "forbidden"),
        ("bob", "delete-chat", None, "forbidden"),
        # A moderator takes away, moves and deletes anything, and edits nobody's text.
        ("mod", "new-chat", None, "ok"),
        ("mod", "reply", None, "ok"),
        ("mod", "react", 2, "ok"),
        ("mod", "edit", 1, "forbidden"),
        ("mod", "edit", 2, "forbidden"),
        ("mod", "remove-comment", 1, "use-delete-chat"),
        ("mod", "remove-comment", 2, "ok"),
        ("mod", "resolve", None, "ok"),
        ("mod", "relink", None, "ok"),
        ("mod", "delete-chat", None, "ok"),
    ],
)
def test_rule_10_who_may(database: PageDatabase, who: str, op: str, comment: int | None, code: str) -> None:
    members: dict[str, Any] = {} if op == "new-chat" else {"chat": 1}
    if comment is not None:
        members["comment"] = comment
    if op == "relink":
        members["anchor"] = OTHER_ANCHOR
    by = {"ann": ANN, "bob": BOB, "mod": MOD}[who]
    before = database.changes("acme", PAGE, None, None)
    [outcome] = do(database, operation(10, op, by, **members))
    assert code_of(outcome) == code
    if code not in ("ok", "unchanged"):
        assert database.changes("acme", PAGE, None, None) == before


@pytest.mark.parametrize(
    ("op", "members"),
    [
        ("new-chat", {}),
        ("reply", {"chat": 1}),
        ("edit", {"chat": 1, "comment": 2}),
        ("remove-comment", {"chat": 1, "comment": 2}),
        ("resolve", {"chat": 1}),
        ("reopen", {"chat": 1}),
        ("relink", {"chat": 1}),
        ("react", {"chat": 1, "comment": 2}),
        ("delete-chat", {"chat": 1}),
    ],
)
def test_rule_10_a_reader_writes_nothing(op: str, members: dict[str, Any]) -> None:
    database = PageDatabase()
    begun = [operation(1, "new-chat", ANN), operation(2, "reply", ANN, chat=1)]
    database.commit(begun, 1_000)
    before = database.changes("acme", PAGE, None, None)
    decided = database.commit([operation(10, op, claims("ann", "reader"), **members)], 2_000)
    assert [getattr(outcome, "code", None) for outcome in decided.outcomes] == ["forbidden"]
    assert not decided.changes and database.changes("acme", PAGE, None, None) == before


@pytest.mark.parametrize(
    ("again", "code"),
    [
        (operation(2, "reply", ANN, chat=1), "repeat"),
        (operation(2, "reply", claims("ann", "moderator"), chat=1), "repeat"),
        (operation(2, "reply", BOB, chat=1), "id-reused"),
        (operation(2, "reply", ANN, chat=1, text="other"), "id-reused"),
        (operation(2, "reply", ANN, chat=3), "id-reused"),
        (operation(2, "reply", ANN, page="elsewhere", chat=1), "id-reused"),
        (operation(2, "resolve", ANN, chat=1), "id-reused"),
        (operation(2, "new-chat", ANN), "id-reused"),
    ],
)
@pytest.mark.parametrize("gone", [False, True])
def test_rule_2_the_first_answer_again_or_id_reused(
    database: PageDatabase, again: Operation, code: str, gone: bool
) -> None:
    if gone:
        do(database, operation(5, "delete-chat", ANN, chat=1))
    head = database.head("acme", PAGE)
    [outcome] = do(database, again)
    assert code_of(outcome) == code
    if isinstance(outcome, Accepted):
        assert outcome.seq == 2
    assert database.head("acme", PAGE) == head


def test_rule_2_repeats_within_one_batch(database: PageDatabase) -> None:
    same = operation(9, "resolve", BOB, chat=1)
    assert [code_of(outcome) for outcome in do(database, same, same)] == ["ok", "repeat"]


def test_rule_2_ids_are_one_tenants_own(database: PageDatabase) -> None:
    other = claims("ann", tenant="globex")
    assert [code_of(one) for one in do(database, operation(2, "new-chat", other))] == ["ok"]


def test_rule_2_errors_are_not_remembered(database: PageDatabase) -> None:
    early = operation(9, "reply", ANN, chat=8)
    assert [code_of(one) for one in do(database, early)] == ["unknown-chat"]
    assert [code_of(one) for one in do(database, operation(8, "new-chat", ANN), early)] == ["ok", "ok"]


def test_rule_2_what_changes_nothing_is_acked_with_the_current_seq(database: PageDatabase) -> None:
    same: list[tuple[str, dict[str, Any]]] = [
        ("reopen", {"chat": 1}),
        ("edit", {"chat": 1, "comment": 2, "text": "text 2"}),
        ("relink", {"chat": 1, "anchor": ANCHOR}),
        ("react", {"chat": 1, "comment": 2, "on": False}),
    ]
    for number, (op, members) in enumerate(same, start=20):
        [outcome] = do(database, operation(number, op, ANN, **members))
        assert isinstance(outcome, Accepted) and outcome.change is None and outcome.seq == 3
    events = database.events("acme", PAGE, 0, 500)
    assert events.operations is not None and len(events.operations) == 3


def test_rule_1_what_is_made_has_the_broadcast_id(database: PageDatabase) -> None:
    [chat] = database.changes("acme", PAGE, None, None).chats
    assert chat.id == uuid(1) and [row.id for row in chat.rows or []] == [uuid(1), uuid(2), uuid(3)]


@pytest.mark.parametrize("op", ["reply", "edit", "resolve", "relink", "react", "delete-chat"])
def test_a_chat_of_another_page_is_unknown(database: PageDatabase, op: str) -> None:
    do(database, operation(20, "new-chat", ANN, page="elsewhere"))
    members: dict[str, Any] = {"comment": 2} if op in ("edit", "react") else {}
    [outcome] = do(database, operation(21, op, MOD, page="elsewhere", chat=1, **members))
    assert code_of(outcome) == "unknown-chat"


def test_a_comment_of_another_chat_is_unknown(database: PageDatabase) -> None:
    do(database, operation(20, "new-chat", ANN))
    [outcome] = do(database, operation(21, "edit", ANN, chat=20, comment=2))
    assert code_of(outcome) == "unknown-comment"


def test_rule_3_one_bad_operation_never_fails_another(database: PageDatabase) -> None:
    outcomes = do(
        database,
        operation(10, "reply", ANN, chat=1),
        operation(11, "reply", ANN, chat=99),
        operation(12, "reply", ANN, chat=1),
    )
    assert [code_of(one) for one in outcomes] == ["ok", "unknown-chat", "ok"]
    assert [one.seq for one in outcomes if isinstance(one, Accepted)] == [4, 5]


@pytest.mark.parametrize(("name", "op"), [("chatsPerPage", "new-chat"), ("commentsPerChat", "reply")])
def test_limits_per_tenant(database: PageDatabase, name: str, op: str) -> None:
    members: dict[str, Any] = {"chat": 1} if op == "reply" else {}
    outcomes = database.commit(
        [operation(10, op, ANN, **members), operation(11, op, ANN, **members)],
        1_000,
        {"acme": {name: 2 if op == "new-chat" else 4}},
    ).outcomes
    assert [code_of(one) for one in outcomes] == ["ok", "over-limit"]


def test_what_is_deleted_leaves_no_text_and_no_reactions(database: PageDatabase) -> None:
    do(
        database,
        operation(10, "new-chat", ANN),
        operation(11, "react", ANN, chat=10, comment=10),
        operation(12, "delete-chat", ANN, chat=10),
        operation(13, "react", BOB, chat=1, comment=2),
        operation(14, "delete-chat", ANN, chat=1),
    )
    assert not database._reactions and not database._comments
    assert database.changes("acme", PAGE, database.epoch, 0).gone == [uuid(10), uuid(1)]
    assert database.changes("acme", PAGE, None, None).gone == [], "whoever has nothing need not be told"


def test_a_reaction_given_again_in_one_batch_stands_last(database: PageDatabase) -> None:
    do(database, *(operation(n, "react", by, chat=1, comment=2) for n, by in ((10, ANN), (11, BOB))))
    withdrawn = operation(12, "react", ANN, chat=1, comment=2, on=False)
    outcomes = do(database, withdrawn, operation(13, "react", ANN, chat=1, comment=2))
    assert isinstance(outcomes[1], Accepted) and outcomes[1].change is not None
    comment = outcomes[1].change.read().chat.comment
    assert comment is not None and comment.reactions == {"👍": ["bob", "ann"]}
    assert [row.reader for row in database.changes("acme", PAGE, None, None).reactions] == ["bob", "ann"]


def test_claims_are_all_that_makes_a_moderator() -> None:
    assert operation(1, "resolve", MOD, chat=1).moderator
    assert not operation(1, "resolve", Claims("acme", "moderator", "M", 2**40), chat=1).moderator
