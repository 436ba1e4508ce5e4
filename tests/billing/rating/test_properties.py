"""What must hold for every plan and every quantity."""

import decimal
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from fractions import Fraction
from itertools import accumulate, pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kit.formula import check
from kit.profiles import SHORT
from parley.money import Money, exact, to_money, total
from parley.plan_rules import pricing_problems
from parley.plans import Block, Blocks, Charge, Flat, Graduated, Meter, Package, PerUnit, Plan, Pricing, Tier, Volume
from parley.usage import UsageLine, UsageRecord
from parley_billing.core.rating.line import Line, Terms, rate_line
from parley_billing.core.rating.part import Bounds
from parley_billing.core.rating.portion import Portion, share
from parley_billing.core.rating.pricing import price
from parley_billing.core.rating.settlement import Credit, settle
from parley_billing.core.rating.split import corrections, instalments
from parley_billing.core.rating.statement import Coupon, put_together
from parley_billing.core.rollup import fold

QUANTITIES = st.one_of(
    st.integers(0, 60).map(Decimal),
    st.decimals(0, 60, places=3),
    st.integers(0, 2**63 - 1).map(Decimal),
)
SMALL = st.integers(0, 60).map(Decimal)
PRICES = st.decimals(0, 1000, places=6)
CURRENCIES = st.sampled_from(["EUR", "JPY", "KWD"])


@st.composite
def tiers(draw: st.DrawFn) -> list[Tier]:
    ends = sorted(draw(st.sets(st.decimals("0.5", 50, places=1), max_size=4)))
    return [Tier(end, draw(PRICES), draw(PRICES)) for end in [*ends, None]]


@st.composite
def blocks(draw: st.DrawFn) -> list[Block]:
    mosts = [*draw(st.lists(st.integers(1, 5), max_size=3)), None]
    return [Block(Decimal(draw(st.integers(1, 10))), draw(PRICES), most) for most in mosts]


MONOTONE: st.SearchStrategy[Pricing] = st.one_of(
    PRICES.map(Flat),
    PRICES.map(PerUnit),
    st.builds(Package, st.integers(1, 20).map(Decimal), PRICES, st.sampled_from(["up", "down"])),
    tiers().map(Graduated),
    blocks().map(lambda made: Blocks("allTiers", made)),
)
PRICINGS: st.SearchStrategy[Pricing] = st.one_of(
    MONOTONE, tiers().map(Volume), blocks().map(lambda made: Blocks("topTier", made))
)


@st.composite
def charges(draw: st.DrawFn) -> Charge:
    pricing = draw(PRICINGS)
    included = Decimal(0) if isinstance(pricing, Flat) else draw(SMALL)
    low, high = sorted([draw(PRICES), draw(PRICES)])
    minimum, maximum = draw(st.sampled_from([(None, None), (low, None), (None, high), (low, high)]))
    return Charge("messages", pricing, "pubSubMessageCount", included, minimum, maximum)


@st.composite
def portions(draw: st.DrawFn) -> Portion:
    whole = draw(st.integers(1, 366))
    begin, end = sorted([draw(st.integers(0, whole)), draw(st.integers(0, whole))])
    return Portion(begin, end, whole)


TERMS = st.builds(Terms, SMALL, st.decimals(0, 100, places=2), portions())


@SHORT
@given(PRICINGS, QUANTITIES)
def test_an_amount_is_what_its_formula_says(pricing: Pricing, quantity: Decimal) -> None:
    assert pricing_problems(pricing) == []
    amount = price(pricing, quantity)
    assert type(amount.value) is Decimal and amount.value >= 0
    assert check(amount.formula) == Fraction(amount.value)


@SHORT
@given(MONOTONE, QUANTITIES, QUANTITIES)
def test_more_never_costs_less_where_the_model_is_monotone(pricing: Pricing, one: Decimal, other: Decimal) -> None:
    assert price(pricing, min(one, other)).value <= price(pricing, max(one, other)).value


def _by_hand(made: list[Tier], quantity: Decimal) -> Fraction:
    """Graduated, unit by unit in tenths: slow, and without a single edge to get wrong."""
    value, below = Fraction(0), Decimal(0)
    for number, tier in enumerate(made):
        if number == 0 or quantity > below:
            value += Fraction(tier.flat)
        for tenth in range(int(quantity * 10)):
            if below * 10 <= tenth and (tier.up_to is None or tenth < tier.up_to * 10):
                value += Fraction(tier.unit_price) / 10
        below = tier.up_to or below
    return value


@SHORT
@given(tiers(), st.decimals(0, 60, places=1))
def test_graduated_is_the_sum_over_its_units(made: list[Tier], quantity: Decimal) -> None:
    assert Fraction(price(Graduated(made), quantity).value) == _by_hand(made, quantity)


@SHORT
@given(charges(), QUANTITIES, TERMS, CURRENCIES)
def test_a_line_is_what_its_formula_says(charge: Charge, quantity: Decimal, terms: Terms, currency: str) -> None:
    line = rate_line(charge, quantity, currency, terms)
    assert check(line.formula) == Fraction(line.money.value)
    assert type(line.money.minor) is int
    assert all(type(step.amount.value) is Decimal for step in line.steps)


@SHORT
@given(charges(), st.lists(SMALL, min_size=1, max_size=6), TERMS, CURRENCIES)
def test_a_split_period_costs_what_it_costs_at_once(
    charge: Charge, quantities: list[Decimal], terms: Terms, currency: str
) -> None:
    at_once = rate_line(charge, sum(quantities, Decimal(0)), currency, terms).money
    assert total(currency, instalments(charge, quantities, currency, terms)) == at_once


@SHORT
@given(charges(), st.lists(st.tuples(SMALL, SMALL), min_size=1, max_size=5), CURRENCIES)
def test_late_usage_makes_up_the_whole_difference(
    charge: Charge, usage: list[tuple[Decimal, Decimal]], currency: str
) -> None:
    on_time = list(accumulate(first for first, _ in usage))
    known_now = list(accumulate(first + late for first, late in usage))
    zeros = [Money(currency, 0)] * len(usage)
    billed = corrections(charge, on_time, zeros, currency)
    late = corrections(charge, known_now, billed, currency)
    assert total(currency, [*billed, *late]) == rate_line(charge, known_now[-1], currency).money


@SHORT
@given(st.decimals(0, 10**6, places=4), st.sets(st.integers(1, 364)), CURRENCIES)
def test_shares_of_a_period_add_up_however_it_is_cut(amount: Decimal, cuts: set[int], currency: str) -> None:
    edges = [0, *sorted(cuts), 365]
    decimals = {"EUR": 2, "JPY": 0, "KWD": 3}[currency]
    parts = [share(amount, Portion(begin, end, 365), decimals) for begin, end in pairwise(edges)]
    assert to_money(sum((part.value for part in parts), Decimal(0)), currency) == to_money(amount, currency)
    assert all(
        abs(part.value - amount * (end - begin) / 365) <= Decimal(1).scaleb(-decimals)
        for part, (begin, end) in zip(parts, pairwise(edges), strict=True)
    )


MINORS = st.integers(0, 10**9)
COUPONS = st.one_of(
    st.decimals(0, 100, places=2).map(lambda percent: Coupon("c", percent=percent)),
    MINORS.map(lambda minor: Coupon("c", amount=Money("EUR", minor))),
)


@st.composite
def bounds(draw: st.DrawFn) -> Bounds:
    low, high = sorted([draw(MINORS), draw(MINORS)])
    return Bounds(
        Money("EUR", low) if draw(st.booleans()) else None, Money("EUR", high) if draw(st.booleans()) else None
    )


@SHORT
@given(st.lists(st.integers(-(10**6), 10**9), max_size=8), st.lists(COUPONS, max_size=3), bounds())
def test_the_parts_of_a_statement_add_up(minors: list[int], coupons: list[Coupon], held: Bounds) -> None:
    lines = [Line(str(number), Decimal(0), Money("EUR", minor), ()) for number, minor in enumerate(minors)]
    statement = put_together(lines, "EUR", coupons, held)
    assert total("EUR", [*statement.shares, statement.true_up]) == statement.net
    assert statement.true_up.minor >= 0
    assert all(share <= line.money for share, line in zip(statement.shares, lines, strict=True))
    assert all(share.minor >= 0 for share, line in zip(statement.shares, lines, strict=True) if line.money.minor >= 0)
    assert check(statement.formula) == Fraction(statement.net.value)


@SHORT
@given(st.integers(-(10**6), 10**6), st.lists(MINORS, max_size=4), MINORS)
def test_what_is_drawn_and_what_is_due_is_what_was_payable(payable: int, lefts: list[int], balance: int) -> None:
    credits = [Credit(str(number), Money("EUR", left)) for number, left in enumerate(lefts)]
    settled = settle(Money("EUR", payable), credits, Money("EUR", balance), date(2026, 1, 1))
    assert total("EUR", [*settled.used, settled.from_balance, settled.due]).minor == payable
    assert all(0 <= used.minor <= left for used, left in zip(settled.used, lefts, strict=True))
    assert settled.due.minor == (payable if payable < 0 else max(payable - sum(lefts) - balance, 0))


PLAN = Plan(
    "team",
    1,
    "EUR",
    [
        Charge("messages", Graduated([Tier(Decimal(9)), Tier(None, Decimal("0.013"))]), "pubSubMessageCount"),
        Charge("bandwidth", Package(Decimal(1000), Decimal("0.1")), "pubSubBandwidth"),
    ],
)
USAGE_LINES = st.builds(
    UsageLine,
    st.just("acme"),
    st.sampled_from(["", "https://a.test"]),
    st.sampled_from(["publish", "delivery"]),
    st.integers(0, 5000).map(lambda minute: minute * 60_000),
    st.integers(0, 1000),
    st.integers(0, 10**6),
)


def _bill(records: list[UsageRecord]) -> list[str]:
    totals = fold(records).totals.values()
    usage: dict[Meter, int] = {
        "pubSubMessageCount": sum(messages for messages, _ in totals),
        "pubSubBandwidth": sum(size for _, size in totals),
    }
    return [rate_line(c, Decimal(usage[c.meter or "pubSubBandwidth"]), "EUR").formula for c in PLAN.charges]


@SHORT
@given(
    st.lists(st.lists(USAGE_LINES, max_size=3), max_size=5).flatmap(
        lambda made: st.tuples(st.just(made), st.permutations(made))
    )
)
def test_the_order_of_records_does_not_matter(both: tuple[list[list[UsageLine]], list[list[UsageLine]]]) -> None:
    one, other = ([UsageRecord("run", n, 0, lines) for n, lines in enumerate(made)] for made in both)
    assert _bill(one) == _bill(other)


@pytest.mark.parametrize("quantity", [Decimal("1.1"), Decimal(2**63 - 1)])
def test_the_callers_context_does_not_matter(quantity: Decimal) -> None:
    """An engine embedded where somebody has set two digits and banker's rounding gives the same amounts."""
    expected = price(PerUnit(Decimal("0.123456789")), quantity)
    with decimal.localcontext(decimal.Context(prec=2, rounding=decimal.ROUND_HALF_EVEN)):
        assert price(PerUnit(Decimal("0.123456789")), quantity) == expected


def test_what_cannot_be_exact_raises() -> None:
    third: Callable[[], Decimal] = exact(lambda: Decimal(1) / Decimal(3))
    with pytest.raises(ArithmeticError):
        third()
