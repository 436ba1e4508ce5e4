"""How far it scales, on paper: constants as measured, a load that is said, and what follows for each part.

`python -m bench scale` prints the tables of docs/scale.md, `--write` puts them there. A constant that
docs/performance.md no longer has, or has with quite another value, is named: correct it here, write the page anew.
"""

import math
import re
from dataclasses import dataclass
from pathlib import Path

DOCS = Path(__file__).parents[1] / "docs"
PAGE, FIGURES = DOCS / "scale.md", DOCS / "performance.md"
BEGIN, END = "<!-- computed by `python -m bench scale --write` -->", "<!-- end -->"
#: A measured value may differ from the one here by this factor before the page counts as stale.
STALE = 3.0


@dataclass(frozen=True)
class Constant:
    """`bench` and `figure`: its row in docs/performance.md; without them `why` says where it comes from."""

    value: float
    unit: str
    bench: str
    figure: str
    why: str = ""


#: Measured on a loaded machine (see docs/performance.md): on a quiet one everything is cheaper.
MEMORY = Constant(5.1, "kB", "idle", "memory per joined connection")
REST = Constant(6.0, "% of a core for 10,000", "idle", "CPU at rest, 10,000 connections")
CONNECT = Constant(600, "µs", "connect", "token seen before")
DELIVERY = Constant(9.7, "µs", "delivery", "1 per flush")
OPERATION = Constant(155, "µs", "writes", "gateway's CPU")
COMMITS = Constant(1_430, "operations/s", "writes", "acknowledged operations")
WRITTEN = Constant(5, "µs", "bus", "Redis: an entry written")
WOKEN = Constant(195, "µs", "bus", "Redis: a gateway woken by an entry")
COUNTED = Constant(10, "µs", "bus", "Redis: a page's lease renewed and counted")
PASSED = Constant(15, "µs", "bus", "gateway: an entry of a page that nobody has open")
LINE = Constant(1.25e9, "bytes/s", "", "", "10 Gbit/s, a Redis node's network")
ENTRY = Constant(700, "bytes", "", "", "a new annotation of 100 characters, with its envelope")

#: The load. Readers on one page; seconds for which one stays; seconds between two operations of one reader.
AUDIENCE, STAY, BETWEEN = 10, 600, 600
#: Share of a core, of a line, or of what Postgres takes, that is used at most.
BUSY = 0.6
#: Seconds between two renewals of a page's lease by one gateway.
RENEWAL = 4.0


@dataclass(frozen=True)
class Need:
    """What so many connections need. Cores are those in use, before `BUSY`."""

    connections: float
    gateways: float
    entries: float
    redis_bus: float
    redis_presence: float
    line: float
    lag_ms: float
    operations: float

    @property
    def saturation(self) -> dict[str, float]:
        """How much of one machine's share each part that cannot be multiplied freely uses; 1: all that it may."""
        return {
            "one Redis: counting readers": self.redis_presence / BUSY,
            "one Redis: writing the bus": self.redis_bus / BUSY,
            "one Redis: sending the bus to all gateways": self.line / LINE.value / BUSY,
            "one Postgres: commits": self.operations / COMMITS.value / BUSY,
            "every gateway: reading the whole bus": self.entries * PASSED.value / 1e6 / (BUSY / 2),
        }


def need(connections: float) -> Need:
    """Source of the formulas: docs/scale.md."""
    operations, comings = connections / BETWEEN, connections / STAY
    entries = operations + 2 * comings  # each coming and going changes a count
    told = (operations + 2 * comings) * AUDIENCE
    own = (
        connections * REST.value / 100 / 10_000
        + comings * CONNECT.value / 1e6
        + told * DELIVERY.value / 1e6
        + operations * OPERATION.value / 1e6
    )
    # Half of a gateway's share is for its own clients at least, however much passes on the bus.
    left = max(BUSY - entries * PASSED.value / 1e6, BUSY / 2)
    gateways = max(1.0, math.ceil(own / left))
    pages = connections / AUDIENCE
    # A page's readers are strangers to each other: they sit on as many gateways as chance has it.
    holding = gateways * (1 - (1 - 1 / gateways) ** AUDIENCE)
    return Need(
        connections,
        gateways,
        entries,
        entries * WRITTEN.value / 1e6,
        pages * holding / RENEWAL * COUNTED.value / 1e6,
        entries * ENTRY.value * gateways,
        gateways * WOKEN.value / 1e3 / BUSY,
        operations,
    )


def capacity(part: str) -> float:
    """Connections at which a part has all that it may take."""
    low, high = 1.0, 1e9
    for _ in range(60):
        middle = math.sqrt(low * high)
        low, high = (middle, high) if need(middle).saturation[part] <= 1 else (low, middle)
    return low


def text() -> str:
    """The tables, in Markdown."""
    constants = {name: value for name, value in globals().items() if isinstance(value, Constant)}
    lines = ["| constant | value | from |", "| --- | --- | --- |"]
    for constant in constants.values():
        source = f"bench `{constant.bench}`" if constant.bench else "assumed"
        lines.append(f"| {constant.figure or constant.why} | {_n(constant.value)} {constant.unit} | {source} |")
    parts = sorted(need(1e6).saturation, key=capacity)
    lines += ["", "| part | is full at | at 1 M | at 10 M |", "| --- | --- | --- | --- |"]
    for part in parts:
        at = [f"{need(n).saturation[part]:.1f} ×" for n in (1e6, 10e6)]
        lines.append(f"| {part} | {_n(capacity(part))} connections | {at[0]} | {at[1]} |")
    cell = cell_size()
    lines += ["", "| | one cell | 1 M | 10 M |", "| --- | --- | --- | --- |"]
    totals = [(1, need(cell)), *((math.ceil(n / cell), need(n / math.ceil(n / cell))) for n in (1e6, 10e6))]
    rows = {
        "cells": lambda cells, one: _n(cells),
        "connections of a cell": lambda cells, one: _n(one.connections),
        "gateway processes, all cells": lambda cells, one: _n(cells * one.gateways),
        "memory of connections, all cells": lambda cells, one: f"{_n(cells * one.connections * MEMORY.value / 1e6)} GB",
        "bus entries/s of a cell": lambda cells, one: _n(one.entries),
        "Redis nodes of a cell": lambda cells, one: _n(redis_nodes(one)),
        "operations/s of a cell": lambda cells, one: _n(one.operations),
        "wait for the bus in a cell, at most": lambda cells, one: f"{one.lag_ms:.0f} ms",
    }
    for name, row in rows.items():
        lines.append(f"| {name} | " + " | ".join(row(*total) for total in totals) + " |")
    return "\n".join(lines)


def cell_size() -> float:
    """Connections of one cell, two figures: its one Postgres decides, and gateways must have time for the bus."""
    least = min(capacity(part) for part in need(1).saturation if not part.startswith("one Redis"))
    step = 10 ** (math.floor(math.log10(least)) - 1)
    return math.floor(least / step) * step


def redis_nodes(one: Need) -> int:
    """Nodes of a cluster that the partitions are spread over."""
    return math.ceil(max(one.redis_bus + one.redis_presence, one.line / LINE.value) / BUSY)


def stale() -> list[str]:
    """Constants that docs/performance.md no longer bears out."""
    found = []
    page = FIGURES.read_text()
    for constant in (value for value in globals().values() if isinstance(value, Constant) and value.bench):
        section = re.search(rf"^### {constant.bench} .*?(?=^##|\Z)", page, re.MULTILINE | re.DOTALL)
        row = (
            re.search(rf"^\| {re.escape(constant.figure)} +\|([^|]*)\|([^|]*)\|", section[0], re.MULTILINE)
            if section
            else None
        )
        if row is None:
            found.append(f"{constant.bench}: {constant.figure}: no longer in {FIGURES.name}")
            continue
        measured = float(row[2].replace(",", ""))
        if not 1 / STALE <= measured / constant.value <= STALE:
            found.append(f"{constant.bench}: {constant.figure}: {measured:g} by now, {constant.value:g} here")
    return found


def write() -> None:
    """Put the tables into docs/scale.md."""
    head, _, rest = PAGE.read_text().partition(BEGIN)
    PAGE.write_text(f"{head}{BEGIN}\n\n{text()}\n\n{END}{rest.partition(END)[2]}")


def _n(value: float) -> str:
    """Three figures."""
    if value >= 1000:
        digits = 10 ** max(0, math.floor(math.log10(value)) - 2)
        return f"{round(value / digits) * digits:,.0f}"
    return f"{value:.3g}"
