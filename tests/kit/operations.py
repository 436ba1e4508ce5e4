"""Operations and changes for tests of the gateway's core."""

from typing import Any

from parley.claims import Claims, Role
from parley.client_frames import Do
from parley.objects import Anchor, Position, Quote
from parley_gateway.core.operation import Operation, accept

PAGE = "https://acme.test/post/7"
ANCHOR = Anchor(Quote("a piece", "before ", " after"), Position(10, 17))
OTHER_ANCHOR = Anchor(Quote("another piece"), Position(40, 53))


def uuid(number: int) -> str:
    """A UUID that reads like its number."""
    return f"00000000-0000-4000-8000-{number:012x}"


def claims(reader: str = "ann", role: str = "commenter", tenant: str = "acme", **more: Any) -> Claims:
    return Claims(tenant=tenant, reader=reader, name=reader.title(), expires_at=2**40, role=Role(role), **more)


def operation(number: int, op: str, by: Claims | None = None, page: str = PAGE, **members: Any) -> Operation:
    """`chat` and `comment` may be numbers. What the op needs and is not given is filled in."""
    for name in ("chat", "comment"):
        if isinstance(members.get(name), int):
            members[name] = uuid(members[name])
    if op in ("new-chat", "relink"):
        members.setdefault("anchor", ANCHOR)
    if op in ("new-chat", "reply", "edit"):
        members.setdefault("text", f"text {number}")
    if op == "react":
        members = {"emoji": "👍", "on": True} | members
    return accept(Do(page, uuid(number), op, **members), by or claims())
