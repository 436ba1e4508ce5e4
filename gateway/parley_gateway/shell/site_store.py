"""A tenant's site in Postgres: what is found over all its pages, its bans, and what an erased reader left.

Row-level security stands behind each statement: every transaction says first for which tenant it is.
"""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import msgspec

from parley.objects import Author
from parley_gateway.core.portable import BanLine
from parley_gateway.core.site_query import Place, SiteQuery
from parley_runtime.database import Connection, Pool

#: Discussions that one search looks through. More: the answer is shorter, and its cursor goes on from there.
EXAMINED = 20_000


class SiteChat(msgspec.Struct, rename="camel", frozen=True):
    """A discussion in a list. `text`: its first comment; `comments`: how many there are."""

    page: str
    id: str
    seq: int
    state: str
    hidden: bool
    anchor: msgspec.Raw
    by: msgspec.Raw
    at: int
    comments: int
    text: str


class Found(msgspec.Struct, frozen=True):
    """`after`: where to go on; None when that is all."""

    chats: list[SiteChat]
    after: Place | None


class SiteStore:
    """Reads and writes as the role `parley_gateway`."""

    def __init__(self, pool: Pool) -> None:
        self.pool = pool

    @asynccontextmanager
    async def of(self, tenant: str, isolation: Any = None, *, readonly: bool = False) -> AsyncIterator[Connection]:
        """A transaction that sees this tenant's rows only."""
        async with self.pool.acquire() as connection, connection.transaction(isolation=isolation, readonly=readonly):
            await connection.execute("SELECT set_config('parley.tenant', $1, true)", tenant)
            yield connection

    # Discussions

    async def chats(self, tenant: str, query: SiteQuery) -> Found:
        """Newest first, from behind `query.after`."""
        arguments: list[Any] = [tenant]
        inner = _where(query, arguments)
        chosen = f"SELECT * FROM chats WHERE {inner} ORDER BY created_at DESC, id DESC"  # noqa: S608 - no input in it
        searched = ""
        many = query.limit + 1
        if query.text is not None:
            searched = f"WHERE EXISTS (SELECT FROM comments k WHERE {_said(query, arguments)})"
            chosen += f" LIMIT {EXAMINED}"
        sql = f"""SELECT c.page, c.id::text AS id, c.seq, c.state, c.hidden, c.anchor::text AS anchor,
                    c.author::text AS by, c.created_at AS at, c.comments,
                    (SELECT f.text FROM comments f WHERE f.tenant = $1 AND f.id = c.id) AS text
                  FROM ({chosen}) c {searched} ORDER BY c.created_at DESC, c.id DESC LIMIT {many}"""  # noqa: S608
        async with self.of(tenant, "repeatable_read", readonly=True) as connection:
            rows = await connection.fetch(sql, *arguments)
            after = None
            if len(rows) == many:
                after = Place(rows[-2]["at"], rows[-2]["id"])
            elif query.text is not None:
                last = await connection.fetchrow(
                    f"""SELECT created_at, id::text AS id FROM chats WHERE {inner}
                        ORDER BY created_at DESC, id DESC OFFSET {EXAMINED - 1} LIMIT 1""",  # noqa: S608
                    *_without_text(query, arguments),
                )
                after = Place(last["created_at"], last["id"]) if last else None
        return Found([_chat(row) for row in rows[: query.limit]], after)

    # Bans

    async def bans(self, connection: Connection, tenant: str, after: str, limit: int) -> list[BanLine]:
        """By reader, from behind one."""
        rows = await connection.fetch(
            "SELECT reader, at, reason, until FROM bans WHERE tenant = $1 AND reader > $2 ORDER BY reader LIMIT $3",
            tenant,
            after,
            limit,
        )
        return [BanLine(**row) for row in rows]

    async def ban(self, connection: Connection, tenant: str, ban: BanLine, *, change: bool = True) -> bool:
        """Or `change` the ban there is. False when it was left as it is."""
        kept = "UPDATE SET reason = excluded.reason, until = excluded.until" if change else "NOTHING"
        done = await connection.execute(
            f"""INSERT INTO bans (tenant, reader, at, reason, until) VALUES ($1, $2, $3, $4, $5)
               ON CONFLICT (tenant, reader) DO {kept}""",  # noqa: S608 - no input in it
            tenant,
            ban.reader,
            ban.at,
            ban.reason,
            ban.until,
        )
        return str(done) != "INSERT 0 0"

    async def unban(self, connection: Connection, tenant: str, reader: str) -> bool:
        """False when there was no ban."""
        done = await connection.execute("DELETE FROM bans WHERE tenant = $1 AND reader = $2", tenant, reader)
        return str(done) != "DELETE 0"

    # What a reader left

    async def traces(self, tenant: str, reader: str, limit: int) -> list[tuple[str, str]]:
        """(page, chat) where something of this reader is: as the chat's author, in a comment, as a reaction."""
        async with self.of(tenant, readonly=True) as connection:
            rows = await connection.fetch(
                """SELECT page, id::text AS id FROM chats WHERE tenant = $1 AND id IN (
                     SELECT id FROM chats WHERE tenant = $1 AND author_id = $2
                     UNION SELECT chat FROM comments WHERE tenant = $1 AND author_id = $2
                     UNION SELECT c.chat FROM reactions r JOIN comments c ON c.tenant = $1 AND c.id = r.comment
                       WHERE r.tenant = $1 AND r.reader = $2)
                   LIMIT $3""",
                tenant,
                reader,
                limit,
            )
        return [(row["page"], row["id"]) for row in rows]


def _where(query: SiteQuery, arguments: list[Any]) -> str:
    """Conditions on chats that an index may take under row-level security; values go to `arguments`."""

    def value(given: Any) -> str:
        arguments.append(given)
        return f"${len(arguments)}"

    conditions = ["tenant = $1"]
    if query.state == "hidden":
        conditions.append("hidden")
    else:
        conditions.append("NOT deleted")
        if query.state is not None:
            conditions.append(f"state = {value(query.state)}")
    if query.page is not None:
        conditions.append(f"page = {value(query.page)}")
    if query.site is not None:
        site = value(query.site.rstrip("/"))
        conditions.append(f"(page = {site} OR (page >= {site} || '/' AND page < {site} || '0'))")
    if query.since is not None:
        conditions.append(f"created_at >= {value(query.since)}")
    if query.until is not None:
        conditions.append(f"created_at < {value(query.until)}")
    if query.author is not None:
        author = value(query.author)
        conditions.append(
            f"id IN (SELECT chat FROM comments WHERE tenant = $1 AND author_id = {author} AND NOT deleted)"  # noqa: S608
        )
    if query.after is not None:
        conditions.append(f"(created_at, id) < ({value(query.after.at)}, {value(query.after.id)}::uuid)")
    return " AND ".join(conditions)


def _said(query: SiteQuery, arguments: list[Any]) -> str:
    """Conditions on a comment of chat `c`: the text stands in it, whatever the case."""
    arguments.append(query.text)
    conditions = ["k.tenant = $1", "k.chat = c.id", "NOT k.deleted"]
    conditions.append(f"position(lower(${len(arguments)}) IN lower(k.text)) > 0")
    if query.author is not None:
        arguments.append(query.author)
        conditions.append(f"k.author_id = ${len(arguments)}")
    return " AND ".join(conditions)


def _without_text(query: SiteQuery, arguments: Sequence[Any]) -> Sequence[Any]:
    """The arguments of `_where` alone."""
    return arguments[: len(arguments) - (1 if query.author is None else 2)]


def _chat(row: Any) -> SiteChat:
    raw = {name: msgspec.Raw((row[name] or "null").encode()) for name in ("anchor", "by")}
    return SiteChat(**{**row, **raw})


def author_of(text: str) -> Author:
    """An author as it is stored."""
    return msgspec.json.decode(text, type=Author)
