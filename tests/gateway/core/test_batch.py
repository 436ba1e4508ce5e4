"""What a batch asks for, in an order that every gateway shares."""

from kit.operations import PAGE, claims, operation, uuid
from kit.page_database import PageDatabase
from parley.errors import Refusal
from parley_gateway.core.batch import wanted

ANN, GLOBEX = claims("ann"), claims("ann", tenant="globex")


def test_tenants_and_pages_come_sorted_by_their_bytes_and_once() -> None:
    pages = ["é", "z", "Z", "z"]
    operations = [operation(n, "new-chat", GLOBEX, page=page) for n, page in enumerate(pages, 1)]
    [first, second] = wanted([*operations, operation(9, "react", ANN, chat=2, comment=3)])
    assert (first["tenant"], second["tenant"]) == ("acme", "globex")
    assert second["pages"] == second["create"] == ["Z", "z", "é"]
    assert first["create"] == [] and first["pages"] == [PAGE]
    assert (first["ids"], first["chats"], first["comments"]) == ([uuid(9)], [uuid(2)], [uuid(3)])
    assert first["reacted"] == [{"comment": uuid(3), "emoji": "👍", "reader": "ann"}]


def test_outcomes_stand_in_the_order_of_the_batch_and_changes_by_page() -> None:
    database = PageDatabase()
    decided = database.commit(
        [
            operation(1, "new-chat", GLOBEX),
            operation(1, "new-chat", ANN),
            operation(2, "reply", ANN, chat=7),
            operation(3, "reply", GLOBEX, chat=1),
        ],
        0,
    )
    assert [isinstance(outcome, Refusal) for outcome in decided.outcomes] == [False, False, True, False]
    assert {key: [one.seq for one in of_page] for key, of_page in decided.changes.items()} == {
        ("globex", PAGE): [1, 2],
        ("acme", PAGE): [1],
    }


def test_a_batch_that_changes_nothing_writes_nothing() -> None:
    assert PageDatabase().commit([operation(2, "reply", ANN, chat=7)], 0).writes == []
