"""A part of a period, and what of an amount falls into it.

A portion is [`begin`, `end`) in units of which the period has `whole` (its days, or its seconds). Its share of an
amount is a difference of two roundings, up to its end minus up to its beginning. So the shares of neighbouring portions
add up to the whole to the last cent, however a period is cut, without any of them knowing the others.
"""

from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

from parley.money import exact, plain, round_half_away
from parley_billing.core.rating.amount import Amount, RatingProblem, given


@dataclass(frozen=True, slots=True)
class Portion:
    """0 ≤ begin ≤ end ≤ whole, whole > 0; else `RatingProblem`."""

    begin: int
    end: int
    whole: int

    def __post_init__(self) -> None:
        if not 0 <= self.begin <= self.end <= self.whole or self.whole == 0:
            raise RatingProblem(f"{self.begin} to {self.end} is not a part of a period of {self.whole}.")

    @property
    def ratio(self) -> Fraction:
        """How much of the period it is, from 0 to 1."""
        return Fraction(self.end - self.begin, self.whole)

    @property
    def is_whole(self) -> bool:
        """Whether it is the period itself."""
        return self.begin == 0 and self.end == self.whole


WHOLE = Portion(0, 1, 1)


@exact
def share(amount: Decimal, portion: Portion, decimals: int) -> Amount:
    """What of `amount` falls into the portion, to `decimals` places. All of it, unrounded, for the whole period."""
    if portion.is_whole:
        return given(amount)
    until_end, end_text = _until(amount, portion.end, portion.whole, decimals)
    if portion.begin == 0:
        return Amount(until_end, end_text)
    until_begin, begin_text = _until(amount, portion.begin, portion.whole, decimals)
    return Amount(until_end - until_begin, f"{end_text} − {begin_text}")


def _until(amount: Decimal, units: int, whole: int, decimals: int) -> tuple[Decimal, str]:
    value = round_half_away(Fraction(amount) * Fraction(units, whole), decimals)
    if units < whole:
        return value, f"round({plain(amount)} × {units} ÷ {whole}; {decimals})"
    return value, plain(amount) if value == amount else f"round({plain(amount)}; {decimals})"
