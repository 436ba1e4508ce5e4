"""Invoices as a table by FOCUS 1.2, the FinOps columns of cost and usage: a row for each line, allowance and VAT group.

`BilledCost` adds up to what the invoices come to with VAT; a credit note's rows are below zero.
"""

import csv
import io
from collections.abc import Iterable, Iterator
from datetime import date
from decimal import Decimal
from typing import Final

from parley.money import plain
from parley_billing.core.invoice.invoice import Invoice, Line
from parley_billing.core.invoice.words import allowance, title

COLUMNS: Final = (
    "InvoiceId", "InvoiceIssuerName", "ProviderName", "PublisherName", "BillingAccountId", "BillingAccountName",
    "BillingCurrency", "BillingPeriodStart", "BillingPeriodEnd", "ChargePeriodStart", "ChargePeriodEnd",
    "ChargeCategory", "ChargeClass", "ChargeDescription", "ServiceCategory", "ServiceName", "SkuId", "BilledCost",
    "EffectiveCost", "ConsumedQuantity", "ConsumedUnit", "x_Formula",
)  # fmt: skip

#: Signs that a spreadsheet takes for a formula when a cell begins with one.
_FORMULA_SIGNS = ("=", "+", "-", "@", "\t", "\r")


def focus(invoices: Iterable[Invoice]) -> str:
    """CSV with a head; UTC dates by ISO 8601."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    for invoice in invoices:
        for row in _rows(invoice):
            writer.writerow([row.get(column, "") for column in COLUMNS])
    return text.getvalue()


def _rows(invoice: Invoice) -> Iterator[dict[str, str]]:
    sign = -1 if invoice.kind == "creditNote" else 1
    common = {
        "InvoiceId": invoice.number,
        "InvoiceIssuerName": _safe(invoice.seller.name),
        "ProviderName": "Parley",
        "PublisherName": "Parley",
        "BillingAccountId": invoice.tenant,
        "BillingAccountName": _safe(invoice.buyer.name),
        "BillingCurrency": invoice.currency,
        "BillingPeriodStart": _moment(invoice.period.start),
        "BillingPeriodEnd": _moment(invoice.period.end),
        "ChargePeriodStart": _moment(invoice.period.start),
        "ChargePeriodEnd": _moment(invoice.period.end),
        "ServiceCategory": "Web",
        "ServiceName": "Parley",
    }
    for line in invoice.lines:
        yield common | _line(invoice, line, sign)
    for one in invoice.allowances:
        said = allowance(invoice.language, one.reason)
        yield common | {"ChargeCategory": "Credit", "ChargeDescription": _safe(said)} | _cost(-sign * one.amount)
    for group in invoice.taxes:
        if group.tax.rate is not None:
            said = f"VAT {plain(group.tax.rate)} % ({group.tax.category})"
            yield common | {"ChargeCategory": "Tax", "ChargeDescription": said} | _cost(sign * group.amount)


def _line(invoice: Invoice, line: Line, sign: int) -> dict[str, str]:
    category = "Credit" if line.kind == "credit" else "Purchase" if line.meter is None else "Usage"
    row = {
        "ChargePeriodStart": _moment(line.period.start),
        "ChargePeriodEnd": _moment(line.period.end),
        "ChargeCategory": category,
        "ChargeClass": "Correction" if line.kind == "late" else "",
        "ChargeDescription": _safe(title(invoice.language, line)),
        "SkuId": f"{line.plan}/{line.name}" if line.plan else "",
        "x_Formula": _safe(line.formula),
    }
    if line.meter is not None and line.quantity is not None:
        row |= {"ConsumedQuantity": plain(line.quantity), "ConsumedUnit": line.meter}
    return row | _cost(sign * line.net)


def _cost(value: Decimal) -> dict[str, str]:
    return {"BilledCost": format(value, "f"), "EffectiveCost": format(value, "f")}


def _moment(day: date) -> str:
    return f"{day.isoformat()}T00:00:00Z"


def _safe(text: str) -> str:
    """A cell that a spreadsheet shows, and does not compute."""
    return f"'{text}" if text.startswith(_FORMULA_SIGNS) else text
