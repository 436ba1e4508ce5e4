"""Curves as a picture: `python -m bench.plot REPORT.json PICTURE.svg` draws those of a bench's JSON.

By hand, because a panel is a line, a band and two scales: a plotting library would be many times the size of the bench.
"""

import json
import math
import statistics
import sys
from collections.abc import Sequence
from html import escape
from pathlib import Path

from bench.report import Curve

#: Pixels: a panel, and within it the space around the axes.
WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 400, 230, 62, 16, 30, 40
COLUMNS = 2
STYLE = "font:11px sans-serif"
INK, FAINT, COLOUR = "#57606a", "#8884", "#2f6fde"


class Scale:
    """A logarithmic axis: values to pixels."""

    def __init__(self, values: Sequence[float], begin: float, end: float) -> None:
        # A decade at least, or noise would look like a mountain.
        self.low = math.floor(math.log10(min(values)))
        self.high = max(math.ceil(math.log10(max(values))), self.low + 1)
        self._begin, self._end = begin, end

    def at(self, value: float) -> float:
        share = (math.log10(value) - self.low) / (self.high - self.low)
        return round(self._begin + share * (self._end - self._begin), 1)

    @property
    def marks(self) -> list[float]:
        return [10.0**power for power in range(self.low, self.high + 1)]


def panel(curve: Curve, left: float, top: float) -> list[str]:
    """One curve: medians over sizes, in a band from the least to the most sample."""
    points = [(size, max(min(found), 1e-6), statistics.median(found), max(found)) for size, found in curve.points]
    x = Scale([size for size, *_ in points], left + LEFT, left + WIDTH - RIGHT)
    y = Scale([value for _, *values in points for value in values], top + HEIGHT - BOTTOM, top + TOP)
    bottom, right = y.at(y.marks[0]), x.at(x.marks[-1])
    made = [_text(left + WIDTH / 2, top + 16, f"{curve.name}, {curve.unit}", "middle", bold=True)]
    for mark in x.marks:
        made.append(_line(x.at(mark), bottom, x.at(mark), y.at(y.marks[-1])))
        made.append(_text(x.at(mark), bottom + 15, f"{mark:,.0f}", "middle"))
    for mark in y.marks:
        made.append(_line(x.at(x.marks[0]), y.at(mark), right, y.at(mark)))
        made.append(_text(left + LEFT - 6, y.at(mark) + 4, f"{mark:,.10g}", "end"))
    made.append(_text(left + (LEFT + WIDTH - RIGHT) / 2, bottom + 31, curve.of, "middle"))
    band = [(size, most) for size, _, _, most in points] + [(size, least) for size, least, *_ in reversed(points)]
    made.append(f'<polygon points="{_path(band, x, y)}" fill="{COLOUR}" opacity="0.2"/>')
    middle = [(size, median) for size, _, median, _ in points]
    made.append(f'<polyline points="{_path(middle, x, y)}" fill="none" stroke="{COLOUR}" stroke-width="1.5"/>')
    made += [f'<circle cx="{x.at(size)}" cy="{y.at(value)}" r="2.5" fill="{COLOUR}"/>' for size, value in middle]
    return made


def picture(curves: Sequence[Curve]) -> str:
    """All of them, in two columns."""
    rows = -(-len(curves) // COLUMNS)
    parts = [
        part
        for number, curve in enumerate(curves)
        for part in panel(curve, number % COLUMNS * WIDTH, number // COLUMNS * HEIGHT)
    ]
    size = f'width="{COLUMNS * WIDTH}" height="{rows * HEIGHT}" viewBox="0 0 {COLUMNS * WIDTH} {rows * HEIGHT}"'
    body = "\n".join(parts)
    return f'<svg xmlns="http://www.w3.org/2000/svg" {size} style="{STYLE}" role="img">\n{body}\n</svg>\n'


def _path(points: Sequence[tuple[float, float]], x: Scale, y: Scale) -> str:
    return " ".join(f"{x.at(size)},{y.at(value)}" for size, value in points)


def _line(x1: float, y1: float, x2: float, y2: float) -> str:
    return f'<line x1="{x1}" y1="{y1}" x2="{x2}" y2="{y2}" stroke="{FAINT}"/>'


def _text(x: float, y: float, text: str, anchor: str, bold: bool = False) -> str:
    weight = ' font-weight="bold"' if bold else ""
    return f'<text x="{x}" y="{y}" text-anchor="{anchor}" fill="{INK}"{weight}>{escape(text)}</text>'


def main() -> None:
    source, file = Path(sys.argv[1]), Path(sys.argv[2])
    content = json.loads(source.read_text())
    reports = content if isinstance(content, list) else [content]
    file.write_text(picture([Curve(**curve) for report in reports for curve in report.get("curves", ())]))


if __name__ == "__main__":
    main()
