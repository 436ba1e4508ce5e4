"""Everything that says what was used: sealed records, the ledger's tables, and the answer to the tenant."""

import json
import struct
import urllib.request
import zlib
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import asyncpg

from kit.billing_process import BillingProcess
from kit.tenants import KitTenant
from kit.usage import ledger_sums
from parley.usage import decode_record

#: (class, "messages" or "bytes") → sum, of one tenant.
Sums = Counter[tuple[str, str]]
#: (run, number) → the record as it was sealed.
Bodies = dict[tuple[str, int], bytes]

TABLES = ("usage_totals", "usage_days", "usage_quarter_hours", "usage_minutes")

_HEADER = struct.Struct("<IIQ")


def spooled(directory: Path) -> Bodies:
    """The whole records on the spools of a directory, read as their form is described, with no line of the gateway."""
    found: Bodies = {}
    for path in directory.glob("*.spool"):
        data, place = path.read_bytes(), 0
        while len(data) - place >= _HEADER.size:
            length, checksum, number = _HEADER.unpack_from(data, place)
            body = data[place + _HEADER.size : place + _HEADER.size + length]
            if len(body) < length or zlib.crc32(struct.pack("<Q", number) + body) != checksum:
                break
            found[path.stem, number] = body
            place += _HEADER.size + length
    return found


def sums_of_bodies(bodies: Iterable[bytes], tenant: str) -> Sums:
    """What these records say of one tenant."""
    sums: Sums = Counter()
    for body in bodies:
        for line in decode_record(body).lines:
            if line.tenant == tenant:
                sums[line.usage_class, "messages"] += line.messages
                sums[line.usage_class, "bytes"] += line.bytes
    return +sums


async def booked(database_url: str, tenant: str) -> tuple[Bodies, dict[str, Sums]]:
    """The records that are in the ledger, and what each of its tables says of one tenant: in one snapshot."""
    connection = await asyncpg.connect(database_url)
    try:
        async with connection.transaction(isolation="repeatable_read", readonly=True):
            rows = await connection.fetch("SELECT run, number, body FROM parley.usage_records WHERE NOT refused")
            tables = {}
            for table in TABLES:
                all_sums = await ledger_sums(connection, table)
                tables[table] = Counter({key[1:]: value for key, value in all_sums.items() if key[0] == tenant})
    finally:
        await connection.close()
    return {(row["run"], row["number"]): row["body"] for row in rows}, tables


def told_to(tenant: KitTenant, billing: BillingProcess) -> Sums:
    """What `GET /v1/usage` answers for the running month."""
    token = tenant.token("finance", scope="usage:read")
    request = urllib.request.Request(f"{billing.url}/v1/usage", headers={"Authorization": f"Bearer {token}"})
    with urllib.request.urlopen(request, timeout=5) as answer:
        said = json.load(answer)
    sums: Sums = Counter()
    for usage_class, of_class in said["classes"].items():
        for what, number in of_class.items():
            sums[usage_class, what] = number
    for name, what in (("pubSubMessageCount", "messages"), ("pubSubBandwidth", "bytes")):
        assert said[name] == sums["publish", what] + sums["delivery", what]
    return +sums
