"""The benches' harness: what judges a figure, and one small measurement with everything real. No figure is judged."""

import json
import math
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

#: A page with few subscribers, through both gateways, and every rival once; the report as JSON.
SMALL = """
import sys
from pathlib import Path
from bench import delivery
from bench.__main__ import measure
from bench.report import write_json
from bench.world import World

delivery.SUBSCRIBERS = 5
delivery.CYCLE = 64
delivery.PACE = 0.0
delivery.ROUNDS = 1, 1
with World() as world:
    write_json(Path(sys.argv[1]), [measure(world, "delivery", quick=True)])
"""

JUDGED = """
import json
from bench.report import Bar, Figure, percentile

pairs = Figure("a", "s", [2.0, 9.0, 2.0], "b", [4.0, 3.0, 4.0], Bar(0.5))
print(json.dumps([
    [pairs.value, pairs.ratio, pairs.holds],
    Figure("a", "s", [2.0], "b", [3.9], Bar(0.5)).holds,
    Figure("a", "x", [5.0], bar=Bar(5, ">=", "value")).holds,
    Figure("a", "x", [4.9], bar=Bar(5, ">=", "value")).holds,
    Figure("a", "x", [1.0]).holds,
    Figure("a", "x", [float("nan")], bar=Bar(5, of="value")).holds,
    Figure("a", "x", [1.0], bar=Bar(5)).holds,
    [percentile(range(1, 101), 0.99), percentile([3.0], 0.5)],
]))
"""


def run(*arguments: str) -> "subprocess.CompletedProcess[str]":
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PARLEY_")}
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def test_a_bar_judges_the_median_of_the_pairs_ratios() -> None:
    done = run("-c", JUDGED)
    assert done.returncode == 0, done.stderr
    # Without a rival there is no ratio, and what is not a number holds nothing.
    assert json.loads(done.stdout) == [[2.0, 0.5, True], False, True, False, None, False, False, [99, 3.0]]


@pytest.mark.parametrize("arguments", [(), ("delivery", "--all"), ("nonsense",)])
def test_one_bench_or_all_must_be_named(arguments: tuple[str, ...]) -> None:
    done = run("-m", "bench", *arguments)
    assert done.returncode == 2
    assert "Usage: " in done.stderr and "Traceback" not in done.stderr


@pytest.mark.parametrize("arguments", [("delivery", "--only", "Redis"), ("--all", "--only", "Redis")])
def test_only_faults_are_chosen_by_words(arguments: tuple[str, ...]) -> None:
    done = run("-m", "bench", *arguments)
    assert done.returncode == 2 and "--only is for the faults" in done.stderr


@pytest.mark.servers
def test_a_fault_of_the_bench_writes_its_figures(tmp_path: Path) -> None:
    done = run("-m", "bench", "faults", "--quick", "--only", "flushall behind", "--json", str(tmp_path / "faults.json"))
    assert done.returncode == 0, done.stdout + done.stderr
    report = json.loads((tmp_path / "faults.json").read_text())
    assert report["name"] == "faults" and not report["failed"]
    first = report["figures"][0]
    assert "in sync" in first["name"] and first["holds"] and first["bar"]["limit"] == 5.0
    done = run("-m", "bench", "faults", "--only", "no such fault")
    assert done.returncode == 2 and "FLUSHALL" in done.stderr


@pytest.mark.servers
def test_a_measurement_with_everything_real(tmp_path: Path) -> None:
    done = run("-c", SMALL, str(tmp_path / "report.json"))
    assert done.returncode == 0, done.stderr
    report = json.loads((tmp_path / "report.json").read_text())
    assert report["name"] == "delivery" and report["figures"]
    for figure in report["figures"]:
        assert set(figure) >= {"name", "value", "unit", "rival", "ratio", "bar", "holds"}
        assert math.isfinite(figure["value"]) or not figure["rival"]
    assert {figure["rival"] for figure in report["figures"]} >= {"send_str", "broadcast", "1 per flush"}
    assert any("32: 32.00" in note for note in report["notes"]), report["notes"]
