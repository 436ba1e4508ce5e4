"""Rule 10. Who may do what: one table, each row tried on the wire."""

from typing import Any

import pytest

from kit.wire_client import Refused, WireClient, new_id
from kit.wire_page import Json
from kit.wire_samples import anchor
from kit.wire_world import Enter

READER, COMMENTER, MODERATOR = "reader", "commenter", "moderator"
#: op → (roles that may on what others wrote, roles that may on what they wrote themselves)
MAY: dict[str, tuple[set[str], set[str]]] = {
    "new-chat": ({COMMENTER, MODERATOR}, {COMMENTER, MODERATOR}),
    "reply": ({COMMENTER, MODERATOR}, {COMMENTER, MODERATOR}),
    "react": ({COMMENTER, MODERATOR}, {COMMENTER, MODERATOR}),
    "edit": (set(), {COMMENTER, MODERATOR}),
    "remove-comment": ({MODERATOR}, {COMMENTER, MODERATOR}),
    "resolve": ({COMMENTER, MODERATOR}, {COMMENTER, MODERATOR}),
    "reopen": ({COMMENTER, MODERATOR}, {COMMENTER, MODERATOR}),
    "relink": ({MODERATOR}, {COMMENTER, MODERATOR}),
    "delete-chat": ({MODERATOR}, {COMMENTER, MODERATOR}),
}


def members_of(op: str, chat: str, comment: str) -> Json:
    """Members that make a change of a resolved (for `reopen`) or open chat."""
    members: dict[str, Any] = {
        "new-chat": {"anchor": anchor(), "text": "x"},
        "reply": {"chat": chat, "text": "x"},
        "react": {"chat": chat, "comment": comment, "emoji": "👍", "on": True},
        "edit": {"chat": chat, "comment": comment, "text": "changed"},
        "remove-comment": {"chat": chat, "comment": comment},
        "resolve": {"chat": chat},
        "reopen": {"chat": chat},
        "relink": {"chat": chat, "anchor": anchor("elsewhere")},
        "delete-chat": {"chat": chat},
    }
    found: Json = members[op]
    return found


async def written(author: WireClient, page: str, op: str) -> tuple[str, str]:
    """A chat and a comment of this author, ready for the op."""
    chat = (await author.do(page, "new-chat", anchor=anchor(), text="Why?"))["broadcastId"]
    comment = (await author.do(page, "reply", chat=chat, text="Because."))["broadcastId"]
    if op == "reopen":
        await author.do(page, "resolve", chat=chat)
    return chat, comment


async def tried(client: WireClient, page: str, op: str, members: Json) -> str:
    """ "ok" or the code of the refusal."""
    try:
        await client.do(page, op, **members)
    except Refused as refused:
        return refused.code
    return "ok"


@pytest.mark.parametrize("op", MAY)
@pytest.mark.parametrize("role", [READER, COMMENTER, MODERATOR])
async def test_the_table(enter: Enter, page: str, op: str, role: str) -> None:
    other, own = MAY[op]
    ann = await enter("ann")
    # The same `sub` wrote it, in a session in which it could.
    before = await enter("me")
    me = await enter("me", gateway=1, role=role, joined=page)
    for author, allowed in ((ann, other), (before, own)):
        chat, comment = await written(author, page, op)
        said = await tried(me, page, op, members_of(op, chat, comment))
        assert said == ("ok" if role in allowed else "forbidden"), (op, role, author is before)
        # What the op does to a chat's first comment, which has the chat's id.
        if op in ("react", "edit"):
            said = await tried(me, page, op, members_of(op, chat, chat))
            assert said == ("ok" if role in allowed else "forbidden")


async def test_the_default_role_is_commenter(enter: Enter, page: str) -> None:
    ann = await enter("ann")
    assert ann.frames[0]["reader"] == {"id": "ann", "name": "Ann", "role": "commenter"}


async def test_a_reader_sees_and_is_counted(enter: Enter, page: str) -> None:
    ann = await enter("ann", joined=page)
    reader = await enter("reader", gateway=1, role="reader", joined=page)
    assert reader.frames[0]["reader"]["role"] == "reader"
    await ann.until(lambda: ann.pages[page].readers == 2)
    await ann.do(page, "new-chat", anchor=anchor(), text="x")
    await reader.reach(page, 1)


async def test_a_reader_may_not_type(enter: Enter, page: str) -> None:
    ann = await enter("ann", joined=page)
    chat = (await ann.do(page, "new-chat", anchor=anchor(), text="x"))["broadcastId"]
    reader = await enter("reader", role="reader", joined=page)
    refused = await reader.error_after({"t": "typing", "page": page, "chat": chat})
    assert (refused["code"], refused["page"]) == ("forbidden", page)
    await ann.ping()
    assert not ann.of("typing")


@pytest.mark.parametrize("role", [COMMENTER, MODERATOR])
async def test_a_first_comment_is_not_removed_alone(enter: Enter, page: str, role: str) -> None:
    ann = await enter("ann", role=role, joined=page)
    chat, _ = await written(ann, page, "remove-comment")
    assert await tried(ann, page, "remove-comment", {"chat": chat, "comment": chat}) == "use-delete-chat"
    assert await tried(ann, page, "delete-chat", {"chat": chat}) == "ok"
    view = await ann.reach(page, 3)
    assert not view.chats


async def test_a_moderator_removes_but_never_edits(enter: Enter, page: str) -> None:
    ann, mod = await enter("ann", joined=page), await enter("mod", gateway=1, role="moderator")
    chat, comment = await written(ann, page, "edit")
    assert await tried(mod, page, "edit", {"chat": chat, "comment": comment, "text": "mine"}) == "forbidden"
    # The same text: still not the moderator's to edit.
    assert await tried(mod, page, "edit", {"chat": chat, "comment": comment, "text": "Because."}) == "forbidden"
    assert await tried(mod, page, "remove-comment", {"chat": chat, "comment": comment}) == "ok"
    assert await tried(ann, page, "edit", {"chat": chat, "comment": comment, "text": "x"}) == "unknown-comment"


async def test_a_join_that_is_not_allowed_is_forbidden_and_the_connection_kept(enter: Enter, page: str) -> None:
    ann = await enter("ann", pages=[f"{page}/*", "https://acme.test/exact?a=[b]"])
    for other in (page, page + "x", "https://acme.test/exact?a=b", "https://acme.test/exact?a=[b]x", "*"):
        refused = await ann.error_after({"t": "join", "page": other})
        assert (refused["code"], refused["page"]) == ("forbidden", other)
        assert await tried(ann, other, "new-chat", {"anchor": anchor(), "text": "x"}) == "forbidden"
        refused = await ann.error_after({"t": "typing", "page": other, "chat": new_id()})
        assert refused["code"] == "forbidden"
    for other in (f"{page}/", f"{page}/a/b/c", "https://acme.test/exact?a=[b]"):
        await ann.join(other)
        assert await tried(ann, other, "new-chat", {"anchor": anchor(), "text": "x"}) == "ok"


@pytest.mark.parametrize(
    ("op", "members", "code"),
    [
        ("reply", {"chat": "?", "text": "x"}, "unknown-chat"),
        ("resolve", {"chat": "?"}, "unknown-chat"),
        ("reopen", {"chat": "?"}, "unknown-chat"),
        ("relink", {"chat": "?", "anchor": anchor()}, "unknown-chat"),
        ("delete-chat", {"chat": "?"}, "unknown-chat"),
        ("edit", {"chat": "?", "comment": "!", "text": "x"}, "unknown-chat"),
        ("edit", {"chat": "!", "comment": "?", "text": "x"}, "unknown-comment"),
        ("remove-comment", {"chat": "!", "comment": "?"}, "unknown-comment"),
        ("react", {"chat": "!", "comment": "?", "emoji": "👍", "on": True}, "unknown-comment"),
        ("react", {"chat": "!", "comment": "other", "emoji": "👍", "on": True}, "unknown-comment"),
        ("reply", {"chat": "elsewhere", "text": "x"}, "unknown-chat"),
        ("reply", {"chat": "deleted", "text": "x"}, "unknown-chat"),
        ("resolve", {"chat": "not a uuid"}, "unknown-chat"),
    ],
)
async def test_what_is_not_there(enter: Enter, page: str, op: str, members: Json, code: str) -> None:
    ann = await enter("ann", role="moderator", joined=page)
    chat, _ = await written(ann, page, op)
    other, _ = await written(ann, page, "")
    deleted, _ = await written(ann, page, "")
    await ann.do(page, "delete-chat", chat=deleted)
    elsewhere, _ = await written(ann, page + "/elsewhere", "")
    seq = (await ann.do(page, "resolve", chat=other))["seq"]
    names = {"?": new_id(), "!": chat, "other": other, "deleted": deleted, "elsewhere": elsewhere}
    filled = {name: names.get(value, value) if isinstance(value, str) else value for name, value in members.items()}
    assert await tried(ann, page, op, filled) == code
    assert (await ann.join(page)).seq == seq, "nothing was changed"
