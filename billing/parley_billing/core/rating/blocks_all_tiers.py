"""Blocks, all tiers: fill the blocks of the first tier, then those of the next. A begun block counts whole."""

from decimal import Decimal

from parley.money import exact, plain
from parley.plans import Blocks
from parley_billing.core.rating.amount import Amount, RatingProblem, added, product


@exact
def blocks_all_tiers(pricing: Blocks, quantity: Decimal) -> Amount:
    """Raises `RatingProblem` when the quantity is above what the tiers hold; a published plan's last has no end."""
    value, left, terms = Decimal(0), quantity, list[str]()
    for tier in pricing.tiers:
        if terms and not left:
            break
        count, rest = divmod(left, tier.size)
        count += 1 if rest else 0
        if tier.most is not None and count > tier.most:
            count = Decimal(tier.most)
        left = max(left - count * tier.size, Decimal(0))
        value += count * tier.price
        terms.append(product(count, tier.price, Decimal(0)))
    if left:
        raise RatingProblem(f"The quantity {plain(quantity)} is above what the tiers hold, {plain(quantity - left)}.")
    return Amount(value, added(terms))
