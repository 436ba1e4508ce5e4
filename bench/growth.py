"""How cost grows with the work: connections, pages, tenants, and chats on one page.

Each row lets one gateway grow, and measures at each size what one more costs, nine times. Where the cost of one stays
the same the whole is linear: the exponent is 1 + the slope of cost over size, both as logarithms (least squares).
"""

import math
import statistics
import time
from collections.abc import Sequence

from bench import machine
from bench.load import ANCHOR
from bench.report import Bar, Curve, Figure, Report
from bench.world import GatewayProcess, Load, World

#: Slightly above linear is noise; above this something is searched, sorted or copied that should not be.
BAR = Bar(1.15, of="value")
#: Samples at one size, and seconds of one of resting and of working.
SAMPLES, REST, WORK = 9, 1.5, 0.5
#: Writers, each in a chat of its own, and their operations a second.
WRITERS, OPERATIONS = 200, 200
#: Writers on the one page whose chats grow.
AUTHORS = 20


def run(world: World, quick: bool) -> Report:
    report = Report("growth")
    least = 10 if quick else 1
    samples = 3 if quick else SAMPLES
    _connections(world, report, samples, [size // least for size in (1_000, 2_000, 4_000, 7_000, 10_000)])
    _pages(world, report, samples, sorted({10, 100, 1_000 // least, 10_000 // least}))
    _tenants(world, report, samples, sorted({1, 100, 1_000 // least, 10_000 // least}))
    _chats(world, report, samples, [30, 500 // least, 5_000 // least])
    return report


def _row(report: Report, curve: Curve, *, each: bool = True) -> None:
    """`each`: what was measured is the cost of one; else it is that of all there are."""
    sizes = [math.log(size) for size, _ in curve.points]
    costs = [math.log(max(statistics.median(samples), 1e-9)) for _, samples in curve.points]
    slope = statistics.linear_regression(sizes, costs).slope
    report.figures.append(Figure(f"{curve.name}: exponent", "", [slope + each], bar=BAR))
    report.curves.append(curve)


def _connections(world: World, report: Report, samples: int, sizes: Sequence[int]) -> None:
    acme, load, gateway = world.account(), world.load(), world.gateway()
    tokens, joined = acme.tokens(sizes[-1]), 0
    cpu, memory = [], []
    # What a process needs once is no connection's.
    load.join("warm-up", gateway, 100, tokens=acme.tokens(100, "early"), pages=["early"])
    resident = machine.resident_bytes(gateway.pid)
    for size in sizes:
        costs, step = [], (size - joined) / samples
        before = joined
        for number in range(1, samples + 1):
            count = before + round(step * number) - joined
            pages = [f"page/{number // 10}" for number in range(joined, joined + count)]
            began = gateway.fine_cpu
            load.join("readers", gateway, count, tokens=tokens[joined : joined + count], pages=pages)
            costs.append((gateway.fine_cpu - began) * 1e6 / count)
            joined += count
        cpu.append((size, costs))
        memory.append((size, [(machine.resident_bytes(gateway.pid) - resident) / 1000]))
    _row(report, Curve("CPU of connecting and joining", "connections", "µs each", cpu))
    _row(report, Curve("memory of connections", "connections", "kB", memory), each=False)


def _pages(world: World, report: Report, samples: int, sizes: Sequence[int]) -> None:
    world.fresh()
    acme, load, gateway = world.account(), world.load(), world.gateway()
    tokens, names = acme.tokens(sizes[-1]), [f"page/{number}" for number in range(sizes[-1])]
    joined, resting, working = 0, [], []
    for size in sizes:
        load.join("readers", gateway, size - joined, tokens=tokens[joined:size], pages=names[joined:size])
        joined = size
        resting.append((size, _resting(gateway, samples)))
        rest = statistics.median(resting[-1][1])
        working.append((size, _operations(gateway, load, size, samples, rest)))
    _row(report, Curve("CPU at rest by pages with one reader", "pages", "% of a core", resting), each=False)
    _row(report, Curve("CPU of an operation by pages", "pages", "µs each", working))


def _resting(gateway: GatewayProcess, samples: int) -> list[float]:
    """% of a core."""
    found = []
    for _ in range(samples):
        began = gateway.fine_cpu
        time.sleep(REST)
        found.append((gateway.fine_cpu - began) / REST * 100)
    return found


def _operations(gateway: GatewayProcess, load: Load, writers: int, samples: int, rest: float) -> list[float]:
    """µs of CPU for one operation at a steady, low rate, without the `rest` (% of a core) that is spent anyway."""
    writers, costs = min(writers, WRITERS), []
    load("start_chats", group="readers", writers=writers)
    # One writer must stay under the limit of one connection.
    rate = min(OPERATIONS, 15 * writers)
    for _ in range(samples):
        cpu, began = gateway.fine_cpu, time.monotonic()
        done = load("steady", group="readers", writers=writers, per_second=rate, seconds=WORK)
        spent = gateway.fine_cpu - cpu - rest / 100 * (time.monotonic() - began)
        costs.append(spent * 1e6 / done["sent"])
    return costs


def _tenants(world: World, report: Report, samples: int, sizes: Sequence[int]) -> None:
    world.fresh()
    tenants = world.accounts([f"tenant-{number}" for number in range(sizes[-1])])
    tokens = [tenant.token("reader") for tenant in tenants]
    load, gateway = world.load(), world.gateway()
    joined, joining, working = 0, [], []
    for size in sizes:
        costs, before = [], joined
        parts = min(samples, size - joined)
        for number in range(1, parts + 1):
            until = before + (size - before) * number // parts
            began = gateway.fine_cpu
            load.join("readers", gateway, until - joined, tokens=tokens[joined:until], pages=["page"])
            costs.append((gateway.fine_cpu - began) * 1e6 / (until - joined))
            joined = until
        joining.append((size, costs))
        rest = min(_resting(gateway, 2))
        working.append((size, _operations(gateway, load, size, samples, rest)))
    _row(report, Curve("CPU of a first reader by tenants", "tenants", "µs each", joining))
    _row(report, Curve("CPU of an operation by tenants", "tenants", "µs each", working))


def _chats(world: World, report: Report, samples: int, sizes: Sequence[int]) -> None:
    world.fresh()
    acme, load, gateway = world.account(), world.load(), world.gateway()
    load.join("readers", gateway, WRITERS, tokens=acme.tokens(WRITERS), pages=["page"])
    tokens, late = acme.tokens(50, "late"), samples * 5
    chat = {"page": "page", "op": "new-chat", "anchor": ANCHOR, "text": "A remark on this passage of the text."}
    made, joining, working = 0, [], []
    for size in sizes:
        # At most 20 at once of one connection: it may do 80.
        while made < size - AUTHORS:
            count = min(size - AUTHORS - made, 2_000)
            writes = [(number, [chat] * len(range(number, count, WRITERS))) for number in range(WRITERS)]
            load("send", group="readers", writes=writes, answered=True)
            made += count
        working.append((size, _operations(gateway, load, AUTHORS, samples, min(_resting(gateway, 2)))))
        made += AUTHORS
        costs = []
        for first in range(0, late, 5):
            began = gateway.fine_cpu
            load.join("late", gateway, 5, tokens=tokens[first : first + 5], pages=["page"], at_once=1)
            costs.append((gateway.fine_cpu - began) * 1e6 / 5)
        load("close", group="late")
        joining.append((size, costs))
    _row(report, Curve("CPU of an operation by chats of its page", "chats", "µs each", working))
    _row(report, Curve("CPU of joining by chats of the page", "chats", "µs", joining), each=False)
