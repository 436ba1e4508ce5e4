"""The opening handshake of a WebSocket, on the server's side (RFC 6455 §4.2)."""

from base64 import b64decode, b64encode
from binascii import Error
from collections.abc import Mapping
from hashlib import sha1

from parley.errors import BadInput

#: The one version that there is.
VERSION = "13"

_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
_HELP = "Open a WebSocket (RFC 6455), or read /v1/pages/{page}/events."


def answer(headers: Mapping[str, str]) -> bytes:
    """The whole `101 Switching Protocols`. `headers`: the request's, looked up without regard to case.

    Offered subprotocols and extensions are left out of the answer, which declines them. Raises `BadInput`.
    """
    if headers.get("Upgrade", "").strip().lower() != "websocket":
        raise BadInput("bad-frame", "This address speaks WebSocket only.", help=_HELP)
    if "upgrade" not in {token.strip().lower() for token in headers.get("Connection", "").split(",")}:
        raise BadInput("bad-frame", "The header `Connection: Upgrade` is missing.", help=_HELP)
    if headers.get("Sec-WebSocket-Version", "").strip() != VERSION:
        raise BadInput("bad-frame", f"Only version {VERSION} of WebSocket is spoken here.", help=_HELP)
    key = headers.get("Sec-WebSocket-Key", "").strip()
    try:
        fits = len(b64decode(key, validate=True)) == 16
    except (Error, ValueError):
        fits = False
    if not fits:
        raise BadInput("bad-frame", "`Sec-WebSocket-Key` must be 16 bytes in base64.", help=_HELP)
    accept = b64encode(sha1(key.encode() + _GUID, usedforsecurity=False).digest())
    return (
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Accept: " + accept + b"\r\nServer: Parley\r\n\r\n"
    )
