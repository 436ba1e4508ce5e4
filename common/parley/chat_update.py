"""What an `updated-text-chat` does to a discussion: the same for whoever tells it and whoever hears it."""

import msgspec

from parley.objects import Chat, Comment


def apply_update(chat: Chat, update: Chat) -> Chat:
    """A whole chat with what an `updated-text-chat` says."""
    comments = chat.comments or []
    if update.comment is not None:
        comments = _with_comment(chat.id, comments, update.comment)
    return msgspec.structs.replace(
        chat,
        seq=update.seq,
        state=update.state or chat.state,
        anchor=update.anchor or chat.anchor,
        comments=comments,
    )


def _with_comment(chat: str, comments: list[Comment], comment: Comment) -> list[Comment]:
    """The comments with one put in, replaced or removed. The first one has no id of its own."""
    if comment.deleted:
        return [held for held in comments if held.id != comment.id]
    if comment.id == chat:
        return [msgspec.structs.replace(comment, id=None, by=None, at=None), *comments[1:]]
    if any(held.id == comment.id for held in comments):
        return [comment if held.id == comment.id else held for held in comments]
    return [*comments, comment]
