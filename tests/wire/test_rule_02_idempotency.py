"""Rule 2. An operation is done once, however often it is sent."""

from typing import Any

import pytest

from kit.wire_client import Refused, WireClient, new_id
from kit.wire_page import Json
from kit.wire_samples import anchor
from kit.wire_world import Enter, World


async def new_chat(client: WireClient, page: str, text: str = "Why?") -> str:
    identity: str = (await client.do(page, "new-chat", anchor=anchor(), text=text))["broadcastId"]
    return identity


async def refusal(client: WireClient, page: str, op: str, **members: Any) -> Json:
    with pytest.raises(Refused) as refused:
        await client.do(page, op, **members)
    return refused.value.frame


async def test_each_op_repeated_gets_its_first_ack_and_nothing_else_happens(enter: Enter, page: str) -> None:
    ann = await enter("ann", joined=page)
    # The repeats come over another connection, to another gateway.
    again = await enter("ann", gateway=1, joined=page)
    chat, reply = new_id(), new_id()
    operations: list[tuple[str, str, Json]] = [
        (chat, "new-chat", {"anchor": anchor(), "text": "Why?"}),
        (reply, "reply", {"chat": chat, "text": "Because."}),
        (new_id(), "edit", {"chat": chat, "comment": reply, "text": "Because!"}),
        (new_id(), "react", {"chat": chat, "comment": reply, "emoji": "👍", "on": True}),
        (new_id(), "resolve", {"chat": chat}),
        (new_id(), "reopen", {"chat": chat}),
        (new_id(), "relink", {"chat": chat, "anchor": anchor("elsewhere")}),
        (new_id(), "remove-comment", {"chat": chat, "comment": reply}),
        (new_id(), "delete-chat", {"chat": chat}),
    ]
    first = [await ann.do(page, op, id=identity, **members) for identity, op, members in operations]
    assert [ack["seq"] for ack in first] == list(range(1, 10))
    for client in (ann, again):
        repeated = [await client.do(page, op, id=identity, **members) for identity, op, members in operations]
        assert repeated == first, "even though the chat is gone since"
    await new_chat(ann, page)
    for client in (ann, again):
        view = await client.reach(page, 10)
        told = [identity for event in view.events for identity in (event["broadcastId"], *event.get("merged", []))]
        assert len(told) == len(set(told)) == 10, "a repeat makes no event"


async def test_a_repeat_while_the_first_is_under_way(enter: Enter, page: str) -> None:
    ann, again = await enter("ann", joined=page), await enter("ann", gateway=1)
    for number in range(10):
        identity = new_id()
        for client in (ann, again, ann, again):
            await client.submit(page, "new-chat", id=identity, anchor=anchor(), text=f"number {number}")
        answers = [await client.outcome(identity, place) for client in (ann, again) for place in (0, 1)]
        assert answers == [answers[0]] * 4
    view = ann.pages[page]
    await ann.until(lambda: view.seq == 10)
    assert len(view.chats) == 10


async def test_anything_different_is_id_reused_and_reveals_nothing(enter: Enter, page: str) -> None:
    ann = await enter("ann", joined=page)
    bo = await enter("bo", gateway=1)
    mod = await enter("mod", gateway=1, role="moderator")
    chat = await new_chat(ann, page, "a secret of ann's")
    reply = (await ann.do(page, "reply", chat=chat, text="Because."))["broadcastId"]
    refused = [
        await refusal(bo, page, "new-chat", id=chat, anchor=anchor(), text="a secret of ann's"),
        await refusal(mod, page, "new-chat", id=chat, anchor=anchor(), text="a secret of ann's"),
        await refusal(ann, page + "x", "new-chat", id=chat, anchor=anchor(), text="a secret of ann's"),
        await refusal(ann, page, "new-chat", id=chat, anchor=anchor(), text="something else"),
        await refusal(ann, page, "new-chat", id=chat, anchor=anchor("else"), text="a secret of ann's"),
        await refusal(ann, page, "reply", id=chat, chat=chat, text="a secret of ann's"),
        await refusal(ann, page, "edit", id=reply, chat=chat, comment=reply, text="Because."),
        # Looked up before any check of page state: neither chat nor comment exists, and still it says only this.
        await refusal(bo, page, "reply", id=reply, chat=new_id(), text="Because."),
        await refusal(bo, page, "remove-comment", id=reply, chat=chat, comment=chat),
    ]
    for frame in refused:
        assert frame["code"] == "id-reused"
        assert (frame["message"], frame["help"]) == (refused[0]["message"], refused[0]["help"]), "reveals nothing"
        assert "secret" not in str(frame) and "ann" not in frame["message"]
    await ann.do(page, "resolve", chat=chat)
    await ann.until(lambda: ann.pages[page].seq == 3)
    assert len(ann.pages[page].chats) == 1


async def test_members_that_the_op_does_not_need_are_no_difference(enter: Enter, page: str) -> None:
    """Unknown members are ignored, so they cannot make the same operation another one."""
    ann = await enter("ann")
    chat = await new_chat(ann, page)
    first = await ann.do(page, "resolve", id=(identity := new_id()), chat=chat)
    assert await ann.do(page, "resolve", id=identity, chat=chat, comment=new_id(), mood="fine") == first


async def test_errors_are_not_remembered(enter: Enter, page: str) -> None:
    ann, bo = await enter("ann", joined=page), await enter("bo")
    chat, early = new_id(), new_id()
    assert (await refusal(ann, page, "reply", id=early, chat=chat, text="too early"))["code"] == "unknown-chat"
    assert (await refusal(ann, page, "edit", id=early, chat=chat, comment=chat, text=""))["code"] == "bad-field"
    await ann.do(page, "new-chat", id=chat, anchor=anchor(), text="Why?")
    assert (await refusal(bo, page, "delete-chat", id=early, chat=chat))["code"] == "forbidden"
    assert (await ann.do(page, "reply", id=early, chat=chat, text="in time"))["seq"] == 2
    await ann.until(lambda: ann.pages[page].seq == 2)


async def test_what_changes_nothing_is_acked_with_the_current_seq_and_makes_no_event(enter: Enter, page: str) -> None:
    ann, bo = await enter("ann", joined=page), await enter("bo", gateway=1, joined=page)
    chat = await new_chat(ann, page)
    await ann.do(page, "react", chat=chat, comment=chat, emoji="👍", on=True)
    await ann.do(page, "resolve", chat=chat)
    unchanging: list[tuple[str, Json]] = [
        ("resolve", {"chat": chat}),
        ("edit", {"chat": chat, "comment": chat, "text": "Why?"}),
        ("relink", {"chat": chat, "anchor": anchor()}),
        ("react", {"chat": chat, "comment": chat, "emoji": "👍", "on": True}),
        ("react", {"chat": chat, "comment": chat, "emoji": "👎", "on": False}),
    ]
    ids = [new_id() for _ in unchanging]
    for identity, (op, members) in zip(ids, unchanging, strict=True):
        assert (await ann.do(page, op, id=identity, **members))["seq"] == 3
    assert (await bo.do(page, "reopen", chat=chat))["seq"] == 4
    assert (await bo.do(page, "reopen", chat=chat))["seq"] == 4
    # Its repeat is a repeat, although it would change something now.
    assert (await ann.do(page, "resolve", id=ids[0], chat=chat))["seq"] == 3
    await new_chat(bo, page)
    for client in (ann, bo):
        view = await client.reach(page, 5)
        assert [event["seq"] for event in view.events] == [1, 2, 3, 4, 5]
        assert view.chats[chat]["state"] == "open"


async def test_ids_are_the_tenants_own(enter: Enter, page: str, world: Any) -> None:
    identity = new_id()
    ann = await enter("ann", joined=page)
    other = await enter("ann", tenant=world.globex, joined=page)
    await ann.do(page, "new-chat", id=identity, anchor=anchor(), text="acme's")
    await other.do(page, "new-chat", id=identity, anchor=anchor(), text="globex's")
    await other.until(lambda: other.pages[page].chats)
    await ann.until(lambda: ann.pages[page].chats)
    assert ann.pages[page].chats[identity]["comments"][0]["text"] == "acme's"
    assert other.pages[page].chats[identity]["comments"][0]["text"] == "globex's"


@pytest.mark.parametrize("since", [{"state": "suspended"}, {"over_quota": True}], ids=["suspended", "over quota"])
async def test_what_was_done_is_acked_again_while_the_tenant_may_not_write(
    enter: Enter, world: World, page: str, since: Json
) -> None:
    tenant = await world.new_tenant()
    ann = await enter("ann", tenant=tenant)
    members = {"anchor": anchor(), "text": "Why?"}
    first = await ann.do(page, "new-chat", id=(chat := new_id()), **members)
    tenant.change(**since)
    code = ""
    while not code:
        try:
            await ann.do(page, "resolve", chat=chat)
        except Refused as refused:
            code = refused.code
    assert code == ("suspended" if "state" in since else "over-quota")
    assert await ann.do(page, "new-chat", id=chat, **members) == first
    reused = await refusal(ann, page, "new-chat", id=chat, anchor=anchor(), text="another")
    assert reused["code"] == "id-reused"
    assert (await refusal(ann, page + "x", "new-chat", **members))["code"] == code


@pytest.mark.parametrize("since", [{"role": "reader"}, {"pages": ["elsewhere"]}], ids=["role", "pages"])
async def test_what_was_done_is_acked_again_to_whom_a_new_token_allows_less(
    enter: Enter, world: World, page: str, since: Json
) -> None:
    """An `error` would say that nothing was changed, and the widget would take it back."""
    ann = await enter("ann")
    members = {"anchor": anchor(), "text": "Why?"}
    first = await ann.do(page, "new-chat", id=(chat := new_id()), **members)
    await ann.renew(world.acme.token("ann", **since))
    assert await ann.do(page, "new-chat", id=chat, **members) == first
    assert (await refusal(ann, page, "resolve", chat=chat))["code"] == "forbidden"
    bo = await enter("bo", gateway=1, **since)
    assert (await refusal(bo, page, "new-chat", id=chat, **members))["code"] == "id-reused"
    # A page that nobody wrote on does not come to be because somebody was refused there.
    fresh = await refusal(ann, page + "/fresh", "new-chat", **members)
    assert fresh["code"] == "forbidden"
