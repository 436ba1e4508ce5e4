"""Package: whole packages of a size. A begun package counts (rounding up), or does not (rounding down)."""

from decimal import Decimal

from parley.money import exact, plain
from parley.plans import Package
from parley_billing.core.rating.amount import Amount


@exact
def package(pricing: Package, quantity: Decimal) -> Amount:
    packages, rest = divmod(quantity, pricing.size)
    if rest and pricing.round == "up":
        packages += 1
    left, right = ("⌈", "⌉") if pricing.round == "up" else ("⌊", "⌋")
    expression = f"{left}{plain(quantity)} ÷ {plain(pricing.size)}{right} × {plain(pricing.amount)}"
    return Amount(packages * pricing.amount, expression)
