"""Webhooks as Standard Webhooks has them: what is sent, how it is signed, and when it is tried again.

https://www.standardwebhooks.com: the signed content is `id.timestamp.body`, HMAC-SHA256, base64, behind `v1,`. While a
secret is being replaced a message carries one signature for each.
"""

import base64
import binascii
import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from secrets import token_bytes
from typing import Any, Final, Literal, TypeAlias

import msgspec

#: What there is to tell.
TYPES: Final = (
    "budget.threshold",
    "budget.lifted",
    "invoice.finalized",
    "invoice.voided",
    "credit-note.finalized",
    "test",
)
#: Bytes of a body; the specification asks for less than 20 kB.
BODY_MOST: Final = 20_000
#: Bytes of a secret that we make. The specification allows 24 to 64.
SECRET_BYTES: Final = 32
SECRET_PREFIX: Final = "whsec_"  # noqa: S105  (what every secret begins with)
#: Seconds for which a replaced secret goes on signing: a day to put the new one everywhere.
OLD_SECRET_SECONDS: Final = 86_400
#: Seconds before each attempt, as the specification proposes; after the last one the delivery is dead.
DELAYS: Final = (0.0, 5.0, 300.0, 1_800.0, 7_200.0, 18_000.0, 36_000.0, 50_400.0, 72_000.0, 86_400.0)
#: Share of a delay by which it is made longer at random, so that what failed together does not come again together.
JITTER: Final = 0.2
#: Seconds. What a receiver asks for with `Retry-After` is granted up to this.
RETRY_AFTER_MOST: Final = 86_400.0


def new_message_id() -> str:
    """Of a message: the same on every attempt, so that a receiver can know what it has seen."""
    return f"msg_{token_bytes(16).hex()}"


def new_endpoint_id() -> str:
    return f"ep_{token_bytes(8).hex()}"


def new_secret() -> bytes:
    return token_bytes(SECRET_BYTES)


def secret_text(secret: bytes) -> str:
    """As receivers' libraries take it."""
    return SECRET_PREFIX + base64.b64encode(secret).decode()


def read_secret(text: str) -> bytes:
    """The opposite. Raises `ValueError`."""
    try:
        secret = base64.b64decode(text.removeprefix(SECRET_PREFIX), validate=True)
    except binascii.Error:
        raise ValueError("The secret is not base64.") from None
    if not 24 <= len(secret) <= 64:
        raise ValueError("A secret has 24 to 64 bytes.")
    return secret


def body_of(type: str, payload: Mapping[str, Any], now_ms: int) -> bytes:
    """`{"type", "timestamp", "data"}`. Raises `ValueError` for another type, or one that is too large."""
    if type not in TYPES:
        raise ValueError(f"{type!r} is nothing that webhooks tell.")
    at = datetime.fromtimestamp(now_ms / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    body = msgspec.json.encode({"type": type, "timestamp": at, "data": dict(payload)})
    if len(body) >= BODY_MOST:
        raise ValueError(f"A webhook of {len(body)} bytes is too large.")
    return body


def headers(message: str, body: bytes, secrets: Sequence[bytes], now_ms: int) -> dict[str, str]:
    """What goes with the body: the id, the time in seconds, a signature by each secret."""
    at = str(now_ms // 1000)
    signed = b".".join((message.encode(), at.encode(), body))
    signatures = (base64.b64encode(hmac.new(secret, signed, sha256).digest()).decode() for secret in secrets)
    return {
        "webhook-id": message,
        "webhook-timestamp": at,
        "webhook-signature": " ".join(f"v1,{signature}" for signature in signatures),
    }


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of an attempt: a status, or a fault of the way there (`problem`, a word)."""

    status: int | None
    problem: str | None = None
    retry_after: float | None = None

    @property
    def text(self) -> str:
        """For people: `503`, `TimeoutError`."""
        return str(self.status) if self.status is not None else (self.problem or "no answer")


@dataclass(frozen=True, slots=True)
class Next:
    """What becomes of a delivery. `wait`: seconds until the next attempt, when it is `waiting`."""

    state: Literal["waiting", "delivered", "dead"]
    wait: float = 0.0
    #: The receiver says that it is gone for good (410): it is told nothing any more.
    disable: bool = False


Chance: TypeAlias = float


def after(attempt: int, answer: Answer, chance: Chance, delays: Sequence[float] = DELAYS) -> Next:
    """What follows attempt number `attempt` (from 1). `chance`: from 0 to 1, decides the jitter."""
    if answer.status is not None and 200 <= answer.status < 300:
        return Next("delivered")
    if answer.status == 410:
        return Next("dead", disable=True)
    if attempt >= len(delays):
        return Next("dead")
    wait = delays[attempt] * (1 + JITTER * chance)
    asked = min(answer.retry_after or 0.0, RETRY_AFTER_MOST)
    return Next("waiting", max(wait, asked))
