"""One requested change, checked as far as it can be without looking at the page."""

import hashlib
import re
from typing import Any, Final

import msgspec

from parley import limits
from parley.claims import Claims
from parley.client_frames import OP_NAMES, Do
from parley.errors import BadInput, NotAllowed, NotThere, Refusal
from parley.objects import Anchor, Author, Quote
from parley.pages import check_page
from parley_gateway.core.imported import Imported

_UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
#: C0 controls but tab, line feed and carriage return; they have no place in a text and swell in JSON.
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f]")

#: Beyond this a number in `hint` is not exact in every JSON reader.
LARGEST_NUMBER: Final = 2**53

#: The members that each op needs; these and no others enter its digest.
NEEDS: Final[dict[str, tuple[str, ...]]] = {
    "new-chat": ("anchor", "text"),
    "reply": ("chat", "text"),
    "edit": ("chat", "comment", "text"),
    "remove-comment": ("chat", "comment"),
    "resolve": ("chat",),
    "reopen": ("chat",),
    "relink": ("chat", "anchor"),
    "react": ("chat", "comment", "emoji", "on"),
    "delete-chat": ("chat",),
    "hide-chat": ("chat",),
    "unhide-chat": ("chat",),
}

_canonical = msgspec.json.Encoder(order="deterministic")


class Operation(msgspec.Struct, frozen=True):
    """A change that a reader asks for. `id` is its broadcastId, in lower case; `size` the frame's bytes as received.

    Two ops are the server API's alone: `import` brings `imported`; `erase` takes what `author` left in a chat.

    `refusal`: why its author may not do it now. What was done before is acknowledged again all the same.
    """

    tenant: str
    page: str
    id: str
    op: str
    author: Author
    moderator: bool
    digest: str
    size: int = 0
    site: str = ""
    anchor: Anchor | None = None
    text: str = ""
    chat: str = ""
    comment: str = ""
    emoji: str = ""
    on: bool = False
    imported: Imported | None = None
    refusal: Refusal | None = None
    #: Its trace context (W3C `traceparent`), when it is traced.
    trace: str = ""


def check_uuid(value: str, name: str) -> str:
    """The UUID in lower case, or `bad-field`."""
    if _UUID.fullmatch(value) is None:
        raise BadInput("bad-field", f"`{name}` must be a UUID.")
    return value.lower()


def _check_reference(value: str, name: str, refusal: Refusal | None) -> str:
    """An id of something: a string that is no UUID names nothing. Whoever may not ask is told `refusal` instead."""
    if _UUID.fullmatch(value) is None:
        raise refusal or NotThere(f"unknown-{name}")
    return value.lower()


def _why_not(page: str, claims: Claims) -> Refusal | None:
    if not claims.may_open(page):
        return NotAllowed("forbidden", "Your token does not cover this page.")
    if not claims.may_write:
        return NotAllowed("forbidden", "Your token allows reading only.")
    return None


def check_text(text: str) -> str:
    """The text as it is, or why not."""
    if len(text.encode()) > limits.TEXT.default:
        raise BadInput("too-big", f"`text` is longer than {limits.TEXT.default} bytes.")
    if not text.strip():
        raise BadInput("bad-field", "`text` is empty.")
    if _CONTROL.search(text):
        raise BadInput("bad-field", "`text` contains control characters.")
    return text


def _check_string(value: str, name: str, most: int, *, empty: bool) -> None:
    if len(value) > most or (not empty and not value) or "\0" in value:
        raise BadInput("bad-field", f"`{name}` must be {'0' if empty else '1'} to {most} characters without NUL.")


def _is_plain(value: Any, depth: int = 0) -> bool:
    """Without NUL, too deep nesting, or numbers that JSON readers disagree about: those swell when they are stored."""
    if depth > limits.NESTING.default:
        return False
    if isinstance(value, str):
        return "\0" not in value
    if isinstance(value, list):
        return all(_is_plain(item, depth + 1) for item in value)
    if isinstance(value, dict):
        return all("\0" not in name and _is_plain(item, depth + 1) for name, item in value.items())
    return not isinstance(value, int | float) or abs(value) <= LARGEST_NUMBER


def shorten(quote: Quote) -> Quote:
    """A quote over the limit keeps its head, its tail, and its whole length in UTF-16 units, as browsers count."""
    if len(quote.exact) <= limits.QUOTE.default or quote.tail is not None:
        return quote
    half, length = limits.QUOTE.default // 2, len(quote.exact.encode("utf-16-le")) // 2
    return msgspec.structs.replace(quote, exact=quote.exact[:half], tail=quote.exact[-half:], length=length)


def check_anchor(anchor: Anchor) -> Anchor:
    """The anchor as it is kept, or `bad-field`."""
    quote, position = shorten(anchor.quote), anchor.position
    _check_string(quote.exact, "anchor.quote.exact", limits.QUOTE.default, empty=False)
    _check_string(quote.prefix, "anchor.quote.prefix", limits.CONTEXT.default, empty=True)
    _check_string(quote.suffix, "anchor.quote.suffix", limits.CONTEXT.default, empty=True)
    if quote.tail is not None:
        _check_string(quote.tail, "anchor.quote.tail", limits.QUOTE.default, empty=True)
    if quote.length is not None and not 0 < quote.length < 2**31:
        raise BadInput("bad-field", "`anchor.quote.length` must be a positive number of characters.")
    if not 0 <= position.start <= position.end < 2**31:
        raise BadInput("bad-field", "`anchor.position` must be 0 ≤ `start` ≤ `end`.")
    if not _is_plain(anchor.hint) or len(msgspec.json.encode(anchor.hint)) > limits.HINT.default:
        raise BadInput("bad-field", f"`anchor.hint` must be at most {limits.HINT.default} bytes of plain JSON.")
    return msgspec.structs.replace(anchor, quote=quote)


def accept(do: Do, claims: Claims, *, size: int = 0, site: str = "") -> Operation:
    """A `do` as an operation of this reader. Raises `BadInput` or `NotThere` for what can never have been done."""
    check_page(do.page)
    identity = check_uuid(do.broadcast_id, "broadcastId")
    if identity != do.broadcast_id:
        # Its sender recognises it by comparing text, and would not.
        raise BadInput("bad-field", "`broadcastId` must be in lower case.")
    if do.op not in OP_NAMES:
        raise BadInput("unknown-op", "This `op` is not known.")
    members: dict[str, Any] = {name: getattr(do, name) for name in NEEDS[do.op]}
    for name, value in members.items():
        if value is None:
            raise BadInput("bad-field", f"`{name}` is missing.")
    if "text" in members:
        check_text(members["text"])
    if "anchor" in members:
        members["anchor"] = check_anchor(members["anchor"])
    if "emoji" in members:
        emoji: str = members["emoji"]
        if not emoji.strip() or len(emoji.encode()) > limits.EMOJI.default or _CONTROL.search(emoji):
            raise BadInput("bad-field", f"`emoji` must be 1 to {limits.EMOJI.default} bytes.")
    refusal = _why_not(do.page, claims)
    for name in ("chat", "comment"):
        if name in members:
            members[name] = _check_reference(members[name], name, refusal)
    digest = hashlib.sha256(_canonical.encode([claims.reader, do.page, do.op, members])).hexdigest()
    return Operation(
        tenant=claims.tenant,
        page=do.page,
        id=identity,
        op=do.op,
        author=Author(claims.reader, claims.name, claims.avatar),
        moderator=claims.role == "moderator",
        digest=digest,
        size=size,
        site=site,
        refusal=refusal,
        **members,
    )
