"""The client's side of the protocol without I/O: frames come in, and out come frames to send and what happened.

It keeps a copy of each joined page and the operations that are not settled, over any number of connections.
"""

from collections import OrderedDict
from typing import TypeAlias
from uuid import uuid4

import msgspec

from parley.client.page_copy import PageCopy
from parley.client_frames import Do, Hello, Leave, Renew
from parley.server_frames import (
    Ack,
    Error,
    Event,
    Live,
    Move,
    Page,
    Presence,
    RenewSoon,
    Resync,
    ServerFrame,
    TypingShown,
    Welcome,
)

#: After these errors the same operation is sent again: it was not done, or nobody knows.
AGAIN = frozenset({"unavailable", "internal", "over-limit"})
#: Milliseconds until then, when the gateway names no time.
AGAIN_MS = 300

_decoder: msgspec.json.Decoder[ServerFrame] = msgspec.json.Decoder(ServerFrame)
_encoder = msgspec.json.Encoder()


class ParleyError(Exception):
    """Something was not done. `code` for programs; `message` and `help` for people; `status` over HTTP."""

    def __init__(
        self, code: str, message: str, help: str = "", *, status: int = 0, retry_in_ms: int | None = None
    ) -> None:
        super().__init__(f"{code}: {message}" + (f" {help}" if help else ""))
        self.code = code
        self.message = message
        self.help = help
        self.status = status
        self.retry_in_ms = retry_in_ms


class Welcomed(msgspec.Struct, frozen=True):
    """The gateway knows who this is. A fresh token is due in `renew_in_ms`; `renewed`: one has just come."""

    renew_in_ms: int
    renewed: bool


class Loaded(msgspec.Struct, frozen=True):
    """A page is as the gateway knows it: after a join, and after whatever was missed."""

    page: str


class Happened(msgspec.Struct, frozen=True):
    """An event of a page, applied to its copy already. Each is told once."""

    page: str
    event: Event


class Settled(msgspec.Struct, frozen=True):
    """An operation is committed."""

    broadcast_id: str
    page: str
    seq: int


class Refused(msgspec.Struct, frozen=True):
    """An operation (`broadcast_id`), or a join (`page` alone), was refused for good."""

    error: Error


class Again(msgspec.Struct, frozen=True):
    """Call `send_again` with this operation after that time."""

    broadcast_id: str
    in_ms: int


class Told(msgspec.Struct, frozen=True):
    """What is nobody's history: `presence`, `typing`, `move`, `renew`, an `error` about nothing of ours."""

    frame: Presence | TypingShown | Move | RenewSoon | Error


Outcome: TypeAlias = Welcomed | Loaded | Happened | Settled | Refused | Again | Told


class Conversation:
    """`outgoing`: frames to send, in order; whoever sends them clears it."""

    def __init__(self, client: str | None = None) -> None:
        self.client = client or str(uuid4())
        self.pages: dict[str, PageCopy] = {}
        self.outgoing: list[bytes] = []
        self._unsettled: OrderedDict[str, bytes] = OrderedDict()
        self._page_of: dict[str, str] = {}
        self._welcome = False

    @property
    def unsettled(self) -> list[str]:
        """broadcastIds that wait for their `ack`, in the order of their making."""
        return list(self._unsettled)

    # What the program wants

    def join(self, page: str) -> PageCopy:
        """Follow a page."""
        copy = self.pages.get(page)
        if copy is None:
            copy = self.pages[page] = PageCopy(page)
            self._say(copy.join())
        return copy

    def leave(self, page: str) -> None:
        """Follow it no longer."""
        if self.pages.pop(page, None) is not None:
            self._say(Leave(page))

    def do(self, do: Do) -> None:
        """Perform an operation: now, or as soon as there is a connection; again until it is settled."""
        self._unsettled[do.broadcast_id] = _encoder.encode(do)
        self._page_of[do.broadcast_id] = do.page
        self.send_again(do.broadcast_id)

    def forget(self, broadcast_id: str) -> None:
        """Do not send it again."""
        self._unsettled.pop(broadcast_id, None)
        self._page_of.pop(broadcast_id, None)

    def send_again(self, broadcast_id: str) -> None:
        """The time has come, unless it was settled meanwhile."""
        frame = self._unsettled.get(broadcast_id)
        if frame is not None and self._welcome:
            self.outgoing.append(frame)

    def renew(self, token: str) -> None:
        """A fresh token."""
        self._say(Renew(token))

    # What the connection does

    def connected(self, token: str) -> None:
        """A socket is open."""
        self._welcome = False
        self.outgoing = [_encoder.encode(Hello(1, self.client, token))]

    def cut(self) -> None:
        """It has gone, and with it whatever was on its way."""
        self._welcome = False
        self.outgoing = []
        for copy in self.pages.values():
            copy.cut()

    def receive(self, data: bytes | str) -> list[Outcome]:
        """One frame. Frames of kinds that are not known are ignored. Raises nothing."""
        try:
            frame = _decoder.decode(data)
        except msgspec.DecodeError:
            return []
        match frame:
            case Welcome():
                return self._welcomed(frame)
            case Page():
                copy = self.pages.get(frame.page)
                return [Loaded(frame.page)] if copy is not None and copy.take_page(frame) else []
            case Live():
                return self._live(frame)
            case Resync():
                self._rejoin(frame.page)
            case Presence():
                if (copy := self.pages.get(frame.page)) is not None:
                    copy.readers = frame.readers
                    return [Told(frame)]
            case Ack():
                return self._settled(frame.broadcast_id, frame.seq)
            case Error():
                return self._refused(frame)
            case TypingShown() | Move() | RenewSoon():
                return [Told(frame)]
        return []

    def _welcomed(self, frame: Welcome) -> list[Outcome]:
        renewed = self._welcome
        if not renewed:
            self._welcome = True
            for copy in self.pages.values():
                self._say(copy.join())
            self.outgoing.extend(self._unsettled.values())
        return [Welcomed(frame.renew_in_ms, renewed)]

    def _live(self, frame: Live) -> list[Outcome]:
        copy = self.pages.get(frame.page)
        if copy is None:
            return []
        events = copy.take_live(frame)
        if events is None:
            self._rejoin(frame.page)
            return []
        outcomes: list[Outcome] = []
        for event in events:
            outcomes.append(Happened(frame.page, event))
            for identity in (event.broadcast_id, *(event.merged or ())):
                outcomes.extend(self._settled(identity, event.seq))
        return outcomes

    def _settled(self, broadcast_id: str, seq: int) -> list[Outcome]:
        page = self._page_of.get(broadcast_id)
        if page is None:
            return []
        self.forget(broadcast_id)
        return [Settled(broadcast_id, page, seq)]

    def _refused(self, error: Error) -> list[Outcome]:
        if error.broadcast_id is None:
            if error.page in self.pages:
                if error.code in AGAIN:
                    self._rejoin(error.page)
                    return []
                del self.pages[error.page]
                return [Refused(error)]
            return [Told(error)]
        if error.broadcast_id not in self._unsettled:
            return []
        if error.code in AGAIN:
            return [Again(error.broadcast_id, error.retry_in_ms or AGAIN_MS)]
        self.forget(error.broadcast_id)
        return [Refused(error)]

    def _rejoin(self, page: str) -> None:
        copy = self.pages.get(page)
        if copy is not None:
            self._say(copy.join())

    def _say(self, frame: msgspec.Struct) -> None:
        if self._welcome:
            self.outgoing.append(_encoder.encode(frame))
