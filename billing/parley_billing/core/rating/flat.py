"""Flat: one amount, whatever the quantity, also when it is 0."""

from decimal import Decimal

from parley.plans import Flat
from parley_billing.core.rating.amount import Amount, given


def flat(pricing: Flat, quantity: Decimal) -> Amount:
    return given(pricing.amount)
