"""Figures, their bars, the table that people read and the JSON that programs read."""

import json
import math
import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Literal


@dataclass(frozen=True)
class Bar:
    """What must hold: a value, or a ratio to a rival, at most or at least this much."""

    limit: float
    sense: Literal["<=", ">="] = "<="
    of: Literal["value", "ratio"] = "ratio"

    def holds(self, value: float, ratio: float | None) -> bool:
        judged = value if self.of == "value" else ratio
        if judged is None or math.isnan(judged):
            return False
        return judged <= self.limit if self.sense == "<=" else judged >= self.limit

    def __str__(self) -> str:
        return f"{self.of} {self.sense} {self.limit:g}"


@dataclass
class Figure:
    """One line of the table: samples of one value, next to a rival's samples of the same rounds.

    The ratio is the median of the ratios of the pairs, not the ratio of the medians: what disturbs the machine in one
    round disturbs both of the pair. Without a bar the figure is for information.
    """

    name: str
    unit: str
    samples: Sequence[float]
    rival: str | None = None
    rival_samples: Sequence[float] = ()
    bar: Bar | None = None

    @property
    def value(self) -> float:
        return statistics.median(self.samples)

    @property
    def ratio(self) -> float | None:
        if not self.rival_samples:
            return None
        pairs = zip(self.samples, self.rival_samples, strict=True)
        return statistics.median(own / other if other else math.nan for own, other in pairs)

    @property
    def holds(self) -> bool | None:
        return None if self.bar is None else self.bar.holds(self.value, self.ratio)


@dataclass(frozen=True)
class Curve:
    """A cost at several sizes of something: (size, samples)."""

    name: str
    of: str
    unit: str
    points: Sequence[tuple[int, Sequence[float]]]

    def rows(self) -> list[str]:
        """A table in Markdown."""
        head = [f"| {self.of} | {self.name}, {self.unit}: min | median | max |", "|---|---|---|---|"]
        return head + [
            f"| {size:,} | {_number(min(samples))} | {_number(statistics.median(samples))} | {_number(max(samples))} |"
            for size, samples in self.points
        ]


@dataclass
class Report:
    """What one bench found. `notes`: sentences that belong under the table. `failed`: what must never be, and was."""

    name: str
    figures: list[Figure] = field(default_factory=list)
    curves: list[Curve] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)
    machine: dict[str, object] = field(default_factory=dict)
    quick: bool = False

    @property
    def holds(self) -> bool:
        return all(figure.holds is not False for figure in self.figures)

    def text(self) -> str:
        """The table in Markdown."""
        rows = [("figure", "min", "median", "max", "unit", "rival", "its median", "ratio", "bar", "holds")]
        for figure in self.figures:
            ratio, holds = figure.ratio, figure.holds
            rows.append(
                (
                    figure.name,
                    _number(min(figure.samples)),
                    _number(figure.value),
                    _number(max(figure.samples)),
                    figure.unit,
                    figure.rival or "",
                    _number(statistics.median(figure.rival_samples)) if figure.rival_samples else "",
                    "" if ratio is None else f"{ratio:.2f}",
                    "" if figure.bar is None else str(figure.bar),
                    "" if holds is None else "yes" if holds else "NO",
                )
            )
        widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
        lines = [
            "| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) + " |" for row in rows
        ]
        lines.insert(1, "|" + "|".join("-" * (width + 2) for width in widths) + "|")
        said = ", ".join(f"{name} {value}" for name, value in self.machine.items())
        title = f"{self.name}{' (quick)' if self.quick else ''}: n = {self._rounds()}; {said}"
        tables = [line for curve in self.curves for line in ("", *curve.rows())]
        said_below = [*self.notes, *(f"FAILED: {what}" for what in self.failed)]
        return "\n".join([title, "", *lines, *tables, *([""] if said_below else []), *said_below])

    def _rounds(self) -> int:
        curves = (len(samples) for curve in self.curves for _, samples in curve.points)
        return max((*(len(figure.samples) for figure in self.figures), *curves), default=0)

    def as_json(self) -> dict[str, object]:
        return {
            "name": self.name,
            "quick": self.quick,
            "machine": self.machine,
            "notes": self.notes,
            **({"curves": [asdict(curve) for curve in self.curves]} if self.curves else {}),
            "failed": self.failed,
            "figures": [
                {
                    "name": figure.name,
                    "value": figure.value,
                    "unit": figure.unit,
                    "rival": figure.rival,
                    "ratio": figure.ratio,
                    "bar": None if figure.bar is None else asdict(figure.bar),
                    "holds": figure.holds,
                    "samples": list(figure.samples),
                    "rival_samples": list(figure.rival_samples),
                }
                for figure in self.figures
            ],
        }


def write_json(path: Path, reports: Sequence[Report]) -> None:
    """One bench: its object; several: a list of them."""
    content = [report.as_json() for report in reports]
    path.write_text(json.dumps(content[0] if len(content) == 1 else content, indent=1) + "\n")


def _number(value: float) -> str:
    if math.isnan(value):
        return "n/a"
    size = abs(value)
    return f"{value:,.0f}" if size >= 1_000 else f"{value:.1f}" if size >= 100 else f"{value:.2f}"


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest value that at least `share` of all are not above; NaN of none."""
    if not values:
        return math.nan
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, math.ceil(share * len(ordered)) - 1)]
