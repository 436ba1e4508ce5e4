"""A batch's sums as the arrays that a statement takes."""

from collections.abc import Sequence
from typing import Any

from parley_billing.core.rollup import Sums


class Columns:
    """For the sums of one `Rollup`, which must live as long.

    By minute, by quarter and by day they are mostly the same objects, and sorting them costs more than adding them did:
    each is sorted once.
    """

    def __init__(self) -> None:
        self._sorted: dict[int, list[Sequence[Any]]] = {}

    def of(self, by_start: dict[int, Sums]) -> list[list[Any]]:
        """[starts, tenants, sites, classes, messages, bytes], in the order of the first four."""
        starts: list[Any] = []
        columns: list[list[Any]] = [[], [], [], [], []]
        for start, sums in sorted(by_start.items()):
            starts.extend([start] * len(sums))
            for column, part in zip(columns, self._of_one(sums), strict=True):
                column.extend(part)
        return [starts, *columns]

    def _of_one(self, sums: Sums) -> list[Sequence[Any]]:
        found = self._sorted.get(id(sums))
        if found is None:
            keys = sorted(sums)
            found = self._sorted[id(sums)] = [*zip(*keys, strict=True), *zip(*map(sums.__getitem__, keys), strict=True)]
        return found
