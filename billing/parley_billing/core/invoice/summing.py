"""VAT and totals. One group for each category and rate, VAT from the group's base, and nothing is rounded twice."""

from collections.abc import Sequence
from decimal import Decimal

from parley.money import EXACT, exact, to_money
from parley_billing.core.invoice.invoice import Allowance, Line, TaxGroup, Totals
from parley_billing.core.invoice.tax import Tax


@exact
def tax_groups(lines: Sequence[Line], allowances: Sequence[Allowance], currency: str) -> list[TaxGroup]:
    """In the order in which the lines first name them. A group's VAT is rounded once, half away from zero."""
    bases: dict[tuple[str, Decimal], Decimal] = {}
    taxes: dict[tuple[str, Decimal], Tax] = {}
    for line in lines:
        taxes.setdefault(line.tax.key, line.tax)
        bases[line.tax.key] = bases.get(line.tax.key, Decimal(0)) + line.net
    for allowance in allowances:
        bases[allowance.tax.key] -= allowance.amount
    groups = []
    for key, tax in taxes.items():
        amount = bases[key] * (tax.rate or Decimal(0)).scaleb(-2, EXACT)
        groups.append(TaxGroup(tax, to_money(bases[key], currency).value, to_money(amount, currency).value))
    return groups


@exact
def totals(lines: Sequence[Line], allowances: Sequence[Allowance], groups: Sequence[TaxGroup], currency: str) -> Totals:
    """Sums of what stands on the invoice, and of nothing else (BR-CO-10 to BR-CO-16)."""
    none = to_money(0, currency).value
    gathered = sum((line.net for line in lines), none)
    taken = sum((allowance.amount for allowance in allowances), none)
    tax = sum((group.amount for group in groups), none)
    net = gathered - taken
    return Totals(gathered, taken, net, tax, net + tax, none, net + tax)
