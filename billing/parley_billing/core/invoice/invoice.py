"""An invoice or a credit note, whole: what is numbered, chained, printed and sent.

Amounts are in major units with exactly the currency's decimals. On a credit note they are what is given back, above
zero. In JSON, Decimals are strings.
"""

from datetime import date
from decimal import Decimal
from typing import Literal, TypeAlias

import msgspec

from parley.plans import Meter
from parley_billing.core.invoice.party import Language, Party, Shape
from parley_billing.core.invoice.tax import Tax

Kind: TypeAlias = Literal["invoice", "creditNote"]
#: `charge`: a line of the plan. `minimum`: what an agreed minimum adds. `late`: usage of an earlier, invoiced period.
LineKind: TypeAlias = Literal["charge", "minimum", "late", "credit"]


class Span(Shape, frozen=True):
    """[`start`, `end`) in local days. `last` is the day that invoices name."""

    start: date
    end: date

    @property
    def last(self) -> date:
        return date.fromordinal(self.end.toordinal() - 1)


class Line(Shape, frozen=True):
    """`net` is the line's amount (BT-131). `quantity` as it was measured, of `meter` (None: a fee), `formula` how the
    amount came about. `plan`: name and version. `late` lines name the period they belong to as `period`."""

    id: int
    kind: LineKind
    name: str
    net: Decimal
    tax: Tax
    period: Span
    plan: str = ""
    meter: Meter | None = None
    quantity: Decimal | None = None
    formula: str = ""


class Allowance(Shape, frozen=True):
    """What coupons and an agreed maximum take off the lines of one VAT group (BG-20)."""

    reason: str
    amount: Decimal
    tax: Tax


class TaxGroup(Shape, frozen=True):
    """BG-23: one for each category and rate. `amount` = `base` × rate, rounded half away from zero.

    On a credit note `before` is what earlier ones credited of the same invoice's group, and `amount` is the VAT of
    both together minus the VAT of that. So the VAT of all credit notes is never more than the invoice's.
    """

    tax: Tax
    base: Decimal
    amount: Decimal
    before: Decimal = Decimal(0)


class Totals(Shape, frozen=True):
    """BG-22. lines − allowances = net; net + tax = gross; gross − paid = due."""

    lines: Decimal
    allowances: Decimal
    net: Decimal
    tax: Decimal
    gross: Decimal
    paid: Decimal
    due: Decimal


class Payment(Shape, frozen=True):
    """Where to pay. `days` after the day of issue."""

    days: int
    iban: str = ""
    bic: str = ""
    account_name: str = ""


class Original(Shape, frozen=True):
    """The invoice that a credit note is about (BG-3)."""

    id: str
    number: str
    issued: date


class Covered(Shape, frozen=True):
    """What of a period is billed with this invoice: `amounts` for each of its lines by key, `usage` for each part, in
    all since the period began. `cutoff`: the ledger's batch up to which it was counted."""

    period: Span
    cutoff: int
    usage: list[dict[str, int]]
    amounts: dict[str, Decimal]


class Invoice(Shape, frozen=True):
    """A draft has neither `number` nor `issued` nor `due`. `as_of`: ms; what gateways had handed over then counts."""

    kind: Kind
    tenant: str
    seller: Party
    buyer: Party
    currency: str
    language: Language
    period: Span
    time_zone: str
    as_of: int
    lines: list[Line]
    allowances: list[Allowance]
    taxes: list[TaxGroup]
    totals: Totals
    payment: Payment
    covers: list[Covered] = msgspec.field(default_factory=list)
    reference: str = ""
    order: str = ""
    footer: str = ""
    original: Original | None = None
    reason: str = ""
    number: str = ""
    issued: date | None = None
    due: date | None = None


_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(Invoice)


def encode_invoice(invoice: Invoice) -> bytes:
    """JSON, the same bytes for the same invoice: what its digest is of."""
    return _encoder.encode(invoice)


def decode_invoice(data: bytes) -> Invoice:
    """Raises `msgspec.DecodeError` when these bytes are no invoice."""
    return _decoder.decode(data)
