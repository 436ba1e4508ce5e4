"""Documents of invoices: made once, kept, and given out as they were made from then on."""

import asyncio
import hashlib
import os
import threading
from collections.abc import Callable
from concurrent.futures import Executor, ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context, parent_process
from typing import Final, Literal, TypeAlias
from uuid import UUID

from parley.money import MINOR_UNITS
from parley_billing.core.invoice.cii import cii
from parley_billing.core.invoice.invoice import decode_invoice
from parley_billing.core.invoice.tax import InvoiceProblem
from parley_billing.core.invoice.ubl import ubl
from parley_billing.shell.invoice_pdf import pdf
from parley_billing.shell.invoice_store import Kept
from parley_runtime.database import Connection

Format: TypeAlias = Literal["pdf", "cii", "ubl"]
#: How each is made.
MAKERS: Final[dict[Format, Callable[..., bytes]]] = {"pdf": pdf, "cii": cii, "ubl": ubl}

_HELD = "SELECT data FROM parley.invoice_documents WHERE invoice = $1 AND format = $2"
_KEEP = """
INSERT INTO parley.invoice_documents (invoice, format, digest, data) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING
"""
_MISSING = """
SELECT i.id, i.body, f.format FROM parley.invoices i, unnest($1::text[]) AS f(format)
WHERE i.state <> 'draft' AND NOT EXISTS (
  SELECT FROM parley.invoice_documents d WHERE d.invoice = i.id AND d.format = f.format)
  AND (f.format = 'pdf' OR i.currency <> ALL($3)) AND i.id <> ALL($4)
ORDER BY i.seller, i.number, f.format LIMIT $2
"""
#: Currencies whose amounts EN 16931 cannot say.
NO_XML: Final = [currency for currency, decimals in MINOR_UNITS.items() if decimals > 2]
#: Documents that are made between two commits: a crash costs as many, and no more.
AT_ONCE = 64


async def document(connection: Connection, kept: Kept, form: Format) -> bytes:
    """As it was kept, or made and kept now; that of a draft is not kept. Raises `InvoiceProblem`."""
    if kept.state == "draft":
        return await asyncio.to_thread(MAKERS[form], kept.invoice)
    held = await connection.fetchval(_HELD, kept.id, form)
    if held is None:
        await _keep(connection, kept.id, form, await asyncio.to_thread(MAKERS[form], kept.invoice))
        held = await connection.fetchval(_HELD, kept.id, form)
    return bytes(held)


async def make_missing(
    connection: Connection, pool: Executor, formats: tuple[Format, ...] = ("pdf", "ubl")
) -> list[str]:
    """Make and keep what no invoice may be without. Start it again after whatever ended it.

    Work is done by the processes of `pool`. Returns a sentence for each invoice that has no document now; the others
    have theirs.
    """
    problems: dict[UUID, str] = {}
    loop = asyncio.get_running_loop()
    while rows := await connection.fetch(_MISSING, list(formats), AT_ONCE, NO_XML, list(problems)):
        work = [loop.run_in_executor(pool, partial(make, row["format"], row["body"].encode())) for row in rows]
        done = await asyncio.gather(*work, return_exceptions=True)
        async with connection.transaction():
            for row, data in zip(rows, done, strict=True):
                if isinstance(data, InvoiceProblem):
                    problems[row["id"]] = str(data)
                elif isinstance(data, BaseException):
                    raise data
                else:
                    await _keep(connection, row["id"], row["format"], data)
    return list(problems.values())


def processes() -> ProcessPoolExecutor:
    """One for each core. They end with this process, also when it is killed."""
    return ProcessPoolExecutor(mp_context=get_context("spawn"), initializer=_end_with_parent)


def _end_with_parent() -> None:
    parent = parent_process()
    assert parent is not None  # it is the parent that makes the pool

    def watch() -> None:
        parent.join()
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def make(form: Format, body: bytes) -> bytes:
    """One document of an invoice's bytes; for a process of its own."""
    return MAKERS[form](decode_invoice(body))


async def _keep(connection: Connection, id: UUID, form: str, data: bytes) -> None:
    await connection.execute(_KEEP, id, form, hashlib.sha256(data).digest(), data)
