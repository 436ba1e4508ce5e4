"""A period cut where a plan changes or a trial ends, and what each part of it costs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from itertools import pairwise

from parley.money import Money, to_money, total
from parley.plans import Charge, Meter, Plan
from parley_billing.core.rating.amount import Amount, RatingProblem
from parley_billing.core.rating.line import NO_TERMS, Line, Terms, rate_line
from parley_billing.core.rating.order import Step
from parley_billing.core.rating.periods import Stretch
from parley_billing.core.rating.portion import share


@dataclass(frozen=True, slots=True)
class Holding:
    """The plan that holds from this day on."""

    plan: Plan
    begin: date


@dataclass(frozen=True, slots=True)
class Part:
    """Days on one plan, all in a trial or none."""

    plan: Plan
    stretch: Stretch
    trial: bool


def cut(stretch: Stretch, holdings: Sequence[Holding], trial_end: date | None = None) -> list[Part]:
    """The parts of a stretch in order, without holes or overlaps; a change counts from its day on.

    `holdings` in order of their days; the first must hold when the stretch begins. `trial_end` is the first day that
    is paid for. Raises `RatingProblem` when the holdings do not fit together.
    """
    days = [holding.begin for holding in holdings]
    if days != sorted(set(days)):
        raise RatingProblem("Two plans begin on the same day, or not in order.")
    if not holdings or holdings[0].begin > stretch.start:
        raise RatingProblem(f"No plan holds on {stretch.start}.")
    if len({holding.plan.currency for holding in holdings}) > 1:
        raise RatingProblem("The plans have different currencies; end one subscription and begin another.")
    inside = {day for day in (*days, trial_end) if day is not None and stretch.start < day < stretch.end}
    edges = [stretch.start, *sorted(inside), stretch.end]
    parts = []
    for begin, end in pairwise(edges):
        plan = [holding.plan for holding in holdings if holding.begin <= begin][-1]
        trial = trial_end is not None and begin < trial_end
        parts.append(Part(plan, Stretch(stretch.period, begin, end), trial))
    return parts


def rate_part(part: Part, usage: Mapping[Meter, int], terms: Terms = NO_TERMS) -> list[Line]:
    """A line for each charge of the plan. `usage` is what was measured in the part's own days; absent is 0."""
    terms = replace(terms, portion=part.stretch.by_days)
    lines = []
    for charge in part.plan.charges:
        quantity = Decimal(1) if charge.meter is None else Decimal(usage.get(charge.meter, 0))
        if part.trial:
            lines.append(_free(charge, quantity, part.plan.currency))
        else:
            lines.append(rate_line(charge, quantity, part.plan.currency, terms))
    return lines


def _free(charge: Charge, quantity: Decimal, currency: str) -> Line:
    return Line(charge.name, quantity, Money(currency, 0), (Step("trial", Amount(Decimal(0), "0")),))


@dataclass(frozen=True, slots=True)
class Bounds:
    """The least and the most that an invoice may come to; None: no such bound."""

    minimum: Money | None = None
    maximum: Money | None = None


def bounds(parts: Sequence[Part]) -> Bounds:
    """Each plan's minimum and maximum for its part of the period, added up; trial days have neither.

    A part on a plan without a maximum leaves the whole without one.
    """
    paid = [part for part in parts if not part.trial]
    least = [_shared(part, part.plan.minimum) for part in paid if part.plan.minimum is not None]
    most = [_shared(part, part.plan.maximum) for part in paid if part.plan.maximum is not None]
    return Bounds(
        total(least[0].currency, least) if least else None,
        total(most[0].currency, most) if most and len(most) == len(paid) else None,
    )


def _shared(part: Part, amount: Decimal) -> Money:
    money = to_money(amount, part.plan.currency)
    decimals = -int(money.value.as_tuple().exponent)
    return to_money(share(money.value, part.stretch.by_days, decimals).value, part.plan.currency)
