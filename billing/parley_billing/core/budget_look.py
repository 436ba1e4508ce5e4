"""One look at a tenant's budgets: where they stood and what was used give where they stand, and what to tell."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from parley.money import Money
from parley_billing.core.budget import Action, Budget, Event, State, Subject, step, strictest
from parley_billing.core.period_usage import ByClass, Span, cost, together


@dataclass(frozen=True, slots=True)
class Standing:
    """A budget and what was used of it. Times in ms since the epoch."""

    budget: Budget
    used: int
    from_ms: int
    to_ms: int


@dataclass(slots=True)
class Look:
    """`changed`: states to keep (None: to forget). `told`: (type, payload) of webhooks, in order."""

    standings: list[Standing] = field(default_factory=list)
    changed: dict[Subject, State | None] = field(default_factory=dict)
    told: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    action: Action | None = None


def look(
    budgets: Sequence[Budget], held: Mapping[Subject, State], used: Sequence[tuple[Span, ByClass]], now_ms: int
) -> Look:
    """All of one tenant: its budgets, where they stood, and what it used in each span of the current period."""
    made, states = Look(), dict[Subject, State]()
    begin, end = used[0][0].from_ms, used[-1][0].to_ms
    meters, money = together(used), cost(used)
    for budget in budgets:
        amount = _used(budget, meters, money)  # type: ignore[arg-type]
        if amount is None:
            continue  # a budget in a currency that the tenant does not pay in: nothing can be said
        state, events = step(held.get(budget.subject), budget, begin, amount)
        standing = Standing(budget, amount, begin, end)
        made.standings.append(standing)
        states[budget.subject] = state
        if state != held.get(budget.subject):
            made.changed[budget.subject] = state
        made.told += [_told(event, standing) for event in events]
    for subject, was in held.items():
        if subject not in states:
            made.changed[subject] = None
            if was.enforced:
                made.told.append(("budget.lifted", {"subject": subject, "why": "the budget was removed"}))
    made.action = strictest(states.values())
    return made


def _used(budget: Budget, meters: Mapping[str, int], money: Money | None) -> int | None:
    if budget.subject != "cost":
        return meters[budget.subject]
    return max(0, money.minor) if money is not None and money.currency == budget.currency else None


def _told(event: Event, standing: Standing) -> tuple[str, dict[str, Any]]:
    budget = standing.budget
    payload = {
        "tenant": budget.tenant,
        "subject": budget.subject,
        **shown(standing),
        "periodFrom": iso(standing.from_ms),
        "periodTo": iso(standing.to_ms),
    }
    if not event.threshold:
        return "budget.lifted", {**payload, "why": "usage is within the budget"}
    return "budget.threshold", {**payload, "threshold": event.threshold, "action": budget.action}


def shown(standing: Standing) -> dict[str, Any]:
    """`used` and `amount` as strings, in major units where it is money."""
    budget = standing.budget
    if budget.currency is None:
        return {"used": str(standing.used), "amount": str(budget.amount)}
    used, amount = (Money(budget.currency, each).text for each in (standing.used, budget.amount))
    return {"used": used, "amount": amount, "currency": budget.currency}


def iso(time_ms: int) -> str:
    """RFC 3339 in UTC."""
    return datetime.fromtimestamp(time_ms / 1000, UTC).isoformat().replace("+00:00", "Z")
