"""A channel puts history in order, whatever comes (its random side is in test_change)."""

from parley_gateway.core.bus_entry import Changed
from parley_gateway.core.change import Change
from parley_gateway.core.page_channel import HELD, RECENT, PageChannel, Taken


def entry(after: int, seq: int, epoch: str = "e1", *, told: int | None = None) -> Changed:
    """`told`: only that many changes, the last ones: what the database summed up."""
    first = after + 1 if told is None else seq - told + 1
    changes = [Change(n, str(n), "updated-text-chat", "c", str(n), b"{}") for n in range(first, seq + 1)]
    return Changed("acme", "p", epoch, after, seq, changes)


def channel(seq: int = 0) -> PageChannel:
    made = PageChannel("acme", "p")
    made.start("e1", seq)
    return made


def seqs(changes: list[Change] | None) -> list[int] | None:
    return None if changes is None else [change.seq for change in changes]


def test_what_comes_before_the_start_counts_from_there() -> None:
    made = PageChannel("acme", "p")
    for number in (3, 5, 4):
        assert made.receive(entry(number, number + 1)) is Taken.HELD
    made.start("e1", 4)
    assert (made.received, made.has_hole) == (6, False)
    assert seqs(made.flush()[2]) == [5, 6]


def test_order_doubles_and_holes() -> None:
    made = channel()
    steps = [(1, 2, Taken.HELD), (0, 1, Taken.APPLIED), (0, 2, Taken.KNOWN), (3, 4, Taken.HELD), (1, 4, Taken.APPLIED)]
    for after, seq, taken in steps:
        assert made.receive(entry(after, seq)) is taken
    assert made.flush()[:2] == (0, 4) and not made.has_hole


def test_another_epoch_is_told_and_changes_nothing() -> None:
    made = channel(3)
    assert made.receive(entry(3, 4, "e2")) is Taken.FOREIGN_EPOCH
    assert (made.received, made.has_pending, made.has_hole) == (3, False, False)


def test_what_was_held_of_another_history_is_forgotten() -> None:
    made = channel()
    made.receive(entry(7, 9))
    made.start("e2", 3)
    assert not made.has_hole
    made.receive(entry(7, 8, "e2"))
    made.receive(entry(3, 7, "e2"))
    assert made.received == 8


def test_a_crowd_ahead_of_a_hole_is_bounded_and_the_nearest_is_kept() -> None:
    made = channel()
    for after in range(HELD + 50, 0, -1):
        made.receive(entry(after, after + 1))
    assert len(made._held) == HELD
    made.receive(entry(0, 1))
    assert made.received >= HELD


def test_who_joins_in_the_middle_gets_the_rest_or_has_to_ask() -> None:
    made = channel()
    for after in range(RECENT + 10):
        made.receive(entry(after, after + 1))
    made.flush()
    assert seqs(made.since(made.head)) == []
    assert seqs(made.since(RECENT + 8)) == [RECENT + 9, RECENT + 10]
    assert made.since(9) is None and made.since(made.head + 1) is None
    assert len(made.since(10) or []) == RECENT


def test_nobody_joins_in_the_middle_of_what_was_summed_up() -> None:
    made = channel()
    made.receive(entry(0, 2))
    made.receive(entry(2, 9, told=2))
    made.receive(entry(9, 10))
    made.flush()
    assert made.since(1) is None and made.since(5) is None
    assert seqs(made.since(9)) == [10]
