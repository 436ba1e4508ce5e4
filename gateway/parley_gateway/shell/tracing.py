"""Traces of operations, as OpenTelemetry: from whoever asked, through the commit and the bus, to the last delivery.

Off unless a collector is named, and then nothing here is imported by anybody. Spans say what was done and how it ended;
never a token, a text, a page or a reader.
"""

import asyncio
import time
from collections.abc import Iterable
from functools import partial

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.sampling import TraceIdRatioBased
from opentelemetry.trace import Span, SpanKind, Status, StatusCode
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from parley import __version__
from parley.errors import Refusal
from parley_gateway.core.page_state import Accepted

#: Milliseconds that a stopping gateway waits for the collector.
FLUSH_MS = 2_000
#: Spans that wait for the collector; more are dropped.
QUEUE = 4_096

_HEADER = "traceparent"
_w3c = TraceContextTextMapPropagator()


class Tracing:
    """One gateway's traces. One is taken or not by its id alone, alike on every gateway, whatever its sender wants."""

    def __init__(self, url: str, share: float, run: str) -> None:
        about = {"service.name": "parley-gateway", "service.version": __version__, "service.instance.id": run}
        self._provider = TracerProvider(
            sampler=TraceIdRatioBased(share), resource=Resource.create(about), shutdown_on_exit=False
        )
        exporter = OTLPSpanExporter(endpoint=url)
        self._provider.add_span_processor(BatchSpanProcessor(exporter, max_queue_size=QUEUE))
        self._tracer = self._provider.get_tracer("parley", __version__)

    def operation(self, op: str, tenant: str, traceparent: str) -> Span | None:
        """An operation begins; None when its trace is not taken. A `traceparent` that is none is ignored (W3C §2.2)."""
        context = _w3c.extract({_HEADER: traceparent}) if traceparent else None
        attributes = {"parley.op": op, "parley.tenant": tenant}
        span = self._tracer.start_span("parley.operation", context, SpanKind.SERVER, attributes)
        return span if span.is_recording() else None

    def follow(self, span: Span, future: "asyncio.Future[Accepted]") -> None:
        """End the span when the operation is answered."""
        future.add_done_callback(partial(_answered, span))

    def committed(self, trace: str, seconds: float, operations: int) -> str:
        """The transaction that an operation shared is over. What its bus entry carries."""
        end = time.time_ns()
        attributes = {"parley.operations": operations}
        start = end - round(seconds * 1e9)
        span = self._tracer.start_span(
            "parley.commit", _w3c.extract({_HEADER: trace}), SpanKind.PRODUCER, attributes, start_time=start
        )
        span.end(end)
        return self.traceparent_of(span)

    def arrived(self, traces: Iterable[str]) -> list[Span]:
        """A bus entry, or the own commit, is there; end these with `delivered`."""
        return [
            self._tracer.start_span("parley.deliver", _w3c.extract({_HEADER: trace}), SpanKind.CONSUMER)
            for trace in traces
        ]

    @staticmethod
    def traceparent_of(span: Span) -> str:
        """The span as its children name it."""
        about = span.get_span_context()
        return f"00-{about.trace_id:032x}-{about.span_id:016x}-{int(about.trace_flags):02x}"

    @staticmethod
    def delivered(spans: Iterable[Span], subscribers: int) -> None:
        """The last subscriber of this gateway has it."""
        for span in spans:
            span.set_attribute("parley.subscribers", subscribers)
            span.end()

    async def close(self) -> None:
        """Send what waits, for a while."""
        await asyncio.to_thread(self._provider.force_flush, FLUSH_MS)
        await asyncio.to_thread(self._provider.shutdown)


def _answered(span: Span, future: "asyncio.Future[Accepted]") -> None:
    problem = None if future.cancelled() else future.exception()
    if problem is None and not future.cancelled():
        accepted = future.result()
        span.set_attribute("parley.outcome", "repeat" if accepted.repeat else "ok")
        span.set_attribute("parley.seq", accepted.seq)
    else:
        span.set_attribute("parley.outcome", problem.code if isinstance(problem, Refusal) else "internal")
        if not isinstance(problem, Refusal):
            span.set_status(Status(StatusCode.ERROR))
    span.end()
