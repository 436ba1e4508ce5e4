"""What connections cost that do nothing: memory of each, and CPU of all with pings."""

import time

from bench import machine
from bench.report import Bar, Figure, Report
from bench.rivals.process import python_server
from bench.world import HOST, World
from parley import metrics

#: Connections on one page.
PER_PAGE = 10
#: Readers who come, and go again, before the first measurement: what a process needs once is no connection's.
WARM_UP = 200
#: Seconds for what the last join started to come to rest.
REST = 5.0


def run(world: World, quick: bool) -> Report:
    connections, windows, seconds = (2_000, 3, 5.0) if quick else (10_000, 9, 25.0)
    report = Report("idle")
    acme, load = world.account(), world.load()
    gateway = world.gateway()
    tokens, pages = acme.tokens(connections), [f"page/{number}" for number in range(connections // PER_PAGE)]
    load.join("warm-up", gateway, WARM_UP, tokens=tokens, pages=pages)
    load("close", group="warm-up")
    gateway.wait_metric(metrics.CONNECTIONS.name, 0)
    gateway.wait_metric(metrics.PAGES.name, 0)

    bare = python_server("aiohttp", 250)
    world.on_end(bare)
    began = machine.resident_bytes(bare.pid)
    load("open", group="bare", host=HOST, port=bare.port, count=connections, how="websocket")
    time.sleep(REST)
    bare_each = (machine.resident_bytes(bare.pid) - began) / connections / 1000
    load("close", group="bare")
    bare.end()

    began = machine.resident_bytes(gateway.pid)
    load.join("readers", gateway, connections, tokens=tokens, pages=pages)
    time.sleep(REST)
    each = (machine.resident_bytes(gateway.pid) - began) / connections / 1000

    report.figures.append(
        Figure("memory per joined connection", "kB", [each], "aiohttp, bare", [bare_each], Bar(18, of="value"))
    )

    # Of a core for 10,000 connections.
    own, bus = [], []
    for _ in range(windows):
        cpu, redis = gateway.cpu, machine.cpu_seconds(world.valkey.pid)
        time.sleep(seconds)
        share = 100 / seconds * 10_000 / connections
        own.append((gateway.cpu - cpu) * share)
        bus.append((machine.cpu_seconds(world.valkey.pid) - redis) * share)
    report.figures.append(Figure("CPU at rest, 10,000 connections", "% of a core", own, bar=Bar(3, of="value")))
    report.figures.append(Figure("Valkey meanwhile", "% of a core", bus))
    lost = load("count", group="readers")["lost"]
    report.notes.append(
        f"{connections:,} connections on {len(pages):,} pages, {lost} lost; windows of {seconds:g} s; each connection "
        f"is pinged every 25 s and answers. Memory is measured once: it does not come back."
    )
    return report
