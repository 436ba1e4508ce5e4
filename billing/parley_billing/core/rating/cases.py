"""Rating cases: a model, its config and a quantity, as `parley rate` reads them; docs/rating.md has the configs."""

import re
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from parley.money import MoneyProblem, exact, plain
from parley.plans import ZERO
from parley_billing.core.rating.amount import RatingProblem
from parley_billing.core.rating.case_compound import COMPOUND, Result, Zones
from parley_billing.core.rating.case_config import PRICINGS, Json, named, number, pricing_of, text
from parley_billing.core.rating.pricing import check_quantity, price

#: The one remark that is understood: what was billed before is taken off. Any other says nothing to us.
_ALREADY: Final = re.compile(r"\bminus already invoiced ([0-9]{1,15}(?:\.[0-9]{1,12})?)(?![0-9.])")


@dataclass(frozen=True, slots=True)
class Answer:
    """Either a result, or an error in a sentence. `id` is None when the case had none."""

    id: str | None
    result: Result | None = None
    error: str | None = None


@exact
def answer(case: Json, place: int, zones: Zones) -> Answer:
    """The answer to the case at `place` (from 0). Whatever JSON it is given, what is wrong with it is in the answer."""
    known = None
    try:
        if not isinstance(case, dict):
            raise RatingProblem(f"Case {place + 1} of `rating` is not an object.")
        known = text(case.get("id"), "id")
        model = text(case.get("model"), "model")
        name, remark = named(model, [*PRICINGS, *COMPOUND])
        config = case.get("config")
        if isinstance(config, str):
            raise RatingProblem("config: it is told in words; only structured ones are rated.")
        quantity = number(case.get("quantity"), "quantity")
        check_quantity(quantity)
        if name in COMPOUND:
            return Answer(known, COMPOUND[name](config, quantity, zones))
        return Answer(known, _priced(name, config, quantity, remark))
    except (RatingProblem, MoneyProblem) as problem:
        return Answer(known, error=str(problem))


def _priced(name: str, config: Json, quantity: Decimal, remark: str) -> Result:
    """The exact amount, not rounded: such a config names no currency."""
    pricing, free = pricing_of(name, config)
    billable = max(quantity - free, ZERO)
    amount = price(pricing, billable)
    value, formula = amount.value, amount.formula
    if free:
        formula = f"max({plain(quantity)} − {plain(free)}; 0) = {plain(billable)}; {formula}"
    if already := _ALREADY.search(remark):
        value -= Decimal(already[1])
        formula = f"{formula}; {plain(amount.value)} − {already[1]} = {plain(value)}"
    return Result(value, formula)
