"""Chats and comments as W3C Web Annotations (JSON-LD), and back.

A chat is an annotation that targets a piece of a page; a further comment is one that replies to it. What the standard
has no words for stands under `parley:`, so that an import brings back what an export took. Annotations of other
programs can be imported as far as they quote a text.
"""

import re
import uuid
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from urllib.parse import quote, unquote

import msgspec

from parley.errors import BadInput
from parley.objects import Anchor, Author
from parley_gateway.core.portable import ChatLine, CommentLine, check_line

CONTEXT: Final = ["http://www.w3.org/ns/anno.jsonld", {"parley": "urn:parley:terms:"}]
_READER, _PAGE = "urn:parley:reader:", "urn:parley:page:"
_IRI = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:[^\s<>\"{}|\\^`\x00-\x20]+")
#: Ids of other programs' annotations become UUIDs, the same each time.
_FOREIGN = uuid.UUID("6f1c52a5-2a53-5d26-9d0b-0f1f4f1d8c07")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

Json = dict[str, Any]


def head(tenant: str) -> bytes:
    """What stands before the annotations, up to the opening of their list."""
    page = {"@context": CONTEXT, "id": f"urn:parley:export:{tenant}", "type": "AnnotationPage"}
    return msgspec.json.encode(page)[:-1] + b',"items":[\n'


TAIL: Final = b"\n]}\n"


def annotation(chat: ChatLine, comment: CommentLine) -> bytes:
    """A comment; the first one is its chat's annotation."""
    about = _chat_members(chat) if comment.id == chat.id else {"motivation": "replying", "target": _urn(chat.id)}
    made: Json = {"id": _urn(comment.id), "type": "Annotation", **about}
    made |= {
        "created": _iso(comment.at),
        "creator": _creator(comment.by),
        "body": {"type": "TextualBody", "value": comment.text, "format": "text/plain"},
    }
    if comment.edited:
        made["parley:edited"] = True
    if comment.reactions:
        made["parley:reactions"] = comment.reactions
    return msgspec.json.encode(made)


def _chat_members(chat: ChatLine) -> Json:
    anchor = chat.anchor
    selectors: list[Json] = [
        {
            "type": "TextQuoteSelector",
            "exact": anchor.quote.exact,
            "prefix": anchor.quote.prefix,
            "suffix": anchor.quote.suffix,
        },
        {"type": "TextPositionSelector", "start": anchor.position.start, "end": anchor.position.end},
    ]
    source = chat.page if _IRI.fullmatch(chat.page) and not chat.page.startswith(_PAGE) else _PAGE + quote(chat.page)
    made: Json = {"motivation": "commenting", "target": {"source": source, "selector": selectors}}
    if anchor.hint is not None or anchor.quote.tail is not None or anchor.quote.length is not None:
        made["parley:anchor"] = msgspec.to_builtins(anchor)
    made["parley:state"] = chat.state
    if chat.hidden:
        made["parley:hidden"] = True
    return made


def read(data: bytes) -> list[ChatLine | CommentLine]:
    """One annotation: a chat and its first comment, or a further comment. Raises `BadInput`."""
    try:
        found = msgspec.json.decode(data, type=dict[str, Any])
        data.decode()
        identity = _identity(found["id"])
        by = _author(found.get("creator"))
        at = _milliseconds(found["created"])
        target = found["target"]
        text = _text(found["body"])
        marks = {name: found[f"parley:{name}"] for name in ("edited", "reactions") if f"parley:{name}" in found}
        members: Json = {"id": identity, "by": by, "at": at, "text": text, **marks}
        if isinstance(target, str) and "replying" in _listed(found.get("motivation", ())):
            return [_checked({"chat": _identity(target), **members}, CommentLine)]
        source, anchor = _target(target, found.get("parley:anchor"))
        chat: Json = {"page": source, "id": identity, "anchor": anchor, "by": by, "at": at}
        chat |= {"state": found.get("parley:state", "open"), "hidden": found.get("parley:hidden", False)}
        return [_checked(chat, ChatLine), _checked({"chat": identity, **members}, CommentLine)]
    except BadInput:
        raise
    except (msgspec.DecodeError, RecursionError, KeyError, TypeError, AttributeError, ValueError, OverflowError):
        raise BadInput("bad-field", "This annotation has no id, creation time, body, or quoted text.") from None


def _checked(members: Json, kind: Any) -> Any:
    return check_line(msgspec.convert({"kind": kind.__struct_config__.tag, **members}, kind))


def _listed(value: Any) -> list[Any]:
    return list(value) if isinstance(value, list | tuple) else [value]


def _text(body: Any) -> str:
    for one in _listed(body):
        if isinstance(one, Mapping) and isinstance(one.get("value"), str):
            return str(one["value"])
    raise ValueError("no text")


def _target(target: Any, whole: Any) -> tuple[str, Json]:
    source = str(target["source"])
    page = unquote(source.removeprefix(_PAGE)) if source.startswith(_PAGE) else source
    if whole is not None:
        return page, msgspec.to_builtins(msgspec.convert(whole, Anchor))
    selectors = {one["type"]: one for one in _listed(target["selector"])}
    said = selectors["TextQuoteSelector"]
    text = {name: said.get(name, "") for name in ("exact", "prefix", "suffix")}
    place = selectors.get("TextPositionSelector") or {"start": 0, "end": 0}
    return page, {"quote": text, "position": {"start": place["start"], "end": place["end"]}}


def _urn(identity: str) -> str:
    return f"urn:uuid:{identity}"


def _identity(given: str) -> str:
    try:
        return str(uuid.UUID(given.removeprefix("urn:uuid:"))) if given.startswith("urn:uuid:") else _foreign(given)
    except ValueError:
        return _foreign(given)


def _foreign(given: str) -> str:
    return str(uuid.uuid5(_FOREIGN, given))


def _creator(by: Author) -> Json:
    made: Json = {"id": _READER + quote(by.id, safe=""), "type": "Person", "name": by.name}
    return made | ({"parley:avatar": by.avatar} if by.avatar else {})


def _author(creator: Any) -> Json:
    if creator is None:
        return {"id": "", "name": "—"}
    if isinstance(creator, str):
        creator = {"id": creator}
    name, identity = creator.get("name"), str(creator.get("id") or creator["name"])
    own = unquote(identity.removeprefix(_READER)) if identity.startswith(_READER) else identity
    made = {"id": own, "name": own[:200] if name is None else name}
    avatar = creator.get("parley:avatar")
    return made | ({"avatar": avatar} if avatar else {})


def _iso(at: int) -> str:
    return (_EPOCH + timedelta(milliseconds=at)).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _milliseconds(text: str) -> int:
    moment = datetime.fromisoformat(text.replace("Z", "+00:00"))
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return (moment - _EPOCH) // timedelta(milliseconds=1)
