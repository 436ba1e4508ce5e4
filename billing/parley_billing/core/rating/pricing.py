"""From a pricing model to its arithmetic: the one list of models there are."""

from decimal import Decimal
from typing import assert_never

from parley.plan_rules import LARGEST_QUANTITY, number_problem
from parley.plans import Blocks, Flat, Graduated, Package, PerUnit, Pricing, Volume
from parley_billing.core.rating.amount import Amount, RatingProblem
from parley_billing.core.rating.blocks_all_tiers import blocks_all_tiers
from parley_billing.core.rating.blocks_top_tier import blocks_top_tier
from parley_billing.core.rating.flat import flat
from parley_billing.core.rating.graduated import graduated
from parley_billing.core.rating.package import package
from parley_billing.core.rating.per_unit import per_unit
from parley_billing.core.rating.volume import volume


def price(pricing: Pricing, quantity: Decimal) -> Amount:
    """What `quantity` units cost: exact, not yet rounded. `pricing` has passed `parley.plan_rules`.

    Raises `RatingProblem` when the quantity is no number from 0 to 2^63 − 1 with at most 12 decimals.
    """
    check_quantity(quantity)
    match pricing:
        case Flat():
            return flat(pricing, quantity)
        case PerUnit():
            return per_unit(pricing, quantity)
        case Package():
            return package(pricing, quantity)
        case Graduated():
            return graduated(pricing, quantity)
        case Volume():
            return volume(pricing, quantity)
        case Blocks(policy="allTiers"):
            return blocks_all_tiers(pricing, quantity)
        case Blocks():
            return blocks_top_tier(pricing, quantity)
        case _:
            assert_never(pricing)


def check_quantity(quantity: Decimal) -> None:
    """Raises `RatingProblem` with a sentence when this cannot be a quantity."""
    problem = number_problem(quantity, LARGEST_QUANTITY)
    if problem is not None:
        raise RatingProblem(f"quantity: {problem}")
