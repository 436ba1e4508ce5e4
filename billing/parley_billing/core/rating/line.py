"""One line of the bill: the order in which it is calculated, as a list, and the calculation."""

from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Final

from parley.money import Money, exact, minor_units, plain, round_half_away, to_money
from parley.plans import ZERO, Charge, Flat
from parley_billing.core.rating.amount import Amount, RatingProblem
from parley_billing.core.rating.order import Order, Step, follow, formula_of
from parley_billing.core.rating.portion import WHOLE, Portion, share
from parley_billing.core.rating.pricing import check_quantity, price


@dataclass(frozen=True, slots=True)
class Terms:
    """What holds for this line beside the plan.

    `usage_discount`: further free units. `percent_discount`: 0 to 100. `portion`: the part of the period for which the
    plan held. `last`: whether this calculation closes the period; before that there is no minimum, for usage may
    still come that reaches it.
    """

    usage_discount: Decimal = ZERO
    percent_discount: Decimal = ZERO
    portion: Portion = WHOLE
    last: bool = True


NO_TERMS: Final = Terms()


@dataclass(frozen=True, slots=True)
class Line:
    """What one charge costs. `quantity` as it was measured."""

    name: str
    quantity: Decimal
    money: Money
    steps: tuple[Step, ...]

    @property
    def formula(self) -> str:
        """All steps, in order."""
        return formula_of(self.steps)


@dataclass(frozen=True, slots=True)
class _Work:
    """A line while it is calculated. `value` is units until the price is applied, money from then on."""

    charge: Charge
    terms: Terms
    currency: str
    value: Decimal

    @property
    def decimals(self) -> int:
        return minor_units(self.currency)


def _included(work: _Work) -> Amount | None:
    if not work.charge.included:
        return None
    free = share(work.charge.included, work.terms.portion, 0)
    return _less_units(work.value, free)


def _usage_discount(work: _Work) -> Amount | None:
    if not work.terms.usage_discount:
        return None
    return _less_units(work.value, share(work.terms.usage_discount, work.terms.portion, 0))


def _less_units(units: Decimal, free: Amount) -> Amount:
    return Amount(max(units - free.value, ZERO), f"max({plain(units)} − {_bracketed(free)}; 0)")


def _price(work: _Work) -> Amount:
    if not isinstance(work.charge.pricing, Flat):
        return price(work.charge.pricing, work.value)
    return share(work.charge.pricing.amount, work.terms.portion, work.decimals)


def _percent_discount(work: _Work) -> Amount | None:
    percent = work.terms.percent_discount
    if not percent:
        return None
    kept = Decimal(100) - percent
    return Amount(work.value * kept * Decimal("0.01"), f"{plain(work.value)} × {plain(kept)} ÷ 100")


def _maximum(work: _Work) -> Amount | None:
    if work.charge.maximum is None:
        return None
    most = share(work.charge.maximum, work.terms.portion, work.decimals)
    return Amount(min(work.value, most.value), f"min({plain(work.value)}; {most.expression})")


def _minimum(work: _Work) -> Amount | None:
    if work.charge.minimum is None or not work.terms.last:
        return None
    least = share(work.charge.minimum, work.terms.portion, work.decimals)
    return Amount(max(work.value, least.value), f"max({plain(work.value)}; {least.expression})")


def _rounding(work: _Work) -> Amount | None:
    rounded = round_half_away(work.value, work.decimals)
    return None if rounded == work.value else Amount(rounded, f"round({plain(work.value)}; {work.decimals})")


#: The order of the calculation. Free units come before the price, or a tier would be reached by units nobody pays for.
#: A discount comes before the bounds, or it would undercut an agreed minimum. The maximum comes before the minimum, so
#: that the minimum has the last word. Rounding comes once, at the end. A step that changes nothing by its nature (no
#: discount agreed, …) is left out of the formula.
LINE_ORDER: Final[Order[_Work]] = (
    ("included quantity", _included),
    ("usage discount", _usage_discount),
    ("price", _price),
    ("percentage discount", _percent_discount),
    ("maximum", _maximum),
    ("minimum", _minimum),
    ("rounding", _rounding),
)


@exact
def rate_line(charge: Charge, quantity: Decimal, currency: str, terms: Terms = NO_TERMS) -> Line:
    """The line for `quantity` units. Raises `RatingProblem` or `MoneyProblem` with a sentence."""
    check_quantity(quantity)
    check_percent(terms.percent_discount)
    check_quantity(terms.usage_discount)
    work = _Work(charge, terms, currency, quantity)
    work, steps = follow(LINE_ORDER, work, lambda work, amount: replace(work, value=amount.value))
    return Line(charge.name, quantity, to_money(work.value, currency), steps)


def check_percent(percent: Decimal) -> None:
    """Raises `RatingProblem` unless it is a number from 0 to 100 with at most 6 decimals."""
    if not percent.is_finite() or not 0 <= percent <= 100:
        raise RatingProblem(f"{percent} % is not a discount from 0 to 100 %.")
    if round_half_away(percent, 6) != percent:
        raise RatingProblem(f"{percent} % has more than 6 decimals.")


def _bracketed(amount: Amount) -> str:
    return f"({amount.expression})" if " − " in amount.expression else amount.expression
