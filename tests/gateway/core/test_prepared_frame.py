"""One frame, made once for each transport."""

import pytest

from parley_gateway.core.prepared_frame import PreparedFrame
from parley_gateway.core.websocket_frame import text_frame


@pytest.mark.parametrize(
    ("cursor", "event"),
    [("e1:7", b'id: e1:7\nevent: live\ndata: {"t":1}\n\n'), (None, b'event: live\ndata: {"t":1}\n\n')],
)
def test_its_forms(cursor: str | None, event: bytes) -> None:
    frame = PreparedFrame("live", b'{"t":1}', cursor)
    assert frame.event_size == len(event)
    assert frame.event == event
    assert frame.chunk == f"{len(event):x}\r\n".encode() + event + b"\r\n"
    assert frame.websocket == text_frame(b'{"t":1}')
    assert frame.websocket is frame.websocket and frame.chunk is frame.chunk
