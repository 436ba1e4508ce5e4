"""Blocks, top tier: find the tier that the whole quantity reaches, and price all units in blocks of that tier.

Above the end of the last tier it is still the last tier. Not monotone, as `volume`.
"""

from decimal import Decimal

from parley.money import exact, plain
from parley.plans import Blocks
from parley_billing.core.rating.amount import Amount


@exact
def blocks_top_tier(pricing: Blocks, quantity: Decimal) -> Amount:
    reached, left = pricing.tiers[-1], quantity
    for tier in pricing.tiers:
        if tier.most is None or left <= tier.size * tier.most:
            reached = tier
            break
        left -= tier.size * tier.most
    count, rest = divmod(quantity, reached.size)
    count += 1 if rest else 0
    expression = f"⌈{plain(quantity)} ÷ {plain(reached.size)}⌉ × {plain(reached.price)}"
    return Amount(count * reached.price, expression)
