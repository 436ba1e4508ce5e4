"""Group commit: operations that arrive while a transaction runs share the next one.

Each page belongs to one lane, and a lane commits one batch after the other, so that the operations of a page keep
their order; lanes run beside each other.
"""

import asyncio
import random
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING

import asyncpg
import msgspec

from parley import metrics as names
from parley.clock import Clock
from parley.errors import Refusal, Unavailable
from parley.pages import partition_of
from parley_gateway.core.batch import Decided, decide, wanted
from parley_gateway.core.bus_entry import Changed
from parley_gateway.core.operation import Operation
from parley_gateway.core.page_state import Accepted
from parley_gateway.shell.page_store import OutcomeUnknown, PageStore
from parley_runtime.database import FAULTS
from parley_runtime.outage import Outage
from parley_runtime.telemetry import Metrics, get_logger
from parley_runtime.tenant_view import TenantView

if TYPE_CHECKING:
    from parley_gateway.shell.tracing import Tracing

#: Transactions at the same time. Each fsync is shared by a batch; more lanes than this only split the batches.
LANES = 4
#: Operations in one transaction: bounds how long its page locks are held.
BATCH = 256
#: Operations waiting in one lane. More: `unavailable` at once, rather than an answer after everybody has gone.
QUEUE = 10_000
#: Seconds for which a batch is tried again while the database is away.
PATIENCE = 4.0

#: The database's own words for "again": nothing was written.
_AGAIN = (asyncpg.DeadlockDetectedError, asyncpg.SerializationError, asyncpg.UniqueViolationError)


class _Waiting(msgspec.Struct):
    operation: Operation
    outcome: "asyncio.Future[Accepted]"


class Writer:
    """Takes operations, answers when they are committed."""

    def __init__(
        self,
        store: PageStore,
        tenants: TenantView,
        clock: Clock,
        metrics: Metrics,
        *,
        committed: Callable[[Changed], None],
        doubtful: Callable[[str, str], None],
        tracing: "Tracing | None" = None,
    ) -> None:
        """`committed` is told of each page's changes; `doubtful` of a page that may have changed unseen."""
        self._lanes = [_Lane(self) for _ in range(LANES)]
        self.store = store
        self.tenants = tenants
        self.clock = clock
        self.committed = committed
        self.doubtful = doubtful
        self.tracing = tracing
        self.seconds = metrics.histogram(names.COMMIT_SECONDS)
        self.operations = metrics.histogram(names.COMMIT_OPERATIONS)
        self.outcomes = metrics.counter(names.OPERATIONS)

    def perform(self, operation: Operation) -> "asyncio.Future[Accepted]":
        """Done when committed; a refused one raises `Refusal`. Operations of a page take effect in call order."""
        lane = self._lanes[partition_of(operation.tenant, operation.page) % LANES]
        return lane.add(operation)

    async def close(self, seconds: float | None = None, commit_seconds: float | None = None) -> None:
        """Take nothing more, and wait until everything that was taken is answered.

        What has not come to its commit within `seconds` is not done, and refused. A commit that is under way then is
        waited for, at most `commit_seconds`: cut off it may be in all the same, and nobody would have counted it.
        """
        for lane in self._lanes:
            lane.closed = True
        if not await self._answered(seconds):
            for lane in self._lanes:
                lane.cut()
            await self._answered(commit_seconds)

    async def _answered(self, seconds: float | None) -> bool:
        """Wait for all lanes, at most so long; whether nothing is left to be answered."""
        working = [lane.task for lane in self._lanes if lane.task is not None]
        return not working or not (await asyncio.wait(working, timeout=seconds))[1]


class _Lane:
    def __init__(self, writer: Writer) -> None:
        self._writer = writer
        self._queue: deque[_Waiting] = deque()
        self.task: asyncio.Task[None] | None = None
        #: Whether nothing more is taken; whether nothing more is begun.
        self.closed = self._over = False
        self._trying: asyncio.Timeout | None = None
        self._outage = Outage("the database does not take operations")

    def add(self, operation: Operation) -> "asyncio.Future[Accepted]":
        outcome: asyncio.Future[Accepted] = asyncio.get_running_loop().create_future()
        if self.closed:
            outcome.set_exception(Unavailable("This gateway is shutting down."))
            return outcome
        if len(self._queue) >= QUEUE:
            outcome.set_exception(Unavailable("Too many operations are waiting."))
            return outcome
        self._queue.append(_Waiting(operation, outcome))
        if self.task is None or self.task.done():
            self.task = asyncio.create_task(self._work(), name="commit lane")
        return outcome

    def cut(self) -> None:
        """Begin nothing more; break off what has not come to its commit."""
        self._over = True
        if self._trying is not None:
            self._trying.reschedule(asyncio.get_running_loop().time())

    async def _work(self) -> None:
        while self._queue:
            batch = [self._queue.popleft() for _ in range(min(BATCH, len(self._queue)))]
            try:
                await self._commit(batch, asyncio.get_running_loop().time() + PATIENCE)
            except Exception:
                get_logger().error("a batch failed", exc_info=True)
                self._fail(batch, Refusal("internal"))

    async def _commit(self, batch: list[_Waiting], until: float, *, doubt: bool = False) -> bool:
        """Commit and answer; false when it failed. Tried until `until` on the loop's clock, or until it is cut.

        `doubt`: an earlier attempt may have committed it.
        """
        writer = self._writer
        loop = asyncio.get_running_loop()
        started = writer.clock.monotonic()
        while loop.time() <= until and not self._over:
            try:
                decided = await self._attempt(batch)
            except OutcomeUnknown as unknown:
                # Trying again tells: what is in is recognised by its id.
                doubt = True
                self._outage.began(unknown.__cause__ or unknown)
            except _AGAIN:
                if len(batch) > 1:
                    return await self._commit_each(batch, doubt=doubt)
            except FAULTS as problem:
                self._outage.began(problem)
            except asyncpg.PostgresError:
                get_logger().error("the database refused a batch", exc_info=True)
                if len(batch) > 1:
                    return await self._commit_each(batch, doubt=doubt)
                self._fail(batch, Refusal("internal"))
                return True  # the database answers: this operation is what it does not take
            else:
                self._outage.over()
                seconds = writer.clock.monotonic() - started
                writer.seconds.observe(seconds)
                writer.operations.observe(len(batch))
                self._answer(batch, decided, doubt, seconds)
                return True
            await asyncio.sleep(random.uniform(0.02, 0.2))  # noqa: S311 - jitter
        self._fail(batch, Refusal("internal") if doubt else Unavailable())
        return False

    async def _commit_each(self, batch: list[_Waiting], *, doubt: bool) -> bool:
        """One bad operation never fails another. A database that goes away is waited for once, not for each."""
        loop = asyncio.get_running_loop()
        until = loop.time() + PATIENCE
        for waiting in batch:
            if await self._commit([waiting], until, doubt=doubt):
                until = loop.time() + PATIENCE
        return True

    async def _attempt(self, batch: list[_Waiting]) -> Decided:
        writer = self._writer
        operations = [waiting.operation for waiting in batch]
        own_limits = {
            name: tenant.limits
            for name in {operation.tenant for operation in operations}
            if (tenant := writer.tenants.get(name)) is not None
        }
        now = writer.clock.now_ms()
        try:
            async with asyncio.timeout(None) as self._trying:
                return await writer.store.commit(
                    wanted(operations), lambda loaded: decide(operations, loaded, now, own_limits)
                )
        finally:
            self._trying = None

    def _answer(self, batch: list[_Waiting], decided: Decided, doubt: bool, seconds: float) -> None:
        writer = self._writer
        traces = {} if writer.tracing is None else _traces(writer.tracing, batch, decided, seconds)
        for (tenant, page), changes in decided.changes.items():
            after, seq = changes[0].seq - 1, changes[-1].seq
            traced = traces.get((tenant, page), ())
            writer.committed(Changed(tenant, page, decided.epoch, after, seq, changes, tuple(traced)))
        for place in decided.untold:
            writer.doubtful(*place)
        for waiting, outcome in zip(batch, decided.outcomes, strict=True):
            operation = waiting.operation
            if isinstance(outcome, Accepted):
                said = "repeat" if outcome.repeat else "ok" if outcome.change else "unchanged"
                if doubt and outcome.repeat:
                    writer.doubtful(operation.tenant, operation.page)
            else:
                said = outcome.code
            writer.outcomes.labels(operation.op, said).inc()
            if waiting.outcome.done():
                continue  # whoever asked has gone
            if isinstance(outcome, Accepted):
                waiting.outcome.set_result(outcome)
            else:
                waiting.outcome.set_exception(outcome)

    def _fail(self, batch: list[_Waiting], refusal: Refusal) -> None:
        for waiting in batch:
            self._writer.outcomes.labels(waiting.operation.op, refusal.code).inc()
            if refusal.code == "internal":
                self._writer.doubtful(waiting.operation.tenant, waiting.operation.page)
            if not waiting.outcome.done():
                waiting.outcome.set_exception(
                    Refusal(refusal.code, refusal.message, help=refusal.help, retry_in_ms=refusal.retry_in_ms)
                )


def _traces(
    tracing: "Tracing", batch: list[_Waiting], decided: Decided, seconds: float
) -> dict[tuple[str, str], list[str]]:
    """What each page's bus entry carries: the traces of those operations that changed it."""
    found: dict[tuple[str, str], list[str]] = {}
    for waiting, outcome in zip(batch, decided.outcomes, strict=True):
        operation = waiting.operation
        if operation.trace and isinstance(outcome, Accepted):
            trace = tracing.committed(operation.trace, seconds, len(batch))
            if outcome.change and not outcome.repeat:
                found.setdefault((operation.tenant, operation.page), []).append(trace)
    return found
