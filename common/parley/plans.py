"""A plan: what things cost, as data. The rules it must keep are in `parley.plan_rules`; the arithmetic is billing's.

In JSON the members are in camelCase, amounts and quantities are strings (`"0.10"`), so that no reader makes a float
of them. A version of a plan never changes once it is published.
"""

import hashlib
from decimal import Decimal
from typing import Final, Literal, TypeAlias

import msgspec

#: Messages are counted, bandwidth is in bytes. The first two are publish and delivery together.
Meter: TypeAlias = Literal[
    "pubSubMessageCount",
    "pubSubBandwidth",
    "presenceMessageCount",
    "presenceBandwidth",
    "replayMessageCount",
    "replayBandwidth",
]

ZERO: Final = Decimal(0)


class _Shape(msgspec.Struct, frozen=True, rename="camel", forbid_unknown_fields=True, omit_defaults=True):
    """What all parts of a plan share: they never change, and a misspelt member is an error."""


class Flat(_Shape, frozen=True, tag_field="model", tag="flat"):
    """The same amount whatever the quantity, also at 0."""

    amount: Decimal


class PerUnit(_Shape, frozen=True, tag_field="model", tag="perUnit"):
    """Quantity × unit price."""

    unit_price: Decimal


class Package(_Shape, frozen=True, tag_field="model", tag="package"):
    """Whole packages of `size` units at `amount` each; a begun one counts (`up`) or does not (`down`)."""

    size: Decimal
    amount: Decimal
    round: Literal["up", "down"] = "up"


class Tier(_Shape, frozen=True):
    """Units above the tier before, up to and including `up_to` (None: no end). `flat` is paid once for the tier.

    `above` may repeat where the tier begins; then it must be exactly the end of the tier before.
    """

    up_to: Decimal | None
    unit_price: Decimal = ZERO
    flat: Decimal = ZERO
    above: Decimal | None = None


class Graduated(_Shape, frozen=True, tag_field="model", tag="graduated"):
    """Each unit at the price of the tier it falls in; the flat amount of every tier that is reached."""

    tiers: list[Tier]


class Volume(_Shape, frozen=True, tag_field="model", tag="volume"):
    """All units at the price of the tier that the whole quantity falls in."""

    tiers: list[Tier]


class Block(_Shape, frozen=True):
    """Blocks of `size` units at `price`, at most `most` of them in this tier (None: no end). A begun block counts."""

    size: Decimal
    price: Decimal
    most: int | None = None


class Blocks(_Shape, frozen=True, tag_field="model", tag="blocks"):
    """`allTiers`: tier by tier, as many blocks of each as it holds. `topTier`: all units in blocks of the tier that
    the whole quantity reaches; the last tier then has no end, whatever its `most` says."""

    policy: Literal["allTiers", "topTier"]
    tiers: list[Block]


Pricing: TypeAlias = Flat | PerUnit | Package | Graduated | Volume | Blocks


class Charge(_Shape, frozen=True):
    """One line of the bill. Without `meter` it is a fee for the period, and its quantity is 1.

    `included` units are free. `minimum` and `maximum` are for this line, per period, in major units.
    """

    name: str
    pricing: Pricing
    meter: Meter | None = None
    included: Decimal = ZERO
    minimum: Decimal | None = None
    maximum: Decimal | None = None


class Plan(_Shape, frozen=True):
    """One version of a plan. `minimum` and `maximum` are for the whole invoice, per period, before tax."""

    name: str
    version: int
    currency: str
    charges: list[Charge]
    period: Literal["month", "year"] = "month"
    anchor: Literal["calendar", "anniversary"] = "calendar"
    trial_days: int = 0
    minimum: Decimal | None = None
    maximum: Decimal | None = None

    def digest(self) -> bytes:
        """32 bytes that change whenever anything in the plan does."""
        return hashlib.sha256(encode_plan(self)).digest()


_decoder = msgspec.json.Decoder(Plan)
_encoder = msgspec.json.Encoder()


def encode_plan(plan: Plan) -> bytes:
    """JSON, the same bytes for the same plan."""
    return _encoder.encode(plan)


def decode_plan(data: bytes) -> Plan:
    """Raises `msgspec.DecodeError` when these bytes have not the shape of a plan. Its rules are checked apart."""
    return _decoder.decode(data)
