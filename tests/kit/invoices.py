"""Invoices for tests: made by the real drafting, from a plan and usage, with whatever a test wants to be different."""

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from msgspec.structs import replace

from parley.plans import Charge, Flat, Graduated, Package, Plan, Tier
from parley_billing.core.invoice.basis import Agreed, Basis, Metered
from parley_billing.core.invoice.drafting import draft
from parley_billing.core.invoice.invoice import Invoice, Span
from parley_billing.core.invoice.party import Account, Party, Seller

D = Decimal
OCTOBER = Span(date(2026, 10, 1), date(2026, 11, 1))

TEAM = Plan(
    "team", 1, "EUR",
    [
        Charge("base-fee", Flat(D("29.00"))),
        Charge(
            "messages", Graduated([Tier(D(10_000_000), D("0.0000025")), Tier(None, D("0.000002"))]),
            "pubSubMessageCount", D(1_000_000),
        ),
        Charge("bandwidth", Package(D(10**9), D("0.10")), "pubSubBandwidth", D(10**10)),
    ],
)  # fmt: skip

SELLER = Seller(
    "parley-gmbh",
    Party(
        "Parley Hosting GmbH", "DE", "Torstraße 140", post_code="10119", city="Berlin", vat_id="DE123456788",
        company_id="HRB 123456 B", contact="Accounts", mail="billing@parley.example", phone="+49 30 1234567",
    ),
    "PRL",
    {"DE": D("19"), "FR": D("20"), "JP": D("10")},
    iban="DE89370400440532013000",
    bic="COBADEFFXXX",
    footer="Amtsgericht Charlottenburg, Geschäftsführung: M. Muster",
)  # fmt: skip

BERLIN = Party("Beispiel & Söhne AG", "DE", "Hauptstraße 1", post_code="20095", city="Hamburg", vat_id="DE987654321")
PARIS = Party("Le Journal SAS", "FR", "12 rue de l'Exemple", post_code="75002", city="Paris", vat_id="FR40303265045")
BOSTON = Party("Example Press, Inc.", "US", "1 Main St", post_code="02108", city="Boston", region="MA")
TOKYO = Party("株式会社サンプル新聞社", "JP", "千代田区丸の内1-1-1", post_code="100-0005", city="東京都")
MOSCOW = Party("ООО «Пример Медиа»", "RU", "ул. Примерная, д. 1", post_code="101000", city="Москва")

USAGE = {"pubSubMessageCount": 12_345_678, "pubSubBandwidth": 123_456_789_012}


def basis_of(
    *,
    plan: Plan = TEAM,
    buyer: Party = BERLIN,
    usage: dict[str, int] | None = None,
    seller: Seller = SELLER,
    **account: Any,
) -> Basis:
    """October on one plan."""
    metered = Metered(OCTOBER, OCTOBER.start, OCTOBER.end, [Agreed(OCTOBER.start, plan)], None, [usage or USAGE])
    return Basis(
        "acme", seller, Account(seller.name, buyer, **account), "Europe/Berlin", 7, 1_793_491_200_000, OCTOBER, metered
    )


def numbered(invoice: Invoice, number: int = 1) -> Invoice:
    """As if it had been finalized on 2 November."""
    issued = date(2026, 11, 2)
    due = issued + timedelta(days=invoice.payment.days)
    return replace(invoice, number=f"PRL-{number:06d}", issued=issued, due=due)


def an_invoice(**changes: Any) -> Invoice:
    """Finalized, of `basis_of`."""
    return numbered(draft(basis_of(**changes)))
