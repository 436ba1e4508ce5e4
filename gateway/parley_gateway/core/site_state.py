"""The pages of one tenant during one batch, with the operations that moderators and the server API add."""

from parley import limits
from parley.errors import BadInput, NotAllowed, NotThere
from parley.objects import Chat
from parley_gateway.core.admin_changes import ERASED, erase_from, imported_chat, imported_comments
from parley_gateway.core.change import AGAIN, WHOLE, Change
from parley_gateway.core.imported import Imported
from parley_gateway.core.operation import Operation
from parley_gateway.core.page_state import Forgotten, PageState, Recorded
from parley_gateway.core.rows import ChatRow, CommentRow, DoneRow, ReactionRow
from parley_gateway.core.wire_objects import chat_on_wire


class SiteState(PageState):
    """Also hides chats and shows them again, imports, erases."""

    def _comments_of(self, chat: str) -> list[CommentRow]:
        """Every comment, removed ones too, in order. Only of a chat that was asked for whole."""
        return sorted((row for row in self._comments.values() if row.chat == chat), key=lambda row: row.born)

    def _told_whole(self, operation: Operation, chat: ChatRow, field: str) -> Change:
        """The chat as if it were new. Larger than an event may be: nothing is told, and clients join again."""
        what = chat_on_wire(chat, self._comments_of(chat.id), self._reactions)
        change = self._event("new-text-chat", operation, chat, field, what)
        if len(change.entry) > limits.CHAT_PART.default:
            change.entry = b""
        return change

    # Moderation

    def _hide_chat(self, operation: Operation, now_ms: int) -> Change | None:
        held = self._moderated(operation, "hide")
        if held.hidden:
            return None
        chat = self._chat(operation)
        chat.deleted = chat.hidden = True
        self._touch(chat)
        self._pages[chat.page].chats -= 1
        return self._event("deleted-text-chat", operation, chat, WHOLE, Chat(chat.id, chat.seq))

    def _unhide_chat(self, operation: Operation, now_ms: int) -> Change | None:
        chat = self._moderated(operation, "show again")
        if not chat.hidden:
            self._chat(operation)
            return None
        self._page_with_room(chat.page).chats += 1
        chat.deleted = chat.hidden = False
        self._touch(chat)
        return self._told_whole(operation, chat, AGAIN)

    def _moderated(self, operation: Operation, verb: str) -> ChatRow:
        """The chat, hidden ones too."""
        if not operation.moderator:
            raise NotAllowed("forbidden", f"Only a moderator can {verb} a discussion.")
        chat = self._chats.get(operation.chat)
        if chat is None or chat.page != operation.page:
            raise NotThere("unknown-chat")
        return chat

    def _delete_chat(self, operation: Operation, now_ms: int) -> Change | None:
        chat = self._chats.get(operation.chat)
        if chat is None or not chat.hidden or not operation.moderator or chat.page != operation.page:
            return super()._delete_chat(operation, now_ms)
        # It has been gone for everybody already: nothing is told.
        self._drop(chat)
        return None

    def _drop(self, chat: ChatRow) -> None:
        """Keep of the chat only that it was."""
        chat.deleted, chat.hidden, chat.anchor, chat.comments = True, False, None, 0
        self._dirty_chats.add(chat.id)
        self._erased.append(chat.id)

    # A reader who is erased

    def _erase(self, operation: Operation, now_ms: int) -> Change | None:
        chat, reader = self._chats.get(operation.chat), operation.author.id
        if chat is None or chat.page != operation.page:
            raise NotThere("unknown-chat")
        shown, comments = not chat.deleted, self._comments_of(chat.id)
        self._dirty_chats.add(chat.id)
        if chat.by.id == reader and not any(row.by.id != reader and not row.deleted for row in comments):
            chat.by = ERASED
            self._drop(chat)
            if not shown:
                return None
            self._touch(chat)
            self._pages[chat.page].chats -= 1
            return self._event("deleted-text-chat", operation, chat, WHOLE, Chat(chat.id, chat.seq))
        self._dirty_comments.update(row.id for row in erase_from(chat, comments, reader))
        self._forgotten.append(Forgotten(chat.id, reader))
        for comment in comments:
            self._forget_reactions(comment.id, reader)
        if not shown:
            return None
        self._touch(chat)
        return self._told_whole(operation, chat, AGAIN)

    def _forget_reactions(self, comment: str, reader: str) -> None:
        kept = {
            emoji: left
            for emoji, readers in self._reactions.get(comment, {}).items()
            if (left := [one for one in readers if one != reader])
        }
        self._reactions[comment] = kept

    # What an import brings

    def _import(self, operation: Operation, now_ms: int) -> Change | None:
        imported = operation.imported
        assert imported is not None
        if any(one.id in self._done for one in imported.comments):
            # Not `id-reused`: that the chat's beginning is known would mean that all of this is.
            raise BadInput("bad-field", "A comment's id is in use already.")
        chat = self._imported_into(operation, imported)
        rows = imported_comments(imported, chat.id)
        self._chats[chat.id] = chat
        for row in rows:
            self._comments[row.id] = row
            self._dirty_comments.add(row.id)
        self._import_reactions(imported)
        seq = self._pages[chat.page].seq
        if not chat.hidden:
            seq = self._touch(chat)
            if imported.chat is not None:
                self._pages[chat.page].chats += 1
        else:
            chat.seq = seq
            self._dirty_chats.add(chat.id)
        for row in rows:
            if row.id != operation.id:
                self._note(operation, row.id, seq, now_ms)
        if chat.hidden:
            return None
        if imported.chat is None:
            return Change(seq, operation.id, "updated-text-chat", chat.id, AGAIN, b"")
        return self._told_whole(operation, chat, WHOLE)

    def _imported_into(self, operation: Operation, imported: Imported) -> ChatRow:
        """The row that takes the comments: a new one, or the one that further comments belong to."""
        if imported.chat is None:
            held = self._chats.get(operation.chat)
            if held is None or held.page != operation.page or (held.deleted and not held.hidden):
                raise NotThere("unknown-chat")
            assert imported.before is not None
            identity, digest = imported.before
            if identity not in self._done:
                raise BadInput("bad-field", "The comments before these were not taken.")
            if self._done[identity].digest != digest:
                # The chat here is another version: it is left as it is, rather than made of both with a gap between.
                raise BadInput("id-reused")
            self._add_comments(held, len(imported.comments))
            return held
        if not imported.chat.hidden:
            self._page_with_room(operation.page)
        chat = imported_chat(imported.chat, operation.page)
        self._add_comments(chat, len(imported.comments))
        return chat

    def _import_reactions(self, imported: Imported) -> None:
        for number, comment in enumerate(imported.comments):
            at = imported.born(number) * 2**20
            for emoji, readers in comment.reactions.items():
                for reader in readers:
                    at += 1
                    row = ReactionRow(comment.id, emoji, reader)
                    self._reacted.add(row)
                    self._reaction_changes[row] = (True, at)
                self._reactions.setdefault(comment.id, {})[emoji] = list(readers)

    def _note(self, operation: Operation, identity: str, seq: int, now_ms: int) -> None:
        """An imported comment's id is taken, as if it had been written here."""
        self._done[identity] = DoneRow(identity, operation.digest, operation.page, seq)
        self._recorded.append(Recorded(identity, operation.digest, operation.page, seq, None, None, None, now_ms))


SiteState.handlers = {
    **PageState.handlers,
    "delete-chat": SiteState._delete_chat,
    "hide-chat": SiteState._hide_chat,
    "unhide-chat": SiteState._unhide_chat,
    "import": SiteState._import,
    "erase": SiteState._erase,
}
