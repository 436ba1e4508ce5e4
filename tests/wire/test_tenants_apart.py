"""Two tenants with the same page name, the same ids and the same readers: nothing crosses."""

import asyncio
import json

import pytest

from kit.usage_sums import told_to
from kit.wire_client import Refused, new_id
from kit.wire_samples import anchor
from kit.wire_tap import Tally
from kit.wire_world import Enter, World


async def test_nothing_crosses_by_events_presence_typing_or_ids(world: World, enter: Enter, page: str) -> None:
    chat, reply = new_id(), new_id()
    acme = [await enter("ann", joined=page), await enter("bo", gateway=1, joined=page)]
    globex = [
        await enter("ann", tenant=world.globex, joined=page),
        await enter("bo", tenant=world.globex, gateway=1, joined=page),
    ]
    for clients, secret in ((acme, "ACME SECRET"), (globex, "GLOBEX SECRET")):
        first, second = clients
        await first.do(page, "new-chat", id=chat, anchor=anchor(secret), text=secret)
        await second.do(page, "reply", id=reply, chat=chat, text=secret)
        await first.typing(page, chat)
        await second.next("typing", after=0)
    # One deletes; the other's chat stays.
    await acme[0].do(page, "delete-chat", chat=chat)
    await globex[0].do(page, "resolve", chat=chat)
    for clients, other in ((acme, "GLOBEX SECRET"), (globex, "ACME SECRET")):
        for client in clients:
            view = await client.reach(page, 3)
            await client.counts(page, 2)
            assert bool(view.chats) == (clients is globex)
            assert other not in json.dumps(client.frames)
            assert len(client.of("typing")) == (client is clients[1])
            assert {frame["readers"] for frame in client.of("presence")} <= {1, 2}
    fresh = await enter("cy", gateway=1, joined=page)
    assert fresh.pages[page].chats == {} and fresh.pages[page].seq == 3


async def test_ids_of_another_tenant_are_unknown(world: World, enter: Enter, page: str) -> None:
    ann = await enter("ann")
    chat = (await ann.do(page, "new-chat", anchor=anchor(), text="acme's"))["broadcastId"]
    comment = (await ann.do(page, "reply", chat=chat, text="acme's"))["broadcastId"]
    spy = await enter("ann", tenant=world.globex, role="moderator", joined=page)
    never = new_id()
    for op, members in (
        ("reply", {"text": "x"}),
        ("resolve", {}),
        ("delete-chat", {}),
        ("relink", {"anchor": anchor()}),
        ("edit", {"comment": comment, "text": "x"}),
        ("remove-comment", {"comment": comment}),
        ("react", {"comment": comment, "emoji": "👍", "on": True}),
    ):
        said = []
        for target in (chat, never):
            with pytest.raises(Refused) as refused:
                await spy.do(page, op, chat=target, **members)
            said.append({name: refused.value.frame[name] for name in ("code", "message", "help")})
        assert said[0] == said[1], "what another tenant has answers like what never was"
        assert said[0]["code"] == "unknown-chat"
    # Taking the id is no collision, and takes nothing away.
    await spy.do(page, "new-chat", id=chat, anchor=anchor(), text="globex's")
    view = await (await enter("bo", gateway=1)).join(page)
    assert view.chats[chat]["comments"][0]["text"] == "acme's"


async def test_a_cursor_of_another_tenants_page_is_ahead_of_the_truth(world: World, enter: Enter, page: str) -> None:
    ann = await enter("ann", joined=page)
    for _ in range(3):
        await ann.do(page, "new-chat", anchor=anchor(), text="ACME SECRET")
    cursor = (await ann.reach(page, 3)).cursor
    spy = await enter("ann", tenant=world.globex)
    view = await spy.join(page, cursor)
    assert (view.seq, view.chats, view.answers[0][0]["kind"]) == (0, {}, "snapshot")
    assert "SECRET" not in json.dumps(spy.frames)


async def test_usage_is_each_tenants_own(world: World, enter: Enter, page: str) -> None:
    """To the byte: texts of different lengths on the same page, at the same time."""
    tenants = [await world.new_tenant(), await world.new_tenant()]
    tallies = [Tally(), Tally()]
    for tenant, tally, length in zip(tenants, tallies, (10, 1_000), strict=True):
        clients = [
            await enter(reader, gateway=number, tenant=tenant, joined=page, tally=tally)
            for number, reader in enumerate(("ann", "bo"))
        ]
        await clients[0].do(page, "new-chat", anchor=anchor(), text="x" * length)
        for client in clients:
            await client.reach(page, 1)
            await client.counts(page, 2)
            await client.leave(page)
    for tenant, tally in zip(tenants, tallies, strict=True):
        told, sealed = await world.used(tenant)
        assert told == sealed == tally.sums
    assert tallies[0].sums != tallies[1].sums


async def test_a_token_reads_its_own_tenants_usage_only(world: World) -> None:
    told = await asyncio.to_thread(told_to, await world.new_tenant(), world.billing)
    assert not told, "a new tenant used nothing, whatever others did"
