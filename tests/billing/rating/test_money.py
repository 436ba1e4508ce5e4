"""Money: rounding, currencies, and parts that add up."""

from collections.abc import Sequence
from decimal import Decimal as D
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kit.profiles import SHORT
from parley.money import MINOR_UNITS, Money, MoneyProblem, allocate, plain, round_half_away, to_money, total

ROUNDED = [
    ("0.004", 2, "0.00"),
    ("0.005", 2, "0.01"),
    ("-0.005", 2, "-0.01"),
    ("1.005", 2, "1.01"),  # a float would say 1.00
    ("2.675", 2, "2.68"),
    ("0.015", 2, "0.02"),
    ("0.025", 2, "0.03"),  # half to even would say 0.02
    ("0.5", 0, "1"),
    ("-0.5", 0, "-1"),
    ("0.0005", 3, "0.001"),
    ("9223372036854775807.005", 2, "9223372036854775807.01"),
]


@pytest.mark.parametrize(("value", "decimals", "rounded"), ROUNDED)
def test_a_half_goes_away_from_zero(value: str, decimals: int, rounded: str) -> None:
    assert str(round_half_away(D(value), decimals)) == rounded


def test_a_third_is_rounded_without_going_through_a_decimal() -> None:
    assert round_half_away(Fraction(2, 3), 2) == D("0.67")


@SHORT
@given(st.fractions(), st.integers(0, 6))
def test_rounding_is_symmetric_and_at_most_half_a_unit_off(value: Fraction, decimals: int) -> None:
    rounded = Fraction(round_half_away(value, decimals))
    assert Fraction(round_half_away(-value, decimals)) == -rounded
    assert abs(rounded - value) <= Fraction(1, 2 * 10**decimals)


@pytest.mark.parametrize(
    ("currency", "text", "minor"),
    [("EUR", "12.35", 1235), ("JPY", "12", 12), ("KWD", "12.345", 12345), ("IQD", "12.345", 12345), ("ISK", "12", 12)],
)
def test_a_currency_has_its_own_decimals(currency: str, text: str, minor: int) -> None:
    money = to_money(D("12.345"), currency)
    assert (money.text, money.minor) == (text, minor)
    assert str(money) == f"{text} {currency}"


def test_iso_4217_has_as_many_currencies_of_each_kind() -> None:
    # ISO lists 17 without decimals; UYI, an index, is not invoiced. Seven have three.
    counts = {decimals: list(MINOR_UNITS.values()).count(decimals) for decimals in (0, 2, 3)}
    assert counts == {0: 16, 2: 132, 3: 7}


@pytest.mark.parametrize("currency", ["", "eur", "XXX", "XAU", "ABC", "EURO", "CLF"])
def test_what_is_no_currency_is_refused(currency: str) -> None:
    with pytest.raises(MoneyProblem, match=f"^'{currency}' is not a currency of ISO 4217 that can be invoiced.$"):
        Money(currency, 1)


def test_two_currencies_cannot_be_added() -> None:
    with pytest.raises(MoneyProblem, match=r"^EUR and USD cannot be put together\.$"):
        total("EUR", [Money("EUR", 1), Money("USD", 1)])


@pytest.mark.parametrize("minor", [1.0, D(1), True, "1"])
def test_minor_units_are_whole(minor: Any) -> None:
    with pytest.raises(MoneyProblem, match="is not a whole number of minor units"):
        Money("EUR", minor)


def test_a_float_is_never_rounded() -> None:
    number: Any = 0.5
    with pytest.raises(TypeError, match="float is not exact"):
        round_half_away(number, 2)


@pytest.mark.parametrize(
    ("value", "text"),
    [("0.0", "0"), ("-0", "0"), ("1E+5", "100000"), ("41.50", "41.5"), ("-3.10", "-3.1"), ("1E-12", "0.000000000001")],
)
def test_plain_text(value: str, text: str) -> None:
    assert plain(D(value)) == text


@pytest.mark.parametrize(
    ("whole", "weights", "parts"),
    [
        (100, [1, 1, 1], [34, 33, 33]),
        (-100, [1, 1, 1], [-34, -33, -33]),
        (5, [3, 7], [2, 3]),  # 1.5 and 3.5: equal remainders, the earlier part
        (1, [0, 5], [0, 1]),
        (0, [1, 2], [0, 0]),
        (10, [1, 2, 4], [1, 3, 6]),
    ],
)
def test_allocation_by_largest_remainder(whole: int, weights: list[int], parts: list[int]) -> None:
    assert [part.minor for part in allocate(Money("EUR", whole), weights)] == parts


@pytest.mark.parametrize("weights", [[], [0, 0], [-1, 2]])
def test_allocation_to_nobody_is_refused(weights: list[int]) -> None:
    with pytest.raises(MoneyProblem):
        allocate(Money("EUR", 1), weights)


@SHORT
@given(st.integers(-(10**20), 10**20), st.lists(st.integers(0, 10**12), min_size=1, max_size=20).filter(any))
def test_allocated_parts_add_up_and_none_is_a_unit_off(minor: int, weights: Sequence[int]) -> None:
    whole = Money("JPY", minor)
    parts = allocate(whole, weights)
    assert total("JPY", parts) == whole
    due = [Fraction(minor * weight, sum(weights)) for weight in weights]
    assert all(abs(part.minor - exactly) < 1 for part, exactly in zip(parts, due, strict=True))
    assert [-part for part in parts] == allocate(-whole, weights)
