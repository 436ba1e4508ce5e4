"""Performing a `do`, for every transport alike."""

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING

import msgspec

from parley.claims import Claims
from parley.client_frames import Do
from parley_gateway.core.meter import Counter
from parley_gateway.core.operation import Operation, accept
from parley_gateway.core.page_state import Accepted
from parley_gateway.shell.admission import Admission
from parley_gateway.shell.writer import Writer

if TYPE_CHECKING:
    from parley_gateway.shell.tracing import Tracing


class Operations:
    """Checks, commits, counts."""

    def __init__(self, admission: Admission, writer: Writer, tracing: "Tracing | None" = None) -> None:
        self._admission = admission
        self._writer = writer
        self._tracing = tracing

    def perform(
        self, do: Do, claims: Claims, *, size: int, site: str, counter: Counter
    ) -> "tuple[Operation, asyncio.Future[Accepted]]":
        """Take an operation; its future is done when it is committed, and raises `Refusal` when it is refused.

        Raises `Refusal` at once for what can be told without the page. `size`: bytes that count if it is accepted.
        """
        operation = self._admission.admit(accept(do, claims, size=size, site=site), claims)
        future = self._writer.perform(operation) if self._tracing is None else self._traced(operation, do.traceparent)
        future.add_done_callback(counted(counter, size))
        return operation, future

    def _traced(self, operation: Operation, traceparent: str) -> "asyncio.Future[Accepted]":
        assert self._tracing is not None
        span = self._tracing.operation(operation.op, operation.tenant, traceparent)
        if span is None:
            return self._writer.perform(operation)
        future = self._writer.perform(msgspec.structs.replace(operation, trace=self._tracing.traceparent_of(span)))
        self._tracing.follow(span, future)
        return future


def counted(counter: Counter, size: int) -> "Callable[[asyncio.Future[Accepted]], None]":
    """For an operation's future, before whoever acknowledges it: a first acceptance counts `size` bytes."""

    def count(future: "asyncio.Future[Accepted]") -> None:
        if not future.cancelled() and future.exception() is None and not future.result().repeat:
            counter.publish(1, size)

    return count
