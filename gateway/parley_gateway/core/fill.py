"""Events read back from the database, where the bus has a hole.

The database knows what each operation touched and how that object stands now: one entry for each object, which stands
for all operations on it (WIRE rule 8).
"""

from typing import Final

import msgspec

from parley import limits
from parley.objects import Chat
from parley.server_frames import Event, EventName
from parley_gateway.core.change import AGAIN, ANCHOR, STATE, WHOLE, Change
from parley_gateway.core.rows import ChatRow, CommentRow, Events, OperationRow, shown_reactions
from parley_gateway.core.wire_objects import chat_on_wire, comment_on_wire

_FIELD = {"resolve": STATE, "reopen": STATE, "relink": ANCHOR}
#: After these a chat is told whole, as if it were new.
TOLD_WHOLE: Final = frozenset({"unhide-chat", "import", "erase"})
#: Operations that one entry stands for. More: another entry says the same, so that each fits into a frame.
STANDS_FOR: Final = 100


def changes_from(events: Events, after: int) -> list[Change] | None:
    """The changes after a seq, in seq order. None when they are more than events can tell: clients join again.

    `after` may be past the one that was asked for: what came by another way meanwhile is not told again.
    """
    if events.operations is None:
        return None
    chats = {chat.id: chat for chat in events.chats}
    comments = {comment.id: comment for comment in events.comments}
    reactions = shown_reactions(events.reactions)
    by_chat: dict[str, list[OperationRow]] = {}
    for operation in events.operations:
        if operation.seq <= after:
            continue
        by_chat.setdefault(operation.chat, []).append(operation)
    changes: list[Change] = []
    for identity, operations in by_chat.items():
        of_chat = _of_chat(chats[identity], operations, comments, reactions)
        if of_chat is None:
            return None
        changes.extend(of_chat)
    changes.sort(key=lambda change: change.seq)
    return changes


def _of_chat(
    chat: ChatRow,
    operations: list[OperationRow],
    comments: dict[str, CommentRow],
    reactions: dict[str, dict[str, list[str]]],
) -> list[Change] | None:
    if chat.deleted:
        return _entries("deleted-text-chat", WHOLE, operations, Chat(chat.id, 0))
    changes: list[Change] = []
    mine = [comment for comment in comments.values() if comment.chat == chat.id]
    mine.sort(key=lambda comment: comment.born)
    if any(operation.op in TOLD_WHOLE for operation in operations):
        whole = _change("new-text-chat", AGAIN, operations, chat_on_wire(chat, mine, reactions))
        return [whole] if len(operations) <= STANDS_FOR and len(whole.entry) <= limits.CHAT_PART.default else None
    if operations[0].op == "new-chat":
        new = operations[0]
        whole = _change("new-text-chat", WHOLE, operations, chat_on_wire(chat, mine, reactions), first=True)
        if len(operations) <= STANDS_FOR and len(whole.entry) <= limits.CHAT_PART.default:
            return [whole]
        # Too much for one entry: the chat with its first comment, then what else was said.
        changes.append(_change("new-text-chat", WHOLE, [new], chat_on_wire(chat, mine[:1], reactions)))
        operations = operations[1:]
    by_field: dict[str, list[OperationRow]] = {}
    for operation in operations:
        by_field.setdefault(_FIELD.get(operation.op) or str(operation.comment), []).append(operation)
    for field, of_field in by_field.items():
        if field == STATE:
            what = Chat(chat.id, 0, state=chat.state)
        elif field == ANCHOR:
            what = Chat(chat.id, 0, anchor=chat.anchor)
        else:
            what = Chat(chat.id, 0, comment=comment_on_wire(comments[field], reactions.get(field)))
        if of_field[0].op == "reply" and any(
            of_field[0].seq < other.seq < of_field[-1].seq and other.op == "reply" for other in operations
        ):
            # A comment stands where its first entry came: before the one that came after it.
            changes.append(_change("updated-text-chat", field, of_field[:1], what))
            of_field = of_field[1:]
        changes.extend(_entries("updated-text-chat", field, of_field, what))
    return changes


def _entries(name: EventName, field: str, operations: list[OperationRow], what: Chat) -> list[Change]:
    """What all the operations came to, said as often as their number needs."""
    groups = [operations[start : start + STANDS_FOR] for start in range(0, len(operations), STANDS_FOR)]
    return [_change(name, field, group, what, first=group[0].op == "reply") for group in groups]


def _change(name: EventName, field: str, operations: list[OperationRow], what: Chat, *, first: bool = False) -> Change:
    """One entry for several operations, under the id of the last or the `first`, at the seq of the last."""
    seq = operations[-1].seq
    own, others = (operations[0], operations[1:]) if first else (operations[-1], operations[:-1])
    merged = [operation.id for operation in others] or None
    return Change.of(Event(name, seq, own.id, msgspec.structs.replace(what, seq=seq), merged), field)
