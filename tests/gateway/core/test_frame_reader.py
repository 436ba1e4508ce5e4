"""A client's bytes as RFC 6455 reads them. `websockets` writes the frames, and says what they hold."""

import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st
from websockets.frames import Frame, Opcode

from parley_gateway.core.frame_reader import (
    INVALID_TEXT,
    PROTOCOL_ERROR,
    TOO_BIG,
    FrameProblem,
    FrameReader,
    close_code,
    unmasked,
)
from parley_gateway.core.websocket_frame import BINARY, CLOSE, CONTINUATION, PING, PONG, TEXT

LIMIT = 1_000

payloads = st.binary(max_size=300) | st.sampled_from([b"x" * 125, b"x" * 126, b"x" * LIMIT])
controls = st.tuples(st.sampled_from([PING, PONG, CLOSE]), st.binary(max_size=125))


@st.composite
def conversations(draw: st.DrawFn) -> tuple[list[tuple[int, bytes]], list[Frame]]:
    """(Messages and control frames in order of their ends, the frames that carry them.)"""
    messages, frames = [], []
    for _ in range(draw(st.integers(0, 5))):
        opcode, payload = draw(st.sampled_from([TEXT, BINARY])), draw(payloads)
        cuts = sorted(draw(st.lists(st.integers(0, len(payload)), max_size=3)))
        pieces = [payload[a:b] for a, b in zip([0, *cuts], [*cuts, len(payload)], strict=True)]
        for number, piece in enumerate(pieces):
            last = number == len(pieces) - 1
            frames.append(Frame(Opcode(opcode if number == 0 else CONTINUATION), piece, fin=last))
            if last:
                messages.append((opcode, payload))
            for control in draw(st.lists(controls, max_size=1)):
                frames.append(Frame(Opcode(control[0]), control[1]))
                messages.append(control)
    return messages, frames


@given(conversations(), st.data())
def test_whatever_the_pieces_the_messages_are_those_that_were_sent(
    conversation: tuple[list[tuple[int, bytes]], list[Frame]], data: st.DataObject
) -> None:
    messages, frames = conversation
    sent = b"".join(frame.serialize(mask=True) for frame in frames)
    reader, found, at = FrameReader(LIMIT), [], 0
    while at < len(sent):
        size = data.draw(st.integers(1, len(sent) - at) | st.just(1))
        found += [one for one in reader.feed(sent[at : at + size]) if one[0] != CONTINUATION]
        at += size
    assert found == messages


@given(st.lists(st.binary(max_size=40), max_size=20))
def test_no_bytes_at_all_raise_anything_but_a_frame_problem(pieces: list[bytes]) -> None:
    reader = FrameReader(LIMIT)
    try:
        for piece in pieces:
            for _, payload in reader.feed(piece):
                assert len(payload) <= LIMIT
    except FrameProblem as problem:
        assert problem.code in (PROTOCOL_ERROR, TOO_BIG)


@given(st.binary(max_size=5_000), st.binary(min_size=4, max_size=4))
def test_a_mask_is_taken_off(payload: bytes, mask: bytes) -> None:
    assert unmasked(payload, mask) == bytes(byte ^ mask[place % 4] for place, byte in enumerate(payload))


def frame(opcode: int, payload: bytes = b"", fin: bool = True) -> bytes:
    return Frame(Opcode(opcode), payload, fin=fin).serialize(mask=True)


BROKEN = {
    "not masked": Frame(Opcode.TEXT, b"x").serialize(mask=False),
    "compressed": b"\xc1\x80\0\0\0\0",
    "a reserved bit": b"\x99\x80\0\0\0\0",
    "an unknown opcode": b"\x83\x80\0\0\0\0",
    "an unknown control opcode": b"\x8b\x80\0\0\0\0",
    "a ping in fragments": b"\x09\x80\0\0\0\0",
    "a ping of 126 bytes": b"\x89\xfe\x00\x7e\0\0\0\0",
    "a continuation of nothing": frame(CONTINUATION, b"x"),
    "a message within a message": frame(TEXT, b"x", fin=False) + frame(TEXT, b"x"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_what_breaks_the_protocol_is_refused_behind_what_was_in_order(name: str) -> None:
    reader, found = FrameReader(LIMIT), []
    with pytest.raises(FrameProblem) as broken:
        for one in reader.feed(frame(TEXT, b"before") + BROKEN[name]):
            found.append(one)
    assert broken.value.code == PROTOCOL_ERROR
    assert found[0] == (TEXT, b"before")


def test_a_message_that_is_too_big_is_refused_by_its_header() -> None:
    assert list(FrameReader(LIMIT).feed(frame(TEXT, b"x" * LIMIT))) == [(TEXT, b"x" * LIMIT)]
    with pytest.raises(FrameProblem) as broken:
        list(FrameReader(LIMIT).feed(frame(BINARY, b"x" * (LIMIT + 1))[:10]))
    assert broken.value.code == TOO_BIG
    reader = FrameReader(LIMIT)
    list(reader.feed(frame(TEXT, b"x" * LIMIT, fin=False)))
    assert list(reader.feed(frame(CONTINUATION, b"", fin=False))) == [(CONTINUATION, b"")]
    with pytest.raises(FrameProblem) as broken:
        list(reader.feed(frame(CONTINUATION, b"x")))
    assert broken.value.code == TOO_BIG


def test_a_frame_that_comes_byte_by_byte_is_copied_once() -> None:
    reader, sent = FrameReader(65_536), frame(TEXT, b"x" * 60_000)
    tracemalloc.start()
    try:
        for byte in sent[:-1]:
            assert not list(reader.feed(bytes((byte,))))
        assert tracemalloc.get_traced_memory()[1] < 300_000
    finally:
        tracemalloc.stop()
    assert list(reader.feed(sent[-1:])) == [(TEXT, b"x" * 60_000)]


@pytest.mark.parametrize("code", [1000, 1001, 1002, 1003, 1007, 1011, 1012, 1014, 3000, 4999])
def test_close_codes_that_may_be_sent(code: int) -> None:
    assert close_code(code.to_bytes(2, "big") + "schön".encode()) == code


@pytest.mark.parametrize("code", [0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65_535])
def test_close_codes_that_may_not(code: int) -> None:
    with pytest.raises(FrameProblem) as broken:
        close_code(code.to_bytes(2, "big"))
    assert broken.value.code == PROTOCOL_ERROR


def test_close_frames_without_a_code_and_with_a_broken_reason() -> None:
    assert close_code(b"") is None
    for payload, code in ((b"\x03", PROTOCOL_ERROR), (b"\x03\xe8\xff", INVALID_TEXT)):
        with pytest.raises(FrameProblem) as broken:
            close_code(payload)
        assert broken.value.code == code
