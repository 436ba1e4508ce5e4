"""The opening handshake (RFC 6455 §4.2)."""

import pytest

from parley.errors import BadInput
from parley_gateway.core.handshake import answer

#: The example of RFC 6455 §1.3.
GOOD = {
    "Upgrade": "websocket",
    "Connection": "keep-alive, Upgrade",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
}


def test_the_rfcs_example() -> None:
    head = answer(GOOD).decode()
    assert head.startswith("HTTP/1.1 101 ") and head.endswith("\r\n\r\n")
    assert "\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n" in head
    assert "Extensions" not in head and "Protocol:" not in head


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("Upgrade", "h2c"),
        ("Upgrade", ""),
        ("Connection", "keep-alive"),
        ("Connection", "no-upgrade"),
        ("Sec-WebSocket-Version", "8"),
        ("Sec-WebSocket-Version", ""),
        ("Sec-WebSocket-Key", ""),
        ("Sec-WebSocket-Key", "dGhlIHNhbXBsZQ=="),
        ("Sec-WebSocket-Key", "no base64 at all, really"),
        ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==ü"),
    ],
)
def test_what_is_no_handshake_is_refused(name: str, value: str) -> None:
    with pytest.raises(BadInput) as refused:
        answer({**GOOD, name: value})
    assert refused.value.status == 400 and refused.value.help
