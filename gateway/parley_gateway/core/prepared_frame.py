"""One frame to many: encoded once for each transport that wants it."""

from parley_gateway.core.websocket_frame import text_frame


class PreparedFrame:
    """A server frame's JSON, and its forms on the wire.

    `kind` is the frame's `t`; `cursor` ("epoch:seq") is what an event stream's client resumes from, if it moves it.
    """

    __slots__ = ("_chunk", "_event_size", "_websocket", "cursor", "kind", "payload")

    def __init__(self, kind: str, payload: bytes, cursor: str | None = None) -> None:
        self.kind = kind
        self.payload = payload
        self.cursor = cursor
        self._websocket: bytes | None = None
        self._chunk: bytes | None = None
        self._event_size = 0

    @property
    def websocket(self) -> bytes:
        """Header and payload."""
        frame = self._websocket
        if frame is None:
            frame = self._websocket = text_frame(self.payload)
        return frame

    @property
    def chunk(self) -> bytes:
        """A server-sent event inside one chunk of an HTTP/1.1 body."""
        chunk = self._chunk
        if chunk is None:
            identity = f"id: {self.cursor}\n" if self.cursor else ""
            event = f"{identity}event: {self.kind}\ndata: ".encode() + self.payload + b"\n\n"
            self._event_size = len(event)
            chunk = self._chunk = b"%x\r\n%b\r\n" % (len(event), event)
        return chunk

    @property
    def event_size(self) -> int:
        """Bytes of the server-sent event itself, which is what is counted."""
        return self._event_size if self._chunk is not None else len(self.chunk) and self._event_size
