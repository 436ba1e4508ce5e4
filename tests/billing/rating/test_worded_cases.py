"""The published cases that are told in words, each under its id."""

from collections.abc import Sequence
from datetime import date
from decimal import Decimal as D
from fractions import Fraction

import pytest

from parley.money import Money, total
from parley.plans import Block, Blocks, Charge, Graduated, Package, PerUnit, Pricing, Tier, Volume
from parley_billing.core.rating.line import Terms, rate_line
from parley_billing.core.rating.periods import Cycle
from parley_billing.core.rating.split import corrections, instalments


def usd(amount: str) -> Money:
    return Money("USD", int(D(amount) * 100))


def charge(pricing: Pricing, minimum: str | None = None, maximum: str | None = None) -> Charge:
    return Charge(
        "messages",
        pricing,
        "pubSubMessageCount",
        minimum=None if minimum is None else D(minimum),
        maximum=None if maximum is None else D(maximum),
    )


def units(*quantities: int) -> Sequence[D]:
    return [D(quantity) for quantity in quantities]


def test_r101_two_units_in_blocks_are_two_lines() -> None:
    minutes = Blocks("allTiers", [Block(D(10), D("1.00"), 100), Block(D(10), D("0.50"))])
    megabytes = Blocks("allTiers", [Block(D(1), D("0.5"), 1024), Block(D(1), D("0.1"))])
    lines = [rate_line(charge(minutes), D(1500), "USD"), rate_line(charge(megabytes), D(2048), "USD")]
    assert [line.money for line in lines] == [usd("125"), usd("614.40")]
    assert total("USD", (line.money for line in lines)) == usd("739.40")


def test_r107_a_maximum_holds_for_all_instalments_together() -> None:
    tiers = [Tier(D(5), D(0), D(100)), Tier(D(10), D(0), D(50)), Tier(D(15), D(5)), Tier(None, D(1))]
    assert instalments(charge(Graduated(tiers), maximum="170"), units(12, 10), "USD") == [usd("160"), usd("10")]


def test_r109_a_maximum_cuts_the_second_instalment() -> None:
    assert instalments(charge(PerUnit(D(10)), maximum="100"), units(7, 5), "USD") == [usd("70"), usd("30")]


def test_r111_packages_are_counted_over_all_instalments() -> None:
    assert instalments(charge(Package(D(10), D(15))), units(17, 5), "USD") == [usd("30"), usd("15")]


def test_r113_a_minimum_is_trued_up() -> None:
    tiers = [Tier(D(5), D(0), D(100)), Tier(D(10), D(0), D(150)), Tier(D(15), D(10)), Tier(None, D(5))]
    line = rate_line(charge(Volume(tiers), minimum="150"), D(5), "USD")
    assert [step.amount.value for step in line.steps] == [100, 150]
    assert line.money == usd("150")


def test_r113_in_instalments_the_minimum_comes_with_the_last() -> None:
    tenner = charge(PerUnit(D(10)), minimum="150")
    assert instalments(tenner, units(4, 1), "USD") == [usd("40"), usd("110")]
    assert instalments(tenner, units(4, 1), "USD", Terms(last=False)) == [usd("40"), usd("10")]


def test_r115_a_usage_discount_is_used_up_across_instalments() -> None:
    terms = Terms(usage_discount=D(10))
    assert instalments(charge(PerUnit(D(1))), units(5, 15), "USD", terms) == [usd("0"), usd("10")]


def test_r117_late_usage_is_billed_to_the_instalment_it_belongs_to() -> None:
    late = corrections(charge(PerUnit(D(10))), units(7, 10), [usd("50"), usd("0")], "USD")
    assert late == [usd("20"), usd("30")]


#: id, start, end, billed until, billing day, periods billed.
PRORATION: list[tuple[str, str, str | None, str, int, Fraction]] = [
    ("P01", "2011-02-10", "2011-02-24", "2011-02-10", 10, Fraction(14, 28)),
    ("P03", "2011-02-14", None, "2011-03-01", 31, 1 + Fraction(14, 31)),
    ("P05", "2012-02-01", "2012-02-15", "2012-02-01", 1, Fraction(14, 29)),
    ("P07", "2011-03-10", None, "2011-04-21", 15, 2 + Fraction(5, 28)),
    ("P09", "2010-12-15", "2011-03-17", "2011-03-15", 15, 3 + Fraction(2, 31)),
    ("P11", "2011-02-01", None, "2011-02-01", 13, Fraction(12, 31)),
    ("P13", "2011-02-01", None, "2011-04-13", 13, 3 + Fraction(12, 31)),
    # Told as "same"; its source has 17 June to 25 July 2010, billed on the 17th.
    ("P15", "2010-06-17", "2010-07-25", "2010-06-17", 17, Fraction(1)),
]


@pytest.mark.parametrize("row", PRORATION, ids=[row[0] for row in PRORATION])
def test_periods_billed_in_advance(row: tuple[str, str, str | None, str, int, Fraction]) -> None:
    _, start, end, until, day, periods = row
    begin = date.fromisoformat(start)
    stretches = Cycle(date(begin.year, 1, day), 1).schedule(
        begin, None if end is None else date.fromisoformat(end), date.fromisoformat(until)
    )
    assert sum(stretch.by_days.ratio for stretch in stretches) == periods
