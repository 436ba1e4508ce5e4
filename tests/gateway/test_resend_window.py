"""Which records go on the stream: each once, again when lost, never more than the window."""

import random

from hypothesis import given
from hypothesis import strategies as st

from parley_gateway.core.resend_window import DOUBT_AFTER, WINDOW, ResendWindow


def test_records_go_in_order_and_once() -> None:
    window = ResendWindow()
    assert window.due(1, 5, 2) == [1, 2]
    window.sent(1, "1-0", 0.0)
    assert window.due(1, 5, 2) == [2, 3], "what could not be sent is due again"


def test_not_more_than_the_window_is_on_the_stream_however_much_waits() -> None:
    window = ResendWindow()
    for number in window.due(1, 100_000, 100_000):
        window.sent(number, f"{number}-0", 0.0)
    assert window.due(1, 100_000, 100_000) == []
    assert len(window.doubtful(DOUBT_AFTER)) == WINDOW
    assert window.full(1, 100_000)
    window.confirmed(10)
    assert window.due(11, 100_000, 100) == list(range(WINDOW + 1, WINDOW + 11))


def test_what_is_still_on_the_stream_is_not_sent_again_and_what_is_not_is() -> None:
    window = ResendWindow()
    window.sent(1, "1-0", 0.0)
    window.sent(2, "2-0", 0.0)
    assert window.doubtful(DOUBT_AFTER - 0.1) == {}
    assert window.doubtful(DOUBT_AFTER) == {1: "1-0", 2: "2-0"}
    window.found(1, DOUBT_AFTER)
    window.lost(2)
    assert window.doubtful(DOUBT_AFTER + 1) == {}
    assert window.due(1, 2, 10) == [2]
    assert window.doubtful(2 * DOUBT_AFTER) == {1: "1-0"}


@given(st.integers(1, 60), st.integers(0, 2**32))
def test_whatever_the_stream_loses_everything_is_confirmed_in_the_end(last: int, seed: int) -> None:
    rng = random.Random(seed)
    window, now, confirmed = ResendWindow(), 0.0, 0
    stream: dict[str, int] = {}
    ledger: set[int] = set()
    for entry in range(10_000):
        if confirmed == last:
            break
        now += 1.0
        for number in window.due(confirmed + 1, last, rng.randint(1, 9)):
            assert number not in stream.values(), "twice on the stream, though not lost"
            stream[f"{entry}-{number}"] = number
            window.sent(number, f"{entry}-{number}", now)
        if rng.random() < 0.3:
            stream.clear()
        for number, place in window.doubtful(now).items():
            if place in stream:
                window.found(number, now)
            else:
                window.lost(number)
        for place in rng.sample(sorted(stream), rng.randint(0, len(stream))):
            ledger.add(stream.pop(place))
        while confirmed + 1 in ledger:
            confirmed += 1
        window.confirmed(confirmed)
    assert confirmed == last
