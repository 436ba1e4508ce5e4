"""A tenant's data as lines of JSON: what an export writes, and an import reads.

    {"kind":"parley-export","version":1,"tenant":"acme","at":1795427202000}
    {"kind":"chat","page":"https://…","id":"…","state":"open","anchor":{…},"by":{…},"at":…}
    {"kind":"comment","chat":"…","id":"…","by":{…},"at":…,"text":"…"}
    {"kind":"ban","reader":"…","at":…}
    {"kind":"end","chats":1,"comments":1,"bans":1}

A chat comes before its comments, and these in order; the first comment has the chat's id.
"""

from typing import TypeAlias

import msgspec

from parley import limits
from parley.errors import BadInput
from parley.objects import Anchor, Author, ChatState
from parley.pages import check_page
from parley_gateway.core.operation import check_anchor, check_text, check_uuid

VERSION = 1
#: The latest time that an import may bring: the year 3000, in ms.
_LATEST = 32_503_680_000_000


class _Line(msgspec.Struct, tag_field="kind", rename="camel", omit_defaults=True, frozen=True):
    """Base of all lines."""


class HeadLine(_Line, tag="parley-export", frozen=True):
    """The first line. `at`: when, in ms."""

    version: int
    tenant: str
    at: int


class ChatLine(_Line, tag="chat", frozen=True):
    """A chat without its comments."""

    page: str
    id: str
    state: ChatState
    anchor: Anchor
    by: Author
    at: int
    hidden: bool = False


class CommentLine(_Line, tag="comment", frozen=True):
    """A comment. `reactions`: emoji → readers, in order."""

    chat: str
    id: str
    by: Author
    at: int
    text: str
    edited: bool = False
    reactions: dict[str, list[str]] = {}


class BanLine(_Line, tag="ban", frozen=True):
    """A banned reader."""

    reader: str
    at: int
    reason: str | None = None
    until: int | None = None


class EndLine(_Line, tag="end", frozen=True):
    """The last line: how many there were. Without it the file is not whole."""

    chats: int
    comments: int
    bans: int


Line: TypeAlias = HeadLine | ChatLine | CommentLine | BanLine | EndLine

_encoder = msgspec.json.Encoder()
_decoder: msgspec.json.Decoder[Line] = msgspec.json.Decoder(Line)


def encode_line(line: Line) -> bytes:
    """With its line feed."""
    return _encoder.encode(line) + b"\n"


def decode_line(data: bytes) -> Line:
    """One line, checked like what a client sends. Raises `BadInput`."""
    try:
        data.decode()  # msgspec does not look into members that it ignores
        line = _decoder.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise BadInput("bad-field", "This is no line of an export.") from None
    return check_line(line)


def check_line(line: Line) -> Line:
    """The line as it is kept. Raises `BadInput`."""
    if isinstance(line, HeadLine) and line.version != VERSION:
        raise BadInput("bad-field", f"This is an export of version {line.version}; {VERSION} can be read.")
    if isinstance(line, ChatLine):
        check_page(line.page)
        _check_object(line.id, line.by, line.at)
        return msgspec.structs.replace(line, id=line.id.lower(), anchor=check_anchor(line.anchor))
    if isinstance(line, CommentLine):
        _check_object(line.id, line.by, line.at)
        check_uuid(line.chat, "chat")
        check_text(line.text)
        _check_reactions(line.reactions)
        return msgspec.structs.replace(line, id=line.id.lower(), chat=line.chat.lower())
    if isinstance(line, BanLine):
        check_reader(line.reader)
        _check_time(line.at)
        _check_time(line.until or 0)
        _check_name(line.reason or "", "reason")
    return line


def check_reader(reader: str) -> str:
    """A reader's id, or `bad-field`."""
    if not 0 < _size(reader) <= limits.READER_ID.default or "\0" in reader:
        raise BadInput("bad-field", f"A reader's id has 1 to {limits.READER_ID.default} bytes of UTF-8 without NUL.")
    return reader


def _check_object(identity: str, by: Author, at: int) -> None:
    check_uuid(identity, "id")
    _check_time(at)
    if by.id:  # the empty one stands for erased readers
        check_reader(by.id)
    _check_name(by.name, "by.name")
    if by.avatar is not None and (
        not 0 < _size(by.avatar) <= limits.AVATAR.default or not by.avatar.startswith("http")
    ):
        raise BadInput("bad-field", f"`by.avatar` must be an address of at most {limits.AVATAR.default} bytes.")


def _check_time(at: int) -> None:
    if not 0 <= at <= _LATEST:
        raise BadInput("bad-field", "A time is in milliseconds since the epoch.")


def _check_name(value: str, name: str) -> None:
    if len(value) > limits.NAME.default or "\0" in value or _size(value) == -1:
        raise BadInput("bad-field", f"`{name}` may have {limits.NAME.default} characters.")


def _check_reactions(reactions: dict[str, list[str]]) -> None:
    if len(reactions) > limits.REACTIONS_PER_COMMENT.default:
        raise BadInput("bad-field", f"A comment may have {limits.REACTIONS_PER_COMMENT.default} different reactions.")
    for emoji, readers in reactions.items():
        if not emoji.strip() or not 0 < _size(emoji) <= limits.EMOJI.default or "\0" in emoji:
            raise BadInput("bad-field", f"An emoji has 1 to {limits.EMOJI.default} bytes.")
        if not readers or len(set(readers)) != len(readers):
            raise BadInput("bad-field", "`reactions` names each reader once.")
        for reader in readers:
            check_reader(reader)


def _size(text: str) -> int:
    """Bytes; -1 for what is no text."""
    try:
        return len(text.encode())
    except UnicodeEncodeError:
        return -1
