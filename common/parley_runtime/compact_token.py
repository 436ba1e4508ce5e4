"""A JWT's compact form, taken apart strictly: one byte string is one token, and only one reading of it exists.

Nothing here is verified. Two parsers that read the same bytes differently are how signatures are bypassed, so what is
parsed here is what is checked and what is used; everything ambiguous is refused.
"""

import base64
import json
import re
from typing import Any, NamedTuple, NoReturn

from parley import limits

_FORM = re.compile(r"([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)")

#: Header members that no token for Parley may have. `jku`, `jwk`, `x5u`, `x5c` bring or name a key: a key must never
#: come from the token that it is to prove. `crit`, `b64`, `zip`, `enc`, `cty` change how the rest is to be read.
_REFUSED = frozenset({"jku", "jwk", "x5u", "x5c", "crit", "b64", "zip", "enc", "cty"})


class CompactToken(NamedTuple):
    """`signed`: the bytes under the signature."""

    header: dict[str, Any]
    payload: dict[str, Any]
    signed: bytes
    signature: bytes


def take_apart(token: str) -> CompactToken:
    """Raises `ValueError`, without a word of the token, when it is not exactly one well-formed token."""
    if len(token) > limits.TOKEN.default:
        raise ValueError("too long")
    form = _FORM.fullmatch(token)
    if form is None:
        raise ValueError("not three segments of base64url")
    header, payload, signature = (_decode(segment) for segment in form.groups())
    parsed = _object(header)
    if _REFUSED & parsed.keys():
        raise ValueError("a refused header member")
    kind = parsed.get("typ", "JWT")
    if not isinstance(kind, str) or kind.upper() != "JWT":
        raise ValueError("another type of token")
    return CompactToken(parsed, _object(payload), token[: form.end(2)].encode(), signature)


def _decode(segment: str) -> bytes:
    raw = base64.urlsafe_b64decode(segment + "=" * (-len(segment) % 4))
    # Bits beyond the last byte would make several spellings of one token.
    if base64.urlsafe_b64encode(raw).rstrip(b"=") != segment.encode():
        raise ValueError("base64url that is not canonical")
    return raw


def _object(raw: bytes) -> dict[str, Any]:
    try:
        value = _parser.decode(raw.decode())
    except RecursionError:
        raise ValueError("nested too deeply") from None
    if not isinstance(value, dict):
        raise ValueError("not a JSON object")
    return value


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("a member stands twice")
    return members


def _no_constant(_text: str) -> NoReturn:
    raise ValueError("NaN and Infinity are not JSON")


# Made once: `json.loads` would make one for every segment of every token, which costs more than reading it.
_parser = json.JSONDecoder(object_pairs_hook=_unique, parse_constant=_no_constant)
