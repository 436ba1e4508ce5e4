"""Volume: all units at the price of the tier that the whole quantity falls in, plus that tier's flat amount.

A tier includes its end; 100.5 is above 100. This model is not monotone: one unit more can make the bill smaller, so
whoever forecasts, alerts or corrects must allow a negative difference.
"""

from decimal import Decimal

from parley.money import exact
from parley.plans import Volume
from parley_billing.core.rating.amount import Amount, product


@exact
def volume(pricing: Volume, quantity: Decimal) -> Amount:
    tier = next(tier for tier in pricing.tiers if tier.up_to is None or quantity <= tier.up_to)
    return Amount(quantity * tier.unit_price + tier.flat, product(quantity, tier.unit_price, tier.flat))
