"""A look at a stream tells what was lost, and raises no false alarm."""

import pytest

from kit.servers import MakeValkey
from parley_gateway.core.stream_position import START, Seen, StreamPosition


def info(last: int, added: int, length: int) -> dict[str, object]:
    return {"last-generated-id": f"{last}-0".encode(), "entries-added": added, "length": length}


def started(last: int = 10, added: int = 5) -> StreamPosition:
    position = StreamPosition()
    assert position.look(info(last, added, added), (START, 0)) is Seen.FINE
    return position


def test_it_starts_at_the_end() -> None:
    assert started().cursor == "10-0"
    empty = StreamPosition()
    assert empty.look(None, (START, 0)) is Seen.FINE and empty.cursor == START


@pytest.mark.parametrize(
    ("read", "seen", "then"),
    [
        ([], info(10, 5, 5), Seen.FINE),
        ([], info(12, 7, 7), Seen.FINE),
        ([11, 12], info(12, 7, 2), Seen.FINE),
        ([11, 12], info(12, 7, 0), Seen.FINE),
        ([], info(12, 7, 2), Seen.FINE),
        ([], info(13, 8, 2), Seen.TRIMMED),
        ([11], info(14, 9, 2), Seen.TRIMMED),
        ([], None, Seen.BACKWARDS),
        ([], info(3, 2, 2), Seen.BACKWARDS),
        ([11], info(10, 5, 5), Seen.BACKWARDS),
        ([], info(20, 2, 2), Seen.BACKWARDS),
        # A replica took over without 11 and 12; the next two entries of the new history were read, too.
        ([11, 12, 13, 14], info(14, 7, 7), Seen.BACKWARDS),
    ],
)
def test_what_a_look_says(read: list[int], seen: dict[str, object] | None, then: Seen) -> None:
    position = started()
    for identity in read:
        position.advance(f"{identity}-0")
    assert position.look(seen, position.place) is then
    assert position.look(seen, position.place) is Seen.FINE
    if then is Seen.BACKWARDS:
        assert position.cursor == START


def test_what_is_read_while_the_answer_is_on_its_way_is_no_step_back() -> None:
    position = started()
    asked_at = position.place
    position.advance("11-0")
    assert position.look(info(10, 5, 5), asked_at) is Seen.FINE


@pytest.mark.servers
def test_a_real_stream_that_was_trimmed_past_the_reader_is_noticed(make_valkey: MakeValkey) -> None:
    import redis

    with redis.Redis.from_url(make_valkey().url) as client:
        position = StreamPosition()
        position.look(None, (START, 0))
        for _ in range(3):
            client.xadd("s", {"a": "b"})
        [[_, found]] = client.xread({"s": position.cursor})
        for identity, _ in found:
            position.advance(identity.decode())
        client.xtrim("s", maxlen=0, approximate=False)
        assert position.look(client.xinfo_stream("s"), position.place) is Seen.FINE
        for _ in range(3):
            client.xadd("s", {"a": "b"})
        client.xtrim("s", maxlen=1, approximate=False)
        assert position.look(client.xinfo_stream("s"), position.place) is Seen.TRIMMED
