"""A token bucket never gives more than its burst and its rate."""

from hypothesis import given
from hypothesis import strategies as st

from kit.profiles import SHORT
from parley_gateway.core.rate import NEVER, Rate


def test_the_burst_then_the_rate() -> None:
    rate = Rate(10, 3, 0.0)
    assert [rate.take(0.0) for _ in range(4)] == [0, 0, 0, 100]
    assert rate.take(0.1) == 0 and rate.take(0.1) == 100


def test_where_nothing_is_allowed_it_says_so() -> None:
    assert Rate(0, 0, 0.0).take(5.0) == NEVER


@SHORT
@given(st.lists(st.floats(0, 3), max_size=50), st.integers(1, 20), st.integers(1, 20))
def test_never_more_than_burst_and_rate_and_what_it_promises_holds(
    waits: list[float], per_second: int, burst: int
) -> None:
    rate, now = Rate(per_second, burst, 0.0), 0.0
    for given_out, wait in enumerate(waits, start=1):
        now += wait
        told = rate.take(now)
        if told:
            now += told / 1000 + 0.001
            assert rate.take(now) == 0
        assert given_out <= burst + per_second * now + 1e-6
