"""Budgets as Prometheus text: how much, of how much, in which period. Made anew only where something changed."""

import heapq

from parley.metrics import BUDGET_AMOUNT, BUDGET_PERIOD_END, BUDGET_PERIOD_START, BUDGET_USED
from parley_billing.core.budget_look import Standing
from parley_billing.core.exposition import TENANTS_MOST, head, label

_FAMILIES = (BUDGET_USED, BUDGET_AMOUNT, BUDGET_PERIOD_START, BUDGET_PERIOD_END)


class BudgetExposition:
    """`put` what is known of a tenant, `text` whenever it is asked for.

    Of more than `most` tenants those have series that used the largest part of a budget.
    """

    def __init__(self, most: int = TENANTS_MOST) -> None:
        self._most = most
        self._pieces: dict[str, tuple[float, list[str]]] = {}
        self._text: bytes | None = None

    def put(self, tenant: str, standings: list[Standing]) -> None:
        """All its budgets; none: it is forgotten."""
        self._text = None
        if not standings:
            self._pieces.pop(tenant, None)
            return
        share = max(each.used / each.budget.amount if each.budget.amount else 1.0 for each in standings)
        self._pieces[tenant] = share, ["".join(_line(place, each) for each in standings) for place in range(4)]

    def text(self) -> bytes:
        """All series; nothing when there are none."""
        if self._text is None:
            pieces = [piece for _, piece in self._pieces.values()]
            if len(pieces) > self._most:
                pieces = [
                    piece for _, piece in heapq.nlargest(self._most, self._pieces.values(), key=lambda each: each[0])
                ]
            families = (
                head(metric) + "".join(piece[place] for piece in pieces) for place, metric in enumerate(_FAMILIES)
            )
            self._text = "".join(families).encode() if pieces else b""
        return self._text


def _line(place: int, standing: Standing) -> str:
    budget = standing.budget
    value = (standing.used, budget.amount, standing.from_ms // 1000, standing.to_ms // 1000)[place]
    return f'{_FAMILIES[place].name}{{tenant="{label(budget.tenant)}",subject="{budget.subject}"}} {value}\n'
