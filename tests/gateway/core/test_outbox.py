"""An outbox keeps the newest entries within both of its bounds, and says how many it dropped."""

from hypothesis import given
from hypothesis import strategies as st

from parley_gateway.core.outbox import Outbox

#: A put of so many bytes, or (negative) a taking of so many entries.
STEPS = st.lists(st.integers(-4, 40))


@given(steps=STEPS, most=st.integers(1, 6), most_bytes=st.integers(1, 80))
def test_it_holds_the_newest_within_its_bounds(steps: list[int], most: int, most_bytes: int) -> None:
    outbox = Outbox(most, most_bytes)
    model: list[tuple[int, bytes]] = []
    for number, step in enumerate(steps):
        if step < 0:
            assert outbox.take(-step) == model[:-step]
            del model[:-step]
        else:
            model.append((number, b"x" * step))
            dropped = outbox.put(number, b"x" * step)
            del model[:dropped]
            fits = len(model) <= most and sum(len(body) for _, body in model) <= most_bytes
            assert fits or len(model) == 1
        assert len(outbox) == len(model)
    assert outbox.take(len(steps)) == model


def test_it_drops_no_more_than_it_must() -> None:
    outbox = Outbox(10, 100)
    assert [outbox.put(n, b"x" * 40) for n in range(3)] == [0, 0, 1]
    assert outbox.put(3, b"x" * 100) == 2
    assert outbox.put(4, b"x" * 1_000) == 1 and len(outbox) == 1, "one that is larger than all is kept alone"
    assert outbox.put(5, b"") == 1
