"""The pages' database in memory: plain dicts that answer as the functions of the first migration do.

`tests/gateway/test_page_database.py` holds it against the real functions, so what is proven on it holds there too.
"""

import copy
import itertools
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from parley_gateway.core.batch import Decided, decide, wanted
from parley_gateway.core.operation import Operation
from parley_gateway.core.page_state import Recorded, TenantWrites
from parley_gateway.core.rows import (
    Changes,
    ChatRow,
    CommentRow,
    DoneRow,
    Events,
    Loaded,
    LoadedTenant,
    OperationRow,
    PageRow,
    ReactionRow,
)

#: Readers of one emoji: shown on the wire, and known while a batch is decided.
SHOWN, KNOWN = 50, 310
#: Comments in one answer of `changes`, about.
ANSWER = 1_000


class PageDatabase:
    """`answer` makes the parts of an answer smaller than the real ones, for tests of parts."""

    def __init__(self, epoch: str = "e1", *, answer: int = ANSWER) -> None:
        self.epoch = epoch
        self.answer = answer
        self._pages: dict[tuple[str, str], PageRow] = {}
        self._operations: dict[tuple[str, str], Recorded] = {}
        self._chats: dict[tuple[str, str], ChatRow] = {}
        self._comments: dict[tuple[str, str], CommentRow] = {}
        self._reactions: dict[tuple[str, str, str, str], int] = {}
        #: (tenant, reader) → until when, or None.
        self.bans: dict[tuple[str, str], int | None] = {}

    def copy(self, epoch: str) -> "PageDatabase":
        """The same rows under another epoch: what a restore brings back."""
        twin = copy.deepcopy(self)
        twin.epoch = epoch
        return twin

    def done(self, tenant: str) -> set[str]:
        """Ids of the operations that are in."""
        return {identity for owner, identity in self._operations if owner == tenant}

    # Writing

    def commit(
        self, operations: Sequence[Operation], now_ms: int, limits: Mapping[str, Mapping[str, int]] | None = None
    ) -> Decided:
        """One transaction."""
        decided = decide(operations, self.load(wanted(operations)), now_ms, limits or {})
        self.store(decided.writes)
        return decided

    def load(self, batch: list[dict[str, Any]]) -> Loaded:
        return Loaded(self.epoch, [self._load(part) for part in batch])

    def _load(self, part: dict[str, Any]) -> LoadedTenant:
        me = part["tenant"]
        for page in part["create"]:
            self._pages.setdefault((me, page), PageRow(page, 0, 0))
        reacted = [(row["comment"], row["emoji"], row["reader"]) for row in part["reacted"]]
        asked = part.get("whole", ())
        whole = [row for (owner, _), row in self._comments.items() if owner == me and row.chat in asked]
        return copy.deepcopy(
            LoadedTenant(
                tenant=me,
                pages=[self._pages[me, page] for page in part["pages"] if (me, page) in self._pages],
                operations=[
                    DoneRow(row.id, row.digest, row.page, row.seq)
                    for identity in part["ids"]
                    if (row := self._operations.get((me, identity))) is not None
                ],
                chats=[self._chats[me, chat] for chat in part["chats"] if (me, chat) in self._chats],
                comments=[self._comments[me, one] for one in part["comments"] if (me, one) in self._comments],
                reactions=self._shown(me, part["comments"], KNOWN),
                reacted=[ReactionRow(*row) for row in reacted if (me, *row) in self._reactions],
                banned=[(reader, self.bans[me, reader]) for reader in part["authors"] if (me, reader) in self.bans],
                whole=sorted(whole, key=lambda row: row.born) if "whole" in part else None,
                whole_reactions=self._shown(me, [row.id for row in whole], KNOWN) if "whole" in part else None,
            )
        )

    def store(self, batch: Sequence[TenantWrites]) -> None:
        """Raises `KeyError` when an operation's id is in use already, before anything is written."""
        for part in batch:
            for row in part.operations:
                if (part.tenant, row.id) in self._operations:
                    raise KeyError(row.id)
        for part in copy.deepcopy(list(batch)):
            me = part.tenant
            self._operations.update({(me, row.id): row for row in part.operations})
            self._pages.update({(me, row.page): PageRow(row.page, row.seq, row.chats) for row in part.pages})
            self._chats.update({(me, row.id): row for row in part.chats})
            self._comments.update({(me, row.id): row for row in part.comments})
            for gone in part.unreacted:
                self._reactions.pop((me, gone.comment, gone.emoji, gone.reader), None)
            for given in part.reacted:
                self._reactions.setdefault((me, given.comment, given.emoji, given.reader), given.seq)
            for left in part.forgotten:
                self._reactions = {
                    key: seq
                    for key, seq in self._reactions.items()
                    if (key[0], key[3]) != (me, left.reader) or self._comments[me, key[1]].chat != left.chat
                }
            dead = {row.id for (owner, _), row in self._comments.items() if owner == me and row.chat in part.erased}
            self._comments = {k: row for k, row in self._comments.items() if k[0] != me or row.id not in dead}
            dead |= {row.id for row in part.comments if row.deleted}
            self._reactions = {k: seq for k, seq in self._reactions.items() if k[0] != me or k[1] not in dead}

    # Reading

    def head(self, tenant: str, page: str) -> int:
        row = self._pages.get((tenant, page))
        return row.seq if row else 0

    def heads(self, pages: Sequence[tuple[str, str]]) -> tuple[str, list[int]]:
        return self.epoch, [self.head(*page) for page in pages]

    def changes(self, me: str, page: str, epoch: str | None, seq: int | None) -> Changes:
        head = self.head(me, page)
        whole = epoch != self.epoch or seq is None or not 0 <= seq <= head
        since = 0 if whole or seq is None else seq
        changed = (row for row in self._of(me, page) if row.seq > since and not (whole and row.deleted))
        ordered = sorted(changed, key=lambda row: row.seq)
        weights = itertools.accumulate(row.comments + 1 for row in ordered)
        taken = [
            row for n, (row, weight) in enumerate(zip(ordered, weights, strict=True)) if not n or weight <= self.answer
        ]
        said = [row for (owner, _), row in self._comments.items() if owner == me and row.chat in {r.id for r in taken}]
        chats = [
            msgspec.structs.replace(
                chat,
                rows=sorted((row for row in said if row.chat == chat.id and not row.deleted), key=lambda row: row.born),
            )
            for chat in taken
            if not chat.deleted
        ]
        return copy.deepcopy(
            Changes(
                epoch=self.epoch,
                seq=head,
                covered=head if len(taken) == len(ordered) else taken[-1].seq,
                whole=whole,
                chats=chats,
                gone=[chat.id for chat in taken if chat.deleted],
                reactions=self._shown(me, [row.id for row in said], SHOWN),
            )
        )

    def events(self, me: str, page: str, after: int, longest: int) -> Events:
        head = self.head(me, page)
        if head - after > longest or head < after:
            return Events(self.epoch, head, None)
        done = sorted(
            (
                row
                for (owner, _), row in self._operations.items()
                if owner == me and row.page == page and row.seq > after and row.kind is not None
            ),
            key=lambda row: row.seq,
        )
        fresh = {row.chat for row in done if row.kind in ("new-chat", "unhide-chat", "import", "erase")}
        touched = {row.chat for row in done}
        named = {row.comment for row in done}
        said = sorted(
            (
                row
                for (owner, _), row in self._comments.items()
                if owner == me and (row.chat in fresh or row.id in named)
            ),
            key=lambda row: row.born,
        )
        return copy.deepcopy(
            Events(
                self.epoch,
                head,
                [OperationRow(row.id, row.seq, str(row.kind), str(row.chat), row.comment) for row in done],
                [row for row in self._of(me, page) if row.id in touched],
                said,
                self._shown(me, [row.id for row in said], SHOWN),
            )
        )

    def _of(self, me: str, page: str) -> list[ChatRow]:
        return [row for (owner, _), row in self._chats.items() if owner == me and row.page == page]

    def _shown(self, me: str, comments: Sequence[str], most: int) -> list[ReactionRow]:
        found: dict[tuple[str, str], list[tuple[int, str]]] = {}
        for (owner, comment, emoji, reader), seq in self._reactions.items():
            if owner == me and comment in set(comments):
                found.setdefault((comment, emoji), []).append((seq, reader))
        rows: list[tuple[int, int, str, ReactionRow]] = []
        for (comment, emoji), readers in found.items():
            readers.sort()
            rows.extend(
                (readers[0][0], seq, reader, ReactionRow(comment, emoji, reader)) for seq, reader in readers[:most]
            )
        rows.sort(key=lambda row: row[:3])
        return [row[3] for row in rows]
