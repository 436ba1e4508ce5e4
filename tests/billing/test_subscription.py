"""What may be agreed about a subscription, and which days of a period are its own."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parley.plans import Charge, Flat, Plan
from parley_billing.core.rating.part import Holding, cut
from parley_billing.core.subscription import (
    AHEAD_MOST,
    Subscription,
    SubscriptionProblem,
    begin,
    change,
    current,
    finish,
)

TODAY = date(2026, 11, 23)


def plan(name: str = "team", version: int = 1, **members: Any) -> Plan:
    return Plan(name, version, **{"currency": "EUR", "charges": [Charge("base", Flat(Decimal(29)))], **members})


def subscription(start: date = date(2026, 3, 10), end: date | None = None, **members: Any) -> Subscription:
    return Subscription("acme", start, "UTC", (Holding(plan(**members), start),), end)


def test_a_period_is_cut_to_the_days_of_the_subscription() -> None:
    held = subscription()
    assert (held.stretch(date(2026, 3, 20)).start, held.stretch(date(2026, 3, 20)).end) == (
        held.start,
        date(2026, 4, 1),
    )
    assert held.stretch(date(2026, 4, 20)).by_days.is_whole
    ended = replace(held, end=date(2026, 4, 20))
    assert ended.stretch(date(2026, 4, 3)).end == date(2026, 4, 20)
    anniversary = subscription(anchor="anniversary")
    assert anniversary.stretch(date(2026, 4, 3)).start == date(2026, 3, 10)
    assert anniversary.stretch(date(2026, 4, 3)).by_days.is_whole


def test_the_trial_is_that_of_the_first_plan() -> None:
    held = subscription(trial_days=14)
    changed = change(held, plan("large"), TODAY, TODAY)
    assert changed.trial_end == held.start + timedelta(days=14)
    assert subscription().trial_end is None


def test_a_change_in_the_middle_of_a_period_cuts_it_in_two() -> None:
    held = subscription()
    changed = change(held, plan("large"), date(2026, 11, 11), TODAY)
    parts = cut(changed.stretch(TODAY), changed.holdings)
    assert [(part.plan.name, part.stretch.start.day, part.stretch.by_days.end) for part in parts] == [
        ("team", 1, 10),
        ("large", 11, 30),
    ]
    assert changed.plan_on(date(2026, 11, 10)).name == "team"
    assert changed.plan_on(date(2026, 11, 11)).name == "large"


def test_what_was_agreed_for_the_same_day_is_replaced() -> None:
    later = date(2026, 12, 5)
    changed = change(change(subscription(), plan("large"), later, TODAY), plan("huge"), later, TODAY)
    assert [holding.plan.name for holding in changed.holdings] == ["team", "huge"]


@pytest.mark.parametrize(
    ("day", "other", "says"),
    [
        (date(2026, 10, 31), plan("large"), "What was before 2026-11-01 may have been invoiced"),
        (TODAY + timedelta(days=AHEAD_MOST + 1), plan("large"), "more than 731 days ahead"),
        (TODAY, plan("large", currency="USD"), "The currency of large is USD, that of the subscription EUR"),
        (TODAY, plan("large", period="year"), "The period of large is year, that of the subscription month"),
        (TODAY, plan("large", anchor="anniversary"), "The anchor of large is anniversary"),
        (date(2027, 1, 1), plan("large"), "not on 2027-01-01"),
    ],
)
def test_a_change_that_cannot_be_agreed_says_why(day: date, other: Plan, says: str) -> None:
    with pytest.raises(SubscriptionProblem, match=says):
        change(subscription(end=date(2026, 12, 1)), other, day, TODAY)


@pytest.mark.parametrize(
    ("held", "start", "says"),
    [
        ([subscription()], TODAY, "since 2026-03-10 that goes on"),
        ([subscription(end=date(2026, 12, 1))], TODAY, "begin on 2026-12-01 or later"),
        ([], TODAY + timedelta(days=AHEAD_MOST + 1), "days ahead"),
    ],
)
def test_a_beginning_that_cannot_be_agreed_says_why(held: Sequence[Subscription], start: date, says: str) -> None:
    with pytest.raises(SubscriptionProblem, match=says):
        begin(held, subscription(start), TODAY)


def test_one_subscription_after_another() -> None:
    first = subscription(end=date(2026, 12, 1))
    second = begin([first], subscription(date(2026, 12, 1)), TODAY)
    assert current([first, second], date(2026, 11, 30)) is first
    assert current([first, second], date(2026, 12, 1)) is second
    assert current([first], date(2026, 12, 1)) is None


@pytest.mark.parametrize(
    ("held", "day", "says"),
    [
        (subscription(), date(2026, 10, 3), "too early"),
        (subscription(TODAY), TODAY, "on the day after at the earliest"),
        (subscription(end=date(2026, 12, 1)), date(2026, 12, 24), "ends on 2026-12-01 already"),
        (change(subscription(), plan("large"), date(2026, 12, 5), TODAY), date(2026, 12, 1), "large is agreed from"),
    ],
)
def test_an_end_that_cannot_be_agreed_says_why(held: Subscription, day: date, says: str) -> None:
    with pytest.raises(SubscriptionProblem, match=says):
        finish(held, day, TODAY)


@given(
    start=st.dates(date(2025, 1, 1), date(2026, 11, 1)),
    anchor=st.sampled_from(["calendar", "anniversary"]),
    changes=st.lists(st.integers(-40, 60), max_size=6),
)
def test_whatever_is_agreed_each_day_has_one_plan_and_one_period(start: date, anchor: Any, changes: list[int]) -> None:
    held = subscription(start, anchor=anchor)
    for number, offset in enumerate(changes):
        try:
            held = change(held, plan(f"plan-{number}", anchor=anchor), TODAY + timedelta(days=offset), TODAY)
        except SubscriptionProblem:
            continue
    day = start
    while day < TODAY + timedelta(days=90):
        stretch = held.stretch(day)
        parts = cut(stretch, held.holdings, held.trial_end)
        assert stretch.start <= day < stretch.end
        assert sum((part.stretch.end - part.stretch.start).days for part in parts) == (stretch.end - stretch.start).days
        day = stretch.end
