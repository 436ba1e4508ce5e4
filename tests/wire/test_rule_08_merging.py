"""Rule 8. A busy flush merges: a later event replaces an earlier one of the same field of the same object.

That no frame holds two entries for one field, nor an update beside a whole chat, the client checks at every frame.
Which operations share a flush is the gateway's choice, so these tests send many at once, and look at what came merged.
"""

import asyncio

from kit.wire_client import new_id
from kit.wire_page import Json, PageView
from kit.wire_samples import anchor
from kit.wire_world import Enter

#: Per connection: what the rate limit lets through at once.
BURST = 60


def told(view: PageView) -> list[str]:
    """All broadcastIds, also those that others stand for."""
    return [identity for event in view.events for identity in (event["broadcastId"], *event.get("merged", []))]


def merged(view: PageView, chat: str) -> list[Json]:
    """The entries about this chat that stand for more than themselves."""
    return [event for event in view.events if event["chat"]["id"] == chat and event.get("merged")]


async def test_edits_of_one_comment_merge_and_name_all_that_they_stand_for(enter: Enter, page: str) -> None:
    ann, bo = await enter("ann", joined=page), await enter("bo", gateway=1, joined=page)
    chat = (await ann.do(page, "new-chat", anchor=anchor(), text="0"))["broadcastId"]
    await ann.reach(page, 1)
    await bo.reach(page, 1)
    ids = [await ann.submit(page, "edit", chat=chat, comment=chat, text=f"{number}") for number in range(1, BURST)]
    for client in (ann, bo):
        view = await client.reach(page, BURST)
        assert sorted(told(view)) == sorted([chat, *ids]), "each id once, whoever stands for it"
        assert len(view.events) < BURST, "a busy page merges"
        assert any(set(event["chat"]) == {"id", "seq", "comment"} for event in merged(view, chat))
        assert view.chats[chat]["comments"] == [{"text": str(BURST - 1), "edited": True}]


async def test_resolve_and_reopen_merge_but_reply_and_resolve_stay_two(enter: Enter, page: str) -> None:
    ann, bo = await enter("ann"), await enter("bo", gateway=1, joined=page)
    chat = (await ann.do(page, "new-chat", anchor=anchor(), text="x"))["broadcastId"]
    await bo.reach(page, 1)
    replies = []
    for _ in range(BURST // 3):
        await ann.submit(page, "resolve", chat=chat)
        replies.append(await ann.submit(page, "reply", chat=chat, text="y"))
        await ann.submit(page, "reopen", chat=chat)
    view = await bo.reach(page, 1 + 3 * (BURST // 3))
    assert len(told(view)) == view.seq
    states = [event for event in merged(view, chat) if "state" in event["chat"]]
    assert states, "states merged"
    for event in view.events[1:]:
        assert len(set(event["chat"]) & {"state", "comment", "anchor"}) == 1, "one field each"
    own = [event["broadcastId"] for event in view.events if "comment" in event["chat"]]
    assert own == replies, "every reply is an entry of its own"
    assert view.chats[chat]["state"] == "open" and len(view.chats[chat]["comments"]) == 1 + len(replies)


async def test_a_new_chat_and_its_updates_are_one_new_chat(enter: Enter, page: str) -> None:
    ann, bo = await enter("ann"), await enter("bo", gateway=1, joined=page)
    chats = []
    for number in range(BURST // 4):
        chats.append(await ann.submit(page, "new-chat", anchor=anchor(), text=f"{number}"))
        reply = await ann.submit(page, "reply", chat=chats[-1], text="reply")
        await ann.submit(page, "edit", chat=chats[-1], comment=reply, text="final")
        await ann.submit(page, "resolve", chat=chats[-1])
    view = await bo.reach(page, 4 * len(chats))
    assert len(told(view)) == len(set(told(view))) == view.seq
    grown = [event for event in view.events if event["event"] == "new-text-chat" and len(event.get("merged", ())) == 3]
    assert grown, "new + updated is new with the final content"
    for event in grown:
        assert event["broadcastId"] == event["chat"]["id"]
        assert event["seq"] == event["chat"]["seq"] and event["chat"]["state"] == "resolved"
        assert [comment["text"] for comment in event["chat"]["comments"]][1:] == ["final"]
    assert (await bo.join(page)).chats == view.chats


async def test_a_new_chat_that_is_deleted_at_once_is_a_deletion(enter: Enter, page: str) -> None:
    ann, bo = await enter("ann"), await enter("bo", gateway=1, joined=page)
    chats = []
    for _ in range(BURST // 3):
        chats.append(await ann.submit(page, "new-chat", anchor=anchor(), text="x"))
        await ann.submit(page, "reply", chat=chats[-1], text="y")
        await ann.submit(page, "delete-chat", chat=chats[-1])
    view = await bo.reach(page, 3 * len(chats))
    assert len(told(view)) == len(set(told(view))) == view.seq
    assert not view.chats
    never_shown = {event["chat"]["id"] for event in view.events if event["event"] == "deleted-text-chat"} - {
        event["chat"]["id"] for event in view.events if event["event"] == "new-text-chat"
    }
    assert never_shown, "new + deleted is deleted, of a chat that this client never heard of"
    for event in view.events:
        if event["event"] == "deleted-text-chat":
            assert set(event["chat"]) == {"id", "seq"}


async def test_many_writers_and_every_watcher_sees_each_operation_once(enter: Enter, page: str) -> None:
    writers = [await enter(f"writer-{number}", gateway=number % 2) for number in range(8)]
    watchers = [await enter(f"watcher-{number}", gateway=number % 2, joined=page) for number in range(2)]
    base = (await writers[0].do(page, "new-chat", anchor=anchor(), text="base"))["broadcastId"]
    sent: list[str] = [base]

    async def write(number: int) -> None:
        client, chat = writers[number], new_id()
        sent.append(await client.submit(page, "new-chat", id=chat, anchor=anchor(), text="x"))
        for place in range(12):
            sent.append(await client.submit(page, "reply", chat=base, text=f"{number} {place}"))
            sent.append(await client.submit(page, "edit", chat=chat, comment=chat, text=f"{place}"))
            sent.append(await client.submit(page, "react", chat=base, comment=base, emoji=f"{place}", on=True))
            sent.append(await client.submit(page, "relink", chat=chat, anchor=anchor(f"{place}")))

    await asyncio.gather(*(write(number) for number in range(len(writers))))
    for watcher in watchers:
        view = await watcher.reach(page, len(sent))
        assert sorted(told(view)) == sorted(sent)
        assert view.chats == (await watcher.join(page)).chats
