"""Every fault, one after the other, on real servers under load: what was lost (nothing), and when all were in sync."""

import asyncio
import random
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from bench.report import Bar, Figure, Report
from bench.world import BenchProblem, World

# The catalogue is the tests' own.
sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from kit.faults.catalogue import FAULTS
from kit.faults.under_load import BAR, GROWTH, Outcome, strike
from kit.installation import Installation
from kit.usage_audit import Audit


def run(world: World, quick: bool, only: str | None = None) -> Report:
    report = Report("faults")
    chosen = [fault for fault in FAULTS if only is None or only.lower() in fault.name.lower()]
    if not chosen:
        raise BenchProblem(f"no fault is called {only!r}: " + "; ".join(fault.name for fault in FAULTS))
    with ExitStack() as stack:
        installation = Installation(world.directory / "faults", stack)
        installation.add_gateway()
        installation.add_gateway()
        audit = Audit(installation)
        for fault in chosen:
            seed = random.randrange(2**32)  # noqa: S311 - repeats a run
            try:
                _tell(report, asyncio.run(strike(fault, installation, audit, seed=seed)))
            except Exception as problem:
                report.notes.append(f"{fault.name} (seed {seed}): FAILED: {problem!r}"[:2000])
                report.figures.append(Figure(fault.name, "s", [float("nan")], bar=Bar(BAR, of="value")))
    return report


def _tell(report: Report, outcome: Outcome) -> None:
    print(outcome, flush=True)
    report.figures.append(Figure(outcome.name, "s until all are in sync", [outcome.converged], bar=Bar(BAR, of="value")))
    if outcome.behind is not None:
        report.figures.append(Figure("  behind meanwhile", "s", [outcome.behind], bar=Bar(BAR, of="value")))
    grown = outcome.grown / 2**20
    report.figures.append(Figure("  grown by", "MiB", [grown], bar=Bar(GROWTH / 2**20, of="value")))
