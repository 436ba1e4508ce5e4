"""Every fault, one after the other, on real servers under load: nothing acknowledged is lost, all are in sync in time.

The faults, and what must hold, are the tests' (`tests/kit/faults`); here each is run once, and measured.
"""

import asyncio
import random
import sys
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any

from bench.report import Bar, Figure, Report
from bench.world import BenchProblem, World

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from bench.rolling import SPIKE, rolling_deploy
from kit.faults.catalogue import FAULTS
from kit.faults.slow_readers import slow_readers
from kit.faults.under_load import BAR, GROWTH, strike
from kit.installation import Installation
from kit.usage_audit import Audit

MIB = 1024 * 1024
SLOW, ROLLING = "slow readers", "a rolling deploy"


class Stage:
    """An installation for the faults; a new one after a fault that broke a promise, so that the next stands alone."""

    def __init__(self, directory: Path, gateways: int = 2, **settings: str) -> None:
        self._directory = directory
        self._gateways = gateways
        self._settings = settings
        self._number = 0
        self._stack = ExitStack()
        self._made: tuple[Installation, Audit] | None = None

    @property
    def made(self) -> tuple[Installation, Audit]:
        if self._made is None:
            self._number += 1
            installation = Installation(self._directory / str(self._number), self._stack)
            self._made = installation, Audit(installation)
            for _ in range(self._gateways):
                installation.add_gateway(**self._settings)
        return self._made

    def close(self) -> None:
        self._made = None
        self._stack.close()


def run(world: World, quick: bool, only: str = "") -> Report:
    report = Report("faults")
    slow, clients, drain = (200, 2_000, 8) if quick else (1_000, 5_000, 20)
    two = Stage(world.directory / "faults")
    three = Stage(world.directory / "rolling", 3, DRAIN_SECONDS=str(drain))
    works: list[tuple[str, Stage, Callable[[], None]]] = [
        (fault.name, two, partial(_strike, report, two, fault)) for fault in FAULTS
    ]
    works.append((f"{slow:,} {SLOW}", two, partial(_slow, report, two, slow)))
    works.append((f"{ROLLING} under {clients:,} clients", three, partial(_roll, report, three, clients, drain)))
    chosen = [work for work in works if only.lower() in work[0].lower()]
    if not chosen:
        raise BenchProblem(f"no fault has {only!r} in its name. There are: {'; '.join(name for name, _, _ in works)}")
    try:
        for name, stage, work in chosen:
            try:
                work()
            except Exception as problem:
                report.failed.append(f"{name}: {problem!r}")
                print(f"FAILED: {name}: {problem!r}", flush=True)
                stage.close()
    finally:
        two.close()
        three.close()
    return report


def _strike(report: Report, stage: Stage, fault: Any) -> None:
    seed = random.randrange(2**32)  # noqa: S311 - repeats a run
    outcome = asyncio.run(strike(fault, *stage.made, seed=seed))
    print(outcome, flush=True)
    bar = Bar(BAR, of="value")
    report.figures.append(Figure(f"{fault.name}: until all are in sync", "s", [outcome.converged], bar=bar))
    if outcome.behind is not None:
        report.figures.append(Figure("… and meanwhile behind by at most", "s", [outcome.behind], bar=bar))
    grown = outcome.grown / MIB
    report.figures.append(Figure("… and a gateway grew by", "MiB", [grown], bar=Bar(GROWTH / MIB, of="value")))
    report.figures.append(Figure("… and changes acknowledged", "", [outcome.acknowledged]))


def _slow(report: Report, stage: Stage, count: int) -> None:
    outcome = asyncio.run(slow_readers(stage.made[0], count=count))
    print(outcome, flush=True)
    report.notes.append(str(outcome))
    name = f"{count:,} slow readers"
    bound = outcome.bound / MIB
    report.figures += [
        Figure(f"{name}: the others behind by at most", "s", [outcome.others], bar=Bar(BAR, of="value")),
        Figure("… and gateways grew by", "MiB", [outcome.grown / MIB], bar=Bar(bound, of="value")),
        Figure("… and until those who drain are in sync", "s", [outcome.drained]),
    ]


def _roll(report: Report, stage: Stage, clients: int, drain: int) -> None:
    outcome = asyncio.run(rolling_deploy(stage.made[0], clients=clients, drain=drain))
    longest = max(outcome.drains)
    name = f"{clients:,} clients, 3 gateways one after the other"
    report.figures += [
        Figure(f"{name}: busiest second over an even one", "×", [outcome.spike], bar=Bar(SPIKE, of="value")),
        Figure("… and longest drain", "s", [longest], bar=Bar(drain, of="value")),
        Figure("… and until all are in sync", "s", [outcome.behind], bar=Bar(BAR, of="value")),
        Figure("… and connections cut", "", [outcome.cut], bar=Bar(0, of="value")),
        Figure("… and attempts refused", "", [outcome.refused]),
        Figure("… and changes acknowledged meanwhile", "", [outcome.acknowledged]),
    ]
    report.notes.append(
        f"A rolling deploy of 3 gateways, {drain} s to drain, {outcome.moved:,} moves; reconnections in each second:\n"
        + outcome.histogram()
    )
    print(report.notes[-1], flush=True)
