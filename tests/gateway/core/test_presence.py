"""Readers are counted once over their tabs, and have a grace after leaving (WIRE rule 9)."""

from parley_gateway.core.presence import PRESENCE_INTERVAL, PagePresence

GRACE = 3.0


def test_tabs_of_one_reader_count_once() -> None:
    presence = PagePresence()
    presence.join("ann")
    presence.join("ann")
    presence.join("bob")
    assert presence.here == 2 and presence.added == {"ann", "bob"}


def test_the_last_tab_starts_the_grace() -> None:
    presence = PagePresence()
    presence.join("ann")
    presence.join("ann")
    presence.leave("ann", 0.0, GRACE)
    presence.expire(100.0)
    assert presence.here == 1
    presence.leave("ann", 100.0, GRACE)
    presence.expire(102.9)
    assert presence.here == 1 and set(presence.readers) == {"ann"}
    presence.expire(103.0)
    assert presence.here == 0 and presence.removed == {"ann"} and not presence.added


def test_coming_back_within_the_grace_is_no_change() -> None:
    presence = PagePresence()
    presence.join("ann")
    presence.added.clear()
    presence.leave("ann", 0.0, GRACE)
    presence.join("ann")
    presence.expire(100.0)
    assert presence.here == 1 and not presence.dirty


def test_coming_back_after_it_is_an_addition_and_no_removal() -> None:
    presence = PagePresence()
    presence.join("ann")
    presence.leave("ann", 0.0, GRACE)
    presence.expire(GRACE)
    presence.join("ann")
    assert presence.added == {"ann"} and not presence.removed


def test_leaving_without_having_come_is_nothing() -> None:
    presence = PagePresence()
    presence.leave("ann", 0.0, GRACE)
    assert presence.here == 0 and not presence.dirty


def test_at_most_one_frame_a_second_and_none_without_a_change() -> None:
    presence = PagePresence()
    presence.total = 1
    assert presence.due(0.0)
    presence.mark_told(0.0)
    assert not presence.due(10.0)
    presence.total = 2
    assert not presence.due(PRESENCE_INTERVAL - 0.01) and presence.due(PRESENCE_INTERVAL)


def test_the_count_is_never_less_than_who_is_here() -> None:
    presence = PagePresence()
    presence.join("ann")
    assert presence.best_total == 1
    presence.total = 7
    assert presence.best_total == 7
