"""What is known of the pages that a batch touches, and what each operation makes of it.

A batch is decided one operation after the other, each seeing what the earlier ones did; one that is refused leaves no
trace. Idempotency is looked up before anything else (WIRE rule 2).
"""

from collections.abc import Callable, Mapping
from typing import Any, ClassVar, Final, TypeAlias

import msgspec

from parley import limits
from parley.errors import BadInput, Limited, NotAllowed, NotThere, Refusal
from parley.objects import Chat
from parley.server_frames import Event, EventName
from parley.tenants import limit_of
from parley_gateway.core.change import ANCHOR, STATE, WHOLE, Change
from parley_gateway.core.operation import Operation
from parley_gateway.core.rows import (
    ChatRow,
    CommentRow,
    DoneRow,
    LoadedTenant,
    PageRow,
    ReactionRow,
    is_banned,
    shown_reactions,
)
from parley_gateway.core.wire_objects import chat_on_wire, comment_on_wire


class Accepted(msgspec.Struct, frozen=True):
    """The operation is in, as of `seq`. `change` is None when nothing changed; `repeat`: it had been in before."""

    seq: int
    change: Change | None = None
    repeat: bool = False


class Recorded(msgspec.Struct, frozen=True):
    """An operation to be written down. `kind` is None when it changed nothing."""

    id: str
    digest: str
    page: str
    seq: int
    kind: str | None
    chat: str | None
    comment: str | None
    at: int


class Reacted(msgspec.Struct, frozen=True):
    """A reaction to be written down."""

    comment: str
    emoji: str
    reader: str
    seq: int


class Forgotten(msgspec.Struct, frozen=True):
    """Every reaction of a reader in a chat, to be taken out."""

    chat: str
    reader: str


class PageRowWrite(msgspec.Struct, frozen=True):
    """A page's new head."""

    page: str
    seq: int
    chats: int


class TenantWrites(msgspec.Struct):
    """`page_store`'s input for one tenant."""

    tenant: str
    pages: list[PageRowWrite]
    operations: list[Recorded]
    chats: list[ChatRow]
    comments: list[CommentRow]
    reacted: list[Reacted]
    unreacted: list[Reacted]
    erased: list[str]
    forgotten: list[Forgotten] = []


#: Ops that need every comment of their chat.
NEEDS_WHOLE: Final = frozenset({"unhide-chat", "erase"})
#: Ops of the server API: whom a site has banned does not matter to them.
_SERVERS_OWN = frozenset({"import", "erase"})


class PageState:
    """The pages of one tenant during one batch."""

    #: op → what it does, called with the state, the operation and the time.
    handlers: ClassVar["dict[str, Handler]"]

    def __init__(self, loaded: LoadedTenant, tenant_limits: Mapping[str, int] | None = None) -> None:
        self.tenant = loaded.tenant
        self._limits = tenant_limits or {}
        self._pages = {row.page: row for row in loaded.pages}
        self._done = {row.id: row for row in loaded.operations}
        self._chats = {row.id: row for row in loaded.chats}
        self._comments = {row.id: row for row in loaded.comments}
        for row in loaded.whole or ():
            self._comments.setdefault(row.id, row)
        self._reactions = shown_reactions(loaded.reactions) | shown_reactions(loaded.whole_reactions or [])
        self._reacted = set(loaded.reacted)
        self._banned = dict(loaded.banned)
        self._dirty_pages: set[str] = set()
        self._dirty_chats: set[str] = set()
        self._dirty_comments: set[str] = set()
        self._recorded: list[Recorded] = []
        self._reaction_changes: dict[ReactionRow, tuple[bool, int]] = {}
        self._withdrawn: set[ReactionRow] = set()
        self._erased: list[str] = []
        self._forgotten: list[Forgotten] = []

    def apply(self, operation: Operation, now_ms: int) -> Accepted | Refusal:
        """Decide one operation. A refusal changes nothing."""
        done = self._done.get(operation.id)
        if done is not None:
            if done.digest == operation.digest and done.page == operation.page:
                return Accepted(done.seq, repeat=True)
            return BadInput("id-reused")
        if operation.refusal is not None:
            return operation.refusal
        try:
            self._check_ban(operation, now_ms)
            change = self.handlers[operation.op](self, operation, now_ms)
        except Refusal as refusal:
            return refusal
        page = self._pages.get(operation.page)
        seq = page.seq if page else 0
        self._done[operation.id] = DoneRow(operation.id, operation.digest, operation.page, seq)
        comment = operation.comment or (operation.id if operation.op in ("reply", "new-chat") else None)
        self._recorded.append(
            Recorded(
                operation.id,
                operation.digest,
                operation.page,
                seq,
                operation.op if change else None,
                (operation.chat or operation.id) if change else None,
                comment if change else None,
                now_ms,
            )
        )
        return Accepted(seq, change)

    def writes(self) -> TenantWrites | None:
        """What to store, or None when there is nothing."""
        if not self._recorded:
            return None
        erased = set(self._erased)
        touched = {
            row: change
            for row, change in self._reaction_changes.items()
            if self._comments[row.comment].chat not in erased
        }
        reacted = [(row, seq) for row, (on, seq) in touched.items() if on]
        # One that was withdrawn and given again stands at its new place, so the old row goes in either case.
        unreacted = [(row, seq) for row, (_, seq) in touched.items() if row in self._withdrawn]
        return TenantWrites(
            tenant=self.tenant,
            pages=[
                PageRowWrite(row.page, row.seq, row.chats)
                for row in (self._pages[name] for name in sorted(self._dirty_pages))
            ],
            operations=self._recorded,
            chats=[self._chats[name] for name in self._dirty_chats],
            comments=[
                comment
                for comment in (self._comments[name] for name in self._dirty_comments)
                if comment.chat not in erased
            ],
            reacted=[Reacted(row.comment, row.emoji, row.reader, seq) for row, seq in reacted],
            unreacted=[Reacted(row.comment, row.emoji, row.reader, seq) for row, seq in unreacted],
            erased=self._erased,
            forgotten=self._forgotten,
        )

    # What operations need

    def _check_ban(self, operation: Operation, now_ms: int) -> None:
        if operation.op not in _SERVERS_OWN and is_banned(self._banned, operation.author.id, now_ms):
            raise NotAllowed("banned")

    def _limit(self, limit: limits.Limit) -> int:
        return limit_of(self._limits, limit)

    def _chat(self, operation: Operation) -> ChatRow:
        chat = self._chats.get(operation.chat)
        if chat is None or chat.deleted or chat.page != operation.page:
            raise NotThere("unknown-chat")
        return chat

    def _comment(self, operation: Operation) -> CommentRow:
        comment = self._comments.get(operation.comment)
        if comment is None or comment.deleted or comment.chat != operation.chat:
            raise NotThere("unknown-comment")
        return comment

    def _next_seq(self, page: str) -> int:
        row = self._pages[page]
        row.seq += 1
        self._dirty_pages.add(page)
        return row.seq

    def _touch(self, chat: ChatRow) -> int:
        chat.seq = self._next_seq(chat.page)
        self._dirty_chats.add(chat.id)
        return chat.seq

    def _updated(self, operation: Operation, chat: ChatRow, field: str, what: Chat) -> Change:
        return self._event("updated-text-chat", operation, chat, field, what)

    def _event(self, name: EventName, operation: Operation, chat: ChatRow, field: str, what: Chat) -> Change:
        return Change.of(Event(name, chat.seq, operation.id, what), field)

    def _comment_updated(self, operation: Operation, chat: ChatRow, comment: CommentRow) -> Change:
        shown = comment_on_wire(comment, self._reactions.get(comment.id))
        return self._updated(operation, chat, comment.id, Chat(chat.id, chat.seq, comment=shown))

    # The operations

    def _page_with_room(self, name: str) -> PageRow:
        """The page, if it may have one discussion more."""
        page = self._pages[name]
        most = self._limit(limits.CHATS_PER_PAGE)
        if page.chats >= most:
            raise Limited("over-limit", f"This page already has {most} discussions.", help=limits.CHATS_PER_PAGE.answer)
        return page

    def _new_chat(self, operation: Operation, now_ms: int) -> Change | None:
        page = self._page_with_room(operation.page)
        chat = ChatRow(operation.id, operation.page, 0, "open", operation.anchor, operation.author, now_ms, 1, False)
        self._chats[chat.id] = chat
        seq = self._touch(chat)
        page.chats += 1
        first = CommentRow(chat.id, chat.id, seq, operation.author, now_ms, operation.text, False, False)
        self._comments[first.id] = first
        self._dirty_comments.add(first.id)
        return self._event("new-text-chat", operation, chat, WHOLE, chat_on_wire(chat, [first], {}))

    def _add_comments(self, chat: ChatRow, number: int) -> None:
        most = self._limit(limits.COMMENTS_PER_CHAT)
        if chat.comments + number > most:
            raise Limited(
                "over-limit",
                f"This discussion may have {most} comments.",
                help=limits.COMMENTS_PER_CHAT.answer,
            )
        chat.comments += number

    def _reply(self, operation: Operation, now_ms: int) -> Change | None:
        chat = self._chat(operation)
        self._add_comments(chat, 1)
        seq = self._touch(chat)
        comment = CommentRow(operation.id, chat.id, seq, operation.author, now_ms, operation.text, False, False)
        self._comments[comment.id] = comment
        self._dirty_comments.add(comment.id)
        return self._comment_updated(operation, chat, comment)

    def _edit(self, operation: Operation, now_ms: int) -> Change | None:
        chat, comment = self._chat(operation), self._comment(operation)
        if comment.by.id != operation.author.id:
            raise NotAllowed("forbidden", "Only its author can edit a comment.")
        if comment.text == operation.text:
            return None
        comment.text, comment.edited = operation.text, True
        self._touch(chat)
        self._dirty_comments.add(comment.id)
        return self._comment_updated(operation, chat, comment)

    def _remove_comment(self, operation: Operation, now_ms: int) -> Change | None:
        chat, comment = self._chat(operation), self._comment(operation)
        if comment.id == chat.id:
            raise BadInput("use-delete-chat")
        if comment.by.id != operation.author.id and not operation.moderator:
            raise NotAllowed("forbidden", "Only its author or a moderator can remove a comment.")
        comment.text, comment.deleted = None, True
        chat.comments -= 1
        self._touch(chat)
        self._dirty_comments.add(comment.id)
        return self._comment_updated(operation, chat, comment)

    def _set_state(self, operation: Operation, now_ms: int) -> Change | None:
        chat = self._chat(operation)
        state = "resolved" if operation.op == "resolve" else "open"
        if chat.state == state:
            return None
        chat.state = "resolved" if operation.op == "resolve" else "open"
        self._touch(chat)
        return self._updated(operation, chat, STATE, Chat(chat.id, chat.seq, state=chat.state))

    def _relink(self, operation: Operation, now_ms: int) -> Change | None:
        chat = self._chat(operation)
        self._own_chat(operation, chat, "relink")
        if chat.anchor == operation.anchor:
            return None
        chat.anchor = operation.anchor
        self._touch(chat)
        return self._updated(operation, chat, ANCHOR, Chat(chat.id, chat.seq, anchor=chat.anchor))

    def _react(self, operation: Operation, now_ms: int) -> Change | None:
        chat, comment = self._chat(operation), self._comment(operation)
        row = ReactionRow(comment.id, operation.emoji, operation.author.id)
        if (row in self._reacted) == operation.on:
            return None
        shown = self._reactions.setdefault(comment.id, {})
        if operation.on:
            most = limits.REACTIONS_PER_COMMENT.default
            if row.emoji not in shown and len(shown) >= most:
                raise Limited("over-limit", f"This comment already has {most} different reactions.")
            self._reacted.add(row)
            shown.setdefault(row.emoji, []).append(row.reader)
        else:
            self._reacted.discard(row)
            self._withdrawn.add(row)
            left = [reader for reader in shown.get(row.emoji, []) if reader != row.reader]
            if left:
                shown[row.emoji] = left
            else:
                shown.pop(row.emoji, None)
        self._reaction_changes[row] = (operation.on, self._touch(chat))
        return self._comment_updated(operation, chat, comment)

    def _delete_chat(self, operation: Operation, now_ms: int) -> Change | None:
        chat = self._chat(operation)
        self._own_chat(operation, chat, "delete")
        chat.deleted, chat.anchor, chat.comments = True, None, 0
        self._touch(chat)
        self._pages[chat.page].chats -= 1
        self._erased.append(chat.id)
        return self._event("deleted-text-chat", operation, chat, WHOLE, Chat(chat.id, chat.seq))

    @staticmethod
    def _own_chat(operation: Operation, chat: ChatRow, verb: str) -> None:
        if chat.by.id != operation.author.id and not operation.moderator:
            raise NotAllowed("forbidden", f"Only its author or a moderator can {verb} a discussion.")


#: The first argument is the state itself.
Handler: TypeAlias = Callable[[Any, Operation, int], Change | None]

PageState.handlers = {
    "new-chat": PageState._new_chat,
    "reply": PageState._reply,
    "edit": PageState._edit,
    "remove-comment": PageState._remove_comment,
    "resolve": PageState._set_state,
    "reopen": PageState._set_state,
    "relink": PageState._relink,
    "react": PageState._react,
    "delete-chat": PageState._delete_chat,
}
