"""Structured logs and metrics."""

import json
import logging
import re
import sys
import traceback
from collections.abc import MutableMapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import structlog
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from parley.metrics import Metric

#: A JWT wherever it may have slipped in. Belt and braces: nothing is meant to log one.
_TOKEN = re.compile(r"eyJ[\w-]{4,}\.[\w-]+\.[\w-]*")
_CREDENTIALS = re.compile(r"(?<=://)[^/@\s]+@")


def _redact(value: Any) -> Any:
    if isinstance(value, str):
        return _CREDENTIALS.sub("***@", _TOKEN.sub("[token]", value))
    return value


def _redact_all(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    return {name: _redact(value) for name, value in event.items()}


def configure_logging(level: str) -> None:
    """JSON lines on stderr: `at`, `level`, `event`, and what the context binds (`tenant`, `request`)."""
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True, key="at"),
            structlog.processors.format_exc_info,
            _redact_all,
            structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level.upper()]),
        logger_factory=structlog.WriteLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    libraries = logging.StreamHandler(sys.stderr)
    libraries.setFormatter(_LibraryFormatter())
    logging.basicConfig(level=logging.WARNING, handlers=[libraries])


#: Places in the code, innermost last, that the line of a library's problem names.
PLACES = 5


class _LibraryFormatter(logging.Formatter):
    """One JSON line for what a library logs: who spoke, the kind of problem and where. Its words may carry anything."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {"event": record.name, "level": record.levelname.lower()}
        if record.exc_info and record.exc_info[0] is not None:
            line["problem"] = record.exc_info[0].__name__
            frames = traceback.extract_tb(record.exc_info[2])[-PLACES:]
            line["where"] = [f"{Path(frame.filename).name}:{frame.lineno} {frame.name}" for frame in frames]
        line["at"] = datetime.fromtimestamp(record.created, UTC).isoformat().replace("+00:00", "Z")
        return json.dumps(line)


def get_logger() -> Any:
    """The process's logger; bind context with `structlog.contextvars`."""
    return structlog.get_logger()


class Metrics:
    """The metrics of one process. Only what `parley.metrics` registers can be had."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._made: dict[str, Counter | Gauge | Histogram] = {}

    def _make(self, metric: Metric) -> Counter | Gauge | Histogram:
        made = self._made.get(metric.name)
        if made is None:
            if metric.kind == "counter":
                made = Counter(metric.name, metric.help, metric.labels, registry=self.registry)
            elif metric.kind == "gauge":
                made = Gauge(metric.name, metric.help, metric.labels, registry=self.registry)
            else:
                made = Histogram(
                    metric.name, metric.help, metric.labels, registry=self.registry, buckets=metric.buckets
                )
            self._made[metric.name] = made
        return made

    def counter(self, metric: Metric) -> Counter:
        made = self._make(metric)
        assert isinstance(made, Counter)
        return made

    def gauge(self, metric: Metric) -> Gauge:
        made = self._make(metric)
        assert isinstance(made, Gauge)
        return made

    def histogram(self, metric: Metric) -> Histogram:
        made = self._make(metric)
        assert isinstance(made, Histogram)
        return made

    def text(self) -> bytes:
        """Prometheus's text format."""
        return generate_latest(self.registry)
