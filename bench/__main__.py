"""The command line of the benches."""

import importlib
import sys
import time
from pathlib import Path

import click

from bench import machine, scale
from bench.report import Report, write_json
from bench.world import BenchProblem, World

BENCHES = (
    "delivery",
    "idle",
    "connect",
    "writes",
    "fairness",
    "spread",
    "returning",
    "growth",
    "workers",
    "bus",
    "faults",
    "scrape",
    "ingest",
    "invoices",
)


#: Minutes that a full run takes on a quiet machine of two cores, about; a quick one is over in one or two.
MINUTES = {"idle": 5, "connect": 3, "writes": 3, "spread": 4, "returning": 3, "growth": 5, "faults": 9}


@click.command()
@click.argument("name", type=click.Choice((*BENCHES, "scale")), required=False)
@click.option("--all", "everything", is_flag=True, help="Run every bench, one after the other.")
@click.option("--quick", is_flag=True, help="Fewer rounds and smaller loads: shows that it runs, not how fast it is.")
@click.option("--json", "file", type=click.Path(path_type=Path, dir_okay=False), help="Write the figures here, too.")
@click.option("--only", metavar="WORDS", help="Of the faults, those whose name has these words.")
@click.option("--write", is_flag=True, help="With `scale`: put its tables into docs/scale.md.")
def main(name: str | None, everything: bool, quick: bool, file: Path | None, only: str | None, write: bool) -> None:
    """Measure Parley against its bars and its rivals.

    Exit status 1: a bar was missed (with --quick they are only shown), or a promise was broken; 2: a bench could not
    run."""
    if (name is None) == (not everything):
        raise click.UsageError("Name one bench, or give --all.")
    if name == "scale":
        print_scale(write)
        return
    if only is not None and name != "faults":
        raise click.UsageError("--only is for the faults.")
    chosen = BENCHES if name is None else (name,)
    reports, broken = [], False
    with World() as world:
        for which in chosen:
            try:
                if which in MINUTES and not quick and only is None:
                    click.echo(f"{which}: takes about {MINUTES[which]} minutes", err=True)
                report = measure(world, which, quick, only)
            except BenchProblem as problem:
                click.echo(f"{which}: could not be measured: {problem}\n", err=True)
                broken = True
                continue
            reports.append(report)
            click.echo(report.text() + "\n")
    if file is not None:
        write_json(file, reports)
    kept = all(not report.failed and (quick or report.holds) for report in reports)
    sys.exit(2 if broken else 0 if kept else 1)


def print_scale(write: bool) -> None:
    """Computed, not measured: the tables of docs/scale.md. Exit status 1 when a constant is stale."""
    click.echo(scale.text())
    if write:
        scale.write()
    for sentence in (old := scale.stale()):
        click.echo(f"stale: {sentence}", err=True)
    sys.exit(1 if old else 0)


def measure(world: World, which: str, quick: bool, only: str | None = None) -> Report:
    """Run one bench in an empty world."""
    world.fresh()
    about, began = machine.description(), time.strftime("%Y-%m-%d %H:%M", time.gmtime())
    bench = importlib.import_module(f"bench.{which}")
    report: Report = bench.run(world, quick) if only is None else bench.run(world, quick, only)
    world.end_bench()
    report.machine, report.quick = {**about, "began": f"{began} UTC"}, quick
    return report


if __name__ == "__main__":
    main()
