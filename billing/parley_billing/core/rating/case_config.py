"""Reading the parts of a rating case: numbers and members, each refused with a sentence that names it."""

import re
from collections.abc import Callable, Collection, Mapping
from datetime import date
from decimal import Decimal
from typing import Final, TypeAlias

from parley.money import minor_units
from parley.plan_rules import LARGEST_QUANTITY, number_problem, pricing_problems
from parley.plans import Block, Blocks, Flat, Graduated, Package, PerUnit, Pricing, Tier, Volume
from parley_billing.core.rating.amount import RatingProblem

#: What a JSON reader that makes every number a Decimal gives.
Json: TypeAlias = "bool | str | Decimal | list[Json] | dict[str, Json] | None"

_NUMBER = re.compile(r"-?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]{1,4})?")
#: What other programs write for a float that is no number; named so that the answer can name it.
_NOT_FINITE = re.compile(r"[+-]?(nan|inf(inity)?)", re.IGNORECASE)


def number(value: Json, name: str) -> Decimal:
    """A JSON number, or a string with one; NaN and infinities as they are, so that the rules can name them."""
    if isinstance(value, Decimal):
        return value
    if isinstance(value, str) and (_NUMBER.fullmatch(value) or _NOT_FINITE.fullmatch(value)):
        return Decimal(value)
    if value in ("", None):
        raise RatingProblem(f"{name}: it is missing.")
    raise RatingProblem(f"{name}: {_shown(value)} is not a number.")


def whole(value: Json, name: str) -> int:
    """A whole number."""
    found = number(value, name)
    if not found.is_finite() or abs(found) >= 10**19 or found != int(found):
        raise RatingProblem(f"{name}: {_shown(str(found))} is not a whole number.")
    return int(found)


def text(value: Json, name: str) -> str:
    """A string."""
    if not isinstance(value, str):
        raise RatingProblem(f"{name}: {_shown(value)} is not a text.")
    return value


def day(value: Json, name: str) -> date:
    """A day as `2026-02-28`."""
    written = text(value, name)
    try:
        found = date.fromisoformat(written)
    except ValueError:
        found = None
    # fromisoformat also takes 20260228 and 2026-W09-6.
    if found is None or found.isoformat() != written:
        raise RatingProblem(f"{name}: {_shown(value)} is not a day as 2026-02-28.")
    return found


def listed(value: Json, name: str) -> list[Json]:
    """A list."""
    if not isinstance(value, list):
        raise RatingProblem(f"{name}: {_shown(value)} is not a list.")
    return value


def members(value: Json, name: str, needed: str, allowed: str = "") -> Mapping[str, Json]:
    """An object that has all of `needed`, and nothing but them and `allowed` (names with spaces between)."""
    if not isinstance(value, dict):
        raise RatingProblem(f"{name}: {_shown(value)} is not an object.")
    for member in needed.split():
        if member not in value:
            raise RatingProblem(f"{name}: {member!r} is missing.")
    for member in value:
        if member not in (*needed.split(), *allowed.split()):
            raise RatingProblem(f"{name}: {_shown(member)} is not known.")
    return value


def currency(value: Json, name: str) -> str:
    """A currency of ISO 4217. Raises `MoneyProblem` when it is not known."""
    code = text(value, name)
    minor_units(code)
    return code


def bounded(value: Json, name: str, largest: Decimal) -> Decimal:
    """A number from 0 to `largest` with at most 12 decimals."""
    found = number(value, name)
    problem = number_problem(found, largest)
    if problem is not None:
        raise RatingProblem(f"{name}: {problem}")
    return found


def optional(config: Mapping[str, Json], name: str, largest: Decimal) -> Decimal | None:
    """As `bounded`; None when there is none."""
    return bounded(config[name], f"config.{name}", largest) if name in config else None


def named(model: str, names: Collection[str]) -> tuple[str, str]:
    """The longest name that `model` begins with, and the remark after it."""
    for name in sorted(names, key=len, reverse=True):
        if model.startswith(name) and not model[len(name) :][:1].isalnum():
            return name, model[len(name) :]
    raise RatingProblem(f"model: {_shown(model)} is not known.")


def _flat(config: Json) -> Pricing:
    given = members(config, "config", "amount")
    return Flat(number(given["amount"], "config.amount"))


def _per_unit(config: Json) -> Pricing:
    given = members(config, "config", "unit_price")
    return PerUnit(number(given["unit_price"], "config.unit_price"))


def _package(config: Json) -> Pricing:
    given = members(config, "config", "size amount", "free_units round")
    size, amount = (number(given[name], f"config.{name}") for name in ("size", "amount"))
    match given.get("round", "up"):
        case "up":
            return Package(size, amount, "up")
        case "down":
            return Package(size, amount, "down")
        case other:
            raise RatingProblem(f"config.round: {_shown(other)} is neither 'up' nor 'down'.")


def _tiers(config: Json) -> list[Tier]:
    found = []
    for place, row in enumerate(listed(config, "config")):
        name = f"config[{place}]"
        cells = _row(row, name, "[up to and including, unit price, flat]")
        end = None if cells[0] is None else number(cells[0], name)
        found.append(Tier(end, number(cells[1], name), number(cells[2], name)))
    return found


def _blocks(config: Json) -> list[Block]:
    found = []
    for place, row in enumerate(listed(config, "config")):
        name = f"config[{place}]"
        size, most, price = _row(row, name, "[size, most blocks, price]")
        count = whole(most, name)
        found.append(Block(number(size, name), number(price, name), None if count == -1 else count))
    return found


def _row(row: Json, name: str, form: str) -> list[Json]:
    if not isinstance(row, list) or len(row) != 3:
        raise RatingProblem(f"{name}: {_shown(row)} is not {form}.")
    return row


def _shown(value: Json) -> str:
    match value:
        case list():
            return f"a list of {len(value)}"
        case dict():
            return "an object"
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case _:
            shown = repr(str(value))
            return shown if len(shown) <= 60 else f"{shown[:57]}…"


#: The models that are priced by themselves, from their config.
PRICINGS: Final[Mapping[str, Callable[[Json], Pricing]]] = {
    "flat": _flat,
    "per unit": _per_unit,
    "package": _package,
    "graduated": lambda config: Graduated(_tiers(config)),
    "volume": lambda config: Volume(_tiers(config)),
    "blocks ALL_TIERS": lambda config: Blocks("allTiers", _blocks(config)),
    "blocks TOP_TIER": lambda config: Blocks("topTier", _blocks(config)),
}


def pricing_of(name: str, config: Json) -> tuple[Pricing, Decimal]:
    """A model that keeps the rules of plans, and the units that are free before it (only a package says any)."""
    pricing = PRICINGS[name](config)
    for problem in pricing_problems(pricing, "config"):
        raise RatingProblem(str(problem))
    free = config.get("free_units") if isinstance(config, dict) else None
    return pricing, Decimal(0) if free is None else bounded(free, "config.free_units", LARGEST_QUANTITY)
