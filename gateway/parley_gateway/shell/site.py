"""A tenant's site as its server and the operator handle it: lists, bans, export, import, erasure.

The same core for the HTTP side and for the command line; every change leaves an entry in the administrators' log.
"""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Mapping
from typing import Any, Final
from uuid import uuid4

import msgspec

from parley.clock import Clock
from parley.errors import Limited, Refusal, Unavailable
from parley.objects import Author
from parley.pages import PARTITIONS
from parley.redis_keys import Keys
from parley_gateway.core.import_reader import ImportReader, annotation_reader, jsonl_reader
from parley_gateway.core.meter import Counter
from parley_gateway.core.operation import Operation
from parley_gateway.core.page_state import Accepted
from parley_gateway.core.portable import BanLine, check_reader
from parley_gateway.shell import exports
from parley_gateway.shell.operations import counted
from parley_gateway.shell.site_store import SiteStore
from parley_gateway.shell.writer import Writer
from parley_runtime.audit import record
from parley_runtime.outage import REDIS_AWAY
from parley_runtime.redis_client import Client

#: Operations of one caller that wait for their commit at the same time: leaves the lanes free for readers.
WINDOW = 64
#: Refused lines that an import's answer names; the others are counted.
NAMED = 100
#: Times that an erasure looks for what the reader wrote meanwhile.
PASSES = 10
#: Chats that one look of an erasure takes.
ERASED_AT_ONCE = 500


class ImportAnswer(msgspec.Struct, rename="camel"):
    """What became of an import. `existed`: operations whose ids were known, so that nothing was done; `complete`:
    whether the file's end was there; `bans`: new ones."""

    imported: int = 0
    existed: int = 0
    bans: int = 0
    refused: int = 0
    complete: bool = False
    problems: list[dict[str, Any]] = []


class Site:
    """Everything but the single page."""

    def __init__(self, store: SiteStore, writer: Writer, client: Client, keys: Keys, clock: Clock) -> None:
        self.store = store
        self.clock = clock
        self._writer = writer
        self._client = client
        self._keys = keys

    async def note(self, actor: str, action: str, tenant: str, detail: Mapping[str, Any]) -> None:
        """An entry in the administrators' log."""
        async with self.store.of(tenant) as connection:
            await record(connection, actor, action, tenant, detail)

    # Bans

    async def ban(self, actor: str, tenant: str, reader: str, reason: str | None, until: int | None) -> BanLine:
        """Holds from the reader's next operation on, on any gateway: it is looked up where that is committed."""
        ban = BanLine(check_reader(reader), self.clock.now_ms(), reason, until)
        async with self.store.of(tenant) as connection:
            await self.store.ban(connection, tenant, ban)
            await record(connection, actor, "ban", tenant, {"reader": reader, "until": until})
        return ban

    async def unban(self, actor: str, tenant: str, reader: str) -> bool:
        """False when there was no ban."""
        async with self.store.of(tenant) as connection:
            lifted = await self.store.unban(connection, tenant, reader)
            if lifted:
                await record(connection, actor, "unban", tenant, {"reader": reader})
        return lifted

    async def bans(self, tenant: str, after: str, limit: int) -> list[BanLine]:
        """By reader, from behind one."""
        async with self.store.of(tenant, readonly=True) as connection:
            return await self.store.bans(connection, tenant, after, limit)

    # Export and import

    async def export(self, actor: str, tenant: str, form: str) -> AsyncIterator[bytes]:
        """`form`: `jsonl` or `annotations`."""
        await self.note(actor, "export", tenant, {"format": form})
        chunks = exports.as_lines if form == "jsonl" else exports.as_annotations
        async for chunk in chunks(self.store, tenant, self.clock.now_ms()):
            yield chunk

    async def take(self, actor: str, tenant: str, form: str, data: AsyncIterator[bytes]) -> ImportAnswer:
        """Import. What was taken stays when it breaks off: the same file again goes on from there."""
        reader = jsonl_reader(tenant) if form == "jsonl" else annotation_reader(tenant)
        await self.note(actor, "import", tenant, {"format": form})
        answer = ImportAnswer()
        window: list[tuple[int, Operation]] = []
        async for chunk in data:
            for found in reader.feed(chunk):
                await self._one(tenant, reader, found, window, answer)
        for found in reader.close():
            await self._one(tenant, reader, found, window, answer)
        await self._commit(window, answer)
        answer.complete = reader.ended
        return answer

    async def _one(
        self,
        tenant: str,
        reader: ImportReader,
        found: Operation | BanLine | Refusal,
        window: list[tuple[int, Operation]],
        answer: ImportAnswer,
    ) -> None:
        if isinstance(found, Refusal):
            _refused(answer, reader.line, found)
        elif isinstance(found, BanLine):
            async with self.store.of(tenant) as connection:
                # A file that is older than the ban there is must not end it, nor bring an erased reason back.
                answer.bans += await self.store.ban(connection, tenant, found, change=False)
        else:
            window.append((reader.line, found))
            # What continues a chat waits for its beginning: one page is one lane, in the order of the calls.
            if len(window) >= WINDOW:
                await self._commit(window, answer)

    async def _commit(self, window: list[tuple[int, Operation]], answer: ImportAnswer) -> None:
        outcomes = await self.perform([operation for _, operation in window])
        for (line, _), outcome in zip(window, outcomes, strict=True):
            if isinstance(outcome, Accepted):
                answer.imported += not outcome.repeat
                answer.existed += outcome.repeat
            elif outcome.code == "id-reused":
                answer.existed += 1
            elif outcome.code in ("unavailable", "internal"):
                raise outcome
            else:
                _refused(answer, line, outcome)
        window.clear()

    async def perform(self, operations: list[Operation], counter: Counter | None = None) -> list[Accepted | Refusal]:
        """Commit these together with whatever else is being committed; the outcomes in order.

        `counter`: each is counted there as soon as it is accepted, however long the others take.
        """
        futures = [self._writer.perform(operation) for operation in operations]
        if counter is not None:
            for operation, future in zip(operations, futures, strict=True):
                future.add_done_callback(counted(counter, operation.size))
        outcomes = await asyncio.gather(*futures, return_exceptions=True)
        for outcome in outcomes:
            if isinstance(outcome, BaseException) and not isinstance(outcome, Refusal):
                raise outcome
        return [outcome for outcome in outcomes if isinstance(outcome, Accepted | Refusal)]

    # Erasure

    async def erase(self, actor: str, tenant: str, reader: str) -> dict[str, int]:
        """Take out everything that a reader wrote, their name and their reactions; from the bus too.

        Counts: {"chats": in which something was}. Raises `over-limit` when the reader goes on writing.
        """
        check_reader(reader)
        # The log must not keep what is erased: who has the reader's id can find the entry by its digest.
        digest = hashlib.sha256(f"{tenant}\0{reader}".encode()).hexdigest()
        await self.note(actor, "erase-reader", tenant, {"readerSha256": digest})
        touched: set[str] = set()
        again = 0
        while traces := await self.store.traces(tenant, reader, ERASED_AT_ONCE):
            again += touched.issuperset(chat for _, chat in traces)
            if again > PASSES:
                raise Limited(
                    "over-limit",
                    "This reader goes on writing.",
                    help="Ban the reader, or revoke the reader's tokens, and erase again.",
                    retry_in_ms=1_000,
                )
            for start in range(0, len(traces), WINDOW):
                await self._erase(tenant, reader, traces[start : start + WINDOW])
            touched |= {chat for _, chat in traces}
        async with self.store.of(tenant) as connection:
            await connection.execute("UPDATE bans SET reason = NULL WHERE tenant = $1 AND reader = $2", tenant, reader)
        await self._clear_bus()
        return {"chats": len(touched)}

    async def _erase(self, tenant: str, reader: str, traces: list[tuple[str, str]]) -> None:
        operations = [
            Operation(
                tenant=tenant,
                page=page,
                id=str(uuid4()),
                op="erase",
                author=Author(reader, ""),
                moderator=True,
                digest=hashlib.sha256(chat.encode()).hexdigest(),
                chat=chat,
            )
            for page, chat in traces
        ]
        for outcome in await self.perform(operations):
            if isinstance(outcome, Refusal):
                raise outcome

    async def _clear_bus(self) -> None:
        """Empty the streams. Any may have told something: of discussions that were deleted since, or when an erasure
        broke off before this, there are no traces that say which. Raises `unavailable`.

        Removing single entries would only mark them, and leave their bytes. Gateways that have read everything notice
        nothing; one that has not sees that it was trimmed, and asks the database.
        """
        try:
            for partition in range(PARTITIONS):
                await self._client.xtrim(self._keys.bus(partition), maxlen=0, approximate=False)
        except REDIS_AWAY:
            raise Unavailable("All is erased but what travels between gateways: erase the reader again.") from None


def _refused(answer: ImportAnswer, line: int, refusal: Refusal) -> None:
    answer.refused += 1
    if len(answer.problems) < NAMED:
        answer.problems.append({"line": line, "code": refusal.code, "message": refusal.message})


#: What an export or import looks like → its media type.
MEDIA: Final = {"jsonl": "application/x-ndjson", "annotations": "application/ld+json"}
