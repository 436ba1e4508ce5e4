"""What an invoice is made from. Kept beside it, so that it can be made again, byte for byte, whatever changed since."""

from datetime import date

import msgspec

from parley.plans import Plan
from parley_billing.core.invoice.invoice import Covered, Span
from parley_billing.core.invoice.party import Account, Seller, Shape


class Agreed(Shape, frozen=True):
    """The plan that held from this day on."""

    begin: date
    plan: Plan


class Metered(Shape, frozen=True):
    """A period of a subscription: its days [`first`, `end`) in it, the plans, and what was measured in each part."""

    period: Span
    first: date
    end: date
    plans: list[Agreed]
    trial_end: date | None
    usage: list[dict[str, int]]


class Earlier(Shape, frozen=True):
    """A period that was invoiced: as it is measured now, with the coupons it was invoiced with, and what was billed."""

    metered: Metered
    billed: Covered
    number: str
    account: Account


class Basis(Shape, frozen=True):
    """`cutoff`: the ledger's batch up to which everything here was counted; `as_of`: ms, how far that is complete.

    `metered` None: the subscription is over, and only late usage is left.
    """

    tenant: str
    seller: Seller
    account: Account
    time_zone: str
    cutoff: int
    as_of: int
    period: Span
    metered: Metered | None
    earlier: list[Earlier] = msgspec.field(default_factory=list)


_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(Basis)


def encode_basis(basis: Basis) -> bytes:
    """JSON, the same bytes for the same basis."""
    return _encoder.encode(basis)


def decode_basis(data: bytes) -> Basis:
    """Raises `msgspec.DecodeError` when these bytes are no basis."""
    return _decoder.decode(data)
