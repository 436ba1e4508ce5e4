"""What only moderators and the server API do to chats: hide, show again, import, erase what a reader left."""

from collections.abc import Iterable
from typing import Final

from parley.objects import Author
from parley_gateway.core.imported import Imported, ImportedChat
from parley_gateway.core.rows import ChatRow, CommentRow

#: Who stands where an erased reader stood. No token can have an empty `sub`, so nobody owns what it stands beside.
ERASED: Final = Author("", "—")
#: What stands where an erased reader began a chat that others went on with.
ERASED_TEXT: Final = "—"


def erase_from(chat: ChatRow, comments: Iterable[CommentRow], reader: str) -> list[CommentRow]:
    """Take a reader out of a chat of which something stays. Returns the comments that changed."""
    changed = []
    if chat.by.id == reader:
        chat.by = ERASED
    for comment in comments:
        if comment.by.id != reader:
            continue
        comment.by = ERASED
        if comment.id == chat.id:
            comment.text, comment.edited = ERASED_TEXT, True
        elif not comment.deleted:
            comment.text, comment.deleted = None, True
            chat.comments -= 1
        changed.append(comment)
    return changed


def imported_chat(chat: ImportedChat, page: str) -> ChatRow:
    """Its row, without a seq and without comments."""
    return ChatRow(chat.id, page, 0, chat.state, chat.anchor, chat.by, chat.at, 0, chat.hidden, hidden=chat.hidden)


def imported_comments(imported: Imported, chat: str) -> list[CommentRow]:
    """Their rows, in order."""
    return [
        CommentRow(one.id, chat, imported.born(number), one.by, one.at, one.text, one.edited, False)
        for number, one in enumerate(imported.comments)
    ]
