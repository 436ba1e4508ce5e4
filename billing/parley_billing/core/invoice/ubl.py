"""The invoice as UBL 2.1 (ISO/IEC 19845), by EN 16931: an Invoice or a CreditNote."""

from collections.abc import Iterator
from decimal import Decimal

from parley_billing.core.invoice.en16931 import (
    GUIDELINE,
    ONE,
    SEPA,
    TYPE_CODES,
    UNDEFINED,
    amount,
    attributes,
    issued,
    must_fit,
    note,
    rate,
    terms,
)  # fmt: skip
from parley_billing.core.invoice.invoice import Allowance, Invoice, Line, Span, TaxGroup
from parley_billing.core.invoice.party import Party
from parley_billing.core.invoice.tax import Tax
from parley_billing.core.invoice.words import allowance, title
from parley_billing.core.invoice.xml import HEAD, element

_SPACE = "urn:oasis:names:specification:ubl:schema:xsd:"


def ubl(invoice: Invoice) -> bytes:
    """UTF-8, the same bytes for the same invoice. Raises `InvoiceProblem` when EN 16931 cannot say it."""
    must_fit(invoice)
    root = "Invoice" if invoice.kind == "invoice" else "CreditNote"
    namespaces = {
        "xmlns": f"{_SPACE}{root}-2",
        "xmlns:cac": f"{_SPACE}CommonAggregateComponents-2",
        "xmlns:cbc": f"{_SPACE}CommonBasicComponents-2",
    }
    body = [
        *_head(invoice, root),
        *_parties(invoice),
        *_money(invoice),
        *(_line(invoice, one) for one in invoice.lines),
    ]
    return (HEAD + element(root, body, **namespaces)).encode()


def _head(invoice: Invoice, root: str) -> Iterator[str]:
    yield element("cbc:CustomizationID", GUIDELINE)
    yield element("cbc:ID", invoice.number)
    yield element("cbc:IssueDate", issued(invoice).isoformat())
    if root == "Invoice" and invoice.due is not None:
        yield element("cbc:DueDate", invoice.due.isoformat())
    yield element(f"cbc:{root}TypeCode", TYPE_CODES[invoice.kind])
    for text in (invoice.reason, invoice.footer):
        yield element("cbc:Note", text)
    yield element("cbc:DocumentCurrencyCode", invoice.currency)
    yield element("cbc:BuyerReference", invoice.reference)
    yield _period(invoice.period)
    yield element("cac:OrderReference", [element("cbc:ID", invoice.order)])
    if invoice.original is not None:
        named = [
            element("cbc:ID", invoice.original.number),
            element("cbc:IssueDate", invoice.original.issued.isoformat()),
        ]
        yield element("cac:BillingReference", [element("cac:InvoiceDocumentReference", named)])


def _parties(invoice: Invoice) -> Iterator[str]:
    yield element("cac:AccountingSupplierParty", [element("cac:Party", _party(invoice.seller))])
    yield element("cac:AccountingCustomerParty", [element("cac:Party", _party(invoice.buyer))])
    yield element("cac:Delivery", [element("cbc:ActualDeliveryDate", invoice.period.last.isoformat())])


def _party(party: Party) -> Iterator[str]:
    yield element("cbc:EndpointID", party.mail, schemeID="EM")
    yield element(
        "cac:PostalAddress",
        [
            element("cbc:StreetName", party.street),
            element("cbc:AdditionalStreetName", party.street2),
            element("cbc:CityName", party.city),
            element("cbc:PostalZone", party.post_code),
            element("cbc:CountrySubentity", party.region),
            element("cac:Country", [element("cbc:IdentificationCode", party.country)]),
        ],
    )
    for number, scheme in ((party.vat_id, "VAT"), (party.tax_number, "LOC")):
        if number:
            tax = [element("cbc:CompanyID", number), element("cac:TaxScheme", [element("cbc:ID", scheme)])]
            yield element("cac:PartyTaxScheme", tax)
    legal = [element("cbc:RegistrationName", party.name), element("cbc:CompanyID", party.company_id)]
    yield element("cac:PartyLegalEntity", legal)
    contact = [
        element("cbc:Name", party.contact),
        element("cbc:Telephone", party.phone),
        element("cbc:ElectronicMail", party.mail),
    ]
    yield element("cac:Contact", contact)


def _money(invoice: Invoice) -> Iterator[str]:
    payment, totals = invoice.payment, invoice.totals
    account = [
        element("cbc:ID", payment.iban),
        element("cbc:Name", payment.account_name if payment.iban else ""),
        element("cac:FinancialInstitutionBranch", [element("cbc:ID", payment.bic)]),
    ]
    due = invoice.due.isoformat() if invoice.due is not None and invoice.kind == "creditNote" else ""
    yield element(
        "cac:PaymentMeans",
        [
            element("cbc:PaymentMeansCode", SEPA if payment.iban else UNDEFINED),
            element("cbc:PaymentDueDate", due),
            element("cbc:PaymentID", invoice.number),
            element("cac:PayeeFinancialAccount", account),
        ],
    )
    yield element("cac:PaymentTerms", [element("cbc:Note", terms(invoice))])
    for one in invoice.allowances:
        yield _allowance(invoice, one)
    groups = [_group(invoice, group) for group in invoice.taxes]
    yield element("cac:TaxTotal", [_amount("cbc:TaxAmount", totals.tax, invoice), *groups])
    yield element(
        "cac:LegalMonetaryTotal",
        [
            _amount("cbc:LineExtensionAmount", totals.lines, invoice),
            _amount("cbc:TaxExclusiveAmount", totals.net, invoice),
            _amount("cbc:TaxInclusiveAmount", totals.gross, invoice),
            _amount("cbc:AllowanceTotalAmount", totals.allowances, invoice),
            _amount("cbc:PrepaidAmount", totals.paid, invoice),
            _amount("cbc:PayableAmount", totals.due, invoice),
        ],
    )


def _allowance(invoice: Invoice, one: Allowance) -> str:
    return element(
        "cac:AllowanceCharge",
        [
            element("cbc:ChargeIndicator", "false"),
            element("cbc:AllowanceChargeReason", allowance(invoice.language, one.reason)),
            _amount("cbc:Amount", one.amount, invoice),
            element("cac:TaxCategory", _tax(one.tax)),
        ],
    )


def _group(invoice: Invoice, group: TaxGroup) -> str:
    return element(
        "cac:TaxSubtotal",
        [
            _amount("cbc:TaxableAmount", group.base, invoice),
            _amount("cbc:TaxAmount", group.amount, invoice),
            element("cac:TaxCategory", _tax(group.tax, why=True)),
        ],
    )


def _tax(tax: Tax, *, why: bool = False) -> list[str]:
    return [
        element("cbc:ID", tax.category),
        element("cbc:Percent", rate(tax)),
        element("cbc:TaxExemptionReasonCode", tax.code if why else ""),
        element("cbc:TaxExemptionReason", tax.reason if why else ""),
        element("cac:TaxScheme", [element("cbc:ID", "VAT")]),
    ]


def _line(invoice: Invoice, line: Line) -> str:
    root, quantity = ("InvoiceLine", "Invoiced") if invoice.kind == "invoice" else ("CreditNoteLine", "Credited")
    properties = [
        element("cac:AdditionalItemProperty", [element("cbc:Name", name), element("cbc:Value", value)])
        for name, value in attributes(line)
    ]
    return element(
        f"cac:{root}",
        [
            element("cbc:ID", str(line.id)),
            element("cbc:Note", note(line)),
            element(f"cbc:{quantity}Quantity", "-1" if line.net < 0 else "1", unitCode=ONE),
            _amount("cbc:LineExtensionAmount", line.net, invoice),
            _period(line.period),
            element(
                "cac:Item",
                [
                    element("cbc:Name", title(invoice.language, line)),
                    element("cac:ClassifiedTaxCategory", _tax(line.tax)),
                    *properties,
                ],
            ),
            element("cac:Price", [_amount("cbc:PriceAmount", abs(line.net), invoice)]),
        ],
    )


def _period(span: Span) -> str:
    return element(
        "cac:InvoicePeriod",
        [element("cbc:StartDate", span.start.isoformat()), element("cbc:EndDate", span.last.isoformat())],
    )


def _amount(name: str, value: Decimal, invoice: Invoice) -> str:
    return element(name, amount(value), currencyID=invoice.currency)
