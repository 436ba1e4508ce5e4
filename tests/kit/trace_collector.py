"""An OpenTelemetry collector for tests: takes OTLP over HTTP on the loopback interface and keeps the spans."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

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


class Collector:
    """`raw`: every body that came."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.raw: list[bytes] = []

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
            collector.raw.append(body)
            self.send_response(200)
            self.send_header("Content-Type", "application/x-protobuf")
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    collector = Collector(f"http://127.0.0.1:{server.server_port}/v1/traces")
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield collector
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
