"""CPU per delivered event: a page with 1,000 subscribers, one event per flush; then 8 and 32 changes per flush.

The operations go to a second gateway, so that the measured one reads the bus, encodes, counts and writes. An event is
released when everybody has the last one, at most 50 a second: so no flush joins two. The rivals send frames of the
same size to as many clients, at the same pace, on the same core.
"""

import itertools
import time
from collections.abc import Callable
from typing import Any

from bench.load import ANCHOR
from bench.machine import OTHER_CORES
from bench.report import Bar, Figure, Report
from bench.rivals.process import Rival, compiled, python_server
from bench.world import HOST, BenchProblem, World

SUBSCRIBERS = 1_000
#: Seconds between two flushes.
PACE = 0.02
#: Publishers: each may do 20 operations a second and 80 at once.
PUBLISHERS = 100
#: So long that a frame of one event has 250 bytes.
PAGE = "post/7"
#: Of the same length, for the gateway that must not use io_uring.
PAGE_OF_LOOP = "post/8"
LOOP = "a call for each"
BATCHES = (8, 32)
#: Flushes of one change each after which every chat has been resolved and reopened.
CYCLE = 2 * max(BATCHES)
#: With --quick: rounds, and cycles in each.
ROUNDS = 3, 1


def run(world: World, quick: bool) -> Report:
    rounds, cycles = ROUNDS if quick else (11, 3)
    flushes = cycles * CYCLE
    report = Report("delivery")
    acme = world.account()
    measured = world.gateway(FLUSH_WINDOW_MS="0")
    publishing = world.gateway(cores=OTHER_CORES, FLUSH_WINDOW_MS="0")
    load = world.load()
    chats = make_chats(load, publishing, acme.tokens(PUBLISHERS, "publisher"))
    load.join("gateway", measured, SUBSCRIBERS, tokens=acme.tokens(SUBSCRIBERS), pages=[PAGE])
    looping = world.gateway(FLUSH_WINDOW_MS="0", IO_URING="false")
    load.join(LOOP, looping, SUBSCRIBERS, tokens=acme.tokens(SUBSCRIBERS, "looping"), pages=[PAGE_OF_LOOP])
    turn = itertools.count()

    def burst(changes: int, page: str) -> list[dict[str, Any]]:
        # All chats are open when a measurement begins: each is resolved and reopened in turn.
        first = next(turn) * changes
        return [
            {
                "page": page,
                "chat": chats[page][place % len(chats[page])],
                "op": ("resolve", "reopen")[place // len(chats[page]) % 2],
            }
            for place in range(first, first + changes)
        ]

    def batch(
        changes: int, group: str = "gateway", server: Any = measured, page: str = PAGE
    ) -> Callable[[], tuple[float, float]]:
        def flush(number: int) -> None:
            load("send", group="publishers", writes=[(number * 3 % PUBLISHERS, burst(changes, page))])

        def measure() -> tuple[float, float]:
            nonlocal turn
            turn = itertools.count()
            return _paced(load, group, server, flush, flushes, changes)

        return measure

    contenders: dict[str, Callable[[], tuple[float, float]]] = {}
    contenders["1"] = batch(1)
    contenders[LOOP] = batch(1, LOOP, looping, PAGE_OF_LOOP)
    for changes in BATCHES:
        contenders[str(changes)] = batch(changes)
    size = _frame_size(load, contenders["1"])
    for name, rival in _rivals(world, size).items():
        how = "tcp" if name == "C send()" else "websocket"
        load("open", group=name, host=HOST, port=rival.port, count=SUBSCRIBERS, how=how)
        contenders[name] = _rival(load, name, rival, flushes)
    if "C send()" not in contenders:
        report.notes.append("No C compiler was found: the bar against the C send() loop was NOT measured.")

    costs: dict[str, list[float]] = {name: [] for name in contenders}
    joined: dict[str, list[float]] = {name: [] for name in contenders}
    order = list(contenders)
    for _ in range(rounds):
        for name in order:
            microseconds, events_per_frame = contenders[name]()
            costs[name].append(microseconds)
            joined[name].append(events_per_frame)
        order.reverse()

    own = costs["1"]
    unit = "µs/event"
    if "C send()" in costs:
        report.figures.append(Figure("1 per flush", unit, own, "C send()", costs["C send()"], Bar(1.25)))
    report.figures.append(Figure("1 per flush", unit, own, "send_str", costs["send_str"], Bar(0.85)))
    report.figures.append(Figure("1 per flush", unit, own, "broadcast", costs["broadcast"]))
    report.figures.append(Figure("1 per flush", unit, own, f"itself, {LOOP}", costs[LOOP]))
    for changes, least in zip(BATCHES, (5, 12), strict=True):
        # How many times cheaper: the un-batched cost over the batched one.
        cheaper = [one / many for one, many in zip(own, costs[str(changes)], strict=True)]
        report.figures.append(Figure(f"{changes} per flush", unit, costs[str(changes)], "1 per flush", own))
        report.figures.append(
            Figure(f"{changes} per flush, times cheaper", "x", cheaper, bar=Bar(least, ">=", "value"))
        )
    kept = ", ".join(f"{name}: {sum(joined[name]) / rounds:.2f}" for name in ("1", *map(str, BATCHES)))
    report.notes.append(f"Payload of a frame with one event: {size} bytes. Events per frame as received: {kept}.")
    return report


def make_chats(load: Any, publishing: Any, tokens: list[str]) -> dict[str, list[str]]:
    """Connect the publishers and make 32 chats on each page."""
    load.join("publishers", publishing, PUBLISHERS, tokens=tokens, pages=[""])
    made: dict[str, list[str]] = {}
    for place, page in enumerate((PAGE, PAGE_OF_LOOP)):
        made[page] = [f"00000000-0000-4000-800{place}-{number:012d}" for number in range(max(BATCHES))]
        writes = [
            (number, [{"page": page, "op": "new-chat", "broadcastId": chat, "anchor": ANCHOR, "text": "?"}])
            for number, chat in enumerate(made[page])
        ]
        load("send", group="publishers", writes=writes, answered=True)
    return made


def _paced(
    load: Any, group: str, server: Any, flush: Callable[[int], None], flushes: int, changes: int
) -> tuple[float, float]:
    """(µs of the server's CPU for each event delivered, events per frame)."""
    before = load("count", group=group)
    began = server.cpu
    due = time.monotonic()
    for number in range(flushes):
        time.sleep(max(0.0, due - time.monotonic()))
        due = max(due + PACE, time.monotonic())
        flush(number)
        wanted = before["events"] + (number + 1) * changes * SUBSCRIBERS
        after = load("expect", group=group, events=wanted)
    spent = server.cpu - began
    if after["lost"] or after["events"] != wanted:
        raise BenchProblem(f"{group}: {after['lost']} connections lost, {after['events']} of {wanted} events came")
    return spent * 1e6 / (flushes * changes * SUBSCRIBERS), (after["events"] - before["events"]) / (
        after["frames"] - before["frames"]
    )


def _frame_size(load: Any, measure: Callable[[], object]) -> int:
    """Bytes of payload of a frame with one event; warms up, too."""
    before = load("count", group="gateway")
    measure()
    after = load("count", group="gateway")
    return int((after["bytes"] - before["bytes"]) / (after["frames"] - before["frames"]))


def _rivals(world: World, size: int) -> dict[str, Rival]:
    found: dict[str, Rival] = {}
    program = compiled(world.directory)
    if program is not None:
        found["C send()"] = Rival([str(program), str(size)])
    found["send_str"] = python_server("aiohttp", size)
    found["broadcast"] = python_server("websockets", size)
    for rival in found.values():
        world.on_end(rival)
    return found


def _rival(load: Any, name: str, rival: Rival, flushes: int) -> Callable[[], tuple[float, float]]:
    return lambda: _paced(load, name, rival, lambda _: rival.trigger(), flushes, 1)
