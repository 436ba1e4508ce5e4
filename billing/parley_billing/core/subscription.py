"""Who is on which plan since when: what may be agreed, and which period a day belongs to.

Days are local to the subscription's time zone. What is agreed never reaches back behind the period that is open today:
earlier ones may have been invoiced.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta

from parley.plans import Plan
from parley_billing.core.rating.part import Holding
from parley_billing.core.rating.periods import Cycle, Period, Stretch, cycle

#: Days. What is agreed further ahead than that is a slip of the keyboard.
AHEAD_MOST = 731


class SubscriptionProblem(ValueError):
    """What cannot be agreed. The text is a sentence that says why, and what to do."""


@dataclass(frozen=True, slots=True)
class Subscription:
    """[`start`, `end`) on plans, in order of their days; the first holds from `start` on. `end` None: it goes on."""

    tenant: str
    start: date
    zone: str
    holdings: tuple[Holding, ...]
    end: date | None = None

    @property
    def plan(self) -> Plan:
        """The first one. All have its currency, period and anchor."""
        return self.holdings[0].plan

    @property
    def trial_end(self) -> date | None:
        """The first day that is paid for; None without a trial."""
        return self.start + timedelta(days=self.plan.trial_days) if self.plan.trial_days else None

    @property
    def cycle(self) -> Cycle:
        """How its periods follow one another."""
        return cycle(self.plan.period, self.plan.anchor, self.start)

    def holds(self, day: date) -> bool:
        """Whether that day is part of it."""
        return self.start <= day and (self.end is None or day < self.end)

    def stretch(self, day: date) -> Stretch:
        """The days of the period with `day` in it that are part of it. Raises `RatingProblem` when there are none."""
        period = self.cycle.holding(day)
        first, last = max(self.start, period.start), period.end if self.end is None else min(self.end, period.end)
        return Stretch(period, first, last)

    def plan_on(self, day: date) -> Plan:
        """What holds on a day that is part of it."""
        return [holding.plan for holding in self.holdings if holding.begin <= day][-1]


def begin(held: Sequence[Subscription], new: Subscription, today: date) -> Subscription:
    """`new`, if it may follow the tenant's other subscriptions. Raises `SubscriptionProblem`."""
    _not_too_far(new.start, today)
    for other in held:
        if other.end is None:
            raise SubscriptionProblem(
                f"{new.tenant} has a subscription since {other.start} that goes on: change its plan, or end it first."
            )
        if new.start < other.end:
            raise SubscriptionProblem(
                f"{new.tenant} has a subscription from {other.start} to {other.end}: begin on {other.end} or later."
            )
    return new


def change(held: Subscription, plan: Plan, day: date, today: date) -> Subscription:
    """`held` with `plan` from `day` on. Raises `SubscriptionProblem`.

    Another plan that was agreed for the same day is replaced; one that was agreed for a later day stays.
    """
    _still_open(held, day, today)
    if not held.holds(day):
        raise SubscriptionProblem(f"The subscription is from {held.start} to {held.end or 'further on'}: not on {day}.")
    for member, ours, theirs in (
        ("currency", held.plan.currency, plan.currency),
        ("period", held.plan.period, plan.period),
        ("anchor", held.plan.anchor, plan.anchor),
    ):
        if ours != theirs:
            raise SubscriptionProblem(
                f"The {member} of {plan.name} is {theirs}, that of the subscription {ours}: end it and begin another."
            )
    kept = (holding for holding in held.holdings if holding.begin != day)
    return replace(held, holdings=tuple(sorted((*kept, Holding(plan, day)), key=lambda holding: holding.begin)))


def finish(held: Subscription, day: date, today: date) -> Subscription:
    """`held` without `day` and what follows. Raises `SubscriptionProblem`."""
    _still_open(held, day, today)
    if day <= held.start:
        raise SubscriptionProblem(f"It begins on {held.start}: it can end on the day after at the earliest.")
    if held.end is not None:
        raise SubscriptionProblem(f"It ends on {held.end} already.")
    if late := [holding for holding in held.holdings if holding.begin >= day]:
        raise SubscriptionProblem(f"{late[0].plan.name} is agreed from {late[0].begin} on: end after that day.")
    return replace(held, end=day)


def current(subscriptions: Sequence[Subscription], day: date) -> Subscription | None:
    """The one that holds on that day."""
    return next((one for one in subscriptions if one.holds(day)), None)


def open_period(subscription: Subscription, today: date) -> Period:
    """The period whose days may still be agreed about: today's, or the first one when it has not begun."""
    return subscription.cycle.holding(max(today, subscription.start))


def _still_open(held: Subscription, day: date, today: date) -> None:
    _not_too_far(day, today)
    first = open_period(held, today).start
    if day < first:
        raise SubscriptionProblem(f"What was before {first} may have been invoiced: {day} is too early.")


def _not_too_far(day: date, today: date) -> None:
    if day > today + timedelta(days=AHEAD_MOST):
        raise SubscriptionProblem(f"{day} is more than {AHEAD_MOST} days ahead.")
