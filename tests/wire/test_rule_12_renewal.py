"""Rule 12. A fresh token over the open connection."""

import time

import pytest

from kit.wire_client import Refused, dumps, new_id
from kit.wire_samples import anchor
from kit.wire_world import Dial, Enter, World


async def test_a_renewal_is_answered_by_a_new_welcome(enter: Enter, world: World, page: str) -> None:
    ann = await enter("ann", joined=page, ttl=600)
    first = ann.frames[0]
    # Renewed a minute before the end.
    assert 530_000 < first["renewInMs"] <= 540_000
    second = await ann.renew(world.acme.token("ann", name="Anna", role="moderator", ttl=6_000))
    assert second["t"] == "welcome"
    assert second["reader"] == {"id": "ann", "name": "Anna", "role": "moderator"}
    assert 5_900_000 < second["renewInMs"] < 6_000_000
    assert (second["tenant"], second["limits"]) == (first["tenant"], first["limits"])
    # The page stays joined, and what is written from now on bears the new name.
    chat = (await ann.do(page, "new-chat", anchor=anchor(), text="x"))["broadcastId"]
    view = await ann.reach(page, 1)
    assert view.chats[chat]["by"]["name"] == "Anna"


async def test_another_reader_or_tenant_is_a_mismatch_and_the_old_token_stays(
    enter: Enter, world: World, page: str
) -> None:
    ann = await enter("ann", joined=page)
    for token in (
        world.acme.token("bo", role="moderator"),
        world.globex.token("ann", role="moderator"),
        world.globex.token("bo"),
    ):
        refused = await ann.renew(token)
        assert (refused["t"], refused["code"]) == ("error", "renew-mismatch")
    chat = (await ann.do(page, "new-chat", anchor=anchor(), text="x"))["broadcastId"]
    view = await ann.reach(page, 1)
    assert view.chats[chat]["by"] == {"id": "ann", "name": "Ann"}


async def test_an_invalid_token_changes_nothing(enter: Enter, world: World, page: str) -> None:
    ann = await enter("ann", joined=page)
    good = world.acme.token("ann", role="moderator")
    for token, code in (
        ("", "token-invalid"),
        ("nonsense", "token-invalid"),
        (good[:-6] + "AAAAAA", "token-invalid"),
        (world.acme.token("ann", aud="other"), "token-invalid"),
        (world.acme.token("ann", exp=None), "token-invalid"),
        (world.acme.token("ann", ttl=-60), "token-expired"),
    ):
        refused = await ann.renew(token)
        assert refused["code"] == code
    await ann.do(page, "new-chat", anchor=anchor(), text="x")
    await ann.reach(page, 1)


async def test_a_new_role_applies_at_once(enter: Enter, world: World, page: str) -> None:
    bo, ann = await enter("bo", gateway=1), await enter("ann", joined=page)
    chat = (await bo.do(page, "new-chat", anchor=anchor(), text="bo's"))["broadcastId"]

    async def may_delete() -> str:
        try:
            await ann.do(page, "delete-chat", chat=chat)
        except Refused as refused:
            return refused.code
        return "ok"

    assert await may_delete() == "forbidden"
    await ann.renew(world.acme.token("ann", role="reader"))
    with pytest.raises(Refused, match="forbidden"):
        await ann.do(page, "new-chat", anchor=anchor(), text="x")
    await ann.renew(world.acme.token("ann", role="moderator"))
    assert await may_delete() == "ok"
    view = await ann.reach(page, 2)
    assert not view.chats, "a reader sees, all the time"


async def test_pages_no_longer_covered_are_forbidden_and_left(enter: Enter, world: World, page: str) -> None:
    pages = [f"{page}/{name}" for name in ("keep", "lose-a", "lose-b")]
    ann, bo = await enter("ann"), await enter("bo", gateway=1)
    for name in pages:
        await ann.join(name)
        await bo.join(name)
        await bo.counts(name, 2)
    for name in pages[1:]:
        ann.pages[name].left = True
    await ann.renew(world.acme.token("ann", pages=[f"{page}/keep*"]))
    await ann.until(lambda: len(ann.of("error")) == 2)
    assert {(frame["code"], frame["page"]) for frame in ann.of("error")} == {("forbidden", name) for name in pages[1:]}
    heard = len(ann.of("live"))
    for name in (pages[1], pages[2], pages[0]):
        await bo.do(name, "new-chat", anchor=anchor(), text="x")
    await ann.reach(pages[0], 1)
    await ann.ping()
    assert {frame["page"] for frame in ann.of("live")[heard:]} == {pages[0]}
    for name in pages[1:]:
        await bo.counts(name, 1)
        refused = await ann.error_after({"t": "join", "page": name})
        assert refused["code"] == "forbidden"
    # With a token that covers them again they can be joined again.
    await ann.renew(world.acme.token("ann"))
    await ann.join(pages[1])


async def test_the_gateway_asks_for_a_fresh_token_in_time_and_ends_without_one(enter: Enter) -> None:
    # It ended seven seconds ago, but clocks differ by up to ten.
    ann = await enter("ann", ttl=-7)
    assert ann.frames[0]["renewInMs"] == 0
    asked = await ann.next("renew", after=0)
    assert asked["withinMs"] >= 0
    started = time.monotonic()
    assert await ann.ended() == 4401
    assert ann.close_reason["code"] == "token-expired"
    assert time.monotonic() - started < 6


async def test_a_renewal_after_the_request_keeps_the_connection(enter: Enter, world: World, page: str) -> None:
    ann = await enter("ann", joined=page, ttl=-7)
    await ann.next("renew", after=0)
    await ann.renew(world.acme.token("ann", ttl=60))
    short = await enter("bo", ttl=-7)
    # The old end comes and goes: somebody with the same end is closed, this one is not.
    assert await short.ended() == 4401
    await ann.do(page, "new-chat", anchor=anchor(), text="x")
    await ann.reach(page, 1)


async def test_renewing_before_hello_is_no_hello(world: World, dial: Dial) -> None:
    client = await dial()
    await client.send_text(dumps({"t": "renew", "token": world.acme.token("ann"), "client": new_id()}))
    assert await client.ended() == 4400
