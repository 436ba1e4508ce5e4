"""Invoices and credit notes of many kinds against the official rules of EN 16931, and against ours, which are exact."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from kit.invoices import BERLIN, BOSTON, MOSCOW, PARIS, SELLER, TEAM, TOKYO, an_invoice, numbered
from kit.official_rules import complaints
from parley.plans import Charge, Flat
from parley_billing.core.invoice.checker import check
from parley_billing.core.invoice.cii import cii
from parley_billing.core.invoice.crediting import credit
from parley_billing.core.invoice.invoice import Invoice
from parley_billing.core.invoice.party import Coupon, Exemption, Party
from parley_billing.core.invoice.tax import InvoiceProblem, Tax
from parley_billing.core.invoice.ubl import ubl

D = Decimal
ID = "00000000-0000-0000-0000-000000000001"

KINDS: dict[str, dict[str, Any]] = {
    "standard rate": {},
    "reverse charge": {"buyer": PARIS},
    "a consumer elsewhere in the Union": {"buyer": replace(PARIS, vat_id="")},
    "outside of the Union": {"buyer": BOSTON},
    "a rate of another country": {"buyer": TOKYO, "language": "ja"},
    "exempt": {"exempt": Exemption("E", "Article 132", "VATEX-EU-132")},
    "a rate of zero": {"exempt": Exemption("Z")},
    "a seller who charges none": {"seller": replace(SELLER, exempt=Exemption("E", "Small business (§ 19 UStG)"))},
    "coupons": {"coupons": [Coupon("spring", D("12.5")), Coupon("welcome", amount=D("3.33"))]},
    "no usage": {"usage": {"pubSubMessageCount": 0, "pubSubBandwidth": 0}},
    "nothing to pay": {"coupons": [Coupon("free", D(100))]},
    "a maximum and a minimum": {"plan": replace(TEAM, minimum=D(90), maximum=D(95))},
    "only the minimum": {"plan": replace(TEAM, minimum=D(90)), "usage": {"pubSubMessageCount": 1}},
    "signs that XML keeps for itself": {"buyer": replace(BERLIN, name="<A> & \"B\" 'C' ]]>")},
    "yen": {"plan": replace(TEAM, currency="JPY", charges=[Charge("fee", Flat(D(1234)))]), "buyer": TOKYO},
    "Cyrillic": {"buyer": MOSCOW, "language": "ru", "reference": "Отдел 7", "order": "PO-1"},
    "no bank account": {"seller": replace(SELLER, iban="", bic="")},
}


def both(invoice: Invoice) -> list[str]:
    form = "ubl invoice" if invoice.kind == "invoice" else "ubl credit note"
    return complaints(cii(invoice), "cii") + complaints(ubl(invoice), form)


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_keeps_the_official_rules_and_ours(kind: str) -> None:
    invoice = an_invoice(**KINDS[kind])
    assert check(invoice) == []
    assert both(invoice) == []


@pytest.mark.parametrize("kind", sorted(set(KINDS) - {"nothing to pay"}))
def test_credit_notes_keep_them_too(kind: str) -> None:
    invoice = an_invoice(**KINDS[kind])
    part = D(12) if kind == "yen" else D("12.34")
    first = numbered(credit(invoice, ID, [], "Outage of 3 October", part), 2)
    rest = numbered(credit(invoice, ID, [first], "The rest"), 3)
    for note in (first, rest):
        assert check(note) == []
        assert both(note) == []
    for total in ("net", "tax", "gross"):
        assert getattr(first.totals, total) + getattr(rest.totals, total) == getattr(invoice.totals, total)
    with pytest.raises(InvoiceProblem, match="Nothing is left"):
        credit(invoice, ID, [first, rest], "Once more")


def test_a_vat_that_is_wrong_by_half_a_euro_passes_the_official_rules_and_not_ours() -> None:
    right = an_invoice()
    (group,) = right.taxes
    for off in (D("0.50"), D("-0.50"), D("0.01")):
        totals = replace(
            right.totals, tax=right.totals.tax + off, gross=right.totals.gross + off, due=right.totals.due + off
        )
        wrong = replace(right, taxes=[replace(group, amount=group.amount + off)], totals=totals)
        assert both(wrong) == [], "the official rules allow for it"
        assert [(problem.place, "BR-CO-17" in problem.message) for problem in check(wrong)] == [
            ("taxes[0].amount", True)
        ]


def _totals(**changes: Decimal) -> Callable[[Invoice], Invoice]:
    return lambda one: replace(
        one, totals=replace(one.totals, **{k: getattr(one.totals, k) + v for k, v in changes.items()})
    )


WRONG: dict[str, Callable[[Invoice], Invoice]] = {
    "totals.lines": _totals(lines=D("0.01")),
    "totals.allowances": _totals(allowances=D("0.01")),
    "totals.net": _totals(net=D("0.01")),
    "totals.tax": _totals(tax=D("0.01")),
    "totals.gross": _totals(gross=D("0.01")),
    "totals.due": _totals(due=D("0.01")),
    "totals.paid": _totals(paid=D("0.001"), due=D("-0.001")),
    "taxes": lambda one: replace(one, taxes=one.taxes * 2),
    "taxes[0].base": lambda one: replace(one, taxes=[replace(one.taxes[0], base=one.taxes[0].base + 1)]),
    "taxes[0].tax.rate": lambda one: replace(one, taxes=[replace(one.taxes[0], tax=Tax("S", None))]),
    "lines": lambda one: replace(one, lines=one.lines[1:]),
    "lines[0].net": lambda one: replace(one, lines=[replace(one.lines[0], net=D("29")), *one.lines[1:]]),
    "lines[0].name": lambda one: replace(one, lines=[replace(one.lines[0], name=""), *one.lines[1:]]),
    "seller": lambda one: replace(one, seller=replace(one.seller, vat_id="", company_id="")),
    "original": lambda one: replace(one, kind="creditNote"),
    "number": lambda one: replace(one, number=""),
    "due": lambda one: replace(one, due=one.period.start),
}  # fmt: skip


@pytest.mark.parametrize("place", WRONG)
def test_each_thing_that_is_wrong_is_named(place: str) -> None:
    assert place in {problem.place for problem in check(WRONG[place](an_invoice()))}


def test_three_decimals_have_no_xml() -> None:
    dinars = an_invoice(plan=replace(TEAM, currency="KWD", charges=[Charge("fee", Flat(D("1.234")))]))
    assert check(dinars) == []
    for write in (cii, ubl):
        with pytest.raises(InvoiceProblem, match="KWD"):
            write(dinars)


def test_a_rate_that_is_missing_is_said() -> None:
    with pytest.raises(InvoiceProblem, match="no VAT rate for AT: add it to `vatRates`, or add the buyer's VAT"):
        an_invoice(buyer=Party("Beispiel", "AT"))


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.integers(0, 10**7), min_size=1, max_size=8),
    st.sampled_from(["EUR", "JPY"]),
    st.decimals("0.01", 100, places=2),
    st.decimals(0, 100, places=1),
    st.lists(st.integers(1, 10**6), max_size=5),
)
def test_any_amounts_and_rates_are_exact_and_credited_to_the_cent(
    fees: list[int], currency: str, rate: Decimal, percent: Decimal, parts: list[int]
) -> None:
    decimals = 0 if currency == "JPY" else 2
    charges = [Charge(f"fee-{number}", Flat(D(fee).scaleb(-decimals))) for number, fee in enumerate(fees)]
    plan = replace(TEAM, currency=currency, charges=charges)
    seller = replace(SELLER, vat_rates={"DE": rate})
    invoice = an_invoice(plan=plan, seller=seller, coupons=[Coupon("off", percent)])
    assert check(invoice) == []
    notes: list[Invoice] = []
    for part in parts:
        try:
            notes.append(numbered(credit(invoice, ID, notes, "part", D(part).scaleb(-decimals)), len(notes) + 2))
        except InvoiceProblem:
            continue
        assert check(notes[-1]) == []
    try:
        notes.append(numbered(credit(invoice, ID, notes, "rest")))
    except InvoiceProblem:
        assert sum(note.totals.net for note in notes) == invoice.totals.net
    assert sum(note.totals.gross for note in notes) == invoice.totals.gross
