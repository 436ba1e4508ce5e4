"""What is put on the bus comes off it; nothing else does."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kit.profiles import SHORT
from parley_gateway.core.bus_entry import BusEntry, Changed, Counted, Probe, Typed, decode, encode
from parley_gateway.core.change import Change

CHANGE = Change(3, "i", "new-text-chat", "c", "*", '{"é":1}'.encode())


@pytest.mark.parametrize(
    "entry",
    [
        Changed("acme", "сторінка", "e1", 2, 3, [CHANGE]),
        Counted("acme", "p", 7),
        Typed("acme", "p", "c", "ann", "x"),
        Probe("run", 7),
    ],
)
def test_an_entry_comes_back_as_it_was(entry: BusEntry) -> None:
    assert decode(encode(entry)) == entry


@SHORT
@given(st.binary(max_size=80) | st.binary(max_size=8).map(lambda tail: encode(Counted("a", "p", 1)) + tail))
def test_anything_else_is_a_decode_error(data: bytes) -> None:
    try:
        entry = decode(data)
    except msgspec.DecodeError:
        return
    assert decode(encode(entry)) == entry
