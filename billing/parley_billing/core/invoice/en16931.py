"""What the two XML forms share: how EN 16931's terms are filled from an invoice."""

from datetime import date
from decimal import Decimal
from typing import Final

from parley.money import minor_units, plain
from parley_billing.core.invoice.invoice import Invoice, Line
from parley_billing.core.invoice.tax import InvoiceProblem, Tax

#: BT-24: the European norm itself, without a country's additions.
GUIDELINE: Final = "urn:cen.eu:en16931:2017"
#: BT-3 (UNCL 1001).
TYPE_CODES: Final = {"invoice": "380", "creditNote": "381"}
#: BT-81 (UNCL 4461): SEPA credit transfer, or not defined.
SEPA: Final = "58"
UNDEFINED: Final = "1"
#: BT-130 (UN/ECE recommendation 20): one. What was measured is an attribute of the item: no unit price of ours times a
#: quantity gives the amount of a tier or of a package, and a line is checked as quantity × price.
ONE: Final = "C62"


def must_fit(invoice: Invoice) -> None:
    """Raises `InvoiceProblem` when EN 16931 cannot say it, or it is not finalized."""
    if minor_units(invoice.currency) > 2:
        raise InvoiceProblem(
            f"EN 16931 knows amounts of at most 2 decimals (BR-DEC): an invoice in {invoice.currency} has no XML."
        )
    if invoice.issued is None:
        raise InvoiceProblem("A draft has no XML: finalize it first.")


def issued(invoice: Invoice) -> date:
    """Of an invoice that fits."""
    assert invoice.issued is not None
    return invoice.issued


def rate(tax: Tax) -> str:
    """`19`, or nothing outside of VAT's scope."""
    return "" if tax.rate is None else plain(tax.rate)


def amount(value: Decimal) -> str:
    """As XML has it."""
    return format(value, "f")


def note(line: Line) -> str:
    """BT-127: how the amount came about."""
    return line.formula


def terms(invoice: Invoice) -> str:
    """BT-20."""
    return f"{invoice.payment.days} days" if invoice.due is not None else ""


def attributes(line: Line) -> list[tuple[str, str]]:
    """BG-32: what was measured, and by which version of which plan."""
    found = list[tuple[str, str]]()
    if line.meter is not None and line.quantity is not None:
        found.append((line.meter, plain(line.quantity)))
    if line.plan:
        found.append(("plan", line.plan))
    return found
