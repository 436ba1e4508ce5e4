"""The administrators' log in Postgres: every admin action leaves an entry that nobody can change afterwards.

An entry never holds key material, tokens, or what readers wrote: keys are named by `kid` and a digest.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import msgspec

from parley_runtime.database import Connection

#: Bytes of an entry's detail. A longer one is reduced to the names of its members: the entry must be made anyway.
LONGEST_DETAIL = 32_768

# The entry's tenant is also the one that row-level security lets a gateway write for.
_ADD = """INSERT INTO parley.admin_log (actor, action, tenant, detail)
          VALUES ($1, $2, set_config('parley.tenant', $3, true), $4::jsonb)"""
_LIST = """SELECT id, at, actor, action, tenant, detail::text AS detail FROM parley.admin_log
           WHERE ($1::text IS NULL OR tenant = $1) AND at >= $2 ORDER BY id DESC LIMIT $3"""


class Entry(msgspec.Struct, frozen=True):
    """One admin action. `id` grows with time; `at` is the database's clock."""

    id: int
    at: datetime
    actor: str
    action: str
    tenant: str
    detail: msgspec.Raw


async def record(connection: Connection, actor: str, action: str, tenant: str, detail: Mapping[str, Any]) -> None:
    """Add one entry, in the caller's transaction if there is one: then both are committed, or neither.

    `actor`: who did it (a reader id with its tenant, a login name). `action`: a word with hyphens, `erase-reader`.
    `detail`: what JSON can hold, without secrets. Raises what asyncpg raises; then do not do what was to be recorded.
    """
    data = msgspec.json.encode(dict(detail))
    if len(data) > LONGEST_DETAIL:
        data = msgspec.json.encode({"tooLong": sorted(detail)})
    await connection.execute(_ADD, actor, action, tenant, data.decode())


async def entries(connection: Connection, tenant: str | None, since: datetime, most: int) -> list[Entry]:
    """The latest entries from `since` on, newest first; of one tenant, or of all."""
    rows = await connection.fetch(_LIST, tenant, since, most)
    return [Entry(**{**row, "detail": msgspec.Raw(row["detail"].encode())}) for row in rows]
