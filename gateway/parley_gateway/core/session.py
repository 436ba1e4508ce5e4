"""One client's conversation: bytes come in, and out comes what is to be done about them.

The session checks order (a `hello` first), form, and rates. Whoever drives it performs what it says, in order.
"""

from typing import TypeAlias

import msgspec

from parley import limits
from parley.claims import Claims
from parley.client_frames import Do, Hello, Join, Leave, Ping, Renew, Since, Typing, addressed, parse
from parley.errors import BadInput, CloseCode, Limited, NotAllowed, Refusal
from parley.pages import check_page
from parley_gateway.core.operation import check_uuid
from parley_gateway.core.rate import Rate

#: Seconds' worth of operations that may come at once: an outbox that was filled offline.
OPERATION_BURST = 4
#: Typing frames per second that are passed on, and how many at once. More are dropped without a word: a hint that
#: somebody is writing says nothing new within a second, and each goes over the bus to everybody on the page.
TYPING_RATE, TYPING_BURST = 2, 10
#: Seconds over which bad frames are counted.
BAD_FRAME_MEMORY = 10


class Login(msgspec.Struct, frozen=True):
    """Verify this token; then call `Session.logged_in`."""

    token: str | None
    client: str


class OpenPage(msgspec.Struct, frozen=True):
    """Answer a join."""

    page: str
    since: Since | None


class ClosePage(msgspec.Struct, frozen=True):
    """The client leaves a page."""

    page: str


class Perform(msgspec.Struct, frozen=True):
    """Do one operation."""

    do: Do


class ShowTyping(msgspec.Struct, frozen=True):
    """Tell the others that somebody is writing."""

    page: str
    chat: str


class Ignore(msgspec.Struct, frozen=True):
    """Nothing is to be done."""


class RenewToken(msgspec.Struct, frozen=True):
    """Verify this token; then call `Session.renewed`."""

    token: str


class AnswerPing(msgspec.Struct, frozen=True):
    """Send a `pong`."""


class Refuse(msgspec.Struct, frozen=True):
    """Tell the client; with `close`, and be done with it."""

    refusal: Refusal
    broadcast_id: str | None = None
    page: str | None = None
    close: CloseCode | None = None


Action: TypeAlias = Login | OpenPage | ClosePage | Perform | ShowTyping | Ignore | RenewToken | AnswerPing | Refuse


_IGNORE = Ignore()
_FLOOD = Refuse(Limited("over-limit", "Too many bad frames."), close=CloseCode.OVER_LIMIT)
_TOO_MANY = Refuse(Limited("over-limit", "Too many frames."), close=CloseCode.OVER_LIMIT)


class Session:
    """The state of one conversation. `now` is always seconds of a steady clock."""

    def __init__(self, now: float) -> None:
        self.claims: Claims | None = None
        self.client = ""
        self.pages: set[str] = set()
        self._greeted = False
        per_second = limits.OPERATIONS_PER_CONNECTION.default
        self._operations = Rate(per_second, per_second * OPERATION_BURST, now)
        frames = limits.FRAMES_PER_CONNECTION.default
        self._frames = Rate(frames, frames * 2, now)
        self._typing = Rate(TYPING_RATE, TYPING_BURST, now)
        bad = limits.BAD_FRAMES.default
        self._bad_frames = Rate(bad / BAD_FRAME_MEMORY, bad, now)

    def receive_text(self, data: bytes, now: float) -> Action:
        """One text frame's payload."""
        try:
            frame = parse(data)
        except BadInput as refusal:
            return self._bad(refusal, data, now)
        if self._frames.take(now):
            return _TOO_MANY
        if not self._greeted:
            return self._hello(frame)
        if self.claims is None:
            # The shell reads no further frame while it verifies a token.
            return Refuse(BadInput("bad-frame"), close=CloseCode.MALFORMED)
        try:
            return self._act(frame, self.claims, now)
        except Refusal as refusal:
            return self._bad(refusal, data, now) if isinstance(refusal, BadInput) else _refuse(refusal, data)

    def receive_other(self, now: float) -> Action:
        """A frame below the protocol: a ping, a pong, a fragment. They count too, so that none is a free flood."""
        return _TOO_MANY if self._frames.take(now) else _IGNORE

    def receive_binary(self) -> Action:
        """A binary frame: nobody who knows the protocol sends one."""
        return Refuse(BadInput("bad-frame", "Binary frames are not part of the protocol."), close=CloseCode.MALFORMED)

    def refused(self, refusal: Refusal, broadcast_id: str, page: str, now: float) -> Action:
        """An operation that was refused without a look at the page; bad ones count towards a flood."""
        if isinstance(refusal, BadInput) and self._bad_frames.take(now):
            return _FLOOD
        return Refuse(refusal, broadcast_id, page)

    def hello_timeout(self) -> Action:
        return Refuse(Limited("hello-timeout"), close=CloseCode.HELLO_TIMEOUT)

    def logged_in(self, claims: Claims) -> None:
        self.claims = claims

    def renewed(self, claims: Claims) -> list[str]:
        """Take a new token over; returns the joined pages that it no longer covers, which are left.

        Raises `NotAllowed` (`renew-mismatch`) for another tenant or reader: the old token stays.
        """
        assert self.claims is not None
        if (claims.tenant, claims.reader) != (self.claims.tenant, self.claims.reader):
            raise NotAllowed("renew-mismatch")
        self.claims = claims
        lost = sorted(page for page in self.pages if not claims.may_open(page))
        self.pages.difference_update(lost)
        return lost

    def _hello(self, frame: object) -> Action:
        self._greeted = True
        if not isinstance(frame, Hello):
            refusal = BadInput("bad-frame", "The first frame must be `hello`.")
            return Refuse(refusal, close=CloseCode.MALFORMED)
        if frame.v != 1:
            refusal = BadInput("bad-field", "This gateway speaks version 1.", help="Set `v` to 1.")
            return Refuse(refusal, close=CloseCode.MALFORMED)
        try:
            self.client = check_uuid(frame.client, "client")
        except BadInput as refusal:
            return Refuse(refusal, close=CloseCode.MALFORMED)
        return Login(frame.token, self.client)

    def _act(self, frame: object, claims: Claims, now: float) -> Action:
        match frame:
            case Do():
                check_page(frame.page)
                if wait := self._operations.take(now):
                    raise Limited("over-limit", "Too many operations.", retry_in_ms=wait)
                return Perform(frame)
            case Join():
                check_page(frame.page)
                if not claims.may_open(frame.page):
                    raise NotAllowed("forbidden", "Your token does not cover this page.")
                most = limits.PAGES_PER_CONNECTION.default
                if frame.page not in self.pages and len(self.pages) >= most:
                    raise Limited("over-limit", f"A connection can have {most} pages open.")
                self.pages.add(frame.page)
                return OpenPage(frame.page, frame.since)
            case Leave():
                self.pages.discard(frame.page)
                return ClosePage(frame.page)
            case Typing():
                check_page(frame.page)
                if not claims.may_open(frame.page) or not claims.may_write:
                    raise NotAllowed("forbidden")
                chat = check_uuid(frame.chat, "chat")
                return _IGNORE if self._typing.take(now) else ShowTyping(frame.page, chat)
            case Renew():
                return RenewToken(frame.token)
            case Ping():
                return AnswerPing()
            case _:
                raise BadInput("bad-frame", "`hello` is only for the start.")

    def _bad(self, refusal: Refusal, data: bytes, now: float) -> Action:
        if not self._greeted:
            self._greeted = True
            return Refuse(refusal, close=CloseCode.MALFORMED)
        if self._bad_frames.take(now):
            return _FLOOD
        return _refuse(refusal, data)


def _refuse(refusal: Refusal, data: bytes) -> Refuse:
    broadcast_id, page = addressed(data)
    return Refuse(refusal, broadcast_id, page)
