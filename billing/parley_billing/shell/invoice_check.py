"""Every invoice against its journal, its rules and its basis: what `parley invoice verify` does."""

from collections.abc import AsyncIterator
from hashlib import sha256
from typing import Any
from uuid import UUID

import msgspec
from msgspec.structs import replace

from parley_billing.core.invoice.basis import decode_basis
from parley_billing.core.invoice.chain import Entry, Held, broken
from parley_billing.core.invoice.checker import check
from parley_billing.core.invoice.drafting import draft
from parley_billing.core.invoice.invoice import Invoice, decode_invoice, encode_invoice
from parley_billing.core.invoice.party import Seller
from parley_runtime.database import Connection

#: Invoices in one read; each has some kilobytes.
AT_ONCE = 500
#: Seconds for one read.
READ_TIMEOUT = 600.0

_ENTRIES = """
SELECT seller, position, what, invoice, number_text, digest, at, detail, previous, hash FROM parley.invoice_journal
WHERE seller = $1 ORDER BY position
"""
_SERIES = """
SELECT s.seller, s.number, s.position, s.head, v.body FROM parley.invoice_series s
JOIN parley.invoice_sellers v ON v.name = s.seller ORDER BY 1
"""
_INVOICES = """
SELECT i.id, i.number_text, i.state, i.issued, i.digest, i.body, i.basis, i.gross,
  (SELECT j.what FROM parley.invoice_journal j WHERE j.invoice = i.id ORDER BY position DESC LIMIT 1) AS what,
  (SELECT min(j.number_text) FROM parley.invoice_journal j WHERE j.invoice = i.id AND j.digest = i.digest) AS chained,
  (SELECT array_agg(d.format || ':' || (d.digest = sha256(d.data))) FROM parley.invoice_documents d
   WHERE d.invoice = i.id) AS documents
FROM parley.invoices i WHERE i.state <> 'draft' AND i.seller = $1 ORDER BY i.number
"""


class Verified:
    """Invoices looked at, and each thing that is wrong. `heads`: (entries, last hash) by seller: who keeps that
    elsewhere sees later whether anything was taken off the end."""

    def __init__(self) -> None:
        self.invoices = 0
        self.wrong: list[str] = []
        self.heads: dict[str, tuple[int, bytes]] = {}


async def verify(connection: Connection) -> Verified:
    """In one snapshot. Raises what asyncpg raises."""
    found = Verified()
    async with connection.transaction(isolation="repeatable_read", readonly=True):
        for series in await connection.fetch(_SERIES):
            await _series(connection, series, found)
    return found


async def _series(connection: Connection, series: Any, found: Verified) -> None:
    name = series["seller"]
    seller = msgspec.json.decode(series["body"].encode(), type=Seller)
    entries = [
        Held(
            Entry(
                row["seller"], row["position"], row["what"], str(row["invoice"]), row["number_text"], row["digest"],
                row["at"], row["detail"], row["previous"],
            ),
            row["hash"],
        )
        for row in await connection.fetch(_ENTRIES, name, timeout=READ_TIMEOUT)
    ]  # fmt: skip
    found.wrong += broken(name, seller.prefix, entries)
    last = entries[-1].hash if entries else bytes(32)
    if (series["position"], bytes(series["head"])) != (len(entries), last):
        found.wrong.append(f"{name}: the journal does not end with the entry that the series says.")
    found.heads[name] = (len(entries), last)
    missing = {UUID(one.entry.invoice) for one in entries}
    async for row in _rows(connection, name):
        found.invoices += 1
        missing.discard(row["id"])
        found.wrong += [f"{row['number_text']}: {sentence}" for sentence in _one(row)]
    found.wrong += [f"{name}: the invoice {id}, which the journal names, is missing." for id in sorted(missing)]


async def _rows(connection: Connection, seller: str) -> AsyncIterator[Any]:
    cursor = await connection.cursor(_INVOICES, seller, timeout=READ_TIMEOUT)
    while rows := await cursor.fetch(AT_ONCE, timeout=READ_TIMEOUT):
        for row in rows:
            yield row


def _one(row: Any) -> list[str]:
    wrong = []
    body = row["body"].encode()
    if sha256(body).digest() != row["digest"] or row["chained"] != row["number_text"]:
        wrong.append("it is not what the journal says was finalized.")
    if row["what"] != row["state"]:
        wrong.append(f"it is {row['state']}, but {row['what']} in the journal.")
    for document in row["documents"] or ():
        name, _, right = document.partition(":")
        if right != "true":
            wrong.append(f"its {name} is not what was kept.")
    try:
        invoice = decode_invoice(body)
    except msgspec.DecodeError as problem:
        return [*wrong, f"it cannot be read ({problem})."]
    wrong += [str(problem) for problem in check(invoice)]
    if (invoice.number, invoice.issued) != (row["number_text"], row["issued"]):
        wrong.append("its number or day of issue is another one in the table.")
    if row["basis"] and not repeats(row["basis"].encode(), invoice):
        wrong.append("made again from its basis, it is another one.")
    return wrong


def repeats(basis: bytes, invoice: Invoice) -> bool:
    """Whether the basis gives the same bytes again, but for what finalizing adds."""
    again = draft(decode_basis(basis))
    same = replace(again, number=invoice.number, issued=invoice.issued, due=invoice.due)
    return encode_invoice(same) == encode_invoice(invoice)
