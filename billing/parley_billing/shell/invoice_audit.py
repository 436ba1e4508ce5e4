"""Invoice lines against usage records, in the caller's snapshot: the last part of `parley usage verify`."""

import asyncio
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from parley.usage import decode_record
from parley_billing.core.invoice.basis import decode_basis
from parley_billing.core.invoice.charging import parts_of
from parley_billing.core.invoice.invoice import decode_invoice
from parley_billing.core.invoice.usage_audit import Claim, UsageAudit
from parley_billing.core.rating.periods import day_start_ms
from parley_billing.core.reconciliation import Differences
from parley_runtime.database import Connection

#: Records in one read.
AT_ONCE = 500
#: Seconds for one read.
READ_TIMEOUT = 1_800.0

_INVOICES = """
SELECT tenant, number_text, body, basis FROM parley.invoices
WHERE kind = 'invoice' AND state <> 'draft' AND ($1::text IS NULL OR tenant = $1)
"""
_RECORDS = "SELECT batch, body FROM parley.usage_records WHERE NOT refused"


async def audit(connection: Connection, tenant: str | None, differences: Differences) -> int:
    """Number of parts of periods that were compared. Raises what asyncpg raises."""
    rows = await connection.fetch(_INVOICES, tenant, timeout=READ_TIMEOUT)
    claims = UsageAudit(claim for row in rows for claim in _claims(row))
    if claims.number:
        cursor = await connection.cursor(_RECORDS, timeout=READ_TIMEOUT)
        while records := await cursor.fetch(AT_ONCE, timeout=READ_TIMEOUT):
            await asyncio.to_thread(_add, claims, records)
    claims.finish(differences)
    return claims.number


def _add(claims: UsageAudit, records: list[Any]) -> None:
    for row in records:
        try:
            claims.add(row["batch"], decode_record(row["body"]).lines)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            continue  # the ledger's own check names it


def _claims(row: Any) -> list[Claim]:
    basis, invoice = decode_basis(row["basis"].encode()), decode_invoice(row["body"].encode())
    measured = [*([basis.metered] if basis.metered else []), *(earlier.metered for earlier in basis.earlier)]
    by_start = {one.period.start: one for one in measured}
    zone = ZoneInfo(basis.time_zone)
    found = []
    for covered in invoice.covers:
        parts = parts_of(by_start[covered.period.start])
        for part, said in zip(parts, covered.usage, strict=True):
            first, end = (day_start_ms(day, zone) for day in (part.stretch.start, part.stretch.end))
            found.append(Claim(row["tenant"], row["number_text"], first, end, covered.cutoff, dict(said)))
    return found
