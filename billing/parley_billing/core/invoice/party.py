"""Who sells and who buys, as an invoice names them."""

import re
from collections.abc import Iterator
from decimal import Decimal
from typing import Final, Literal, TypeAlias

import msgspec

from parley.plan_rules import Problem
from parley_billing.core.invoice.countries import COUNTRIES

Language: TypeAlias = Literal["en", "de", "ru", "ja"]

#: Characters of one member. A line of an address that is longer is some other text.
LONGEST_TEXT: Final = 200
#: The two letters of a VAT identifier are those of the country, but for Greece; XI is Northern Ireland.
_VAT_PREFIXES: Final = {"EL": "GR", "XI": "GB"}
_VAT_ID = re.compile(r"([A-Z]{2})[0-9A-Z+*]{2,13}")
_IBAN = re.compile(r"[A-Z]{2}[0-9]{2}[0-9A-Z]{11,30}")
_BIC = re.compile(r"[A-Z0-9]{4}[A-Z]{2}[A-Z0-9]{2}([A-Z0-9]{3})?")
_MAIL = re.compile(r"[^@\s]+@[^@\s]+")
_PREFIX = re.compile(r"[A-Z0-9][A-Z0-9-]{0,15}")


class Shape(msgspec.Struct, frozen=True, rename="camel", forbid_unknown_fields=True, omit_defaults=True):
    """What all parts of an invoice share: they never change, and a misspelt member is an error."""


class Party(Shape, frozen=True):
    """Seller or buyer. `country`: ISO 3166-1, two letters. `vat_id` with its country's letters, `tax_number` a local
    number without them, `company_id` that of a register of companies."""

    name: str
    country: str
    street: str = ""
    street2: str = ""
    post_code: str = ""
    city: str = ""
    region: str = ""
    vat_id: str = ""
    tax_number: str = ""
    company_id: str = ""
    contact: str = ""
    mail: str = ""
    phone: str = ""


class Exemption(Shape, frozen=True):
    """A VAT category agreed for one buyer, or for all of a seller's: E (exempt) or Z (rate of zero), and why."""

    category: Literal["E", "Z"]
    reason: str = ""
    code: str = ""


class Coupon(Shape, frozen=True):
    """Off each invoice, before tax: `percent`, or an `amount` in the plan's currency."""

    name: str
    percent: Decimal | None = None
    amount: Decimal | None = None


class Seller(Shape, frozen=True):
    """Who sends invoices. `prefix` begins each number of the series. `vat_rates`: by country, in percent; those beside
    its own are for buyers without VAT identifier there. `exempt`: the seller charges no VAT at all."""

    name: str
    party: Party
    prefix: str
    vat_rates: dict[str, Decimal] = {}
    exempt: Exemption | None = None
    iban: str = ""
    bic: str = ""
    account_name: str = ""
    payment_days: int = 14
    footer: str = ""


class Account(Shape, frozen=True):
    """How one tenant is invoiced. `reference` is what the buyer wants to see (a cost centre), `order` their order."""

    seller: str
    buyer: Party
    language: Language = "en"
    reference: str = ""
    order: str = ""
    exempt: Exemption | None = None
    coupons: list[Coupon] = []


def vat_country(vat_id: str) -> str:
    """The country that a VAT identifier is of; empty without one."""
    return _VAT_PREFIXES.get(vat_id[:2], vat_id[:2])


def party_problems(party: Party, place: str) -> Iterator[Problem]:
    """What is wrong with it."""
    for name in party.__struct_fields__:
        text = getattr(party, name)
        if len(text) > LONGEST_TEXT:
            yield Problem(f"{place}.{name}", f"It has {len(text)} characters; at most {LONGEST_TEXT} are possible.")
        if text != text.strip() or not text.isprintable():
            yield Problem(f"{place}.{name}", "It begins or ends with blanks, or has signs that cannot be printed.")
    if not party.name:
        yield Problem(f"{place}.name", "It is empty.")
    if party.country not in COUNTRIES:
        yield Problem(f"{place}.country", f"{party.country[:20]!r} is not a country's two letters of ISO 3166-1.")
    if party.vat_id:
        found = _VAT_ID.fullmatch(party.vat_id)
        if found is None or vat_country(party.vat_id) not in COUNTRIES:
            yield Problem(
                f"{place}.vatId", "It is no VAT identifier: two letters of a country, then digits and letters."
            )
    if party.mail and not _MAIL.fullmatch(party.mail):
        yield Problem(f"{place}.mail", "It is no mail address.")


def seller_problems(seller: Seller) -> list[Problem]:
    """Everything that keeps this seller from sending invoices."""
    problems = list(party_problems(seller.party, "party"))
    if not _PREFIX.fullmatch(seller.prefix):
        problems.append(Problem("prefix", "It must be 1 to 16 capital letters, digits or hyphens."))
    if not 0 <= seller.payment_days <= 365:
        problems.append(Problem("paymentDays", f"{seller.payment_days} is not between 0 and 365."))
    for country, rate in seller.vat_rates.items():
        if country not in COUNTRIES:
            problems.append(Problem(f"vatRates.{country[:20]}", "It is not a country's two letters of ISO 3166-1."))
        if not rate.is_finite() or not 0 < rate <= 100 or rate != rate.quantize(Decimal("0.01")):
            problems.append(Problem(f"vatRates.{country[:20]}", "A rate is above 0, at most 100, with 2 decimals."))
    if seller.iban and not (_IBAN.fullmatch(seller.iban) and _iban_checks(seller.iban)):
        problems.append(Problem("iban", "It is no IBAN: its check digits do not fit. Write it without blanks."))
    if seller.bic and not _BIC.fullmatch(seller.bic):
        problems.append(Problem("bic", "It is no BIC: 8 or 11 capital letters and digits."))
    party = seller.party
    if not (party.company_id or party.vat_id):
        problems.append(Problem("party", "EN 16931 (BR-CO-26) wants `companyId` or `vatId` of a seller."))
    if seller.exempt is None and not (party.vat_id or party.tax_number):
        problems.append(Problem("party", "Who charges VAT has a `vatId` or a `taxNumber`."))
    return problems + exemption_problems(seller.exempt, "exempt")


def account_problems(account: Account) -> list[Problem]:
    """Everything that keeps this tenant from being invoiced."""
    problems = list(party_problems(account.buyer, "buyer"))
    for name in ("reference", "order"):
        if len(getattr(account, name)) > LONGEST_TEXT or not getattr(account, name).isprintable():
            problems.append(Problem(name, f"At most {LONGEST_TEXT} characters that can be printed are possible."))
    for place, coupon in enumerate(account.coupons):
        if (coupon.percent is None) == (coupon.amount is None):
            problems.append(Problem(f"coupons[{place}]", "It takes off a `percent` or an `amount`: one of the two."))
        value = coupon.percent if coupon.percent is not None else coupon.amount
        if value is not None and not (value.is_finite() and value >= 0):
            problems.append(Problem(f"coupons[{place}]", "What it takes off is a number, not below 0."))
    return problems + exemption_problems(account.exempt, "exempt")


def exemption_problems(exempt: Exemption | None, place: str) -> list[Problem]:
    """E wants a reason (BR-E-10)."""
    if exempt is not None and exempt.category == "E" and not (exempt.reason or exempt.code):
        return [Problem(f"{place}.reason", "An exemption says why (BR-E-10).")]
    return []


def _iban_checks(iban: str) -> bool:
    """ISO 13616: as a number, the country and check digits last, it leaves 1 when divided by 97."""
    return int("".join(str(int(sign, 36)) for sign in iban[4:] + iban[:4])) % 97 == 1
