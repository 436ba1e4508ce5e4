"""Rule 7. Everybody on the page gets every event: the sender, the sender's other tabs, everybody else."""

from kit.wire_client import new_id
from kit.wire_page import Json
from kit.wire_samples import anchor
from kit.wire_world import Enter


async def test_every_op_reaches_sender_other_tab_and_others_alike(enter: Enter, page: str) -> None:
    sender = await enter("ann", joined=page)
    tab = await enter("ann", joined=page)
    far_tab = await enter("ann", gateway=1, joined=page)
    other = await enter("bo", gateway=1, joined=page)
    chat, reply = new_id(), new_id()
    steps: list[tuple[str, str, Json, str, Json]] = [
        (chat, "new-chat", {"anchor": anchor(), "text": "Why?"}, "new-text-chat", {}),
        (reply, "reply", {"chat": chat, "text": "Because."}, "updated-text-chat", {"comment": {"id": reply}}),
        (
            new_id(),
            "edit",
            {"chat": chat, "comment": reply, "text": "Because!"},
            "updated-text-chat",
            {"comment": {"id": reply, "edited": True, "text": "Because!"}},
        ),
        (
            new_id(),
            "react",
            {"chat": chat, "comment": reply, "emoji": "👍", "on": True},
            "updated-text-chat",
            {"comment": {"reactions": {"👍": ["ann"]}, "text": "Because!"}},
        ),
        (
            new_id(),
            "react",
            {"chat": chat, "comment": reply, "emoji": "👍", "on": False},
            "updated-text-chat",
            {"comment": {"id": reply, "text": "Because!"}},
        ),
        (new_id(), "resolve", {"chat": chat}, "updated-text-chat", {"state": "resolved"}),
        (new_id(), "reopen", {"chat": chat}, "updated-text-chat", {"state": "open"}),
        (
            new_id(),
            "relink",
            {"chat": chat, "anchor": anchor("there")},
            "updated-text-chat",
            {"anchor": anchor("there")},
        ),
        (
            new_id(),
            "remove-comment",
            {"chat": chat, "comment": reply},
            "updated-text-chat",
            {"comment": {"id": reply, "deleted": True}},
        ),
        (new_id(), "delete-chat", {"chat": chat}, "deleted-text-chat", {}),
    ]
    for number, (identity, op, members, event_name, said) in enumerate(steps, start=1):
        ack = await sender.do(page, op, id=identity, **members)
        assert ack["seq"] == number
        for client in (sender, tab, far_tab, other):
            view = await client.reach(page, number)
            event = view.events[-1]
            assert event == sender.pages[page].events[-1], "one and the same for all"
            assert (event["event"], event["seq"], event["broadcastId"]) == (event_name, number, identity)
            assert (event["chat"]["id"], event["chat"]["seq"]) == (chat, number)
            if op != "new-chat":
                assert set(event["chat"]) == {"id", "seq"} | set(said), "what changed, and nothing else"
            for name, value in said.items():
                found = event["chat"][name]
                assert value.items() <= found.items() if isinstance(value, dict) else value == found
        if op == "remove-comment":
            assert [comment for comment in sender.pages[page].chats[chat]["comments"]] == [{"text": "Why?"}]
    assert not other.pages[page].chats


async def test_only_joined_pages_are_told(enter: Enter, page: str) -> None:
    ann, bo = await enter("ann", joined=page), await enter("bo", gateway=1)
    await bo.join(page + "/other")
    await ann.do(page, "new-chat", anchor=anchor(), text="x")
    await ann.reach(page, 1)
    await bo.do(page + "/other", "new-chat", anchor=anchor(), text="y")
    await bo.reach(page + "/other", 1)
    assert {frame["page"] for frame in bo.of("live")} == {page + "/other"}
    await ann.ping()
    assert {frame["page"] for frame in ann.of("live")} == {page}


async def test_one_connection_follows_several_pages(enter: Enter, page: str) -> None:
    ann, bo = await enter("ann"), await enter("bo", gateway=1)
    pages = [f"{page}/{number}" for number in range(10)]
    for name in pages:
        await ann.join(name)
    for _ in range(3):
        for name in pages:
            await bo.submit(name, "new-chat", anchor=anchor(), text="x")
    for name in pages:
        await ann.reach(name, 3)
    await ann.leave(pages[0])
    await bo.do(pages[0], "new-chat", anchor=anchor(), text="x")
    await bo.do(pages[1], "new-chat", anchor=anchor(), text="x")
    await ann.reach(pages[1], 4)
    await ann.ping()
    assert ann.pages[pages[0]].seq == 3


async def test_names_and_avatars_are_those_at_the_time_of_writing(enter: Enter, page: str) -> None:
    old = await enter("ann", name="Ann Old")
    chat = (await old.do(page, "new-chat", anchor=anchor(), text="x"))["broadcastId"]
    renamed = await enter("ann", name="Ann New", avatar="https://acme.test/new.png", joined=page)
    await renamed.do(page, "reply", chat=chat, text="y")
    view = await renamed.reach(page, 2)
    assert view.chats[chat]["by"] == {"id": "ann", "name": "Ann Old"}
    assert view.chats[chat]["comments"][1]["by"] == {
        "id": "ann",
        "name": "Ann New",
        "avatar": "https://acme.test/new.png",
    }
