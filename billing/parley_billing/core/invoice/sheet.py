"""An invoice as the words and numbers that stand on its pages: what the PDF and the HTML are both set from."""

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from parley.money import minor_units, plain
from parley_billing.core.invoice.invoice import Invoice, Line
from parley_billing.core.invoice.party import Party
from parley_billing.core.invoice.tax import Tax
from parley_billing.core.invoice.words import allowance, day, days, number, title, word


def sheet(invoice: Invoice) -> dict[str, Any]:
    """Strings, in lists and by name, already in the invoice's language."""
    language = invoice.language
    attached = invoice.issued is not None and minor_units(invoice.currency) <= 2
    return {
        "language": language,
        "title": word(language, invoice.kind),
        "number": invoice.number or word(language, "draft"),
        "currency": invoice.currency,
        "issued": "" if invoice.issued is None else invoice.issued.isoformat(),
        "draft": word(language, "draft") if invoice.issued is None else "",
        "words": {name: word(language, name) for name in ("item", "quantity", "vat", "amount", "pay", "page", "of")},
        "seller": {"label": word(language, "seller"), **_party(invoice, invoice.seller)},
        "buyer": {"label": word(language, "buyer"), **_party(invoice, invoice.buyer)},
        "facts": [list(fact) for fact in _facts(invoice)],
        "lines": [_line(invoice, line) for line in invoice.lines],
        "sums": [list(one) for one in _sums(invoice)],
        "due": _due(invoice),
        "notes": [
            *([invoice.reason] if invoice.reason and not any(line.kind == "credit" for line in invoice.lines) else []),
            *dict.fromkeys(note for group in invoice.taxes if (note := _why(invoice, group.tax))),
        ],
        "payment": [list(one) for one in _payment(invoice)],
        "footer": invoice.footer,
        "attached": word(language, "attached") if attached else "",
    }


def _party(invoice: Invoice, party: Party) -> dict[str, Any]:
    def told(name: str, value: str) -> list[str]:
        return [f"{word(invoice.language, name)} {value}"] if value else []

    place = f"{party.post_code} {party.city}".strip()
    return {
        "name": party.name,
        "address": [line for line in (party.street, party.street2, place, party.region, party.country) if line],
        "numbers": [
            *told("vatId", party.vat_id),
            *told("taxNumber", party.tax_number),
            *told("companyId", party.company_id),
        ],
        "contact": [line for line in (party.contact, party.mail, party.phone) if line],
    }


def _facts(invoice: Invoice) -> Iterator[tuple[str, str]]:
    language = invoice.language
    yield word(language, "number"), invoice.number or "–"
    if invoice.original is not None:
        named = f"{invoice.original.number}, {day(language, invoice.original.issued)}"
        yield word(language, "original"), named
    if invoice.issued is not None:
        yield word(language, "issued"), day(language, invoice.issued)
    yield word(language, "period"), days(language, invoice.period)
    if invoice.due is not None and invoice.kind == "invoice" and invoice.totals.due > 0:
        yield word(language, "due"), day(language, invoice.due)
    if invoice.reference:
        yield word(language, "reference"), invoice.reference
    if invoice.order:
        yield word(language, "order"), invoice.order


def _line(invoice: Invoice, line: Line) -> dict[str, str]:
    language = invoice.language
    below = "" if line.period == invoice.period or line.kind == "late" else days(language, line.period)
    quantity = ""
    if line.meter is not None and line.quantity is not None:
        quantity = f"{number(language, line.quantity)} {word(language, line.meter)}"
    return {
        "title": title(language, line),
        "below": below,
        "formula": line.formula if "=" in line.formula else "",
        "quantity": quantity,
        "vat": _percent(invoice, line.tax),
        "amount": number(language, line.net),
    }


def _percent(invoice: Invoice, tax: Tax) -> str:
    return "–" if tax.rate is None else f"{number(invoice.language, Decimal(plain(tax.rate)))} %"


def _sums(invoice: Invoice) -> Iterator[tuple[str, str]]:
    language, totals = invoice.language, invoice.totals
    if invoice.allowances:
        yield word(language, "subtotal"), number(language, totals.lines)
    for one in invoice.allowances:
        yield allowance(language, one.reason), number(language, -one.amount)
    yield word(language, "net"), number(language, totals.net)
    for group in invoice.taxes:
        if group.tax.rate is not None:
            about = f"{word(language, 'vat') if language != 'ja' else '消費税・VAT'} {_percent(invoice, group.tax)}"
            yield f"{about} ({word(language, 'base')} {number(language, group.base)})", number(language, group.amount)
    yield word(language, "gross"), number(language, totals.gross)
    if totals.paid:
        yield word(language, "pay"), number(language, -totals.paid)


def _due(invoice: Invoice) -> list[str]:
    name = "payable" if invoice.kind == "invoice" else "credited"
    return [word(invoice.language, name), f"{number(invoice.language, invoice.totals.due)} {invoice.currency}"]


def _why(invoice: Invoice, tax: Tax) -> str:
    return word(invoice.language, tax.category) if tax.category in ("AE", "O") else tax.reason


def _payment(invoice: Invoice) -> Iterator[tuple[str, str]]:
    language, payment = invoice.language, invoice.payment
    if invoice.kind == "creditNote" or not payment.iban or invoice.totals.due <= 0 or not invoice.number:
        return
    yield word(language, "holder"), payment.account_name
    yield "IBAN", " ".join(payment.iban[place : place + 4] for place in range(0, len(payment.iban), 4))
    if payment.bic:
        yield "BIC", payment.bic
    yield word(language, "purpose"), invoice.number
