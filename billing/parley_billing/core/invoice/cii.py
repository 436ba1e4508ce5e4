"""The invoice as UN/CEFACT Cross Industry Invoice D22B: Factur-X 1.0, profile EN 16931. It goes into the PDF."""

from collections.abc import Iterator
from datetime import date

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
from parley_billing.core.invoice.invoice import Invoice, Line, Span
from parley_billing.core.invoice.party import Party
from parley_billing.core.invoice.tax import Tax
from parley_billing.core.invoice.words import allowance, title
from parley_billing.core.invoice.xml import HEAD, element

_NAMESPACES = {
    "xmlns:rsm": "urn:un:unece:uncefact:data:standard:CrossIndustryInvoice:100",
    "xmlns:ram": "urn:un:unece:uncefact:data:standard:ReusableAggregateBusinessInformationEntity:100",
    "xmlns:udt": "urn:un:unece:uncefact:data:standard:UnqualifiedDataType:100",
    "xmlns:qdt": "urn:un:unece:uncefact:data:standard:QualifiedDataType:100",
}


def cii(invoice: Invoice) -> bytes:
    """UTF-8, the same bytes for the same invoice. Raises `InvoiceProblem` when EN 16931 cannot say it."""
    must_fit(invoice)
    guideline = element("ram:GuidelineSpecifiedDocumentContextParameter", [element("ram:ID", GUIDELINE)])
    delivered = [_day("ram:OccurrenceDateTime", invoice.period.last)]
    transaction = [
        *(_line(invoice, line) for line in invoice.lines),
        _agreement(invoice),
        element("ram:ApplicableHeaderTradeDelivery", [element("ram:ActualDeliverySupplyChainEvent", delivered)]),
        element("ram:ApplicableHeaderTradeSettlement", _settlement(invoice)),
    ]
    body = [
        element("rsm:ExchangedDocumentContext", [guideline]),
        element("rsm:ExchangedDocument", _document(invoice)),
        element("rsm:SupplyChainTradeTransaction", transaction),
    ]
    return (HEAD + element("rsm:CrossIndustryInvoice", body, **_NAMESPACES)).encode()


def _document(invoice: Invoice) -> Iterator[str]:
    yield element("ram:ID", invoice.number)
    yield element("ram:TypeCode", TYPE_CODES[invoice.kind])
    yield _day("ram:IssueDateTime", issued(invoice))
    for text in (invoice.reason, invoice.footer):
        yield element("ram:IncludedNote", [element("ram:Content", text)])


def _line(invoice: Invoice, line: Line) -> str:
    document = [element("ram:LineID", str(line.id)), element("ram:IncludedNote", [element("ram:Content", note(line))])]
    product = [
        element("ram:Name", title(invoice.language, line)),
        *(
            element(
                "ram:ApplicableProductCharacteristic", [element("ram:Description", name), element("ram:Value", value)]
            )
            for name, value in attributes(line)
        ),
    ]
    price = element("ram:NetPriceProductTradePrice", [element("ram:ChargeAmount", amount(abs(line.net)))])
    quantity = element("ram:BilledQuantity", "-1" if line.net < 0 else "1", unitCode=ONE)
    summation = element(
        "ram:SpecifiedTradeSettlementLineMonetarySummation", [element("ram:LineTotalAmount", amount(line.net))]
    )
    return element(
        "ram:IncludedSupplyChainTradeLineItem",
        [
            element("ram:AssociatedDocumentLineDocument", document),
            element("ram:SpecifiedTradeProduct", product),
            element("ram:SpecifiedLineTradeAgreement", [price]),
            element("ram:SpecifiedLineTradeDelivery", [quantity]),
            element(
                "ram:SpecifiedLineTradeSettlement",
                [element("ram:ApplicableTradeTax", _tax(line.tax)), _period(line.period), summation],
            ),
        ],
    )


def _tax(tax: Tax) -> list[str]:
    return [
        element("ram:TypeCode", "VAT"),
        element("ram:CategoryCode", tax.category),
        element("ram:RateApplicablePercent", rate(tax)),
    ]


def _agreement(invoice: Invoice) -> str:
    order = element("ram:BuyerOrderReferencedDocument", [element("ram:IssuerAssignedID", invoice.order)])
    return element(
        "ram:ApplicableHeaderTradeAgreement",
        [
            element("ram:BuyerReference", invoice.reference),
            element("ram:SellerTradeParty", _party(invoice.seller)),
            element("ram:BuyerTradeParty", _party(invoice.buyer)),
            order,
        ],
    )


def _party(party: Party) -> list[str]:
    def uri(text: str) -> list[str]:
        return [element("ram:URIID", text)]

    contact = [
        element("ram:PersonName", party.contact),
        element("ram:TelephoneUniversalCommunication", [element("ram:CompleteNumber", party.phone)]),
        element("ram:EmailURIUniversalCommunication", uri(party.mail)),
    ]
    address = [
        element("ram:PostcodeCode", party.post_code),
        element("ram:LineOne", party.street),
        element("ram:LineTwo", party.street2),
        element("ram:CityName", party.city),
        element("ram:CountryID", party.country),
        element("ram:CountrySubDivisionName", party.region),
    ]
    return [
        element("ram:Name", party.name),
        element("ram:SpecifiedLegalOrganization", [element("ram:ID", party.company_id)]),
        element("ram:DefinedTradeContact", contact),
        element("ram:PostalTradeAddress", address),
        element("ram:URIUniversalCommunication", [element("ram:URIID", party.mail, schemeID="EM")]),
        element("ram:SpecifiedTaxRegistration", [element("ram:ID", party.tax_number, schemeID="FC")]),
        element("ram:SpecifiedTaxRegistration", [element("ram:ID", party.vat_id, schemeID="VA")]),
    ]


def _settlement(invoice: Invoice) -> Iterator[str]:
    payment = invoice.payment
    yield element("ram:PaymentReference", invoice.number)
    yield element("ram:InvoiceCurrencyCode", invoice.currency)
    account = [
        element("ram:IBANID", payment.iban),
        element("ram:AccountName", payment.account_name if payment.iban else ""),
    ]
    yield element(
        "ram:SpecifiedTradeSettlementPaymentMeans",
        [
            element("ram:TypeCode", SEPA if payment.iban else UNDEFINED),
            element("ram:PayeePartyCreditorFinancialAccount", account),
            element("ram:PayeeSpecifiedCreditorFinancialInstitution", [element("ram:BICID", payment.bic)]),
        ],
    )
    for group in invoice.taxes:
        yield element(
            "ram:ApplicableTradeTax",
            [
                element("ram:CalculatedAmount", amount(group.amount)),
                element("ram:TypeCode", "VAT"),
                element("ram:ExemptionReason", group.tax.reason),
                element("ram:BasisAmount", amount(group.base)),
                element("ram:CategoryCode", group.tax.category),
                element("ram:ExemptionReasonCode", group.tax.code),
                element("ram:RateApplicablePercent", rate(group.tax)),
            ],
        )
    yield _period(invoice.period)
    for one in invoice.allowances:
        yield element(
            "ram:SpecifiedTradeAllowanceCharge",
            [
                element("ram:ChargeIndicator", [element("udt:Indicator", "false")]),
                element("ram:ActualAmount", amount(one.amount)),
                element("ram:Reason", allowance(invoice.language, one.reason)),
                element("ram:CategoryTradeTax", _tax(one.tax)),
            ],
        )
    due = [] if invoice.due is None else [_day("ram:DueDateDateTime", invoice.due)]
    yield element("ram:SpecifiedTradePaymentTerms", [element("ram:Description", terms(invoice)), *due])
    yield _summation(invoice)
    if invoice.original is not None:
        yield element(
            "ram:InvoiceReferencedDocument",
            [
                element("ram:IssuerAssignedID", invoice.original.number),
                _day("ram:FormattedIssueDateTime", invoice.original.issued, "qdt"),
            ],
        )


def _summation(invoice: Invoice) -> str:
    totals = invoice.totals
    return element(
        "ram:SpecifiedTradeSettlementHeaderMonetarySummation",
        [
            element("ram:LineTotalAmount", amount(totals.lines)),
            element("ram:AllowanceTotalAmount", amount(totals.allowances)),
            element("ram:TaxBasisTotalAmount", amount(totals.net)),
            element("ram:TaxTotalAmount", amount(totals.tax), currencyID=invoice.currency),
            element("ram:GrandTotalAmount", amount(totals.gross)),
            element("ram:TotalPrepaidAmount", amount(totals.paid)),
            element("ram:DuePayableAmount", amount(totals.due)),
        ],
    )


def _period(span: Span) -> str:
    return element(
        "ram:BillingSpecifiedPeriod", [_day("ram:StartDateTime", span.start), _day("ram:EndDateTime", span.last)]
    )


def _day(name: str, when: date, prefix: str = "udt") -> str:
    return element(name, [element(f"{prefix}:DateTimeString", f"{when:%Y%m%d}", format="102")])
