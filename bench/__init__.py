"""Benchmarks: `python -m bench NAME [--quick] [--json FILE]`. What each measures is in docs/performance.md."""

import sys
from pathlib import Path

# What is measured is what is in this checkout, installed or not.
sys.path[:0] = [str(Path(__file__).parents[1] / room) for room in ("common", "gateway", "billing")]
