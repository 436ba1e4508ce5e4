"""What Postgres holds, read with the tests' own queries, and a load's clients held against it."""

import json
import time
from dataclasses import dataclass
from typing import Any

import asyncpg

from kit.load import Load
from kit.page_copy import Plain

_CHATS = """
SELECT page, id::text, seq, state, anchor, author, created_at FROM parley.chats WHERE tenant = $1 AND NOT deleted
"""
_COMMENTS = """
SELECT chat::text, id::text, author, created_at, text, edited FROM parley.comments
WHERE tenant = $1 AND NOT deleted ORDER BY born
"""
_REACTIONS = "SELECT comment::text, emoji, reader FROM parley.reactions WHERE tenant = $1"
_OPERATIONS = "SELECT id::text, page, seq, kind FROM parley.operations WHERE tenant = $1"


@dataclass(frozen=True)
class Truth:
    """A tenant's pages. `operations`: id → (page, seq, the op or None when it changed nothing)."""

    heads: dict[str, int]
    chats: dict[str, dict[str, Plain]]
    operations: dict[str, tuple[str, int, str | None]]


async def read_truth(database_url: str, tenant: str) -> Truth:
    """In one snapshot, as the superuser, past row-level security."""
    connection = await asyncpg.connect(database_url)
    try:
        async with connection.transaction(isolation="repeatable_read", readonly=True):
            heads = await connection.fetch("SELECT page, seq FROM parley.pages WHERE tenant = $1", tenant)
            chats = await connection.fetch(_CHATS, tenant)
            comments = await connection.fetch(_COMMENTS, tenant)
            reactions = await connection.fetch(_REACTIONS, tenant)
            operations = await connection.fetch(_OPERATIONS, tenant)
    finally:
        await connection.close()
    reacted: dict[str, dict[str, list[str]]] = {}
    for row in reactions:
        reacted.setdefault(row["comment"], {}).setdefault(row["emoji"], []).append(row["reader"])
    said: dict[str, dict[str, Any]] = {}
    for row in comments:
        said.setdefault(row["chat"], {})[row["id"]] = {
            "by": json.loads(row["author"]),
            "at": row["created_at"],
            "text": row["text"],
            "edited": row["edited"],
            "reactions": {emoji: sorted(who) for emoji, who in reacted.get(row["id"], {}).items()},
        }
    pages: dict[str, dict[str, Plain]] = {row["page"]: {} for row in heads}
    for row in chats:
        pages[row["page"]][row["id"]] = {
            "seq": row["seq"],
            "state": row["state"],
            "anchor": json.loads(row["anchor"]),
            "by": json.loads(row["author"]),
            "at": row["created_at"],
            "comments": said.get(row["id"], {}),
            "order": list(said.get(row["id"], {})),
        }
    return Truth(
        {row["page"]: row["seq"] for row in heads},
        pages,
        {row["id"]: (row["page"], row["seq"], row["kind"]) for row in operations},
    )


async def converged(load: Load, database_url: str, tenant: str, since: float, seconds: float) -> float:
    """Wait until all that was under way is settled and every client knows all that was written by then.

    The load goes on meanwhile. The seconds since `since` (monotonic).
    """
    pending = [(writer, identity) for writer in load.writers for identity in writer.outbox]
    await load.until(lambda: not any(identity in writer.outbox for writer, identity in pending), seconds)
    heads = (await read_truth(database_url, tenant)).heads
    await load.until(lambda: load.reached(heads), seconds)
    return time.monotonic() - since


async def check_all(load: Load, database_url: str, tenant: str) -> Truth:
    """End the writing, and hold everything that clients were told against the database."""
    await load.stop_writing()
    await load.until(lambda: not any(writer.outbox for writer in load.writers), 15)
    truth = await read_truth(database_url, tenant)
    await load.until(lambda: load.reached(truth.heads), 10)
    assert not load.broken, load.broken
    sent = {identity for writer in load.writers for identity in writer.published}
    assert truth.operations.keys() <= sent, "the database has operations that nobody sent"
    for writer in load.writers:
        for identity, (page, seq) in writer.acked.items():
            assert identity in truth.operations, f"{identity} was acknowledged and is lost"
            assert truth.operations[identity][:2] == (page, seq), f"{identity} was acknowledged with another place"
        for identity in writer.surely_refused:
            assert identity not in truth.operations, f"{identity} was refused ({writer.refused[identity]}) and is there"
    for page, head in truth.heads.items():
        places = sorted(seq for where, seq, kind in truth.operations.values() if where == page and kind is not None)
        assert places == list(range(1, head + 1)), f"{page}: the history has holes or doubles"
    for client in load.clients:
        for copy in client.copies.values():
            assert not copy.broken, f"{client.name}: {copy.broken}"
            assert not copy.gaps, f"{client.name}: {copy.gaps} times a live frame did not continue {copy.page}"
            assert copy.seq == truth.heads.get(copy.page, 0), f"{client.name} is at {copy.seq}"
            assert copy.plain() == truth.chats.get(copy.page, {}), f"{client.name} holds another {copy.page}"
    return truth
