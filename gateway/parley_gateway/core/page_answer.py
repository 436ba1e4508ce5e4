"""The answer to a join: `page` frames of at most 64 KiB, in order of the objects' seq (WIRE rule 5)."""

import msgspec

from parley import limits
from parley.objects import Chat, Comment
from parley_gateway.core.rows import Changes, shown_reactions
from parley_gateway.core.wire_objects import chat_on_wire

#: Bytes for the frame's own members: the page's name at its longest when escaped, and numbers.
ENVELOPE = 6 * limits.PAGE_NAME.default + 512
#: Bytes of one entry of `gone`: a UUID, quotes, comma.
GONE_BYTES = 39

_encode = msgspec.json.Encoder().encode


class Part(msgspec.Struct):
    """One frame's worth. `seq`: the highest that the client then has completely."""

    chats: list[msgspec.Raw]
    gone: list[str]
    seq: int
    more: bool


def parts_of(changes: Changes, since: int) -> list[Part]:
    """At least one part; the last one says `more` when the database has more to give.

    `since`: the cursor from which `changes` were asked (0 for a snapshot).
    """
    reactions = shown_reactions(changes.reactions)
    room = limits.FRAME.default - ENVELOPE
    parts: list[Part] = []
    part = Part([], [], since, True)
    left = room
    # Deleted ids carry no seq here; they go first, so that a cut after any part only repeats them.
    for gone in changes.gone:
        if left < GONE_BYTES:
            parts.append(part)
            part, left = Part([], [], since, True), room
        part.gone.append(gone)
        left -= GONE_BYTES
    covered = since
    for row in changes.chats:
        for entry in _entries(chat_on_wire(row, row.rows or [], reactions)):
            if left < len(entry) + 1:
                part.seq = covered
                parts.append(part)
                part, left = Part([], [], covered, True), room
            part.chats.append(msgspec.Raw(entry))
            left -= len(entry) + 1
        covered = row.seq
    part.seq = changes.covered
    part.more = changes.covered < changes.seq
    parts.append(part)
    return parts


def _entries(chat: Chat) -> list[bytes]:
    """A chat's JSON, in several entries when it is over 32 KiB."""
    whole = _encode(chat)
    if len(whole) <= limits.CHAT_PART.default:
        return [whole]
    entries: list[bytes] = []
    head = msgspec.structs.replace(chat, comments=[])
    size = len(_encode(head))
    batch: list[Comment] = []
    for comment in chat.comments or []:
        weight = len(_encode(comment)) + 1
        if batch and size + weight > limits.CHAT_PART.default:
            entries.append(_encode(msgspec.structs.replace(head, comments=batch)))
            head = Chat(chat.id, chat.seq, cont=True)
            batch, size = [], 100
        batch.append(comment)
        size += weight
    entries.append(_encode(msgspec.structs.replace(head, comments=batch)))
    return entries
