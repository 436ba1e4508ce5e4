"""What a page holds, as it stands on the wire: chats, comments, anchors, authors.

Times are milliseconds since the epoch. Member names on the wire are camelCase.
"""

from typing import Any, Literal

import msgspec

ChatState = Literal["open", "resolved"]


class Wire(msgspec.Struct, rename="camel", omit_defaults=True, frozen=True):
    """Base of everything on the wire: unknown members are ignored, defaults are left out."""


class Author(Wire, frozen=True):
    """Who wrote it: the token's `sub`, `name` and `avatar` at that time."""

    id: str
    name: str
    avatar: str | None = None


class Quote(Wire, frozen=True):
    """The text an anchor points at, with what stands before and after it.

    A quote over 256 characters keeps its head in `exact`, its end in `tail`, and its whole `length` in characters.
    """

    exact: str
    # Factories, so that an empty context is not left out as a default: clients read both without asking.
    prefix: str = msgspec.field(default_factory=str)
    suffix: str = msgspec.field(default_factory=str)
    tail: str | None = None
    length: int | None = None


class Position(Wire, frozen=True):
    """Where the quote stood: character offsets into the page's normalised text, half-open."""

    start: int
    end: int


class Anchor(Wire, frozen=True):
    """How a browser finds the text again. `hint` is for the client alone; a gateway stores it as it is."""

    quote: Quote
    position: Position
    hint: Any = None


class Comment(Wire, frozen=True):
    """One comment. In a chat's first comment `id`, `by` and `at` are left out: they are the chat's."""

    id: str | None = None
    by: Author | None = None
    at: int | None = None
    text: str | None = None
    edited: bool = False
    reactions: dict[str, list[str]] | None = None
    deleted: bool = False


class Chat(Wire, frozen=True):
    """A discussion on a piece of text, whole. `cont`: its comments append to what came before."""

    id: str
    seq: int
    state: ChatState | None = None
    anchor: Anchor | None = None
    by: Author | None = None
    at: int | None = None
    comments: list[Comment] | None = None
    comment: Comment | None = None
    cont: bool = False
