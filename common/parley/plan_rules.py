"""What a plan must keep before it may be published: every problem at once, each as a place and a sentence."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from parley.money import MINOR_UNITS, plain
from parley.plans import Block, Blocks, Charge, Flat, Graduated, Package, PerUnit, Plan, Pricing, Tier, Volume

#: What the ledger can hold (a signed 64-bit integer); nine billion billion messages, or nine exabytes.
LARGEST_QUANTITY: Final = Decimal(2**63 - 1)
#: Major units. A thousand billion of any currency; more is a slip of the keyboard.
LARGEST_AMOUNT: Final = Decimal(10**12)
#: Decimals of a price: a millionth of a cent per byte can still be said.
MOST_DECIMALS: Final = 12
#: Tiers of one charge. More cannot be shown in a formula that anybody reads.
MOST_TIERS: Final = 100
#: Charges of one plan; they are lines of an invoice.
MOST_CHARGES: Final = 100
#: Days. A trial of more than two years is a slip.
LONGEST_TRIAL: Final = 731

_NAME = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")


@dataclass(frozen=True, slots=True)
class Problem:
    """Where (`charges[0].pricing.tiers[1]`, empty for the plan itself), and what is wrong there."""

    place: str
    message: str

    def __str__(self) -> str:
        return f"{self.place}: {self.message}" if self.place else self.message


def number_problem(value: Decimal, largest: Decimal) -> str | None:
    """What is wrong with a price or a quantity, or None."""
    if value.is_nan():
        return "NaN is not a number."
    if value.is_infinite():
        return "It is infinite."
    if value < 0:
        return f"{_short(value)} is negative."
    if value > largest:
        return f"{_short(value)} is above the largest possible, {plain(largest)}."
    if _decimals(value) > MOST_DECIMALS:
        return f"{_short(value)} has more than {MOST_DECIMALS} decimals."
    return None


def _decimals(value: Decimal) -> int:
    _, digits, exponent = value.as_tuple()
    assert isinstance(exponent, int)  # finite, or the caller had stopped
    if not value:
        return 0
    zeros = len(digits) - len("".join(map(str, digits)).rstrip("0"))
    return -exponent - zeros


def _short(value: Decimal) -> str:
    text = str(value)
    return text if len(text) <= 40 else f"{text[:37]}…"


def validate(plan: Plan) -> list[Problem]:
    """Everything that is wrong with this plan; empty when it may be published."""
    return list(_plan(plan))


def succession(held: Plan | None, plan: Plan) -> list[Problem]:
    """Whether `plan` may follow the newest version held: versions count from 1 and never change."""
    if held is None:
        return [] if plan.version == 1 else [Problem("version", "The first version must be 1.")]
    if plan.name != held.name:
        return [Problem("name", f"{plan.name!r} is not {held.name!r}.")]
    if plan.version == held.version:
        if plan.digest() == held.digest():
            return []
        return [Problem("version", f"Version {plan.version} is published and never changes; publish the next one.")]
    if plan.version != held.version + 1:
        return [Problem("version", f"After version {held.version} comes {held.version + 1}, not {plan.version}.")]
    if plan.currency != held.currency:
        return [Problem("currency", f"A plan keeps its currency, {held.currency}; make another plan.")]
    return []


def pricing_problems(pricing: Pricing, place: str = "") -> list[Problem]:
    """What is wrong with one pricing model by itself."""
    return list(_pricing(pricing, place))


def charge_problems(charge: Charge, place: str = "") -> list[Problem]:
    """What is wrong with one charge by itself."""
    return list(_charge(charge, place))


def bounds_problems(minimum: Decimal | None, maximum: Decimal | None, place: str = "") -> list[Problem]:
    """What is wrong with a least and a most by themselves, and together."""
    return list(_bounds(minimum, maximum, f"{place}." if place else ""))


def _plan(plan: Plan) -> Iterator[Problem]:
    if not _NAME.fullmatch(plan.name):
        yield Problem("name", "A name is 1 to 63 of a-z, 0-9 and -, and neither begins nor ends with -.")
    if plan.version < 1:
        yield Problem("version", "Versions count from 1.")
    if plan.currency not in MINOR_UNITS:
        yield Problem("currency", f"{plan.currency!r} is not a currency of ISO 4217 that can be invoiced.")
    if not 0 <= plan.trial_days <= LONGEST_TRIAL:
        yield Problem("trialDays", f"{plan.trial_days} is not between 0 and {LONGEST_TRIAL}.")
    if not 1 <= len(plan.charges) <= MOST_CHARGES:
        yield Problem("charges", f"There are {len(plan.charges)} charges; it must be 1 to {MOST_CHARGES}.")
    yield from _bounds(plan.minimum, plan.maximum, "")
    seen: set[str] = set()
    for number, charge in enumerate(plan.charges):
        if charge.name in seen:
            yield Problem(f"charges[{number}].name", f"{charge.name!r} is there twice.")
        seen.add(charge.name)
        yield from _charge(charge, f"charges[{number}]")


def _charge(charge: Charge, place: str) -> Iterator[Problem]:
    if not _NAME.fullmatch(charge.name):
        yield Problem(f"{place}.name", "A name is 1 to 63 of a-z, 0-9 and -, and neither begins nor ends with -.")
    yield from _number(charge.included, LARGEST_QUANTITY, f"{place}.included")
    yield from _bounds(charge.minimum, charge.maximum, f"{place}.")
    if charge.meter is None and not isinstance(charge.pricing, Flat):
        yield Problem(f"{place}.meter", "Only a flat charge can be without a meter.")
    if isinstance(charge.pricing, Flat) and charge.included:
        yield Problem(f"{place}.included", "A flat charge does not depend on the quantity: nothing can be included.")
    yield from _pricing(charge.pricing, f"{place}.pricing")
    match charge.pricing:
        case Blocks(policy="allTiers", tiers=[*_, Block(most=int(most))] as tiers):
            last = f"{place}.pricing.tiers[{len(tiers) - 1}]"
            yield Problem(last, f"It ends after {most} blocks: what comes above has no price (a gap).")


def _bounds(minimum: Decimal | None, maximum: Decimal | None, prefix: str) -> Iterator[Problem]:
    wrong = [
        Problem(f"{prefix}{name}", message)
        for name, bound in (("minimum", minimum), ("maximum", maximum))
        if bound is not None and (message := number_problem(bound, LARGEST_AMOUNT)) is not None
    ]
    yield from wrong
    if not wrong and minimum is not None and maximum is not None and minimum > maximum:
        yield Problem(f"{prefix}minimum", f"{plain(minimum)} is above the maximum, {plain(maximum)}.")


def _pricing(pricing: Pricing, place: str) -> Iterator[Problem]:
    inside = f"{place}." if place else ""
    match pricing:
        case Flat(amount=amount):
            yield from _number(amount, LARGEST_AMOUNT, f"{inside}amount")
        case PerUnit(unit_price=unit_price):
            yield from _number(unit_price, LARGEST_AMOUNT, f"{inside}unitPrice")
        case Package(size=size, amount=amount):
            yield from _size(size, f"{inside}size")
            yield from _number(amount, LARGEST_AMOUNT, f"{inside}amount")
        case Graduated(tiers=tiers) | Volume(tiers=tiers):
            yield from _tiers(tiers, f"{inside}tiers")
        case Blocks(tiers=blocks):
            yield from _blocks(blocks, f"{inside}tiers")


def _tiers(tiers: Sequence[Tier], place: str) -> Iterator[Problem]:
    yield from _count(tiers, place)
    before = Decimal(0)
    for number, tier in enumerate(tiers):
        here = f"{place}[{number}]"
        yield from _number(tier.unit_price, LARGEST_AMOUNT, f"{here}.unitPrice")
        yield from _number(tier.flat, LARGEST_AMOUNT, f"{here}.flat")
        if tier.above is not None:
            yield from _joint(tier.above, before, f"{here}.above")
        if tier.up_to is None:
            if number < len(tiers) - 1:
                yield Problem(here, "It has no end, so the tier after it overlaps it; only the last has no end.")
                return
            continue
        wrong = list(_number(tier.up_to, LARGEST_QUANTITY, f"{here}.upTo"))
        yield from wrong
        if wrong:
            return  # what comes after is measured against it
        if tier.up_to <= before:
            end = f"It ends at {plain(tier.up_to)}"
            if number:
                yield Problem(here, f"{end}, but the tier before ends at {plain(before)} (they overlap).")
            else:
                yield Problem(here, f"{end}: it holds nothing.")
        before = tier.up_to
        if number == len(tiers) - 1:
            yield Problem(here, f"It ends at {plain(before)}: what comes above has no price (a gap).")


def _joint(above: Decimal, before: Decimal, place: str) -> Iterator[Problem]:
    wrong = list(_number(above, LARGEST_QUANTITY, place))
    yield from wrong
    if not wrong and above > before:
        yield Problem(place, f"Units above {plain(before)} up to {plain(above)} have no price (a gap).")
    if not wrong and above < before:
        overlap = f"It begins above {plain(above)}, but the tier before ends at {plain(before)} (they overlap)."
        yield Problem(place, overlap)


def _blocks(blocks: Sequence[Block], place: str) -> Iterator[Problem]:
    yield from _count(blocks, place)
    for number, block in enumerate(blocks):
        here = f"{place}[{number}]"
        yield from _size(block.size, f"{here}.size")
        yield from _number(block.price, LARGEST_AMOUNT, f"{here}.price")
        if block.most is None:
            if number < len(blocks) - 1:
                yield Problem(here, "It has no end, so the tier after it overlaps it; only the last has no end.")
        elif not 1 <= block.most <= LARGEST_QUANTITY:
            yield Problem(f"{here}.most", f"{block.most} is not between 1 and {plain(LARGEST_QUANTITY)}.")


def _count(tiers: Sequence[object], place: str) -> Iterator[Problem]:
    if not 1 <= len(tiers) <= MOST_TIERS:
        yield Problem(place, f"There are {len(tiers)} tiers; it must be 1 to {MOST_TIERS}.")


def _size(size: Decimal, place: str) -> Iterator[Problem]:
    wrong = list(_number(size, LARGEST_QUANTITY, place))
    yield from wrong
    if not wrong and not size:
        yield Problem(place, "It is 0: nothing can be packed into it.")


def _number(value: Decimal, largest: Decimal, place: str) -> Iterator[Problem]:
    message = number_problem(value, largest)
    if message is not None:
        yield Problem(place, message)
