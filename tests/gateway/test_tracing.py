"""A trace goes from whoever asked, through the commit and the bus, to the last delivery on every gateway."""

import json
import os
import secrets
import subprocess
import sys
from collections.abc import Iterator

import aiohttp
import pytest

from kit.gateway import ROOMS, MakeGateway
from kit.http_world import path_of
from kit.tenants import ORIGIN, add_tenant
from kit.trace_collector import Collector, SeenSpan, collecting
from kit.waiting import until
from kit.wire_client import WireClient, new_id
from kit.wire_samples import anchor

PAGE = "https://acme.test/secret-page"
TEXT = "A very private question"


@pytest.fixture
def collector(monkeypatch: pytest.MonkeyPatch) -> Iterator[Collector]:
    monkeypatch.setenv("OTEL_BSP_SCHEDULE_DELAY", "50")  # ms; what is traced is sent soon
    with collecting() as made:
        yield made


def _new_trace() -> tuple[str, str, str]:
    trace, span = secrets.token_hex(16), secrets.token_hex(8)
    return trace, span, f"00-{trace}-{span}-01"


def _only(spans: list[SeenSpan], name: str) -> SeenSpan:
    (found,) = [span for span in spans if span.name == name]
    return found


@pytest.mark.servers
async def test_from_the_reader_to_the_last_delivery_on_every_gateway(
    redis_url: str, database_url: str, make_gateway: MakeGateway, collector: Collector
) -> None:
    tenant = add_tenant(redis_url)
    settings = {"TRACING_URL": collector.url, "TRACING_SHARE": "1"}
    first, second = (make_gateway(redis_url, database_url, **settings) for _ in range(2))
    tokens = {name: tenant.token(name) for name in ("annabelle", "bodil", "cyrus")}
    ann = await WireClient.open(first.live_url, tokens["annabelle"], origin=ORIGIN)
    bo = await WireClient.open(second.live_url, tokens["bodil"], origin=ORIGIN)
    try:
        await ann.join(PAGE)
        await bo.join(PAGE)
        trace, parent, header = _new_trace()
        ack = await ann.do(PAGE, "new-chat", anchor=anchor(), text=TEXT, traceparent=header)
        await bo.reach(PAGE, ack["seq"])
        await until(lambda: len(collector.of(trace)) == 4)
        spans = collector.of(trace)
        operation, commit = _only(spans, "parley.operation"), _only(spans, "parley.commit")
        assert (operation.parent, commit.parent) == (parent, operation.span)
        assert operation.attributes == {
            "parley.op": "new-chat", "parley.tenant": tenant.name, "parley.outcome": "ok", "parley.seq": ack["seq"],
        }  # fmt: skip
        assert commit.attributes == {"parley.operations": 1}
        delivered = [span for span in spans if span.name == "parley.deliver"]
        assert {span.parent for span in delivered} == {commit.span}
        assert len({span.by for span in delivered}) == 2 and operation.by == commit.by
        for span in delivered:
            assert span.attributes == {"parley.subscribers": 1}
            assert operation.start <= commit.start <= commit.end <= span.end

        # Over HTTP the header says it; the same sent again is a repeat and delivers nothing; a refusal says its code.
        identity = new_id()
        address = f"{first.url}/v1/pages/{path_of(PAGE)}/operations"
        traces = [_new_trace() for _ in range(3)]
        bodies = [{"broadcastId": identity, "op": "reply", "chat": ack["broadcastId"], "text": TEXT}] * 2
        bodies.append({"broadcastId": new_id(), "op": "resolve", "chat": new_id()})
        async with aiohttp.ClientSession(headers={"Authorization": f"Bearer {tokens['cyrus']}"}) as session:
            for (_, _, header), body in zip(traces, bodies, strict=True):
                async with session.post(address, headers={"traceparent": header}, data=json.dumps(body)) as answer:
                    assert answer.status in (200, 404)
        for (trace, parent, _), outcome in zip(traces, ("ok", "repeat", "unknown-chat"), strict=True):
            count = 4 if outcome == "ok" else 2 if outcome == "repeat" else 1
            await until(lambda trace=trace, count=count: len(collector.of(trace)) == count)  # type: ignore[misc]
            operation = _only(collector.of(trace), "parley.operation")
            assert operation.parent == parent and operation.attributes["parley.outcome"] == outcome

        # What is no trace context is none: a trace of its own begins.
        before = {span.trace for span in collector.spans}
        await ann.do(PAGE, "resolve", chat=ack["broadcastId"], traceparent="00-nonsense")
        await until(lambda: len({span.trace for span in collector.spans} - before) == 1)
    finally:
        await ann.close()
        await bo.close()
    everything = b"".join(collector.raw)
    for secret in (*tokens, *tokens.values(), TEXT, PAGE, path_of(PAGE), "secret-page", identity):
        assert secret.encode() not in everything, secret


@pytest.mark.servers
async def test_its_share_decides_and_a_collector_that_is_away_harms_nobody(
    redis_url: str, database_url: str, make_gateway: MakeGateway, collector: Collector
) -> None:
    tenant = add_tenant(redis_url)
    none = make_gateway(redis_url, database_url, TRACING_URL=collector.url, TRACING_SHARE="0")
    away = make_gateway(redis_url, database_url, TRACING_URL="http://127.0.0.1:1/v1/traces", TRACING_SHARE="1")
    for gateway in (none, away):
        ann = await WireClient.open(gateway.live_url, tenant.token("ann"), origin=ORIGIN)
        try:
            await ann.join(PAGE)
            ack = await ann.do(PAGE, "new-chat", anchor=anchor(), text=TEXT, traceparent=_new_trace()[2])
            await ann.reach(PAGE, ack["seq"])
        finally:
            await ann.close()
        assert gateway.terminate() == 0
    assert collector.spans == []


def test_nothing_of_it_is_loaded_when_it_is_off() -> None:
    # The Redis client brings OpenTelemetry's metrics along where it is installed; traces are ours alone.
    parts = ("opentelemetry.sdk.trace", "opentelemetry.exporter", "parley_gateway.shell.tracing")
    code = f"import sys, parley_gateway.__main__; print([n for n in sys.modules if n.startswith({parts!r})])"
    environment = {**os.environ, "PYTHONPATH": ROOMS}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
