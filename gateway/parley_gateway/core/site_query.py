"""Which discussions of a site are asked for, and where the last answer ended."""

import base64
import binascii
from collections.abc import Mapping
from typing import Final

import msgspec

from parley.errors import BadInput
from parley_gateway.core.operation import check_uuid

#: Discussions in one answer: asked for without `limit`, and at most.
USUAL, MOST = 50, 200
#: Characters of a text to search for: longer finds nothing that a shorter one does not.
LONGEST_TEXT = 200
_TIME = 2**53
STATES: Final = ("open", "resolved", "hidden")


class Place(msgspec.Struct, array_like=True, frozen=True):
    """Behind which discussion an answer goes on: when that began (ms), and its id."""

    at: int
    id: str


class SiteQuery(msgspec.Struct, frozen=True):
    """Newest first. None and "": whatever it is. `site`: an origin; `author`: who wrote a comment in it."""

    page: str | None = None
    site: str | None = None
    state: str | None = None
    author: str | None = None
    since: int | None = None
    until: int | None = None
    text: str | None = None
    limit: int = USUAL
    after: Place | None = None


_NAMES: Final = frozenset({"page", "site", "state", "author", "from", "to", "text", "limit", "cursor"})
_place: msgspec.json.Decoder[Place] = msgspec.json.Decoder(Place)


def parse_query(query: Mapping[str, str]) -> SiteQuery:
    """The parameters of an address. Raises `bad-field`; unknown ones too, for a misspelt filter shows too much."""
    if unknown := sorted(set(query) - _NAMES):
        raise BadInput("bad-field", f"There is no parameter `{unknown[0][:40]}`.")
    given = {name: value for name, value in query.items() if value}
    for name, value in given.items():
        if "\0" in value or len(value) > 4_096 or _lone_surrogate(value):
            raise BadInput("bad-field", f"`{name}` is too long, or no text.")
    state = given.get("state")
    if state is not None and state not in STATES:
        raise BadInput("bad-field", "`state` must be open, resolved or hidden.")
    if len(given.get("text", "")) > LONGEST_TEXT:
        raise BadInput("bad-field", f"`text` may have {LONGEST_TEXT} characters.")
    return SiteQuery(
        page=given.get("page"),
        site=given.get("site"),
        state=state,
        author=given.get("author"),
        since=_number(given, "from", _TIME),
        until=_number(given, "to", _TIME),
        text=given.get("text"),
        limit=_limit(given),
        after=decode_cursor(given["cursor"]) if "cursor" in given else None,
    )


def _limit(given: Mapping[str, str]) -> int:
    limit = _number(given, "limit", MOST)
    if limit == 0:
        raise BadInput("bad-field", "`limit` must be at least 1.")
    return USUAL if limit is None else limit


def _number(given: Mapping[str, str], name: str, most: int) -> int | None:
    text = given.get(name)
    if text is None:
        return None
    if not (text.isascii() and text.isdigit()) or len(text) > 16 or int(text) > most:
        raise BadInput("bad-field", f"`{name}` must be a whole number, 0 to {most}.")
    return int(text)


def _lone_surrogate(value: str) -> bool:
    try:
        value.encode()
    except UnicodeEncodeError:
        return True
    return False


def encode_cursor(place: Place) -> str:
    """Opaque to clients."""
    return base64.urlsafe_b64encode(msgspec.json.encode(place)).rstrip(b"=").decode()


def decode_cursor(text: str) -> Place:
    """Raises `bad-field`."""
    try:
        place = _place.decode(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
        check_uuid(place.id, "cursor")
    except (binascii.Error, ValueError, msgspec.DecodeError, BadInput):
        raise BadInput("bad-field", "`cursor` must be the `next` of an answer.") from None
    if not 0 <= place.at < _TIME:
        raise BadInput("bad-field", "`cursor` must be the `next` of an answer.")
    return place
