"""Frames from a gateway to a client."""

from typing import Literal, TypeAlias

import msgspec

from parley.objects import Chat, Wire

EventName: TypeAlias = Literal["new-text-chat", "updated-text-chat", "deleted-text-chat"]


class Reader(Wire, frozen=True):
    """Who the gateway takes the client for."""

    id: str
    name: str
    role: str
    avatar: str | None = None


class Welcome(Wire, tag_field="t", tag="welcome", frozen=True):
    """After `hello`, and after `renew`. `limits` are those of `parley.limits`, by name."""

    v: int
    tenant: str
    reader: Reader
    limits: dict[str, int]
    renew_in_ms: int


class Page(Wire, tag_field="t", tag="page", omit_defaults=False, frozen=True):
    """Answer to `join`: complete as of `seq`; with `more`, as far as `seq`."""

    page: str
    epoch: str
    seq: int
    kind: Literal["snapshot", "changes"]
    chats: list[msgspec.Raw]
    gone: list[str]
    readers: int
    more: bool | msgspec.UnsetType = msgspec.UNSET


class Event(Wire, frozen=True):
    """One change of a page, as an entry of `live`. `merged`: other broadcastIds it stands for."""

    event: EventName
    seq: int
    broadcast_id: str
    chat: Chat
    merged: list[str] | None = None


class Live(Wire, tag_field="t", tag="live", frozen=True):
    """Everything that happened on a page in (`after`, `seq`]."""

    page: str
    epoch: str
    after: int
    seq: int
    events: list[msgspec.Raw]


class Presence(Wire, tag_field="t", tag="presence", frozen=True):
    """Distinct readers on the page now."""

    page: str
    readers: int


class Ack(Wire, tag_field="t", tag="ack", frozen=True):
    """Committed to the database."""

    broadcast_id: str
    page: str
    seq: int


class Error(Wire, tag_field="t", tag="error", frozen=True):
    """Nothing was changed (only `internal` means: outcome unknown)."""

    code: str
    message: str
    help: str
    broadcast_id: str | None = None
    page: str | None = None
    retry_in_ms: int | None = None


class Resync(Wire, tag_field="t", tag="resync", frozen=True):
    """Join again."""

    page: str
    why: str


class Move(Wire, tag_field="t", tag="move", frozen=True):
    """This gateway is leaving: reconnect at a random moment within that time."""

    within_ms: int


class RenewSoon(Wire, tag_field="t", tag="renew", frozen=True):
    """Send a fresh token before then."""

    within_ms: int


class TypingShown(Wire, tag_field="t", tag="typing", frozen=True):
    """Somebody else is writing."""

    page: str
    chat: str
    reader: str


class Pong(Wire, tag_field="t", tag="pong", frozen=True):
    """Answer to `ping`."""


ServerFrame: TypeAlias = Welcome | Page | Live | Presence | Ack | Error | Resync | Move | RenewSoon | TypingShown | Pong

_encoder = msgspec.json.Encoder()


def encode(frame: ServerFrame) -> bytes:
    """Compact UTF-8 JSON."""
    return _encoder.encode(frame)
