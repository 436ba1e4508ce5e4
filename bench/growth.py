"""How cost grows with the work: connections, pages, tenants, and chats on one page.

Each row's total cost over its size gives an exponent, from the two largest sizes: 1 is linear. What a process costs
anyway makes small sizes look dear, so it would hide a bad exponent there, and is no excuse at the top.
"""

import math
import time

from bench import machine
from bench.load import ANCHOR
from bench.report import Bar, Figure, Report
from bench.world import GatewayProcess, World

#: Slightly above linear is noise; above this something is searched, sorted or copied that should not be.
BAR = Bar(1.15, of="value")
#: Seconds of a look at resting CPU.
REST = 10.0
OPERATIONS = 200


def run(world: World, quick: bool) -> Report:
    report = Report("growth")
    least = 10 if quick else 1
    _connections(world, report, [1_000 // least, 3_000 // least, 10_000 // least])
    _pages(world, report, sorted({10, 100, 1_000 // least, 10_000 // least}))
    _tenants(world, report, sorted({1, 100, 1_000 // least, 10_000 // least}))
    _chats(world, report, [10, 500 // least, 5_000 // least])
    return report


def _row(report: Report, what: str, unit: str, sizes: list[int], totals: list[float]) -> None:
    """`totals`: the cost of each size, whole."""
    (small, large), (less, more) = sizes[-2:], totals[-2:]
    exponent = math.log(more / less) / math.log(large / small) if less > 0 < more else math.nan
    report.figures.append(Figure(f"{what}: exponent", "", [exponent], bar=BAR))
    shown = "; ".join(f"{size:,}: {total / size:.4g}" for size, total in zip(sizes, totals, strict=True))
    report.notes.append(f"{what}, {unit}: {shown}.")


def _connections(world: World, report: Report, sizes: list[int]) -> None:
    cpu, memory = [], []
    for size in sizes:
        world.fresh()
        acme, load, gateway = world.account(), world.load(), world.gateway()
        tokens, pages = acme.tokens(size), [f"page/{number}" for number in range(size // 10)]
        began, resident = gateway.cpu, machine.resident_bytes(gateway.pid)
        load.join("readers", gateway, size, tokens=tokens, pages=pages)
        cpu.append((gateway.cpu - began) * 1e6)
        memory.append((machine.resident_bytes(gateway.pid) - resident) / 1000)
    _row(report, "CPU of connecting and joining", "µs each", sizes, cpu)
    _row(report, "memory of connections", "kB each", sizes, memory)


def _pages(world: World, report: Report, sizes: list[int]) -> None:
    resting, working = [], []
    for size in sizes:
        world.fresh()
        acme, load, gateway = world.account(), world.load(), world.gateway()
        load.join(
            "readers", gateway, size, tokens=acme.tokens(size), pages=[f"page/{number}" for number in range(size)]
        )
        load("start_chats", group="readers", writers=min(size, OPERATIONS))
        began = gateway.cpu
        time.sleep(REST)
        resting.append(max(gateway.cpu - began, machine.TICK) / REST * 100)
        working.append(_operations(gateway, load, min(size, OPERATIONS)) * size)
    _row(report, "CPU at rest by pages with one reader", "% of a core each", sizes, resting)
    # An operation's cost must not depend on how many other pages there are: so times n it is linear at most.
    _row(report, "CPU of an operation by pages", "µs each", sizes, working)


def _operations(gateway: GatewayProcess, load: object, writers: int) -> float:
    """µs of CPU for one operation at a steady, low rate."""
    assert callable(load)
    began = gateway.cpu
    done = load("steady", group="readers", writers=writers, per_second=min(200, 15 * writers), seconds=3.0)
    return float((gateway.cpu - began) * 1e6 / done["sent"])


def _tenants(world: World, report: Report, sizes: list[int]) -> None:
    joining, working = [], []
    for size in sizes:
        world.fresh()
        tenants = world.accounts([f"tenant-{number}" for number in range(size)])
        load, gateway = world.load(), world.gateway()
        began = gateway.cpu
        load.join("readers", gateway, size, tokens=[tenant.token("reader") for tenant in tenants], pages=["page"])
        joining.append((gateway.cpu - began) * 1e6)
        load("start_chats", group="readers", writers=min(size, OPERATIONS))
        working.append(_operations(gateway, load, min(size, OPERATIONS)) * size)
    _row(report, "CPU of a first reader by tenants", "µs each", sizes, joining)
    _row(report, "CPU of an operation by tenants", "µs each", sizes, working)


def _chats(world: World, report: Report, sizes: list[int]) -> None:
    joining, working = [], []
    readers = 50
    for size in sizes:
        world.fresh()
        acme, load, gateway = world.account(), world.load(), world.gateway()
        load.join("readers", gateway, 100, tokens=acme.tokens(100), pages=["page"])
        chat = {"page": "page", "op": "new-chat", "anchor": ANCHOR, "text": "A remark on this passage of the text."}
        for first in range(0, size, 1_000):
            # At most 50 of one connection: it may do 80 at once.
            writes = [
                (number, [chat] * len(range(first + number, min(size, first + 1_000), 100))) for number in range(100)
            ]
            load("send", group="readers", writes=writes)
            load("expect", group="readers", events=100 * min(size, first + 1_000))
        load("start_chats", group="readers", writers=20)
        working.append(_operations(gateway, load, 20) * size)
        began = gateway.cpu
        load.join("late", gateway, readers, tokens=acme.tokens(readers, "late"), pages=["page"], at_once=1)
        joining.append((gateway.cpu - began) * 1e6 / readers)
    _row(report, "CPU of an operation by chats of its page", "µs each", sizes, working)
    _row(report, "CPU of joining by chats of the page", "µs for each chat", sizes, joining)
