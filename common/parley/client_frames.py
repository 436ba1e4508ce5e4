"""Frames from a client to a gateway, and how bytes become them."""

import re
from typing import Any, Literal, TypeAlias, TypeVar, get_args

import msgspec

from parley import limits
from parley.errors import BadInput
from parley.objects import Anchor, Wire

OpName: TypeAlias = Literal[
    "new-chat",
    "reply",
    "edit",
    "remove-comment",
    "resolve",
    "reopen",
    "relink",
    "react",
    "delete-chat",
    "hide-chat",
    "unhide-chat",
]
OP_NAMES: frozenset[str] = frozenset(get_args(OpName))
_Frame = TypeVar("_Frame", "Do", "Typing")


class Since(Wire, frozen=True):
    """A client's cursor on a page."""

    epoch: str
    seq: int


class Hello(Wire, tag_field="t", tag="hello", frozen=True):
    """The first frame. `client` is the UUID of this widget instance."""

    v: int
    client: str
    token: str | None = None


class Join(Wire, tag_field="t", tag="join", frozen=True):
    """Open a page; with `since`, ask only for what changed."""

    page: str
    since: Since | None = None


class Leave(Wire, tag_field="t", tag="leave", frozen=True):
    """Close a page."""

    page: str


class Do(Wire, tag_field="t", tag="do", frozen=True):
    """One change. Which of the optional members an `op` needs is in `parley_gateway.core.operation`."""

    page: str
    broadcast_id: str
    op: str
    anchor: Anchor | None = None
    text: str | None = None
    chat: str | None = None
    comment: str | None = None
    emoji: str | None = None
    on: bool | None = None
    #: W3C trace context of whoever asks; says nothing about the change itself.
    traceparent: str = ""


class Typing(Wire, tag_field="t", tag="typing", frozen=True):
    """Somebody is writing in a chat. Ephemeral."""

    page: str
    chat: str


class Renew(Wire, tag_field="t", tag="renew", frozen=True):
    """A fresh token for the open connection."""

    token: str


class Ping(Wire, tag_field="t", tag="ping", frozen=True):
    """Answered by `pong`."""


ClientFrame: TypeAlias = Hello | Join | Leave | Do | Typing | Renew | Ping
_KINDS = frozenset({"hello", "join", "leave", "do", "typing", "renew", "ping"})

_frame: msgspec.json.Decoder[ClientFrame] = msgspec.json.Decoder(ClientFrame)
_anything = msgspec.json.Decoder()
_FIELD = re.compile(r" - at `\$\.?([^`]*)`")


def _depth_of(value: object, budget: int) -> int:
    """Nesting depth of decoded JSON, looking no further than `budget` levels."""
    if budget <= 0:
        return 1
    if isinstance(value, dict):
        return 1 + max((_depth_of(item, budget - 1) for item in value.values()), default=0)
    if isinstance(value, list):
        return 1 + max((_depth_of(item, budget - 1) for item in value), default=0)
    return 0


def _explain(data: bytes, problem: Exception) -> BadInput:
    """Why these bytes are no frame. Never quotes what was sent."""
    try:
        value: Any = _anything.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return BadInput("bad-frame")
    if not isinstance(value, dict):
        return BadInput("bad-frame", "A frame must be a JSON object.")
    if _depth_of(value, limits.NESTING.default + 1) > limits.NESTING.default:
        return BadInput("bad-frame", "This frame is nested too deeply.")
    kind = value.get("t", "do")
    if not isinstance(kind, str):
        return BadInput("bad-field", "`t` must be a string.")
    if kind not in _KINDS:
        return BadInput("unknown-op", "This kind of frame is not known.")
    found = _FIELD.search(str(problem))
    if found and found.group(1):
        return BadInput("bad-field", f"`{found.group(1)}` has the wrong type.")
    missing = re.search(r"missing required field `(\w+)`", str(problem))
    if missing:
        return BadInput("bad-field", f"`{missing.group(1)}` is missing.")
    return BadInput("bad-field")


def parse(data: bytes) -> ClientFrame:
    """One text frame's payload → the frame. Raises `BadInput` (`bad-frame`, `bad-field`, `unknown-op`)."""
    try:
        if not data.isascii():
            data.decode()  # msgspec does not look into members that it ignores
        frame = _frame.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as problem:
        raise _explain(data, problem) from None
    # Brackets alone prove nothing (they may stand in a text), so only when there are many is the depth measured.
    deepest = limits.NESTING.default
    if data.count(b"[") + data.count(b"{") > deepest:
        try:
            whole: Any = _anything.decode(data)
        except msgspec.DecodeError:  # a number out of range, say, in a member that was ignored above
            raise BadInput("bad-frame") from None
        if _depth_of(whole, deepest + 1) > deepest:
            raise BadInput("bad-frame", "This frame is nested too deeply.")
    return frame


def parse_do(data: bytes, page: str) -> Do:
    """The body of an HTTP operation on `page`: a `do` whose `t` and `page` may be left out. Raises `BadInput`."""
    return _parse_body(data, page, Do, "do")


def parse_typing(data: bytes, page: str) -> Typing:
    """The same of a `typing`."""
    return _parse_body(data, page, Typing, "typing")


def _parse_body(data: bytes, page: str, kind: type[_Frame], name: str) -> _Frame:
    try:
        value: Any = _anything.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise BadInput("bad-frame") from None
    if not isinstance(value, dict):
        raise BadInput("bad-frame", "The body must be a JSON object.")
    deepest = limits.NESTING.default
    if _depth_of(value, deepest + 1) > deepest:
        raise BadInput("bad-frame", "This object is nested too deeply.")
    if value.setdefault("t", name) != name:
        raise BadInput("bad-field", f"`t` must be `{name}`, or left out.")
    if value.setdefault("page", page) != page:
        raise BadInput("bad-field", "`page` must be the page in the address, or left out.")
    try:
        return msgspec.convert(value, kind)
    except (msgspec.ValidationError, RecursionError) as problem:
        raise _explain(data, problem) from None


def addressed(data: bytes) -> tuple[str | None, str | None]:
    """(`broadcastId`, `page`) of a bad frame where they can be read, so that its error finds its sender."""
    try:
        value: Any = _anything.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None, None
    if not isinstance(value, dict):
        return None, None
    broadcast_id, page = value.get("broadcastId"), value.get("page")
    return (
        broadcast_id if isinstance(broadcast_id, str) and len(broadcast_id) <= 64 else None,
        page if isinstance(page, str) and len(page.encode(errors="replace")) <= limits.PAGE_NAME.default else None,
    )
