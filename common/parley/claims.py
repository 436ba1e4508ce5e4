"""What a verified token allows: who, for which tenant, on which pages, as what, until when."""

from enum import StrEnum

import msgspec


class Role(StrEnum):
    """In rising order: see; also write; also moderate."""

    READER = "reader"
    COMMENTER = "commenter"
    MODERATOR = "moderator"


class Claims(msgspec.Struct, frozen=True):
    """A verified token's content. `expires_at`, `issued_at`: seconds since the epoch. `pages`: patterns.

    `kid`: the key that proved it. A token that does not say when it was issued counts as issued as early as it can be.
    """

    tenant: str
    reader: str
    name: str
    expires_at: int
    role: Role = Role.COMMENTER
    avatar: str | None = None
    pages: tuple[str, ...] = ("*",)
    scopes: frozenset[str] = frozenset()
    kid: str = ""
    issued_at: int = 0

    def may_open(self, page: str) -> bool:
        """Whether one of the page patterns covers this page."""
        return any(covers(pattern, page) for pattern in self.pages)

    @property
    def may_write(self) -> bool:
        return self.role is not Role.READER


def covers(pattern: str, page: str) -> bool:
    """`*` matches any run of characters, `/` included; no other character is special.

    Taking the first place where each part fits is enough, so the work is bounded: no pattern backtracks.
    """
    first, *rest = pattern.split("*")
    if not rest:
        return page == pattern
    *middle, last = rest
    if len(page) < len(first) + len(last) or not page.startswith(first) or not page.endswith(last):
        return False
    at, end = len(first), len(page) - len(last)
    for part in middle:
        at = page.find(part, at, end)
        if at < 0:
            return False
        at += len(part)
    return True
