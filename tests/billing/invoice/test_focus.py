"""The table by FOCUS: it adds up to what is billed, and no cell of it runs in a spreadsheet."""

import csv
import io
from decimal import Decimal

from msgspec.structs import replace

from kit.invoices import BERLIN, an_invoice, numbered
from parley_billing.core.invoice.crediting import credit
from parley_billing.core.invoice.focus import COLUMNS, focus
from parley_billing.core.invoice.party import Coupon


def test_what_is_billed_and_what_is_credited_add_up() -> None:
    invoice = an_invoice(coupons=[Coupon("spring", Decimal("12.5"))])
    note = numbered(credit(invoice, "id", [], "Outage", Decimal("12.34")), 2)
    rows = list(csv.DictReader(io.StringIO(focus([invoice, note]))))
    assert tuple(rows[0]) == COLUMNS
    for one, sign in ((invoice, 1), (note, -1)):
        costs = [Decimal(row["BilledCost"]) for row in rows if row["InvoiceId"] == one.number]
        assert sum(costs) == sign * one.totals.gross
    assert {row["ChargeCategory"] for row in rows} == {"Usage", "Purchase", "Tax", "Credit"}
    (bandwidth,) = [row for row in rows if row["ConsumedUnit"] == "pubSubBandwidth"]
    assert (bandwidth["ConsumedQuantity"], bandwidth["SkuId"]) == ("123456789012", "team@1/bandwidth")


def test_a_name_that_a_spreadsheet_would_compute_is_text() -> None:
    invoice = an_invoice(buyer=replace(BERLIN, name='=HYPERLINK("http://x")'))
    rows = list(csv.DictReader(io.StringIO(focus([invoice]))))
    assert {row["BillingAccountName"] for row in rows} == {'\'=HYPERLINK("http://x")'}
