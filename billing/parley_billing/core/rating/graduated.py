"""Graduated: each unit at the price of the tier it falls in, plus the flat amount of every tier that is reached.

A tier includes its end. The first tier is reached at 0 already: its flat amount is what being subscribed costs.
"""

from decimal import Decimal

from parley.money import exact
from parley.plans import Graduated
from parley_billing.core.rating.amount import Amount, added, product


@exact
def graduated(pricing: Graduated, quantity: Decimal) -> Amount:
    value, below, terms = Decimal(0), Decimal(0), list[str]()
    for tier in pricing.tiers:
        if terms and quantity <= below:
            break
        end = quantity if tier.up_to is None else min(quantity, tier.up_to)
        value += (end - below) * tier.unit_price + tier.flat
        terms.append(product(end - below, tier.unit_price, tier.flat))
        below = end
    return Amount(value, added(terms))
