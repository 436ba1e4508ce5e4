"""Each pricing model by itself: what it says at its edges, and how the formula reads."""

from decimal import Decimal as D

import pytest

from kit.formula import check
from parley.plans import Block, Blocks, Flat, Graduated, Package, PerUnit, Pricing, Tier, Volume
from parley_billing.core.rating.amount import RatingProblem
from parley_billing.core.rating.pricing import price

TIERS = [Tier(D(100), D(2), D(10)), Tier(D(200), D(1)), Tier(None, D("0.5"), D(50))]
BLOCKS = [Block(D(100), D(1), 10), Block(D(1000), D(1), 100), Block(D(1000), D("0.5"), 100)]
ENDLESS = [Block(D(100), D(10), 10), Block(D(100), D(1))]

#: What it shows, the model, quantity, formula.
MODELS: list[tuple[str, Pricing, str, str]] = [
    ("flat is due at zero", Flat(D("9.90")), "0", "9.9"),
    ("flat does not grow", Flat(D("9.90")), "1000000", "9.9"),
    ("per unit", PerUnit(D("0.0000025")), "1000001", "1000001 × 0.0000025 = 2.5000025"),
    ("per unit, all the digits there are", PerUnit(D("999999999999.999999999999")), "9223372036854775807",
     "9223372036854775807 × 999999999999.999999999999 = 9223372036854775806999990776627.963145224193"),
    ("package, none", Package(D(10), D(15)), "0", "⌈0 ÷ 10⌉ × 15 = 0"),
    ("package, exactly one", Package(D(10), D(15)), "10", "⌈10 ÷ 10⌉ × 15 = 15"),
    ("package, a begun one counts", Package(D(10), D(15)), "10.000001", "⌈10.000001 ÷ 10⌉ × 15 = 30"),
    ("package, a begun one does not", Package(D(10), D(15), "down"), "19.9", "⌊19.9 ÷ 10⌋ × 15 = 15"),
    ("graduated, zero pays the first flat", Graduated(TIERS), "0", "0 × 2 + 10 = 10"),
    ("graduated, a tier includes its end", Graduated(TIERS), "100", "100 × 2 + 10 = 210"),
    ("graduated, the next begins just above", Graduated(TIERS), "100.5", "100 × 2 + 10 + 0.5 × 1 = 210.5"),
    ("graduated, all tiers", Graduated(TIERS), "201", "100 × 2 + 10 + 100 × 1 + 1 × 0.5 + 50 = 360.5"),
    ("volume, zero pays the first flat", Volume(TIERS), "0", "0 × 2 + 10 = 10"),
    ("volume, a tier includes its end", Volume(TIERS), "100", "100 × 2 + 10 = 210"),
    ("volume, one more can be cheaper", Volume(TIERS), "101", "101 × 1 = 101"),
    ("volume, a fraction is in the next tier", Volume(TIERS), "100.5", "100.5 × 1 = 100.5"),
    ("all tiers, none", Blocks("allTiers", ENDLESS), "0", "0 × 10 = 0"),
    ("all tiers, the first is full", Blocks("allTiers", ENDLESS), "1000", "10 × 10 = 100"),
    ("all tiers, a begun block of the next", Blocks("allTiers", ENDLESS), "1001", "10 × 10 + 1 × 1 = 101"),
    ("top tier, all in blocks of the first", Blocks("topTier", BLOCKS), "1000", "⌈1000 ÷ 100⌉ × 1 = 10"),
    ("top tier, all in blocks of the second", Blocks("topTier", BLOCKS), "101000", "⌈101000 ÷ 1000⌉ × 1 = 101"),
    ("top tier, the last one's end is none", Blocks("topTier", BLOCKS), "300000", "⌈300000 ÷ 1000⌉ × 0.5 = 150"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("pricing", "quantity", "formula"), [row[1:] for row in MODELS], ids=[row[0] for row in MODELS]
)
def test_model(pricing: Pricing, quantity: str, formula: str) -> None:
    amount = price(pricing, D(quantity))
    assert amount.formula == formula
    assert check(formula) == amount.value


def test_blocks_that_end_do_not_give_away_what_is_above() -> None:
    with pytest.raises(RatingProblem, match=r"^The quantity 101001 is above what the tiers hold, 101000\.$"):
        price(Blocks("allTiers", BLOCKS[:2]), D(101001))


@pytest.mark.parametrize(
    ("quantity", "sentence"),
    [
        ("NaN", "quantity: NaN is not a number."),
        ("sNaN", "quantity: NaN is not a number."),
        ("Infinity", "quantity: It is infinite."),
        ("-1", "quantity: -1 is negative."),
        (str(2**63), "quantity: 9223372036854775808 is above the largest possible, 9223372036854775807."),
        ("1E+999999", "quantity: 1E+999999 is above the largest possible, 9223372036854775807."),
        ("0.0000000000001", "quantity: 1E-13 has more than 12 decimals."),
    ],
)
def test_what_is_no_quantity_is_refused(quantity: str, sentence: str) -> None:
    with pytest.raises(RatingProblem) as refused:
        price(PerUnit(D(1)), D(quantity))
    assert str(refused.value) == sentence


def test_the_largest_quantity_is_taken() -> None:
    assert price(PerUnit(D(1)), D(2**63 - 1)).value == 2**63 - 1
