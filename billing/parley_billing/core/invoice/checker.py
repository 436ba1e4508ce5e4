"""Every sum of an invoice, to the cent. The official rules let a VAT pass that is wrong by less than 1.00 (BR-CO-17 and
BR-S-09 allow for other orders of rounding); here the order is fixed, so nothing is allowed for.

Written from EN 16931's rules, not from `summing`: it shares no arithmetic with what it checks.
"""

from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Final

from parley.money import exact, minor_units
from parley.plan_rules import Problem
from parley_billing.core.invoice.invoice import Invoice


@exact
def check(invoice: Invoice) -> list[Problem]:
    """What is wrong; empty when it may be issued. Places are those of the JSON."""
    return [problem for rule in RULES for problem in rule(invoice)]


def _lines(invoice: Invoice) -> Iterator[Problem]:
    if not invoice.lines:
        yield Problem("lines", "There is no line (BR-16).")
    if [line.id for line in invoice.lines] != list(range(1, len(invoice.lines) + 1)):
        yield Problem("lines", "Lines are numbered from 1 without holes (BR-21).")
    for place, line in enumerate(invoice.lines):
        if not line.name:
            yield Problem(f"lines[{place}].name", "It is empty (BR-25).")
        if line.period.start >= line.period.end:
            yield Problem(f"lines[{place}].period", "It ends before it begins (BR-30).")


def _decimals(invoice: Invoice) -> Iterator[Problem]:
    wanted = -minor_units(invoice.currency)
    totals = invoice.totals
    amounts = [
        *((f"lines[{place}].net", line.net) for place, line in enumerate(invoice.lines)),
        *((f"allowances[{place}].amount", one.amount) for place, one in enumerate(invoice.allowances)),
        *((f"taxes[{place}].base", group.base) for place, group in enumerate(invoice.taxes)),
        *((f"taxes[{place}].amount", group.amount) for place, group in enumerate(invoice.taxes)),
        *((f"totals.{name}", getattr(totals, name)) for name in totals.__struct_fields__),
    ]
    for place, amount in amounts:
        if not amount.is_finite() or amount.as_tuple().exponent != wanted:
            yield Problem(place, f"{amount} has not the {-wanted} decimals of {invoice.currency} (BR-DEC).")


def _tax_groups(invoice: Invoice) -> Iterator[Problem]:
    bases: dict[tuple[str, Decimal], Decimal] = {}
    for line in invoice.lines:
        bases[line.tax.key] = bases.get(line.tax.key, Decimal(0)) + line.net
    for allowance in invoice.allowances:
        bases[allowance.tax.key] = bases.get(allowance.tax.key, Decimal(0)) - allowance.amount
    keys = [group.tax.key for group in invoice.taxes]
    if sorted(keys) != sorted(bases):
        yield Problem("taxes", "There is not one VAT group for each category and rate (BR-CO-18, BR-S-08).")
        return
    for place, group in enumerate(invoice.taxes):
        base = bases[group.tax.key]
        if group.base != base:
            yield Problem(f"taxes[{place}].base", f"{group.base} is not the sum of its lines, {base} (BR-S-08).")
        rate, decimals = group.tax.rate or Decimal(0), minor_units(invoice.currency)
        wanted = _rounded((group.before + group.base) * rate, decimals) - _rounded(group.before * rate, decimals)
        if group.amount != wanted:
            yield Problem(
                f"taxes[{place}].amount", f"{group.amount} is not {rate} % of {group.base}: {wanted} (BR-CO-17)."
            )


def _rounded(percents: Decimal, decimals: int) -> Decimal:
    """`percents` hundredths to `decimals` places, by whole numbers: a half goes away from zero."""
    numerator, denominator = percents.as_integer_ratio()
    numerator, denominator = numerator * 10**decimals, denominator * 100
    units = (2 * abs(numerator) + denominator) // (2 * denominator)
    return Decimal(units if numerator >= 0 else -units) / Decimal(10**decimals)


def _totals(invoice: Invoice) -> Iterator[Problem]:
    totals, none = invoice.totals, Decimal(0)
    sums: list[tuple[str, Decimal, Decimal, str]] = [
        ("lines", totals.lines, sum((line.net for line in invoice.lines), none), "BR-CO-10"),
        ("allowances", totals.allowances, sum((one.amount for one in invoice.allowances), none), "BR-CO-11"),
        ("net", totals.net, totals.lines - totals.allowances, "BR-CO-13"),
        ("tax", totals.tax, sum((group.amount for group in invoice.taxes), none), "BR-CO-14"),
        ("gross", totals.gross, totals.net + totals.tax, "BR-CO-15"),
        ("due", totals.due, totals.gross - totals.paid, "BR-CO-16"),
    ]
    for name, found, wanted, rule in sums:
        if found != wanted:
            yield Problem(f"totals.{name}", f"{found} should be {wanted} ({rule}).")


def _categories(invoice: Invoice) -> Iterator[Problem]:
    categories = {group.tax.category for group in invoice.taxes}
    if "O" in categories and len(categories) > 1:
        yield Problem("taxes", "What is outside of VAT's scope stands alone (BR-O-11).")
    for place, group in enumerate(invoice.taxes):
        tax, where = group.tax, f"taxes[{place}].tax"
        if (tax.rate is None) != (tax.category == "O"):
            yield Problem(f"{where}.rate", "Only what is outside of VAT's scope has no rate (BR-48, BR-O-05).")
        elif tax.category == "S" and not (tax.rate or 0) > 0:
            yield Problem(f"{where}.rate", "A standard rate is above 0 (BR-S-05).")
        elif tax.category not in ("S", "O") and tax.rate:
            yield Problem(f"{where}.rate", f"Category {tax.category} has a rate of 0 (BR-{tax.category}-05).")
        if tax.category in ("E", "AE", "O") and not (tax.reason or tax.code):
            yield Problem(f"{where}.reason", f"Category {tax.category} says why (BR-{tax.category}-10).")
        if tax.category in ("S", "Z") and (tax.reason or tax.code):
            yield Problem(f"{where}.reason", f"Category {tax.category} has no reason (BR-{tax.category}-10).")


def _parties(invoice: Invoice) -> Iterator[Problem]:
    seller, buyer = invoice.seller, invoice.buyer
    categories = {group.tax.category for group in invoice.taxes}
    if not (seller.company_id or seller.vat_id):
        yield Problem("seller", "It has neither `companyId` nor `vatId` (BR-CO-26).")
    if categories & {"S", "Z", "E"} and not (seller.vat_id or seller.tax_number):
        yield Problem("seller", "It has neither `vatId` nor `taxNumber` (BR-S-02, BR-Z-02, BR-E-02).")
    if "AE" in categories:
        if not seller.vat_id:
            yield Problem("seller.vatId", "Reverse charge needs it (BR-AE-02).")
        if not (buyer.vat_id or buyer.company_id):
            yield Problem("buyer.vatId", "Reverse charge needs it (BR-AE-02).")
    if "O" in categories and (seller.vat_id or buyer.vat_id):
        yield Problem("seller.vatId", "Outside of VAT's scope nobody's VAT identifier is named (BR-O-02).")


def _dates(invoice: Invoice) -> Iterator[Problem]:
    if (invoice.issued is None) != (invoice.number == ""):
        yield Problem("number", "Number and day of issue come together (BR-02, BR-03).")
    if invoice.issued is not None and invoice.due is not None and invoice.due < invoice.issued:
        yield Problem("due", "It is due before it was issued.")
    if (invoice.kind == "creditNote") != (invoice.original is not None):
        yield Problem("original", "A credit note names its invoice, and nothing else does (BR-55).")


#: Each yields what is wrong.
RULES: Final[tuple[Callable[[Invoice], Iterator[Problem]], ...]] = (
    _lines, _decimals, _tax_groups, _totals, _categories, _parties, _dates,
)  # fmt: skip
