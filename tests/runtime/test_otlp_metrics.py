"""Metrics reach an OpenTelemetry collector under the names and with the values of /metrics; off, nothing is loaded."""

import os
import subprocess
import sys
import urllib.request
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from kit.billing_process import ROOMS, BillingProcess
from kit.gateway import MakeGateway
from kit.tenants import ORIGIN, add_tenant
from kit.trace_collector import Collector, collecting
from kit.waiting import until
from kit.wire_client import WireClient
from kit.wire_samples import anchor
from parley.metrics import Metric
from parley_runtime.otlp_metrics import as_otlp, wanted
from parley_runtime.telemetry import Metrics

PAGE = "https://acme.test/post"


def _scraped(url: str) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    with urllib.request.urlopen(url, timeout=5) as answer:
        families = list(text_string_to_metric_families(answer.read().decode()))
    return {(s.name, frozenset(s.labels.items())): s.value for family in families for s in family.samples}


def _sent(collector: Collector, service: str, name: str) -> dict[frozenset[tuple[str, str]], object]:
    series = collector.metrics.items()
    return {labels: seen.value for (_, of, labels), seen in series if of == name and seen.service == service}


@pytest.mark.servers
async def test_gateway_and_billing_send_what_they_show(
    redis_url: str,
    database_url: str,
    make_gateway: MakeGateway,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with collecting() as collector:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.base)
        monkeypatch.setenv("OTEL_METRIC_EXPORT_INTERVAL", "200")
        tenant = add_tenant(redis_url)
        gateway = make_gateway(redis_url, database_url)
        billing = BillingProcess(tmp_path, redis_url, database_url)
        try:
            billing.start()
            billing.wait_ready()
            token = tenant.token("annabelle")
            ann = await WireClient.open(gateway.live_url, token, origin=ORIGIN)
            await ann.join(PAGE)
            ack = await ann.do(PAGE, "new-chat", anchor=anchor(), text="A very private question")
            await ann.do(PAGE, "resolve", chat=ack["broadcastId"])
            booked = frozenset({("tenant", tenant.name), ("class", "publish")})
            await until(lambda: _sent(collector, "parley-billing", "parley_pubsub_messages_total").get(booked) == 2)
            operations = "parley_gateway_operations_total"
            resolved = frozenset({("op", "resolve"), ("outcome", "ok")})
            await until(lambda: _sent(collector, "parley-gateway", operations).get(resolved) == 1)
            await ann.close()
            closed = frozenset({("transport", "websocket")})
            await until(lambda: _sent(collector, "parley-gateway", "parley_gateway_connections").get(closed) == 0)
            shown = {**_scraped(gateway.metrics_url), **_scraped(f"{billing.metrics_url}/metrics")}
        finally:
            billing.stop()
        assert gateway.terminate() == 0
        sent = collector.metrics
        names = {name for name, _ in shown}
        for (_, name, labels), seen in sent.items():
            if seen.kind == "histogram":
                assert seen.value[0] >= shown[f"{name}_count", labels] and sum(seen.value[3]) == seen.value[0]
            else:
                assert (name, labels) in shown, name
                assert (seen.kind == "sum") == name.endswith("_total"), name
        families = {name for _, name, _ in sent}
        for name in names:
            stem = name.removesuffix("_bucket").removesuffix("_count").removesuffix("_sum")
            assert name.endswith("_created") or {name, stem} & families, f"{name} was not sent"
        everything = b"".join(collector.raw_metrics)
        assert all(secret.encode() not in everything for secret in ("annabelle", token, PAGE, "private question"))


@pytest.mark.servers
def test_a_collector_that_is_away_harms_nobody(
    redis_url: str, database_url: str, make_gateway: MakeGateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_METRICS_ENDPOINT", "http://127.0.0.1:1/v1/metrics")
    monkeypatch.setenv("OTEL_METRIC_EXPORT_INTERVAL", "50")
    gateway = make_gateway(redis_url, database_url)
    assert gateway.terminate() == 0


def test_each_kind_as_the_collector_takes_it() -> None:
    metrics = Metrics()
    metrics.counter(Metric("a_total", "counter", "A.", ("who",))).labels("x").inc(3)
    metrics.gauge(Metric("b", "gauge", "B.")).set(-1.5)
    histogram = metrics.histogram(Metric("c_seconds", "histogram", "C.", buckets=(0.1, 1.0)))
    for seconds in (0.05, 0.5, 0.7, 9.0):
        histogram.observe(seconds)
    (resource,) = as_otlp(metrics.registry.collect(), None).resource_metrics
    found = {metric.name: metric for metric in resource.scope_metrics[0].metrics}
    assert list(found) == ["a_total", "b", "c_seconds"]
    points: list[list[Any]] = [list(metric.data.data_points) for metric in found.values()]
    (counted,), (level,), (spread,) = points
    assert (counted.value, dict(counted.attributes or {})) == (3, {"who": "x"})
    assert 0 < counted.start_time_unix_nano <= counted.time_unix_nano
    assert level.value == -1.5
    assert (list(spread.explicit_bounds), list(spread.bucket_counts)) == ([0.1, 1.0], [1, 2, 1])
    assert spread.count == 4 and spread.sum == pytest.approx(10.25)


def test_the_standard_variables_decide() -> None:
    named = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:4318"}
    assert wanted(named) and wanted({"OTEL_EXPORTER_OTLP_METRICS_ENDPOINT": "http://127.0.0.1:4318/v1/metrics"})
    assert not wanted({}) and not wanted({"OTEL_METRICS_EXPORTER": "otlp"})
    assert not wanted({**named, "OTEL_METRICS_EXPORTER": "none"}) and not wanted({**named, "OTEL_SDK_DISABLED": "true"})


def test_nothing_of_it_is_loaded_when_it_is_off() -> None:
    # The Redis client brings OpenTelemetry's interface along where it is installed; the exporter is ours alone.
    code = "import sys, parley_billing.__main__, parley_gateway.__main__; "
    code += "print([n for n in sys.modules if n.startswith('opentelemetry.exporter')])"
    environment = {**os.environ, "PYTHONPATH": ROOMS}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
