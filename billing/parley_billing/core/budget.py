"""Budgets: when a tenant is warned, when its writing is slowed or refused, and when it is let off again.

A budget is for one billing period, of messages, of bytes, or of money. Its state goes up as usage does; it goes down
only by more than `FALL` points (what was used can fall: volume prices are not monotone), so that it never flickers.
A new period, or another amount, begins afresh, without that.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, TypeAlias, get_args

Subject: TypeAlias = Literal["pubSubMessageCount", "pubSubBandwidth", "cost"]
SUBJECTS: tuple[Subject, ...] = get_args(Subject)
#: What happens at 100 %: only told, writing slowed down, or writing refused. From the mildest to the strictest.
Action: TypeAlias = Literal["notify", "throttle", "refuse"]
ACTIONS: tuple[Action, ...] = get_args(Action)

#: Percent of the amount at which the tenant is told. At the last one the action begins.
THRESHOLDS = (50, 80, 100)
FULL = THRESHOLDS[-1]
#: Points by which usage must have fallen below a threshold before it counts as not reached any more.
FALL = 5


@dataclass(frozen=True, slots=True)
class Budget:
    """`amount` for one billing period: messages, bytes, or minor units of `currency` (for `cost` alone)."""

    tenant: str
    subject: Subject
    amount: int
    action: Action
    currency: str | None = None


@dataclass(frozen=True, slots=True)
class State:
    """Where a budget stands. `period_start` in ms since the epoch; `level` and `told` are thresholds or 0.

    `told` is the highest threshold that the tenant was told of, in this period and for this amount.
    """

    period_start: int
    amount: int
    action: Action
    level: int = 0
    told: int = 0

    @property
    def enforced(self) -> Action | None:
        """What is done about it now."""
        return self.action if self.level == FULL and self.action != "notify" else None


@dataclass(frozen=True, slots=True)
class Event:
    """What the tenant is told: a threshold was reached, or (`threshold` 0) writing is free again."""

    threshold: int


def step(state: State | None, budget: Budget, period_start: int, used: int) -> tuple[State, list[Event]]:
    """Where the budget stands with `used` in the period that began at `period_start`, and what to tell of it."""
    same = state is not None and (state.period_start, state.amount) == (period_start, budget.amount)
    held = state if state is not None and same else State(period_start, budget.amount, budget.action)
    level = max((each for each in THRESHOLDS if _reached(each, held.level, used, budget.amount)), default=0)
    new = State(period_start, budget.amount, budget.action, level, max(held.told, level))
    events = [Event(each) for each in THRESHOLDS if held.told < each <= level]
    if state is not None and state.enforced and not new.enforced:
        events.append(Event(0))
    return new, events


def _reached(threshold: int, level: int, used: int, amount: int) -> bool:
    needed = threshold - FALL if threshold <= level else threshold
    return used * 100 >= needed * amount


def strictest(states: Iterable[State]) -> Action | None:
    """What is done about a tenant that has these."""
    return max((state.enforced for state in states if state.enforced), key=ACTIONS.index, default=None)
