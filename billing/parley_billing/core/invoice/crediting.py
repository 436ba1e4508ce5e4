"""A credit note: of a whole invoice, or of an amount before tax. It mirrors the invoice's VAT groups.

All credit notes of an invoice together never exceed it, in any VAT group. The VAT of one is that of everything credited
so far minus that of what was credited before, so what is credited whole is credited to the cent.
"""

from collections.abc import Sequence
from decimal import Decimal

from msgspec.structs import replace

from parley.money import MoneyProblem, allocate, exact, minor_units, round_half_away, to_money
from parley_billing.core.invoice.invoice import Invoice, Line, Original, TaxGroup, Totals
from parley_billing.core.invoice.tax import InvoiceProblem


@exact
def credit(invoice: Invoice, id: str, before: Sequence[Invoice], reason: str, amount: Decimal | None = None) -> Invoice:
    """The draft of a credit note. `before`: those the invoice has. `amount`: before tax; None: all that is left.

    Raises `InvoiceProblem` when there is not as much left.
    """
    if invoice.kind != "invoice" or invoice.issued is None:
        raise InvoiceProblem("Only a finalized invoice can be credited.")
    if not reason.strip() or len(reason) > 200 or not reason.isprintable():
        raise InvoiceProblem("A credit note says why, in at most 200 characters.")
    bases = _left(invoice, before)
    left = sum(bases, Decimal(0))
    parts = bases if amount is None else _divided(invoice, bases, left, amount)
    if not any(parts):
        raise InvoiceProblem(f"Nothing is left of {invoice.number} to credit.")
    lines, groups = list[Line](), list[TaxGroup]()
    for group, base, base_left in zip(invoice.taxes, parts, bases, strict=True):
        if not base:
            continue
        done = to_money(group.base - base_left, invoice.currency).value
        vat = _vat(invoice, group, done + base) - _vat(invoice, group, done)
        lines.append(Line(len(lines) + 1, "credit", reason, base, group.tax, invoice.period))
        groups.append(TaxGroup(group.tax, base, vat, done))
    none = to_money(0, invoice.currency).value
    net, tax = sum((line.net for line in lines), none), sum((group.amount for group in groups), none)
    return replace(
        invoice, kind="creditNote", lines=lines, allowances=[], taxes=groups,
        totals=Totals(net, none, net, tax, net + tax, none, net + tax), covers=[],
        original=Original(id, invoice.number, invoice.issued), reason=reason, number="", issued=None, due=None,
    )  # fmt: skip


def _left(invoice: Invoice, before: Sequence[Invoice]) -> list[Decimal]:
    """The base of each group that no credit note has credited yet."""
    return [
        group.base
        - sum((one.base for note in before for one in note.taxes if one.tax.key == group.tax.key), Decimal(0))
        for group in invoice.taxes
    ]


def _divided(invoice: Invoice, bases: list[Decimal], left: Decimal, amount: Decimal) -> list[Decimal]:
    decimals = minor_units(invoice.currency)
    if not amount.is_finite() or amount <= 0:
        raise InvoiceProblem("What is credited is an amount above 0.")
    if amount != round_half_away(amount, decimals):
        raise InvoiceProblem(f"{amount} has more than the {decimals} decimals of {invoice.currency}.")
    if amount > left:
        raise InvoiceProblem(f"Of {invoice.number} only {left} {invoice.currency} before tax are left to credit.")
    try:
        parts = allocate(to_money(amount, invoice.currency), [int(base.scaleb(decimals)) for base in bases])
    except MoneyProblem as problem:
        raise InvoiceProblem(f"{invoice.number} has a VAT group below zero: credit it whole.") from problem
    return [part.value for part in parts]


def _vat(invoice: Invoice, group: TaxGroup, base: Decimal) -> Decimal:
    return to_money(base * (group.tax.rate or Decimal(0)) / 100, invoice.currency).value
