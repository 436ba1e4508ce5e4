"""Rule 1. What an operation creates has its broadcastId as id."""

import time

from kit.wire_client import new_id
from kit.wire_samples import anchor
from kit.wire_world import Enter


async def test_a_new_chat_and_its_first_comment_have_the_operations_id(enter: Enter, page: str) -> None:
    ann = await enter("ann", joined=page)
    bo = await enter("bo", gateway=1, joined=page)
    chat = new_id()
    before = time.time() * 1000
    await ann.do(page, "new-chat", id=chat, anchor=anchor(), text="Why?")
    view = bo.pages[page]
    await bo.until(lambda: view.chats)
    shown = view.chats[chat]
    assert view.events[0]["event"] == "new-text-chat"
    assert view.events[0]["broadcastId"] == shown["id"] == chat
    assert shown["state"] == "open" and shown["anchor"] == anchor()
    assert shown["by"] == {"id": "ann", "name": "Ann"}
    assert before - 1 <= shown["at"] <= time.time() * 1000
    assert shown["comments"] == [{"text": "Why?"}], "the first comment leaves out what is the chat's"
    # The first comment is addressed by the chat's id.
    await bo.do(page, "react", chat=chat, comment=chat, emoji="👍", on=True)
    await ann.do(page, "edit", chat=chat, comment=chat, text="Why not?")
    await bo.until(lambda: len(view.events) == 3)
    assert view.chats[chat]["comments"] == [{"text": "Why not?", "edited": True, "reactions": {"👍": ["bo"]}}]
    assert (await ann.join(page)).chats == view.chats


async def test_a_reply_has_the_operations_id(enter: Enter, page: str) -> None:
    ann = await enter("ann", joined=page, avatar="https://acme.test/ann.png")
    chat = (await ann.do(page, "new-chat", anchor=anchor(), text="Why?"))["broadcastId"]
    reply = (await ann.do(page, "reply", chat=chat, text="Because."))["broadcastId"]
    view = ann.pages[page]
    await ann.until(lambda: view.seq == 2)
    first, second = view.chats[chat]["comments"]
    assert first == {"text": "Why?"}
    assert second["id"] == reply and second["text"] == "Because."
    assert second["by"] == {"id": "ann", "name": "Ann", "avatar": "https://acme.test/ann.png"}
    assert view.events[1]["event"] == "updated-text-chat"
    assert set(view.events[1]["chat"]) == {"id", "seq", "comment"}, "an update says what changed, and nothing else"


async def test_a_chain_made_offline_goes_out_in_one_go(enter: Enter, page: str) -> None:
    """Reply to a chat, react to the reply, edit it: all before the first answer came."""
    ann = await enter("ann")
    bo = await enter("bo", gateway=1, joined=page)
    chat, reply = new_id(), new_id()
    sent = [
        await ann.submit(page, "new-chat", id=chat, anchor=anchor(), text="Why?"),
        await ann.submit(page, "reply", id=reply, chat=chat, text="I think"),
        await ann.submit(page, "react", chat=chat, comment=reply, emoji="🎉", on=True),
        await ann.submit(page, "edit", chat=chat, comment=reply, text="I am sure"),
        await ann.submit(page, "resolve", chat=chat),
    ]
    assert [(await ann.outcome(identity))["seq"] for identity in sent] == [1, 2, 3, 4, 5]
    view = bo.pages[page]
    await bo.until(lambda: view.seq == 5)
    assert view.chats[chat]["state"] == "resolved"
    assert view.chats[chat]["comments"][1]["text"] == "I am sure"
    assert view.chats[chat]["comments"][1]["reactions"] == {"🎉": ["ann"]}
