"""The invoice before tax: lines put together, in an order that is a list; then what pays for it.

Tax is computed between the two, from `Statement.shares`: what each line still comes to after everything that lowers
the whole, so that the parts add up to the net amount exactly.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Final

from parley.money import Money, allocate, exact, minor_units, plain, to_money, total
from parley_billing.core.rating.amount import Amount, RatingProblem, added
from parley_billing.core.rating.line import Line, check_percent
from parley_billing.core.rating.order import Order, Step, follow, formula_of
from parley_billing.core.rating.part import Bounds


@dataclass(frozen=True, slots=True)
class Coupon:
    """Either `percent` (0 to 100) of what is left when its turn comes, or `amount`, at most all that is left."""

    name: str
    percent: Decimal | None = None
    amount: Money | None = None

    def __post_init__(self) -> None:
        if (self.percent is None) == (self.amount is None):
            raise RatingProblem(f"The coupon {self.name!r} takes off a percentage or an amount: one of the two.")
        if self.percent is not None:
            check_percent(self.percent)
        if self.amount is not None and self.amount.minor < 0:
            raise RatingProblem(f"The coupon {self.name!r} is negative.")


@dataclass(frozen=True, slots=True)
class Statement:
    """`shares`: for each line its part of what is left. `true_up`: what the minimum added, a line of its own.

    Always: Σ `shares` + `true_up` = `net`.
    """

    lines: tuple[Line, ...]
    net: Money
    shares: tuple[Money, ...]
    true_up: Money
    steps: tuple[Step, ...]

    @property
    def formula(self) -> str:
        """All steps, in order."""
        return formula_of(self.steps)


@dataclass(frozen=True, slots=True)
class _Work:
    lines: Sequence[Line]
    coupons: Sequence[Coupon]
    bounds: Bounds
    last: bool
    net: Money


def _sum(work: _Work) -> Amount:
    value = total(work.net.currency, (line.money for line in work.lines))
    text = added([_signed(line.money) for line in work.lines]) or "0"
    return Amount(value.value, text)


def _coupons(work: _Work) -> list[Step]:
    taken, net = list[Step](), work.net
    for coupon in work.coupons:
        if net.minor <= 0:
            break
        if coupon.percent is not None:
            kept = Decimal(100) - coupon.percent
            expression = f"round({plain(net.value)} × {plain(kept)} ÷ 100; {minor_units(net.currency)})"
            net = to_money(net.value * kept * Decimal("0.01"), net.currency)
        elif coupon.amount is not None:
            expression = f"max({plain(net.value)} − {plain(coupon.amount.value)}; 0)"
            net = max(net - coupon.amount, Money(net.currency, 0))
        taken.append(Step(f"coupon {coupon.name}", Amount(net.value, expression)))
    return taken


def _maximum(work: _Work) -> Amount | None:
    if (most := work.bounds.maximum) is None:
        return None
    text = f"min({plain(work.net.value)}; {plain(most.value)})"
    return Amount(min(work.net, most).value, text)


def _minimum(work: _Work) -> Amount | None:
    if (least := work.bounds.minimum) is None or not work.last:
        return None
    text = f"max({plain(work.net.value)}; {plain(least.value)})"
    return Amount(max(work.net, least).value, text)


#: The order, as for a line: what lowers comes before the bounds …
LOWERING: Final[Order[_Work]] = (("sum of lines", _sum), ("coupons", _coupons), ("maximum", _maximum))
#: … and an agreed minimum has the last word.
RAISING: Final[Order[_Work]] = (("minimum", _minimum),)
STATEMENT_ORDER: Final[Order[_Work]] = (*LOWERING, *RAISING)


@exact
def put_together(
    lines: Sequence[Line],
    currency: str,
    coupons: Sequence[Coupon] = (),
    bounds: Bounds = Bounds(),  # noqa: B008 (it never changes)
    *,
    last: bool = True,
) -> Statement:
    """The net amount of an invoice. `last`: it closes the period, so the minimum holds.

    Raises `MoneyProblem` when a line, a coupon or a bound is in another currency.
    """

    def take(work: _Work, amount: Amount) -> _Work:
        return replace(work, net=to_money(amount.value, currency))

    work = _Work(lines, coupons, bounds, last, Money(currency, 0))
    lowest, steps = follow(LOWERING, work, take)
    whole, raised = follow(RAISING, lowest, take)
    true_up = whole.net - lowest.net
    return Statement(tuple(lines), whole.net, _shares(lines, lowest.net), true_up, steps + raised)


def _shares(lines: Sequence[Line], left: Money) -> tuple[Money, ...]:
    """`left` over the lines: each gives of what was taken off in proportion, lines below zero nothing."""
    taken = total(left.currency, (line.money for line in lines)) - left
    if not taken.minor:
        return tuple(line.money for line in lines)
    parts = allocate(taken, [max(line.money.minor, 0) for line in lines])
    return tuple(line.money - part for line, part in zip(lines, parts, strict=True))


def _signed(money: Money) -> str:
    return plain(money.value) if money.minor >= 0 else f"({plain(money.value)})"
