"""Frame headers as RFC 6455 wants them."""

import pytest

from parley_gateway.core.websocket_frame import PING_FRAME, received_size, text_frame


@pytest.mark.parametrize(
    ("length", "header"),
    [
        (0, "8100"),
        (125, "817d"),
        (126, "817e007e"),
        (65_535, "817effff"),
        (65_536, "817f0000000000010000"),
    ],
)
def test_a_text_frame_is_its_header_and_its_payload(length: int, header: str) -> None:
    payload = b"x" * length
    assert text_frame(payload) == bytes.fromhex(header) + payload
    # A client's frame has the same header, and a mask of four bytes.
    assert received_size(length) == len(text_frame(payload)) + 4


def test_a_ping_is_two_bytes() -> None:
    assert bytes.fromhex("8900") == PING_FRAME
