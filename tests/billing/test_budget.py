"""Budgets: told once, enforced exactly when used up, never flickering, and afresh with each period and amount."""

from dataclasses import replace
from datetime import date
from decimal import Decimal
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from parley.plans import Charge, Flat, PerUnit, Plan
from parley_billing.core.budget import ACTIONS, FALL, THRESHOLDS, Action, Budget, Event, State, step, strictest
from parley_billing.core.budget_exposition import BudgetExposition
from parley_billing.core.budget_look import Standing, look
from parley_billing.core.period_usage import Span, cost, spans, whole_number
from parley_billing.core.rating.part import Holding
from parley_billing.core.subscription import Subscription

BUDGET = Budget("acme", "pubSubMessageCount", 1_000, "refuse")
PERIOD, NEXT_PERIOD = 1_793_491_200_000, 1_796_083_200_000
usages = st.lists(st.integers(0, 1_300), min_size=1, max_size=40)


def run(used: list[int], budget: Budget = BUDGET, period: int = PERIOD) -> list[tuple[State, list[Event]]]:
    state, made = None, []
    for each in used:
        state, events = step(state, budget, period, each)
        made.append((state, events))
    return made


def test_each_threshold_is_told_when_it_is_reached_and_the_last_one_is_enforced() -> None:
    made = run([0, 499, 500, 799, 800, 999, 1_000, 1_500])
    assert [state.level for state, _ in made] == [0, 0, 50, 50, 80, 80, 100, 100]
    assert [[event.threshold for event in events] for _, events in made] == [[], [], [50], [], [80], [], [100], []]
    assert [state.enforced for state, _ in made][-3:] == [None, "refuse", "refuse"]


def test_thresholds_that_are_passed_at_once_are_told_in_order() -> None:
    ((_, events),) = run([5_000])
    assert [event.threshold for event in events] == [50, 80, 100]


@given(usages)
def test_with_growing_usage_the_level_is_what_was_reached_and_nothing_is_told_twice(used: list[int]) -> None:
    made = run(sorted(used))
    for (state, _), each in zip(made, sorted(used), strict=True):
        assert state.level == max((t for t in THRESHOLDS if each * 100 >= t * BUDGET.amount), default=0)
    told = [event.threshold for _, events in made for event in events]
    assert told == [t for t in THRESHOLDS if t <= made[-1][0].level]


@given(usages)
def test_whatever_usage_does_it_is_enforced_when_used_up_and_free_when_clearly_below(used: list[int]) -> None:
    for (state, _), each in zip(run(used), used, strict=True):
        if each >= BUDGET.amount:
            assert state.enforced == "refuse"
        if each * 100 < (100 - FALL) * BUDGET.amount:
            assert state.enforced is None


@given(usages)
def test_a_level_falls_only_by_more_than_the_slack(used: list[int]) -> None:
    before = 0
    for (state, _), each in zip(run(used), used, strict=True):
        if state.level < before:
            assert each * 100 < (before - FALL) * BUDGET.amount
        before = state.level


@given(usages)
def test_a_threshold_is_told_once_a_period_and_lifting_as_often_as_it_was_enforced(used: list[int]) -> None:
    made = run(used)
    told = [event.threshold for _, events in made for event in events]
    reached = [each for each in told if each]
    assert reached == sorted(set(reached))
    on = [state.enforced is not None for state, _ in made]
    lifted = sum(1 for before, now in pairwise(on) if before and not now)
    assert told.count(0) == lifted


@given(st.integers(0, 2_000), st.integers(0, 1_500), st.sampled_from(ACTIONS))
def test_looking_again_changes_and_tells_nothing(used: int, amount: int, action: Action) -> None:
    budget = replace(BUDGET, amount=amount, action=action)
    state, _ = step(None, budget, PERIOD, used)
    assert step(state, budget, PERIOD, used) == (state, [])


def test_a_raised_budget_and_a_new_period_begin_afresh_without_slack() -> None:
    full, _ = step(None, BUDGET, PERIOD, 1_000)
    raised, events = step(full, replace(BUDGET, amount=1_001), PERIOD, 1_000)
    assert (raised.enforced, events) == (None, [Event(50), Event(80), Event(0)])
    later, events = step(full, BUDGET, NEXT_PERIOD, 3)
    assert (later.enforced, later.told, events) == (None, 0, [Event(0)])
    milder, events = step(full, replace(BUDGET, action="notify"), PERIOD, 1_000)
    assert (milder.enforced, events) == (None, [Event(0)])


def test_nothing_is_allowed_of_a_budget_of_nothing() -> None:
    state, events = step(None, replace(BUDGET, amount=0), PERIOD, 0)
    assert state.enforced == "refuse" and events[-1] == Event(100)


def test_the_strictest_of_several_budgets_decides() -> None:
    states = {action: State(PERIOD, 1, action, 100, 100) for action in ACTIONS}
    assert strictest([]) is None and strictest([states["notify"]]) is None
    assert strictest([states["notify"], states["throttle"]]) == "throttle"
    assert strictest(states.values()) == "refuse"
    assert strictest([replace(states["refuse"], level=80)]) is None


def subscription(**members: Any) -> Subscription:
    charges = [
        Charge("base", Flat(Decimal(30))),
        Charge("messages", PerUnit(Decimal("0.01")), "pubSubMessageCount"),
    ]
    plan = Plan("team", 1, "EUR", charges, **members)
    start = date(2026, 3, 1)
    return Subscription("acme", start, "UTC", (Holding(plan, start),))


NOW = 1_795_427_200_000  # 23 November 2026
USED: dict[Any, tuple[int, int]] = {"publish": (100, 10_000), "delivery": (900, 90_000), "replay": (7, 70)}


def test_the_cost_so_far_is_that_of_the_plan_without_its_minimum() -> None:
    assert str(cost([(span, USED) for span in spans(subscription(minimum=Decimal(500)), NOW)])) == "40.00 EUR"
    assert str(cost([(span, USED) for span in spans(subscription(maximum=Decimal(35)), NOW)])) == "35.00 EUR"
    (month,) = spans(None, NOW)
    assert (month.from_ms, month.to_ms, cost([(month, USED)])) == (PERIOD, NEXT_PERIOD, None)


def test_a_look_says_where_budgets_stand_and_what_to_tell() -> None:
    budgets = [
        Budget("acme", "cost", 5_000, "refuse", "EUR"),
        Budget("acme", "pubSubBandwidth", 100_000, "throttle"),
        Budget("acme", "pubSubMessageCount", 10_000, "refuse"),
    ]
    found = look(budgets, {}, [(span, USED) for span in spans(subscription(), NOW)], NOW)
    assert [(each.budget.subject, each.used) for each in found.standings] == [
        ("cost", 4_000), ("pubSubBandwidth", 100_000), ("pubSubMessageCount", 1_000),
    ]  # fmt: skip
    assert found.action == "throttle"
    assert [(type, told["subject"], told["threshold"]) for type, told in found.told] == [
        ("budget.threshold", "cost", 50), ("budget.threshold", "cost", 80), ("budget.threshold", "pubSubBandwidth", 50),
        ("budget.threshold", "pubSubBandwidth", 80), ("budget.threshold", "pubSubBandwidth", 100),
    ]  # fmt: skip
    assert found.told[1][1] == {
        "tenant": "acme", "subject": "cost", "used": "40.00", "amount": "50.00", "currency": "EUR", "threshold": 80,
        "periodFrom": "2026-11-01T00:00:00Z", "periodTo": "2026-12-01T00:00:00Z", "action": "refuse",
    }  # fmt: skip
    held = {subject: state for subject, state in found.changed.items() if state is not None}
    again = look(budgets, held, [(span, USED) for span in spans(subscription(), NOW)], NOW)
    assert (again.changed, again.told, again.action) == ({}, [], "throttle")
    removed = look(budgets[:1], held, [(span, USED) for span in spans(subscription(), NOW)], NOW)
    assert removed.changed == {"pubSubBandwidth": None, "pubSubMessageCount": None}
    assert [type for type, _ in removed.told] == ["budget.lifted"] and removed.action is None


def test_a_cost_in_a_currency_that_is_not_the_tenants_decides_nothing() -> None:
    found = look([Budget("acme", "cost", 1, "refuse", "USD")], {}, [(s, USED) for s in spans(subscription(), NOW)], NOW)
    assert (found.standings, found.action) == ([], None)


@pytest.mark.parametrize(
    ("text", "number"),
    [("0", 0), ("5e9", 5_000_000_000), ("2.5e1", 25), (str(2**63 - 1), 2**63 - 1), (str(2**63), None), ("-1", None),
     ("1.5", None), ("NaN", None), ("Infinity", None), ("x", None), ("", None), ("1e999999", None)],
)  # fmt: skip
def test_quantities_as_people_write_them(text: str, number: int | None) -> None:
    assert whole_number(text, 2**63 - 1) == number


def test_with_too_many_tenants_those_nearest_to_their_budget_have_series() -> None:
    exposition = BudgetExposition(most=2)
    assert exposition.text() == b""
    for number, used in enumerate([10, 900, 500]):
        tenant = f"t{number}"
        exposition.put(tenant, [Standing(replace(BUDGET, tenant=tenant), used, PERIOD, NEXT_PERIOD)])
    text = exposition.text().decode()
    assert 'parley_billing_budget_used{tenant="t1",subject="pubSubMessageCount"} 900\n' in text
    assert 'parley_billing_budget_period_end_seconds{tenant="t2",subject="pubSubMessageCount"} 1796083200\n' in text
    assert "t0" not in text
    exposition.put("t1", [])
    assert "t0" in exposition.text().decode()


def test_a_period_over_two_plans_is_two_spans_that_meet() -> None:
    held = subscription()
    large = structs.replace(held.plan, name="large")
    changed = replace(held, holdings=(*held.holdings, Holding(large, date(2026, 11, 11))))
    first, second = spans(changed, NOW)
    assert (first.from_ms, first.to_ms, second.to_ms) == (PERIOD, second.from_ms, NEXT_PERIOD)
    assert isinstance(first, Span) and first.part is not None and first.part.plan.name == "team"
