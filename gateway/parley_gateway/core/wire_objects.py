"""Rows as they stand on the wire."""

import msgspec

from parley import limits
from parley.objects import Chat, Comment
from parley_gateway.core.rows import ChatRow, CommentRow

#: Bytes of reader ids listed on one comment, over all its emoji: keeps every event well under one frame.
REACTION_BYTES = 8_192

_encode = msgspec.json.Encoder().encode


def reactions_on_wire(reactions: dict[str, list[str]] | None) -> dict[str, list[str]] | None:
    """At most 50 readers an emoji, and not more bytes than `REACTION_BYTES`; an emoji with none left stays, empty.

    Emoji stand in an order of their own, not of their history: a change and a new read then say the same.
    """
    if not reactions:
        return None
    budget = REACTION_BYTES
    shown: dict[str, list[str]] = {}
    for emoji, readers in sorted(reactions.items()):
        listed = []
        for reader in readers[: limits.REACTORS_SHOWN.default]:
            budget -= len(_encode(reader)) + 1
            if budget < 0:
                break
            listed.append(reader)
        shown[emoji] = listed
    return shown


def comment_on_wire(row: CommentRow, reactions: dict[str, list[str]] | None, *, first: bool = False) -> Comment:
    """`first`: the chat's first comment, whose `id`, `by` and `at` are the chat's."""
    if row.deleted:
        return Comment(id=row.id, deleted=True)
    return Comment(
        id=None if first else row.id,
        by=None if first else row.by,
        at=None if first else row.at,
        text=row.text,
        edited=row.edited,
        reactions=reactions_on_wire(reactions),
    )


def chat_on_wire(row: ChatRow, comments: list[CommentRow], reactions: dict[str, dict[str, list[str]]]) -> Chat:
    """The whole chat; `comments` in order, without removed ones."""
    return Chat(
        id=row.id,
        seq=row.seq,
        state=row.state,
        anchor=row.anchor,
        by=row.by,
        at=row.at,
        comments=[
            comment_on_wire(comment, reactions.get(comment.id), first=comment.id == row.id)
            for comment in comments
            if not comment.deleted
        ],
    )
