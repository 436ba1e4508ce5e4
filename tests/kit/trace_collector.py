"""An OpenTelemetry collector for tests: takes OTLP over HTTP on the loopback interface and keeps spans and metrics."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest


@dataclass(frozen=True)
class SeenSpan:
    """One span. Ids in hex; `by`: the run of the gateway that sent it; times in ns."""

    name: str
    trace: str
    span: str
    parent: str
    by: str
    attributes: dict[str, Any]
    start: int
    end: int


@dataclass(frozen=True)
class SeenSeries:
    """The newest value of one series. `value`: a number, of a histogram (count, sum, bounds, counts between them)."""

    kind: str
    value: Any
    service: str
    start: int


class Collector:
    """`raw`: every body of traces that came; `raw_metrics`: of metrics. `base`: without the path of either."""

    def __init__(self, base: str) -> None:
        self.base = base
        self.url = f"{base}/v1/traces"
        self.raw: list[bytes] = []
        self.raw_metrics: list[bytes] = []

    @property
    def metrics(self) -> dict[tuple[str, str, frozenset[tuple[str, str]]], SeenSeries]:
        """By instance, name and labels."""
        found = {}
        for body in list(self.raw_metrics):
            for resource in ExportMetricsServiceRequest.FromString(body).resource_metrics:
                about = {pair.key: pair.value.string_value for pair in resource.resource.attributes}
                for metric in (each for scope in resource.scope_metrics for each in scope.metrics):
                    kind = str(metric.WhichOneof("data"))
                    for point in getattr(metric, kind).data_points:
                        labels = frozenset((pair.key, pair.value.string_value) for pair in point.attributes)
                        key = about["service.instance.id"], metric.name, labels
                        found[key] = SeenSeries(
                            kind, _value(kind, point), about["service.name"], point.start_time_unix_nano
                        )
        return found

    @property
    def spans(self) -> list[SeenSpan]:
        found = []
        for body in list(self.raw):
            for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
                about = {pair.key: pair.value.string_value for pair in resource.resource.attributes}
                for scope in resource.scope_spans:
                    found += [_seen(span, about["service.instance.id"]) for span in scope.spans]
        return found

    def of(self, trace: str) -> list[SeenSpan]:
        """One trace's spans."""
        return [span for span in self.spans if span.trace == trace]


def _value(kind: str, point: Any) -> Any:
    if kind == "histogram":
        return point.count, point.sum, list(point.explicit_bounds), list(point.bucket_counts)
    return getattr(point, point.WhichOneof("value"))


def _seen(span: Any, by: str) -> SeenSpan:
    attributes = {pair.key: getattr(pair.value, pair.value.WhichOneof("value")) for pair in span.attributes}
    ids = span.trace_id.hex(), span.span_id.hex(), span.parent_span_id.hex()
    return SeenSpan(span.name, *ids, by, attributes, span.start_time_unix_nano, span.end_time_unix_nano)


@contextmanager
def collecting() -> Iterator[Collector]:
    """A collector that ends with the block."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            assert self.headers["Content-Type"] == "application/x-protobuf"
            assert self.path in ("/v1/traces", "/v1/metrics")
            (collector.raw if self.path == "/v1/traces" else collector.raw_metrics).append(body)
            self.send_response(200)
            self.send_header("Content-Type", "application/x-protobuf")
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    collector = Collector(f"http://127.0.0.1:{server.server_port}")
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield collector
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
