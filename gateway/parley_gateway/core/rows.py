"""The rows of the database as the gateway sees them: what `page_load`, `page_changes` and `page_events` return, what
`page_store` takes."""

from collections.abc import Mapping

import msgspec

from parley.objects import Anchor, Author, ChatState


class ChatRow(msgspec.Struct):
    """One chat. `comments` counts those not removed, the first included; `rows` comes with `page_changes` only.

    `hidden`: `deleted` for everybody, but everything of it is kept.
    """

    id: str
    page: str
    seq: int
    state: ChatState
    anchor: Anchor | None
    by: Author
    at: int
    comments: int
    deleted: bool
    rows: list["CommentRow"] | None = None
    hidden: bool = False


class CommentRow(msgspec.Struct):
    """One comment. `born`: the seq of the operation that made it; comments of a chat stand in this order."""

    id: str
    chat: str
    born: int
    by: Author
    at: int
    text: str | None
    edited: bool
    deleted: bool


class PageRow(msgspec.Struct, array_like=True):
    """A page's head. `chats` counts those not deleted."""

    page: str
    seq: int
    chats: int


class DoneRow(msgspec.Struct, array_like=True):
    """An operation that was accepted earlier. `digest` in hex."""

    id: str
    digest: str
    page: str
    seq: int


class ReactionRow(msgspec.Struct, array_like=True, frozen=True):
    """Who reacted how; rows come in the order in which they should be shown."""

    comment: str
    emoji: str
    reader: str


class LoadedTenant(msgspec.Struct, rename="camel"):
    """What a batch needs to know of one tenant. `banned`: (reader, until when in ms, or None). `whole`: every comment,
    removed ones too, of the chats that operations need whole, in order."""

    tenant: str
    pages: list[PageRow]
    operations: list[DoneRow]
    chats: list[ChatRow]
    comments: list[CommentRow]
    reactions: list[ReactionRow]
    reacted: list[ReactionRow]
    banned: list[tuple[str, int | None]] = []
    whole: list[CommentRow] | None = None
    whole_reactions: list[ReactionRow] | None = None


class Loaded(msgspec.Struct):
    """`page_load`'s answer."""

    epoch: str
    tenants: list[LoadedTenant]


class Changes(msgspec.Struct):
    """`page_changes`' answer. `whole`: a snapshot, whatever cursor was given."""

    epoch: str
    seq: int
    covered: int
    whole: bool
    chats: list[ChatRow]
    gone: list[str]
    reactions: list[ReactionRow]


class OperationRow(msgspec.Struct, array_like=True):
    """One operation that changed something."""

    id: str
    seq: int
    op: str
    chat: str
    comment: str | None


class Events(msgspec.Struct):
    """`page_events`' answer. `operations` is None when there are too many."""

    epoch: str
    seq: int
    operations: list[OperationRow] | None
    chats: list[ChatRow] = []
    comments: list[CommentRow] = []
    reactions: list[ReactionRow] = []


def is_banned(banned: Mapping[str, int | None], reader: str, now_ms: int) -> bool:
    """`banned`: reader → until when in ms, or None."""
    if reader not in banned:
        return False
    until = banned[reader]
    return until is None or until > now_ms


def shown_reactions(rows: list[ReactionRow]) -> dict[str, dict[str, list[str]]]:
    """comment → emoji → readers, in the order given."""
    shown: dict[str, dict[str, list[str]]] = {}
    for row in rows:
        shown.setdefault(row.comment, {}).setdefault(row.emoji, []).append(row.reader)
    return shown
