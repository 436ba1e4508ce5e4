"""One frame to many: encoded once for each transport that wants it."""

from parley_gateway.core.websocket_frame import text_frame


class PreparedFrame:
    """A server frame's JSON, and its forms on the wire.

    `kind` is the frame's `t`; `cursor` ("epoch:seq") is what an event stream's client resumes from, if it moves it.
    """

    __slots__ = ("_chunk", "_event", "_websocket", "cursor", "kind", "payload")

    def __init__(self, kind: str, payload: bytes, cursor: str | None = None) -> None:
        self.kind = kind
        self.payload = payload
        self.cursor = cursor
        self._websocket: bytes | None = None
        self._event: bytes | None = None
        self._chunk: bytes | None = None

    @property
    def websocket(self) -> bytes:
        """Header and payload."""
        frame = self._websocket
        if frame is None:
            frame = self._websocket = text_frame(self.payload)
        return frame

    @property
    def event(self) -> bytes:
        """A server-sent event, the blank line included. JSON has no line breaks, so one `data` line holds it."""
        event = self._event
        if event is None:
            identity = f"id: {self.cursor}\n" if self.cursor else ""
            event = self._event = f"{identity}event: {self.kind}\ndata: ".encode() + self.payload + b"\n\n"
        return event

    @property
    def chunk(self) -> bytes:
        """The event inside one chunk of an HTTP/1.1 body."""
        chunk = self._chunk
        if chunk is None:
            event = self.event
            chunk = self._chunk = b"%x\r\n%b\r\n" % (len(event), event)
        return chunk

    @property
    def event_size(self) -> int:
        """Bytes of the server-sent event itself, which is what is counted."""
        return len(self.event)
