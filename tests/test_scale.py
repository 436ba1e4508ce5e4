"""What docs/scale.md says is what its script computes from what was measured."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]

SANE = """
from bench.scale import capacity, cell_size, need, redis_nodes
assert all(abs(need(capacity(part)).saturation[part] - 1) < 0.1 for part in need(1).saturation), "not where it is full"
small, large = need(1e5), need(1e6)
assert large.gateways > small.gateways and large.entries == 10 * small.entries
assert large.redis_presence > 10 * small.redis_presence, "more gateways share each page"
cell = need(cell_size())
assert max(cell.saturation["one Postgres: commits"], cell.saturation["every gateway: reading the whole bus"]) <= 1
assert redis_nodes(cell) >= 1
"""


def run(*arguments: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=60)


def test_the_page_is_what_the_script_computes_and_no_constant_is_stale() -> None:
    done = run("-m", "bench", "scale")
    assert done.returncode == 0, f"correct bench/scale.py, then `python -m bench scale --write`: {done.stderr}"
    assert done.stdout.strip() in (ROOT / "docs/scale.md").read_text(), "run `python -m bench scale --write`"


def test_the_arithmetic_holds_together() -> None:
    done = run("-c", SANE)
    assert done.returncode == 0, done.stderr
