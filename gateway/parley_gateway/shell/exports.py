"""A tenant's data as one consistent snapshot, in bounded memory."""

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any

import msgspec

from parley.objects import Anchor
from parley_gateway.core import web_annotation
from parley_gateway.core.portable import VERSION, ChatLine, CommentLine, EndLine, HeadLine, Line, encode_line
from parley_gateway.shell.site_store import SiteStore, author_of
from parley_runtime.database import Connection

#: Chats in one read; comments in one read, so about so many texts are held at once.
CHATS, COMMENTS = 200, 500
#: Bytes that are collected before they are handed on.
CHUNK = 65_536


async def lines(store: SiteStore, tenant: str, at: int) -> AsyncIterator[Line]:
    """Everything but what was deleted. Oldest chats first."""
    chats = comments = bans = 0
    yield HeadLine(VERSION, tenant, at)
    async with store.of(tenant, "repeatable_read", readonly=True) as connection:
        async for line in _chats(connection, tenant):
            yield line
            chats += isinstance(line, ChatLine)
            comments += isinstance(line, CommentLine)
        after = ""
        while part := await store.bans(connection, tenant, after, COMMENTS):
            for ban in part:
                yield ban
            bans, after = bans + len(part), part[-1].reader
    yield EndLine(chats, comments, bans)


async def _chats(connection: Connection, tenant: str) -> AsyncIterator[ChatLine | CommentLine]:
    place: tuple[int, str] = (-1, "00000000-0000-0000-0000-000000000000")
    while rows := await connection.fetch(
        """SELECT page, id::text AS id, state, hidden, anchor::text AS anchor, author::text AS author, created_at,
             comments
           FROM chats WHERE tenant = $1 AND (NOT deleted OR hidden) AND (created_at, id) > ($2, $3::uuid)
           ORDER BY created_at, id LIMIT $4""",
        tenant,
        *place,
        CHATS,
    ):
        place = rows[-1]["created_at"], rows[-1]["id"]
        group: list[Any] = []
        weight = 0
        for row in rows:
            if group and weight + row["comments"] > COMMENTS:
                async for line in _group(connection, tenant, group):
                    yield line
                group, weight = [], 0
            group.append(row)
            weight += row["comments"]
        async for line in _group(connection, tenant, group):
            yield line


async def _group(connection: Connection, tenant: str, chats: Sequence[Any]) -> AsyncIterator[ChatLine | CommentLine]:
    """Some chats that are read together, or a large one in slices."""
    chat: Any = None
    by_id = {row["id"]: row for row in chats}
    order = [row["id"] for row in chats]
    place, born = 0, -(2**62)
    while rows := await connection.fetch(
        """SELECT o.place, c.chat::text AS chat, c.id::text AS id, c.born, c.author::text AS author, c.created_at,
             c.text, c.edited
           FROM unnest($2::uuid[]) WITH ORDINALITY AS o(chat, place)
           JOIN comments c ON c.tenant = $1 AND c.chat = o.chat AND NOT c.deleted
           WHERE (o.place, c.born) > ($3, $4) ORDER BY o.place, c.born LIMIT $5""",
        tenant,
        order,
        place,
        born,
        COMMENTS,
    ):
        place, born = rows[-1]["place"], rows[-1]["born"]
        reactions = await _reactions(connection, tenant, [row["id"] for row in rows])
        for row in rows:
            if row["chat"] != chat:
                chat = row["chat"]
                yield _chat_line(by_id[chat])
            yield CommentLine(
                chat,
                row["id"],
                author_of(row["author"]),
                row["created_at"],
                row["text"],
                row["edited"],
                reactions.get(row["id"], {}),
            )


def _chat_line(row: Mapping[str, Any]) -> ChatLine:
    anchor = msgspec.json.decode(row["anchor"], type=Anchor)
    return ChatLine(
        row["page"], row["id"], row["state"], anchor, author_of(row["author"]), row["created_at"], row["hidden"]
    )


async def _reactions(connection: Connection, tenant: str, comments: list[str]) -> dict[str, dict[str, list[str]]]:
    """comment → emoji → all its readers, in order."""
    rows = await connection.fetch(
        """SELECT comment::text AS comment, emoji, reader FROM reactions WHERE tenant = $1 AND comment = ANY($2::uuid[])
           ORDER BY comment, min(seq) OVER (PARTITION BY comment, emoji), emoji, seq, reader""",
        tenant,
        comments,
    )
    found: dict[str, dict[str, list[str]]] = {}
    for row in rows:
        found.setdefault(row["comment"], {}).setdefault(row["emoji"], []).append(row["reader"])
    return found


async def as_lines(store: SiteStore, tenant: str, at: int) -> AsyncIterator[bytes]:
    """JSON Lines, in chunks."""
    held = bytearray()
    async for line in lines(store, tenant, at):
        held += encode_line(line)
        if len(held) >= CHUNK:
            yield bytes(held)
            held.clear()
    yield bytes(held)


async def as_annotations(store: SiteStore, tenant: str, at: int) -> AsyncIterator[bytes]:
    """One W3C annotation page, in chunks. Bans are no annotations, and are left out."""
    held = bytearray(web_annotation.head(tenant))
    chat: ChatLine | None = None
    first = True
    async for line in lines(store, tenant, at):
        if isinstance(line, ChatLine):
            chat = line
        elif isinstance(line, CommentLine):
            assert chat is not None
            held += b"" if first else b",\n"
            held += web_annotation.annotation(chat, line)
            first = False
            if len(held) >= CHUNK:
                yield bytes(held)
                held.clear()
    yield bytes(held) + web_annotation.TAIL
