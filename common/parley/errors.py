"""The error tree, and the one table from code to HTTP status and WebSocket close code.

    Refusal                       something asked for was not done; nothing was changed
    ├── BadInput                  the client sent something it should not send
    ├── NotAllowed                who asks may not
    ├── NotThere                  what is asked for does not exist (any more)
    ├── Limited                   later, or less
    └── Unavailable               our fault, or our dependency's

A person reads `message` (what happened) and `help` (what to do); a program reads `code`.
Messages never contain tokens, keys, or anything of another tenant.
"""

from dataclasses import dataclass
from enum import IntEnum
from typing import Final


class CloseCode(IntEnum):
    """WebSocket close codes that a gateway sends on purpose."""

    MALFORMED = 4400
    TOKEN = 4401
    NOT_ALLOWED = 4403
    HELLO_TIMEOUT = 4408
    TOO_SLOW = 4409
    FRAME_TOO_BIG = 4413
    OVER_LIMIT = 4429
    RESTARTING = 1012


@dataclass(frozen=True, slots=True)
class ErrorCode:
    """One code: what it means, what to do, and how each edge says it.

    `close` is the close code when this error ends a WebSocket, or None when the connection is kept always.
    """

    code: str
    status: int
    close: CloseCode | None
    message: str
    help: str


def _table(*codes: ErrorCode) -> dict[str, ErrorCode]:
    return {code.code: code for code in codes}


CODES: Final[dict[str, ErrorCode]] = _table(
    ErrorCode(
        "bad-frame",
        400,
        CloseCode.MALFORMED,
        "This is not a valid JSON object.",
        "Send one JSON object per text frame, in UTF-8, without lone surrogates.",
    ),
    ErrorCode(
        "bad-field",
        400,
        CloseCode.MALFORMED,
        "A member is missing or has the wrong form.",
        "Compare the member with the protocol's table.",
    ),
    ErrorCode(
        "unknown-op",
        400,
        CloseCode.MALFORMED,
        "This kind of frame or operation is not known.",
        "Compare `t` and `op` with the protocol's table.",
    ),
    ErrorCode(
        "too-big",
        413,
        CloseCode.FRAME_TOO_BIG,
        "This is larger than allowed.",
        "Shorten the text; the limits are in `welcome`.",
    ),
    ErrorCode(
        "forbidden",
        403,
        CloseCode.NOT_ALLOWED,
        "Your token does not allow this.",
        "Ask the site for a token with the needed role and page.",
    ),
    ErrorCode(
        "origin-refused",
        403,
        CloseCode.NOT_ALLOWED,
        "This site may not use this tenant.",
        "Add the site's origin to the tenant's allowed origins.",
    ),
    ErrorCode(
        "banned",
        403,
        None,
        "You may not write here any more.",
        "Ask the site's moderators; reading goes on.",
    ),
    ErrorCode("unknown-chat", 404, None, "This discussion no longer exists.", "Reload the page's discussions."),
    ErrorCode("unknown-comment", 404, None, "This comment no longer exists.", "Reload the page's discussions."),
    ErrorCode(
        "use-delete-chat",
        409,
        None,
        "The first comment cannot be removed alone.",
        "Delete the discussion with `delete-chat`.",
    ),
    ErrorCode(
        "id-reused", 409, None, "This broadcastId was used for something else.", "Make a new UUID for each operation."
    ),
    ErrorCode(
        "over-limit", 429, CloseCode.OVER_LIMIT, "A limit is reached.", "Wait `retryInMs` if given, and send less."
    ),
    ErrorCode(
        "over-quota",
        429,
        None,
        "The tenant's quota is used up.",
        "The site's owner can raise the plan; reading goes on.",
    ),
    ErrorCode(
        "suspended",
        403,
        CloseCode.NOT_ALLOWED,
        "This tenant is suspended.",
        "The site's owner should contact the operator.",
    ),
    ErrorCode("token-invalid", 401, CloseCode.TOKEN, "The token is not valid.", "Get a new token from the site."),
    ErrorCode("token-expired", 401, CloseCode.TOKEN, "The token has expired.", "Get a new token from the site."),
    ErrorCode(
        "renew-mismatch",
        409,
        None,
        "The new token belongs to somebody else.",
        "Open a new connection for another reader or tenant.",
    ),
    ErrorCode(
        "unavailable",
        503,
        CloseCode.RESTARTING,
        "Parley cannot do this right now.",
        "Try again after `retryInMs`; nothing was changed.",
    ),
    ErrorCode(
        "internal",
        500,
        None,
        "Something went wrong, and it is not known whether it was done.",
        "Send the same broadcastId again: it will not be done twice.",
    ),
    ErrorCode(
        "hello-timeout",
        408,
        CloseCode.HELLO_TIMEOUT,
        "No `hello` came in time.",
        "Send `hello` as the first frame, within ten seconds.",
    ),
    ErrorCode("too-slow", 409, CloseCode.TOO_SLOW, "This client reads too slowly.", "Reconnect and join with `since`."),
    ErrorCode("not-found", 404, None, "There is nothing at this address.", "The paths are listed in /v1/openapi.json."),
    ErrorCode(
        "method-not-allowed",
        405,
        None,
        "This address does not take this method.",
        "The methods are listed in /v1/openapi.json.",
    ),
)


class Refusal(Exception):
    """Something was not done. Carries everything that either edge needs to say so."""

    def __init__(
        self, code: str, message: str | None = None, *, help: str | None = None, retry_in_ms: int | None = None
    ) -> None:
        entry = CODES[code]
        self.code = code
        self.message = message or entry.message
        self.help = help or entry.help
        self.retry_in_ms = retry_in_ms
        super().__init__(f"{code}: {self.message}")

    @property
    def status(self) -> int:
        """HTTP status."""
        return CODES[self.code].status

    @property
    def close(self) -> CloseCode | None:
        """Close code when this ends a WebSocket."""
        return CODES[self.code].close


class BadInput(Refusal):
    """The client sent something it should not send."""


class NotAllowed(Refusal):
    """Who asks may not."""


class NotThere(Refusal):
    """What is asked for does not exist."""


class Limited(Refusal):
    """Later, or less."""


class Unavailable(Refusal):
    """A part that is needed does not answer."""

    def __init__(self, message: str | None = None, *, retry_in_ms: int = 1_000) -> None:
        super().__init__("unavailable", message, retry_in_ms=retry_in_ms)
