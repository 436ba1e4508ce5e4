"""Limits as clients meet them: each is told in `welcome`, has an answer, and leaves everything else working."""

import asyncio
from typing import Any

import pytest

from kit.wire_client import Refused, WireClient, new_id
from kit.wire_page import Json
from kit.wire_samples import anchor
from kit.wire_world import Dial, Enter, World


async def refusal(client: WireClient, page: str, op: str, **members: Any) -> Json:
    with pytest.raises(Refused) as refused:
        await client.do(page, op, **members)
    return refused.value.frame


async def test_operations_per_second_of_a_connection(enter: Enter, page: str) -> None:
    ann, bo = await enter("ann"), await enter("bo", joined=page)
    per_second = ann.frames[0]["limits"]["operationsPerConnection"]
    ids = [await ann.submit(page, "new-chat", anchor=anchor(), text=str(number)) for number in range(6 * per_second)]
    await ann.until(lambda: all(ann.outcomes[identity] for identity in ids))
    refused = [frame for identity in ids for frame in ann.outcomes[identity] if frame["t"] == "error"]
    assert refused and len(ids) - len(refused) >= 4 * per_second, "a burst of four seconds' worth passes"
    for frame in refused:
        assert frame["code"] == "over-limit" and 0 < frame["retryInMs"] <= 1_000
        assert frame["page"] == page
    # What was refused changed nothing; what was accepted is all there; the same ids go through later.
    view = await bo.reach(page, len(ids) - len(refused))
    retried = refused[0]["broadcastId"]
    assert retried not in view.chats
    number = ids.index(retried)
    await asyncio.wait_for(_until_accepted(ann, page, retried, str(number)), 15)
    await bo.until(lambda: retried in view.chats)


async def _until_accepted(client: WireClient, page: str, identity: str, text: str) -> None:
    while True:
        try:
            await client.do(page, "new-chat", id=identity, anchor=anchor(), text=text)
        except Refused as refused:
            assert refused.code == "over-limit"
            await asyncio.sleep(refused.frame["retryInMs"] / 1000)  # what the gateway asked for is the subject
        else:
            return


async def test_operations_per_second_of_a_tenant(world: World, enter: Enter, page: str) -> None:
    tenant = await world.new_tenant(limits={"operationsPerTenant": 5})
    ann, bo = await enter("ann", tenant=tenant), await enter("bo", tenant=tenant)
    other = await enter("ann")
    assert ann.frames[0]["limits"]["operationsPerTenant"] == 5
    ids = [await client.submit(page, "new-chat", anchor=anchor(), text="x") for _ in range(10) for client in (ann, bo)]
    frames = []
    for client in (ann, bo):
        mine = ids[0::2] if client is ann else ids[1::2]
        await client.until(lambda client=client, mine=mine: all(client.outcomes[identity] for identity in mine))  # type: ignore[misc]
        frames += [client.outcomes[identity][0] for identity in mine]
    refused = [frame for frame in frames if frame["t"] == "error"]
    assert len(refused) >= 8
    assert {frame["code"] for frame in refused} == {"over-limit"} and all(frame["retryInMs"] for frame in refused)
    # One tenant's excess is no other's.
    await other.do(page, "new-chat", anchor=anchor(), text="x")


async def test_connections_of_a_tenant(world: World, enter: Enter, dial: Dial) -> None:
    tenant = await world.new_tenant(limits={"connections": 2})
    first, _ = await enter("ann", tenant=tenant), await enter("bo", tenant=tenant)
    third = await dial()
    await third.send({"t": "hello", "v": 1, "client": new_id(), "token": tenant.token("cy")})
    assert await third.ended() == 4429
    assert third.close_reason["code"] == "over-limit" and third.close_reason["retryInMs"] > 0
    # Who leaves makes room.
    await first.close()

    async def room() -> None:
        while True:
            client = await dial()
            await client.send({"t": "hello", "v": 1, "client": new_id(), "token": tenant.token("cy")})
            await client.until(lambda client=client: client.frames)  # type: ignore[misc]
            if client.frames[0]["t"] == "welcome":
                return

    await asyncio.wait_for(room(), 15)


async def test_pages_of_a_connection(enter: Enter, page: str) -> None:
    ann = await enter("ann")
    most = ann.frames[0]["limits"]["pagesPerConnection"]
    pages = [f"{page}/{number}" for number in range(most)]
    for name in pages:
        await ann.ask_join(name)
    await ann.until(lambda: all(ann.pages[name].answers for name in pages))
    refused = await ann.error_after({"t": "join", "page": page})
    assert (refused["code"], refused["page"]) == ("over-limit", page)
    # A page that is open can be joined again; one that is left makes room.
    await ann.join(pages[0])
    await ann.leave(pages[1])
    await ann.join(page)


async def test_chats_of_a_page(world: World, enter: Enter, page: str) -> None:
    tenant = await world.new_tenant(limits={"chatsPerPage": 3})
    ann, bo = await enter("ann", tenant=tenant), await enter("bo", tenant=tenant, gateway=1)
    ids = [(await ann.do(page, "new-chat", anchor=anchor(), text="x"))["broadcastId"] for _ in range(3)]
    for client in (ann, bo):
        assert (await refusal(client, page, "new-chat", anchor=anchor(), text="x"))["code"] == "over-limit"
    await ann.do(page, "reply", chat=ids[0], text="replies go on")
    await ann.do(page, "delete-chat", chat=ids[0])
    await bo.do(page, "new-chat", anchor=anchor(), text="x")
    await bo.do(page + "/other", "new-chat", anchor=anchor(), text="x")


async def test_comments_of_a_chat(world: World, enter: Enter, page: str) -> None:
    tenant = await world.new_tenant(limits={"commentsPerChat": 3})
    ann = await enter("ann", tenant=tenant)
    chat = (await ann.do(page, "new-chat", anchor=anchor(), text="x"))["broadcastId"]
    replies = [(await ann.do(page, "reply", chat=chat, text="x"))["broadcastId"] for _ in range(2)]
    assert (await refusal(ann, page, "reply", chat=chat, text="x"))["code"] == "over-limit"
    await ann.do(page, "remove-comment", chat=chat, comment=replies[0])
    await ann.do(page, "reply", chat=chat, text="x")


async def test_different_reactions_of_a_comment(enter: Enter, page: str) -> None:
    ann, bo = await enter("ann", joined=page), await enter("bo", gateway=1)
    most = ann.frames[0]["limits"]["reactionsPerComment"]
    chat = (await ann.do(page, "new-chat", anchor=anchor(), text="x"))["broadcastId"]
    ids = [
        await ann.submit(page, "react", chat=chat, comment=chat, emoji=f"e{number}", on=True) for number in range(most)
    ]
    for identity in ids:
        await ann.outcome(identity)
    refused = await refusal(bo, page, "react", chat=chat, comment=chat, emoji="one more", on=True)
    assert refused["code"] == "over-limit"
    await bo.do(page, "react", chat=chat, comment=chat, emoji="e0", on=True)
    view = await ann.reach(page, most + 2)
    assert view.chats[chat]["comments"][0]["reactions"]["e0"] == ["ann", "bo"]


async def test_the_longest_of_everything(enter: Enter, page: str) -> None:
    """Each limit's own value is allowed, and comes through a live frame and an answer."""
    name = page.ljust(512, "p")
    ann, bo = await enter("ann"), await enter("bo", gateway=1, joined=name)
    longest = {
        "quote": {"exact": "Ж" * 256, "prefix": "Ж" * 256, "suffix": "Ж" * 256, "tail": "Ж" * 256, "length": 9_999},
        "position": {"start": 0, "end": 2**31 - 1},
        "hint": ["x" * 1_000],
    }
    chat = (await ann.do(name, "new-chat", anchor=longest, text="Ж" * 8_192))["broadcastId"]
    await ann.do(name, "react", chat=chat, comment=chat, emoji="👩‍👩‍👧‍👦", on=True)
    view = await bo.reach(name, 2)
    assert view.chats[chat]["anchor"] == longest
    assert (await bo.join(name)).chats == view.chats


@pytest.mark.parametrize(
    ("change", "code"), [({"state": "suspended"}, "suspended"), ({"over_quota": True}, "over-quota")]
)
async def test_a_tenant_that_may_not_write_still_reads(
    world: World, enter: Enter, page: str, change: dict[str, object], code: str
) -> None:
    tenant = await world.new_tenant()
    ann, bo = await enter("ann", tenant=tenant, joined=page), await enter("bo", tenant=tenant, gateway=1)
    chat = (await ann.do(page, "new-chat", anchor=anchor(), text="x"))["broadcastId"]
    changed = await asyncio.to_thread(tenant.change, **change)

    async def refused_on(client: WireClient) -> None:
        while True:
            try:
                await client.do(page, "reply", chat=chat, text="x")
            except Refused as refused:
                assert refused.code == code
                return

    for client in (ann, bo):
        await asyncio.wait_for(refused_on(client), 15)
    assert (await bo.join(page)).chats[chat]["comments"][0] == {"text": "x"}
    late = await enter("late", tenant=tenant, joined=page)
    assert late.pages[page].chats
    # And writes again when it may.
    await asyncio.to_thread(changed.change, state="active", over_quota=False)

    async def accepted_on(client: WireClient) -> None:
        while True:
            try:
                await client.do(page, "reply", chat=chat, text="again")
            except Refused as refused:
                assert refused.code == code
            else:
                return

    for client in (ann, bo):
        await asyncio.wait_for(accepted_on(client), 15)
