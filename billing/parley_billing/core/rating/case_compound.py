"""Rating cases of the models that take more than a price: lines with bounds and discounts, whole invoices, periods.

Each names its currency, and its amount is rounded to it.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, tzinfo
from decimal import Decimal
from typing import Final, TypeAlias

from parley.money import Money, allocate, minor_units, plain, to_money
from parley.plan_rules import LARGEST_AMOUNT, LARGEST_QUANTITY, bounds_problems, charge_problems
from parley.plans import ZERO, Charge
from parley_billing.core.rating import case_config as read
from parley_billing.core.rating.amount import Amount, RatingProblem
from parley_billing.core.rating.case_config import Json
from parley_billing.core.rating.line import Line, Terms, rate_line
from parley_billing.core.rating.part import Bounds
from parley_billing.core.rating.periods import Period, Stretch
from parley_billing.core.rating.portion import Portion, share
from parley_billing.core.rating.settlement import Credit, settle
from parley_billing.core.rating.split import instalments
from parley_billing.core.rating.statement import Coupon, put_together

#: Finds a time zone by its name. Raises `KeyError` when there is none: looking it up is not done in here.
Zones: TypeAlias = Callable[[str], tzinfo]

_LINE: Final = "included usage_discount percent_discount maximum minimum"


@dataclass(frozen=True, slots=True)
class Result:
    """An amount in major units and how it came about. `parts`: what an allocation gave to each, as text."""

    value: Decimal
    formula: str
    parts: tuple[str, ...] | None = None


_Model: TypeAlias = Callable[[Json, Decimal, Zones], Result]


def _line(needed: str = "") -> _Model:
    """{pricing: {model, config}, currency, included?, usage_discount?, percent_discount?, maximum?, minimum?}"""

    def rate(config: Json, quantity: Decimal, _: Zones) -> Result:
        given = read.members(config, "config", f"pricing currency {needed}", _LINE)
        line = rate_line(_charge(given), quantity, _currency(given), _terms(given))
        return Result(line.money.value, line.formula)

    return rate


def _charge(given: Mapping[str, Json]) -> Charge:
    nested = read.members(given["pricing"], "config.pricing", "model config")
    name, _ = read.named(read.text(nested["model"], "config.pricing.model"), read.PRICINGS)
    pricing, free = read.pricing_of(name, nested["config"])
    included = free + (read.optional(given, "included", LARGEST_QUANTITY) or ZERO)
    minimum, maximum = (read.optional(given, bound, LARGEST_AMOUNT) for bound in ("minimum", "maximum"))
    charge = Charge("line", pricing, "pubSubMessageCount", included, minimum, maximum)
    for problem in charge_problems(charge, "config"):
        raise RatingProblem(str(problem))
    return charge


def _terms(given: Mapping[str, Json]) -> Terms:
    return Terms(
        usage_discount=read.optional(given, "usage_discount", LARGEST_QUANTITY) or ZERO,
        percent_discount=read.optional(given, "percent_discount", Decimal(100)) or ZERO,
    )


def _split(config: Json, quantity: Decimal, _: Zones) -> Result:
    """The line's members, and {before}: the units that were billed earlier in the period."""
    given = read.members(config, "config", "pricing currency before", _LINE)
    before = read.bounded(given["before"], "config.before", LARGEST_QUANTITY)
    first, second = instalments(_charge(given), [before, quantity], _currency(given), _terms(given))
    both = Amount(second.value, f"{plain((first + second).value)} − {plain(first.value)}")
    return Result(both.value, both.formula)


def _invoice(needed: str = "") -> _Model:
    """{lines: [line without its currency, …], currency, coupons?, maximum?, minimum?, credits?, prepaid?}"""

    def rate(config: Json, quantity: Decimal, _: Zones) -> Result:
        optional = "coupons maximum minimum credits prepaid"
        given = read.members(config, "config", f"lines currency {needed}", optional)
        code = _currency(given)
        lines = list[Line]()
        for row in read.listed(given["lines"], "config.lines"):
            own = read.members(row, "config.lines", "pricing", _LINE)
            lines.append(rate_line(_charge(own), quantity, code, _terms(own)))
        coupons = [_coupon(row, code) for row in read.listed(given.get("coupons", []), "config.coupons")]
        bounds = _bounds(given, code)
        statement = put_together(lines, code, coupons, bounds)
        amounts = read.listed(given.get("credits", []), "config.credits")
        credits = [
            Credit(str(place + 1), to_money(read.bounded(amount, "config.credits", LARGEST_AMOUNT), code))
            for place, amount in enumerate(amounts)
        ]
        balance = _money(given, "prepaid", code) or Money(code, 0)
        settled = settle(statement.net, credits, balance, date.min)
        steps = (*statement.steps, *settled.steps)
        return Result(settled.due.value, "; ".join(str(step) for step in steps))

    return rate


def _bounds(given: Mapping[str, Json], code: str) -> Bounds:
    minimum, maximum = (read.optional(given, bound, LARGEST_AMOUNT) for bound in ("minimum", "maximum"))
    for problem in bounds_problems(minimum, maximum, "config"):
        raise RatingProblem(str(problem))
    return Bounds(_money(given, "minimum", code), _money(given, "maximum", code))


def _coupon(row: Json, code: str) -> Coupon:
    """{name, percent} or {name, amount}"""
    given = read.members(row, "config.coupons", "name", "percent amount")
    name = read.text(given["name"], "config.coupons.name")
    return Coupon(name, read.optional(given, "percent", Decimal(100)), _money(given, "amount", code))


def _proration(config: Json, quantity: Decimal, zones: Zones) -> Result:
    """{amount, currency, period: [from, to], from, to, by?: "day" | "second", time_zone?}"""
    given = read.members(config, "config", "amount currency period from to", "by time_zone")
    stretch = Stretch(_period(given), read.day(given["from"], "config.from"), read.day(given["to"], "config.to"))
    match given.get("by", "day"):
        case "day":
            portion = stretch.by_days
        case "second":
            name = read.text(given.get("time_zone"), "config.time_zone")
            try:
                portion = stretch.by_seconds(zones(name))
            except KeyError:
                raise RatingProblem(
                    f"config.time_zone: {name[:60]!r} is not a time zone of the IANA database."
                ) from None
        case _:
            raise RatingProblem("config.by: it is neither 'day' nor 'second'.")
    return _shared(given, quantity, portion)


def _trial(config: Json, quantity: Decimal, _: Zones) -> Result:
    """{amount, currency, period: [from, to], trial_end}: `trial_end` is the first day that is paid for."""
    given = read.members(config, "config", "amount currency period trial_end")
    period = _period(given)
    paid_from = min(max(read.day(given["trial_end"], "config.trial_end"), period.start), period.end)
    return _shared(given, quantity, Stretch(period, paid_from, period.end).by_days)


def _shared(given: Mapping[str, Json], quantity: Decimal, portion: Portion) -> Result:
    amount = quantity * read.bounded(given["amount"], "config.amount", LARGEST_AMOUNT)
    return _rounded(share(amount, portion, minor_units(_currency(given))), _currency(given))


def _plan_change(config: Json, quantity: Decimal, _: Zones) -> Result:
    """{amounts: [before, after], currency, period: [from, to], change}: the new one holds from the day `change` on."""
    given = read.members(config, "config", "amounts currency period change")
    code, period, day = _currency(given), _period(given), read.day(given["change"], "config.change")
    prices = [
        quantity * read.bounded(amount, "config.amounts", LARGEST_AMOUNT)
        for amount in read.listed(given["amounts"], "config.amounts")
    ]
    if len(prices) != 2:
        raise RatingProblem("config.amounts: it takes two, before and after the change.")
    parts = [
        _rounded(share(price, stretch.by_days, minor_units(code)), code)
        for price, stretch in zip(
            prices, (Stretch(period, period.start, day), Stretch(period, day, period.end)), strict=True
        )
    ]
    before, after = parts
    both = before.value + after.value
    sums = f"{plain(before.value)} + {plain(after.value)} = {plain(both)}"
    return Result(both, f"{before.formula}; {after.formula}; {sums}")


def _allocation(config: Json, quantity: Decimal, _: Zones) -> Result:
    """{weights: [whole number, …], currency}: the quantity is the sum that is given out."""
    given = read.members(config, "config", "weights currency")
    code = _currency(given)
    whole = to_money(quantity, code)
    weights = [read.whole(weight, "config.weights") for weight in read.listed(given["weights"], "config.weights")]
    parts = [part.value for part in allocate(whole, weights)]
    texts = tuple(plain(part) for part in parts)
    return Result(whole.value, f"{' + '.join(texts)} = {plain(whole.value)}", texts)


def _rounded(amount: Amount, code: str) -> Result:
    rounded = to_money(amount.value, code).value
    if rounded == amount.value:
        return Result(rounded, amount.formula)
    rounding = Amount(rounded, f"round({plain(amount.value)}; {minor_units(code)})")
    return Result(rounded, f"{amount.formula}; {rounding.formula}")


def _currency(given: Mapping[str, Json]) -> str:
    code = read.text(given["currency"], "config.currency")
    minor_units(code)
    return code


def _money(given: Mapping[str, Json], name: str, code: str) -> Money | None:
    value = read.optional(given, name, LARGEST_AMOUNT)
    return None if value is None else to_money(value, code)


def _period(given: Mapping[str, Json]) -> Period:
    days = [read.day(day, "config.period") for day in read.listed(given["period"], "config.period")]
    if len(days) != 2:
        raise RatingProblem("config.period: it takes two days, the first and the one after the last.")
    return Period(*days)


#: By the name of the model. Several names for one config say what it is used for; each asks for the member it names.
COMPOUND: Final[Mapping[str, _Model]] = {
    "line": _line(),
    "included quantity": _line("included"),
    "usage discount": _line("usage_discount"),
    "percentage discount": _line("percent_discount"),
    "minimum": _line("minimum"),
    "maximum": _line("maximum"),
    "split period": _split,
    "invoice": _invoice(),
    "invoice minimum": _invoice("minimum"),
    "invoice maximum": _invoice("maximum"),
    "coupon": _invoice("coupons"),
    "credit": _invoice("credits"),
    "prepaid balance": _invoice("prepaid"),
    "proration": _proration,
    "trial": _trial,
    "plan change": _plan_change,
    "allocation": _allocation,
}
