"""One gateway process against one with two workers: CPU of a delivered event, and how connections spread.

1,000 subscribers of one page are on each; every event is published through a third gateway and delivered by both, so
that each pair of samples is of the same events. All may use every core.
"""

import os
import signal
import time

import psutil  # type: ignore[import-untyped]

from bench.delivery import CYCLE, PACE, PAGE, PUBLISHERS, SUBSCRIBERS, make_chats
from bench.machine import CORES
from bench.report import Bar, Figure, Report
from bench.world import BenchProblem, GatewayProcess, Load, World
from parley import metrics

WORKERS = 2
#: What a second worker may cost: each reads the bus and encodes for itself.
DEARER = Bar(1.25)
#: Percent of all connections.
LEAST = Bar(30, ">=", "value")


def run(world: World, quick: bool) -> Report:
    rounds, flushes = (3, CYCLE) if quick else (11, 3 * CYCLE)
    report = Report("workers")
    acme, load = world.account(), world.load()
    publishing, one, many = (
        world.gateway(cores=set(CORES), FLUSH_WINDOW_MS="0", WORKERS=str(count)) for count in (1, 1, WORKERS)
    )
    many.wait_metric(metrics.WORKERS_READY.name, WORKERS)
    chats = make_chats(load, publishing, acme.tokens(PUBLISHERS, "publisher"))[PAGE]
    groups = {"one": one, "many": many}
    for group, gateway in groups.items():
        load.join(group, gateway, SUBSCRIBERS, tokens=acme.tokens(SUBSCRIBERS, group), pages=[PAGE])
    spread = _least(many)

    _measure(load, groups, chats, flushes)  # warms up
    samples = [_measure(load, groups, chats, flushes) for _ in range(rounds)]

    os.kill(psutil.Process(many.pid).children()[0].pid, signal.SIGKILL)
    while not (gone := int(load("count", group="many")["lost"])):
        time.sleep(0.01)
    load.join("back", many, gone, tokens=acme.tokens(gone, "many"), pages=[PAGE])
    many.wait_metric(metrics.WORKERS_READY.name, WORKERS)
    report.figures += [
        Figure(
            f"CPU of an event, {WORKERS} workers",
            "µs",
            [sample["many"] for sample in samples],
            "1 process",
            [sample["one"] for sample in samples],
            DEARER,
        ),
        Figure("smallest worker's share", "%", [spread], bar=LEAST),
        Figure("the same after a crash, when all are back", "%", [_least(many)], bar=LEAST),
    ]
    report.notes.append(
        f"{SUBSCRIBERS:,} subscribers each, one event per flush. Then one of the {WORKERS} workers is killed, and its "
        f"{gone} readers come back at once: those that come before the new worker is there wait for it."
    )
    return report


def _measure(load: Load, groups: dict[str, GatewayProcess], chats: list[str], flushes: int) -> dict[str, float]:
    """µs of each gateway's CPU for each event that it delivered."""
    before = {group: load("count", group=group)["events"] for group in groups}
    began = {group: gateway.cpu for group, gateway in groups.items()}
    due = time.monotonic()
    for number in range(flushes):
        time.sleep(max(0.0, due - time.monotonic()))
        due = max(due + PACE, time.monotonic())
        op = ("resolve", "reopen")[number // len(chats) % 2]
        write = (number * 3 % PUBLISHERS, [{"page": PAGE, "chat": chats[number % len(chats)], "op": op}])
        load("send", group="publishers", writes=[write])
        for group, events in before.items():
            came = load("expect", group=group, events=events + (number + 1) * SUBSCRIBERS)
            if came["lost"]:
                raise BenchProblem(f"{came['lost']} connections were lost")
    return {group: (gateway.cpu - began[group]) * 1e6 / (flushes * SUBSCRIBERS) for group, gateway in groups.items()}


def _least(gateway: GatewayProcess) -> float:
    """Percent of all connections that the worker with the fewest has."""
    held = [gateway.metric(metrics.CONNECTIONS.name, worker=str(number)) for number in range(WORKERS)]
    return 100 * min(held) / sum(held)
