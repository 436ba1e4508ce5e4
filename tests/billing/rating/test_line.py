"""A line: its steps in order, each with its formula."""

from decimal import Decimal as D

import pytest

from kit.formula import check
from parley.plans import Charge, Flat, Graduated, PerUnit, Tier
from parley_billing.core.rating.amount import RatingProblem
from parley_billing.core.rating.line import LINE_ORDER, Terms, rate_line
from parley_billing.core.rating.portion import Portion

MESSAGES = Charge("messages", PerUnit(D("0.01")), "pubSubMessageCount")
FEE = Charge("base", Flat(D("30")))
HALF = Portion(0, 14, 28)


def bounded(*, included: str = "0", minimum: str | None = None, maximum: str | None = None) -> Charge:
    low, high = (None if bound is None else D(bound) for bound in (minimum, maximum))
    return Charge("messages", MESSAGES.pricing, MESSAGES.meter, D(included), low, high)


def test_the_order_is_this() -> None:
    assert [name for name, _ in LINE_ORDER] == [
        "included quantity",
        "usage discount",
        "price",
        "percentage discount",
        "maximum",
        "minimum",
        "rounding",
    ]


#: What it shows, charge, quantity, terms, steps.
LINES: list[tuple[str, Charge, int, Terms, list[str]]] = [
    ("only a price", MESSAGES, 150, Terms(), ["price: 150 × 0.01 = 1.5"]),
    ("included units are free", bounded(included="100"), 150, Terms(),
     ["included quantity: max(150 − 100; 0) = 50", "price: 50 × 0.01 = 0.5"]),
    ("included units that are not used are not money", bounded(included="200"), 150, Terms(),
     ["included quantity: max(150 − 200; 0) = 0", "price: 0 × 0.01 = 0"]),
    ("a usage discount comes on top", bounded(included="100"), 150, Terms(usage_discount=D(20)),
     ["included quantity: max(150 − 100; 0) = 50", "usage discount: max(50 − 20; 0) = 30", "price: 30 × 0.01 = 0.3"]),
    ("a discount does not undercut the minimum", bounded(minimum="10"), 1000, Terms(percent_discount=D(50)),
     ["price: 1000 × 0.01 = 10", "percentage discount: 10 × 50 ÷ 100 = 5", "minimum: max(5; 10) = 10"]),
    ("a discount comes before the maximum", bounded(maximum="8"), 1000, Terms(percent_discount=D(10)),
     ["price: 1000 × 0.01 = 10", "percentage discount: 10 × 90 ÷ 100 = 9", "maximum: min(9; 8) = 8"]),
    ("no minimum while usage may come", bounded(minimum="10"), 1, Terms(last=False),
     ["price: 1 × 0.01 = 0.01"]),
    ("rounded once, at the end", bounded(minimum="0"), 50, Terms(percent_discount=D(1)),
     ["price: 50 × 0.01 = 0.5", "percentage discount: 0.5 × 99 ÷ 100 = 0.495", "minimum: max(0.495; 0) = 0.495",
      "rounding: round(0.495; 2) = 0.5"]),
    ("a fee for half of the period", FEE, 1, Terms(portion=HALF), ["price: round(30 × 14 ÷ 28; 2) = 15"]),
    ("a fee for the second third", FEE, 1, Terms(portion=Portion(7, 14, 21)),
     ["price: round(30 × 14 ÷ 21; 2) − round(30 × 7 ÷ 21; 2) = 10"]),
    ("included units and bounds for half of the period", bounded(included="101", minimum="10", maximum="20"), 151,
     Terms(portion=HALF),
     ["included quantity: max(151 − round(101 × 14 ÷ 28; 0); 0) = 100", "price: 100 × 0.01 = 1",
      "maximum: min(1; round(20 × 14 ÷ 28; 2)) = 1", "minimum: max(1; round(10 × 14 ÷ 28; 2)) = 5"]),
    ("units are subtracted as a whole", bounded(included="100"), 151, Terms(portion=Portion(7, 14, 28)),
     ["included quantity: max(151 − (round(100 × 14 ÷ 28; 0) − round(100 × 7 ÷ 28; 0)); 0) = 126",
      "price: 126 × 0.01 = 1.26"]),
]  # fmt: skip


@pytest.mark.parametrize(
    ("charge", "quantity", "terms", "steps"), [row[1:] for row in LINES], ids=[r[0] for r in LINES]
)
def test_line(charge: Charge, quantity: int, terms: Terms, steps: list[str]) -> None:
    line = rate_line(charge, D(quantity), "EUR", terms)
    assert [str(step) for step in line.steps] == steps
    assert check(line.formula) == line.money.value


@pytest.mark.parametrize(
    ("currency", "amount"), [("EUR", "0.01"), ("JPY", "0"), ("KWD", "0.005"), ("ISK", "0"), ("TND", "0.005")]
)
def test_a_line_is_rounded_to_its_currency(currency: str, amount: str) -> None:
    charge = Charge("messages", Graduated([Tier(None, D("0.005"))]), "pubSubMessageCount")
    assert rate_line(charge, D(1), currency).money.text == amount


@pytest.mark.parametrize(
    ("percent", "sentence"),
    [
        ("-1", "-1 % is not a discount from 0 to 100 %."),
        ("100.5", "100.5 % is not a discount from 0 to 100 %."),
        ("NaN", "NaN % is not a discount from 0 to 100 %."),
        ("0.0000001", "1E-7 % has more than 6 decimals."),
    ],
)
def test_what_is_no_discount_is_refused(percent: str, sentence: str) -> None:
    with pytest.raises(RatingProblem) as refused:
        rate_line(MESSAGES, D(1), "EUR", Terms(percent_discount=D(percent)))
    assert str(refused.value) == sentence


@pytest.mark.parametrize("portion", [(1, 0, 2), (-1, 1, 2), (0, 3, 2), (0, 0, 0)])
def test_a_portion_is_inside_its_period(portion: tuple[int, int, int]) -> None:
    with pytest.raises(RatingProblem, match="is not a part of a period of"):
        Portion(*portion)
