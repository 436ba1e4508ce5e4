"""Per unit: quantity × unit price."""

from decimal import Decimal

from parley.money import exact
from parley.plans import PerUnit
from parley_billing.core.rating.amount import Amount, product


@exact
def per_unit(pricing: PerUnit, quantity: Decimal) -> Amount:
    return Amount(quantity * pricing.unit_price, product(quantity, pricing.unit_price, Decimal(0)))
