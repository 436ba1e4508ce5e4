"""Events read back from the database, where the bus has a hole.

The database knows what each operation touched and how that object stands now: one entry for each object, which stands
for all operations on it (WIRE rule 8).
"""

from parley.objects import Chat
from parley.server_frames import Event
from parley_gateway.core.change import ANCHOR, STATE, WHOLE, Change
from parley_gateway.core.rows import ChatRow, CommentRow, Events, OperationRow, shown_reactions
from parley_gateway.core.wire_objects import chat_on_wire, comment_on_wire

_FIELD = {"resolve": STATE, "reopen": STATE, "relink": ANCHOR}


def changes_from(events: Events) -> list[Change]:
    """The changes after the cursor that was asked for, in seq order. `events.operations` must not be None."""
    assert events.operations is not None
    chats = {chat.id: chat for chat in events.chats}
    comments = {comment.id: comment for comment in events.comments}
    reactions = shown_reactions(events.reactions)
    by_chat: dict[str, list[OperationRow]] = {}
    for operation in events.operations:
        by_chat.setdefault(operation.chat, []).append(operation)
    changes: list[Change] = []
    for identity, operations in by_chat.items():
        changes.extend(_of_chat(chats[identity], operations, comments, reactions))
    changes.sort(key=lambda change: change.seq)
    return changes


def _of_chat(
    chat: ChatRow,
    operations: list[OperationRow],
    comments: dict[str, CommentRow],
    reactions: dict[str, dict[str, list[str]]],
) -> list[Change]:
    last = operations[-1]
    others = [operation.id for operation in operations[:-1]]
    if chat.deleted:
        return [
            Change.of(Event("deleted-text-chat", last.seq, last.id, Chat(chat.id, last.seq), others or None), WHOLE)
        ]
    if operations[0].op == "new-chat":
        mine = [comment for comment in comments.values() if comment.chat == chat.id]
        mine.sort(key=lambda comment: comment.born)
        whole = chat_on_wire(chat, mine, reactions)
        others = [operation.id for operation in operations[1:]]
        return [Change.of(Event("new-text-chat", last.seq, operations[0].id, whole, others or None), WHOLE)]
    by_field: dict[str, list[OperationRow]] = {}
    for operation in operations:
        by_field.setdefault(_FIELD.get(operation.op) or str(operation.comment), []).append(operation)
    return [_of_field(chat, field, of_field, comments, reactions) for field, of_field in by_field.items()]


def _of_field(
    chat: ChatRow,
    field: str,
    operations: list[OperationRow],
    comments: dict[str, CommentRow],
    reactions: dict[str, dict[str, list[str]]],
) -> Change:
    last = operations[-1]
    if field == STATE:
        what = Chat(chat.id, last.seq, state=chat.state)
    elif field == ANCHOR:
        what = Chat(chat.id, last.seq, anchor=chat.anchor)
    else:
        what = Chat(chat.id, last.seq, comment=comment_on_wire(comments[field], reactions.get(field)))
    others = [operation.id for operation in operations[:-1]]
    return Change.of(Event("updated-text-chat", last.seq, last.id, what, others or None), field)
