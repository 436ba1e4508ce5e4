"""A period rated as a whole: each line's amount by a key that stays, so that a later rating can be compared with it."""

from dataclasses import dataclass
from decimal import Decimal

from parley.money import Money, to_money
from parley.plans import Meter
from parley_billing.core.invoice.basis import Metered
from parley_billing.core.invoice.invoice import Span
from parley_billing.core.invoice.party import Account
from parley_billing.core.rating.line import Line as RatedLine
from parley_billing.core.rating.part import Holding, Part, bounds, cut, rate_part
from parley_billing.core.rating.periods import Period, Stretch
from parley_billing.core.rating.statement import Coupon, Statement, put_together

#: The line that an agreed minimum adds; no charge can have this name (`parley.plan_rules` wants one without blanks).
MINIMUM = "minimum charge"


@dataclass(frozen=True, slots=True)
class Charged:
    """One line of a period. `share`: what it comes to after coupons and maximum. `key` is unique in its period."""

    key: str
    name: str
    plan: str
    period: Span
    meter: Meter | None
    rated: RatedLine | None
    money: Money
    share: Money


def parts_of(metered: Metered) -> list[Part]:
    """The parts of a period, each on one plan. Raises `RatingProblem` when the plans do not fit together."""
    stretch = Stretch(Period(metered.period.start, metered.period.end), metered.first, metered.end)
    return cut(stretch, [Holding(agreed.plan, agreed.begin) for agreed in metered.plans], metered.trial_end)


def charge(metered: Metered, account: Account) -> tuple[list[Charged], Statement]:
    """Every line of the period, an agreed minimum last. Their shares add up to the statement's net, exactly."""
    parts = parts_of(metered)
    currency = parts[0].plan.currency
    found: list[tuple[Part, str, RatedLine, Meter | None]] = []
    for number, (part, usage) in enumerate(zip(parts, metered.usage, strict=True)):
        rated = rate_part(part, usage)  # type: ignore[arg-type]  # meters as JSON has them
        for place, (one, line) in enumerate(zip(part.plan.charges, rated, strict=True)):
            found.append((part, f"{number}.{place}", line, one.meter))
    coupons = [
        Coupon(one.name, one.percent, None if one.amount is None else to_money(one.amount, currency))
        for one in account.coupons
    ]
    statement = put_together([line for _, _, line, _ in found], currency, coupons, bounds(parts))
    charged = [
        Charged(
            key, line.name, f"{part.plan.name}@{part.plan.version}", Span(part.stretch.start, part.stretch.end),
            meter, line, line.money, share,
        )
        for (part, key, line, meter), share in zip(found, statement.shares, strict=True)
    ]  # fmt: skip
    if statement.true_up.minor:
        plan = parts[-1].plan
        whole = Span(metered.first, metered.end)
        charged.append(
            Charged(
                "minimum",
                MINIMUM,
                f"{plan.name}@{plan.version}",
                whole,
                None,
                None,
                statement.true_up,
                statement.true_up,
            )
        )
    return charged, statement


def amounts(charged: list[Charged]) -> dict[str, Decimal]:
    """What is billed of each line, by key."""
    return {one.key: one.share.value for one in charged}
