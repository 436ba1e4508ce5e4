"""A quiet page sends at once; a busy one collects, never longer than the longest window."""

from hypothesis import given
from hypothesis import strategies as st

from kit.profiles import SHORT
from parley_gateway.core.flush_window import FlushWindow


def test_a_quiet_page_sends_at_once() -> None:
    window = FlushWindow(100)
    for second in range(5):
        window.count(1, float(second))
        assert window.wait(float(second)) <= 0
        window.flushed(float(second))


def test_a_busy_page_waits_and_is_quiet_again_after_a_second() -> None:
    window = FlushWindow(100)
    window.count(100, 0.0)
    window.flushed(0.0)
    assert window.wait(0.0) == 0.1
    assert window.wait(1.0) <= 0


def test_the_busier_the_longer() -> None:
    waits = []
    for changes in (4, 10, 20, 29, 1_000):
        window = FlushWindow(100)
        window.count(changes, 0.0)
        window.flushed(0.0)
        waits.append(round(window.wait(0.0), 6))
    assert waits == [0, 0.024, 0.064, 0.1, 0.1]


@SHORT
@given(st.lists(st.tuples(st.floats(0, 2), st.integers(0, 500)), max_size=30), st.integers(0, 200))
def test_nobody_waits_longer_than_the_longest_window(steps: list[tuple[float, int]], longest: int) -> None:
    window, now = FlushWindow(longest), 0.0
    for wait, changes in steps:
        now += wait
        window.count(changes, now)
        assert window.wait(now) <= longest / 1000 + 1e-9
        window.flushed(now)
