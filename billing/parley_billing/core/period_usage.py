"""What a tenant used in its billing period, in the words of plans and budgets, and what that costs so far."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, tzinfo
from decimal import Decimal
from typing import TypeAlias

from parley.money import Money
from parley.plans import Meter
from parley.usage import PUBSUB_CLASSES, UsageClass
from parley_billing.core.rating.line import Terms
from parley_billing.core.rating.part import Part, bounds, cut, rate_part
from parley_billing.core.rating.periods import day_start_ms
from parley_billing.core.rating.statement import put_together
from parley_billing.core.subscription import Subscription
from parley_billing.core.usage_report import month_of

#: Sums by class: (messages, bytes).
ByClass: TypeAlias = Mapping[UsageClass, tuple[int, int]]

_CLASSES: dict[str, tuple[UsageClass, ...]] = {
    "pubSub": PUBSUB_CLASSES,
    "presence": ("presence",),
    "replay": ("replay",),
}


def metered(used: ByClass) -> dict[Meter, int]:
    """The same by the meters that a plan can price."""
    found: dict[Meter, int] = {}
    for prefix, classes in _CLASSES.items():
        sums = [used.get(each, (0, 0)) for each in classes]
        found[f"{prefix}MessageCount"] = sum(messages for messages, _ in sums)  # type: ignore[index]
        found[f"{prefix}Bandwidth"] = sum(size for _, size in sums)  # type: ignore[index]
    return found


@dataclass(frozen=True, slots=True)
class Span:
    """A half-open time in ms since the epoch. `part`: the days of a plan that it is, None without a subscription."""

    from_ms: int
    to_ms: int
    part: Part | None = None


def spans(subscription: Subscription | None, now_ms: int, zone: tzinfo = UTC) -> list[Span]:
    """The billing period with this moment in it: a span for each part of it on one plan.

    `zone` is the subscription's. Without a subscription, or before or after it: the calendar month (UTC).
    """
    day = local_day(now_ms, zone)
    if subscription is None or not subscription.holds(day):
        return [Span(*month_of(now_ms))]
    parts = cut(subscription.stretch(day), subscription.holdings, subscription.trial_end)
    return [Span(day_start_ms(part.stretch.start, zone), day_start_ms(part.stretch.end, zone), part) for part in parts]


def local_day(time_ms: int, zone: tzinfo) -> date:
    """The day that it is there."""
    return datetime.fromtimestamp(time_ms / 1000, zone).date()


def cost(used: Sequence[tuple[Span, ByClass]]) -> Money | None:
    """What a period costs so far, before tax, coupons and minimums; None without a subscription."""
    parts = [(span.part, metered(sums)) for span, sums in used if span.part is not None]
    if not parts:
        return None
    terms = Terms(last=False)
    lines = [line for part, usage in parts for line in rate_part(part, usage, terms)]
    most = bounds([part for part, _ in parts])
    return put_together(lines, parts[0][0].plan.currency, (), most, last=False).net


def together(used: Sequence[tuple[Span, ByClass]]) -> dict[Meter, int]:
    """The meters of all spans."""
    found: dict[Meter, int] = {}
    for _, sums in used:
        for meter, number in metered(sums).items():
            found[meter] = found.get(meter, 0) + number
    return found


def whole_number(text: str, most: int) -> int | None:
    """A quantity as a person writes it (`5000000`, `5e6`, `2.5e12`), or None."""
    try:
        value = Decimal(text)
    except ArithmeticError:
        return None
    if not value.is_finite() or not 0 <= value <= most or value != value.to_integral_value():
        return None
    return int(value)
