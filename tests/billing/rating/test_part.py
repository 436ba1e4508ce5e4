"""A plan changed in the middle of a period, trials, and the bounds of the whole."""

from datetime import date, timedelta
from decimal import Decimal as D

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kit.profiles import SHORT
from parley.money import Money, total
from parley.plans import Charge, Flat, PerUnit, Plan
from parley_billing.core.rating.amount import RatingProblem
from parley_billing.core.rating.line import Terms
from parley_billing.core.rating.part import Bounds, Holding, bounds, cut, rate_part
from parley_billing.core.rating.periods import Period, Stretch

FEBRUARY = Period(date(2026, 2, 1), date(2026, 3, 1))
ALL = Stretch(FEBRUARY, FEBRUARY.start, FEBRUARY.end)


def plan(
    name: str,
    fee: str,
    *,
    included: str = "0",
    currency: str = "EUR",
    minimum: D | None = None,
    maximum: D | None = None,
) -> Plan:
    messages = Charge("messages", PerUnit(D("0.01")), "pubSubMessageCount", included=D(included))
    return Plan(name, 1, currency, [Charge("base", Flat(D(fee))), messages], minimum=minimum, maximum=maximum)


SMALL, LARGE = plan("small", "10", included="1000"), plan("large", "100", included="20000")


def day(number: int) -> date:
    return date(2026, 2, number)


def test_a_change_counts_from_its_day_on() -> None:
    first, second = cut(ALL, [Holding(SMALL, day(1)), Holding(LARGE, day(15))])
    assert (first.plan, first.stretch.end, second.plan, second.stretch.start) == (SMALL, day(15), LARGE, day(15))
    before = rate_part(first, {"pubSubMessageCount": 700})
    after = rate_part(second, {"pubSubMessageCount": 9000})
    assert [line.money.text for line in before] == ["5.00", "2.00"]
    assert [line.money.text for line in after] == ["50.00", "0.00"]
    assert before[1].formula == "included quantity: max(700 − round(1000 × 14 ÷ 28; 0); 0) = 200; price: 200 × 0.01 = 2"


def test_a_trial_costs_nothing_and_then_the_rest_is_paid() -> None:
    trial, paid = cut(ALL, [Holding(SMALL, day(1))], trial_end=day(8))
    assert (trial.trial, paid.trial, paid.stretch.start) == (True, False, day(8))
    assert [line.money.text for line in rate_part(trial, {"pubSubMessageCount": 10**9})] == ["0.00", "0.00"]
    assert rate_part(trial, {})[0].formula == "trial: 0"
    assert rate_part(paid, {})[0].money == Money("EUR", 750)


def test_a_trial_over_the_whole_period() -> None:
    [part] = cut(ALL, [Holding(SMALL, day(1))], trial_end=date(2026, 4, 1))
    assert part.trial and bounds([part]) == Bounds()


def test_discounts_hold_in_each_part() -> None:
    [part] = cut(ALL, [Holding(SMALL, day(1))])
    assert rate_part(part, {}, Terms(percent_discount=D(50)))[0].money == Money("EUR", 500)


def test_bounds_are_those_of_the_parts_together() -> None:
    cheap = plan("cheap", "1", minimum=D(7), maximum=D(70))
    dear = plan("dear", "2", minimum=D(14))
    assert bounds(cut(ALL, [Holding(cheap, day(1))])) == Bounds(Money("EUR", 700), Money("EUR", 7000))
    assert bounds(cut(ALL, [Holding(cheap, day(1)), Holding(dear, day(15))])) == Bounds(Money("EUR", 1050), None)
    assert bounds(cut(ALL, [Holding(cheap, day(1))], trial_end=day(15))) == Bounds(
        Money("EUR", 350), Money("EUR", 3500)
    )


@pytest.mark.parametrize(
    ("holdings", "sentence"),
    [
        ([], "No plan holds on 2026-02-01."),
        ([Holding(SMALL, day(2))], "No plan holds on 2026-02-01."),
        ([Holding(SMALL, day(1)), Holding(LARGE, day(1))], "Two plans begin on the same day, or not in order."),
        ([Holding(SMALL, day(1)), Holding(plan("us", "1", currency="USD"), day(9))],
         "The plans have different currencies; end one subscription and begin another."),
    ],
)  # fmt: skip
def test_holdings_that_do_not_fit_are_refused(holdings: list[Holding], sentence: str) -> None:
    with pytest.raises(RatingProblem) as refused:
        cut(ALL, holdings)
    assert str(refused.value) == sentence


@SHORT
@given(
    st.sets(st.integers(2, 28), max_size=8),
    st.decimals(0, 10**6, places=4),
    st.integers(0, 10**6),
    st.sampled_from(["EUR", "JPY", "KWD"]),
)
def test_changing_to_the_same_plan_changes_nothing(days: set[int], fee: D, included: int, currency: str) -> None:
    same = plan("same", str(fee), included=str(included), currency=currency, minimum=fee, maximum=fee)
    holdings = [Holding(same, day(number)) for number in sorted({1, *days})]
    whole, parts = cut(ALL, holdings[:1]), cut(ALL, holdings)
    assert total(currency, (rate_part(part, {})[0].money for part in parts)) == rate_part(whole[0], {})[0].money
    assert bounds(parts) == bounds(whole)
    free = included
    for part in parts:
        share = rate_part(part, {"pubSubMessageCount": 10**7})[1]
        free -= 10**7 - int(share.steps[0].amount.value) if included else 0
    assert free == 0


@SHORT
@given(st.sets(st.integers(1, 28), max_size=8), st.one_of(st.none(), st.integers(-10, 50)))
def test_parts_cover_every_day_once(days: set[int], trial: int | None) -> None:
    trial_end = None if trial is None else FEBRUARY.start + timedelta(trial)
    holdings = [
        Holding(SMALL, FEBRUARY.start - timedelta(1)),
        *(Holding(LARGE, day(number)) for number in sorted(days)),
    ]
    parts = cut(ALL, holdings, trial_end)
    assert sum(part.stretch.by_days.ratio for part in parts) == 1
    assert [part.stretch.start for part in parts[1:]] == [part.stretch.end for part in parts[:-1]]
