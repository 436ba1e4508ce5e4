"""Which VAT an invoice charges: category and rate by EN 16931, from who sells to whom."""

from decimal import Decimal
from typing import Final, Literal, TypeAlias

from parley_billing.core.invoice.countries import UNION
from parley_billing.core.invoice.party import Exemption, Party, Seller, Shape, vat_country

#: UNCL 5305: standard rate, rate of zero, exempt, reverse charge, outside of VAT's scope.
Category: TypeAlias = Literal["S", "Z", "E", "AE", "O"]


class InvoiceProblem(ValueError):
    """An invoice that cannot be made. The message is a sentence that says why, and what to do."""


class Tax(Shape, frozen=True):
    """`rate` in percent; None only outside of VAT's scope. `reason` and `code` (VATEX) say why no VAT is charged."""

    category: Category
    rate: Decimal | None
    reason: str = ""
    code: str = ""

    @property
    def key(self) -> tuple[str, Decimal]:
        """What lines are put together by: one group for each category and rate."""
        return self.category, Decimal(0) if self.rate is None else self.rate


REVERSE_CHARGE: Final = Tax("AE", Decimal(0), "Reverse charge", "VATEX-EU-AE")
NOT_SUBJECT: Final = Tax("O", None, "Not subject to VAT", "VATEX-EU-O")


def treatment(seller: Seller, buyer: Party, agreed: Exemption | None) -> Tax:
    """The VAT for electronically supplied services (Directive 2006/112/EC, articles 44, 58 and 196).

    In this order: what was agreed for the buyer; a seller who charges none; the seller's own country at its rate; a
    business (a VAT identifier) elsewhere in the Union by reverse charge; anybody else in the Union at the rate of their
    country; a buyer outside of it without VAT, unless the seller has a rate for that country.
    Raises `InvoiceProblem` when a rate is needed that the seller does not have.
    """
    if exempt := agreed or seller.exempt:
        return Tax(exempt.category, Decimal(0), exempt.reason, exempt.code)
    home, there = seller.party.country, buyer.country
    both_in_union = home in UNION and there in UNION
    if there != home and both_in_union and vat_country(buyer.vat_id) in UNION - {home}:
        if not seller.party.vat_id:
            raise InvoiceProblem("Reverse charge needs the seller's VAT identifier (`vatId`).")
        return REVERSE_CHARGE
    rate = seller.vat_rates.get(there)
    if rate is not None:
        return Tax("S", rate)
    if there == home or both_in_union:
        raise InvoiceProblem(
            f"The seller {seller.name} has no VAT rate for {there}: add it to `vatRates`"
            + ("." if there == home else ", or add the buyer's VAT identifier (`vatId`).")
        )
    if not seller.party.company_id:
        raise InvoiceProblem("An invoice outside of VAT's scope needs the seller's `companyId` (BR-O-02, BR-CO-26).")
    return NOT_SUBJECT
