"""A period billed in several instalments, and usage that comes late: re-rate everything, subtract what was billed.

Never rate an instalment by itself: its units would begin in the first tier again, and its packages would be rounded up
again. The instalments of a period therefore add up to the period billed at once, to the cent. A difference can be
negative (volume prices are not monotone); it is then a credit.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from parley.money import Money
from parley.plans import Charge
from parley_billing.core.rating.amount import RatingProblem
from parley_billing.core.rating.line import NO_TERMS, Line, Terms, rate_line


@dataclass(frozen=True, slots=True)
class Difference:
    """`line` is the whole again, `billed` what was billed of it before, `money` what is still to be billed."""

    line: Line
    billed: Money
    money: Money

    @property
    def formula(self) -> str:
        """`… = 115; 115.00 − 102.00 = 13.00`."""
        return f"{self.line.formula}; {self.line.money.text} − {self.billed.text} = {self.money.text}"


def difference(charge: Charge, quantity: Decimal, billed: Money, terms: Terms = NO_TERMS) -> Difference:
    """What `quantity`, everything since the period began, costs beyond what was billed."""
    line = rate_line(charge, quantity, billed.currency, terms)
    return Difference(line, billed, line.money - billed)


def instalments(charge: Charge, quantities: Sequence[Decimal], currency: str, terms: Terms = NO_TERMS) -> list[Money]:
    """What each instalment costs. `quantities`: the units of each by itself. The minimum comes with the last one."""
    together, billed, parts = Decimal(0), Money(currency, 0), list[Money]()
    for number, quantity in enumerate(quantities):
        if quantity < 0:
            raise RatingProblem(f"quantity: {quantity} is negative.")
        together += quantity
        last = terms.last and number == len(quantities) - 1
        part = difference(charge, together, billed, replace(terms, last=last)).money
        parts.append(part)
        billed += part
    return parts


def corrections(charge: Charge, cumulative: Sequence[Decimal], billed: Sequence[Money], currency: str) -> list[Money]:
    """Late usage, each instalment corrected by itself: what each one costs now, minus what was billed for it.

    `cumulative`: all units up to the end of each instalment, as known now. `billed`: for each, 0 if it never was.
    """
    before, differences = Money(currency, 0), list[Money]()
    for quantity, held in zip(cumulative, billed, strict=True):
        now = rate_line(charge, quantity, currency).money
        differences.append(now - before - held)
        before = now
    return differences
