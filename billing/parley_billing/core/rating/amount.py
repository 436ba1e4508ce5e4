"""An amount and how it came about."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from parley.money import plain


class RatingProblem(ValueError):
    """Something cannot be rated. The message is a sentence for whoever sent it."""


@dataclass(frozen=True, slots=True)
class Amount:
    """`expression` is arithmetic that anybody can redo: + − × ÷, brackets, ⌈ ⌉ for rounded up, ⌊ ⌋ for rounded down,
    min( ; ), max( ; ) and round( ; decimals), which takes a half away from zero."""

    value: Decimal
    expression: str

    @property
    def formula(self) -> str:
        """`10 × 2 + 3 = 23`."""
        text = plain(self.value)
        return text if self.expression == text else f"{self.expression} = {text}"


def given(value: Decimal) -> Amount:
    """An amount that stands in the plan as it is."""
    return Amount(value, plain(value))


def product(quantity: Decimal, price: Decimal, flat: Decimal) -> str:
    """`quantity × price + flat`, without a flat amount of 0; the text only."""
    text = f"{plain(quantity)} × {plain(price)}"
    return f"{text} + {plain(flat)}" if flat else text


def added(terms: Sequence[str]) -> str:
    """The terms of a sum."""
    return " + ".join(terms)
