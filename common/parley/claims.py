"""What a verified token allows: who, for which tenant, on which pages, as what, until when."""

import re
from enum import StrEnum
from functools import lru_cache

import msgspec


class Role(StrEnum):
    """In rising order: see; also write; also moderate."""

    READER = "reader"
    COMMENTER = "commenter"
    MODERATOR = "moderator"


class Claims(msgspec.Struct, frozen=True):
    """A verified token's content. `expires_at`: seconds since the epoch. `pages`: patterns."""

    tenant: str
    reader: str
    name: str
    expires_at: int
    role: Role = Role.COMMENTER
    avatar: str | None = None
    pages: tuple[str, ...] = ("*",)
    scopes: frozenset[str] = frozenset()

    def may_open(self, page: str) -> bool:
        """Whether one of the page patterns covers this page."""
        return any(_pattern(pattern).fullmatch(page) is not None for pattern in self.pages)

    @property
    def may_write(self) -> bool:
        return self.role is not Role.READER


@lru_cache(maxsize=4096)
def _pattern(pattern: str) -> re.Pattern[str]:
    """`*` matches any run of characters, `/` included; no other character is special."""
    collapsed = re.sub(r"\*+", "*", pattern)  # `a**b` would backtrack for nothing
    return re.compile(".*".join(re.escape(part) for part in collapsed.split("*")), re.DOTALL)
