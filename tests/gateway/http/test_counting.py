"""What is counted over HTTP, to the byte, by our own arithmetic."""

import gzip
import json
from collections import Counter

import pytest

from kit.http_world import HttpWorld, new_chat, reply
from kit.tenants import ORIGIN
from kit.waiting import PATIENCE, until

pytestmark = pytest.mark.servers


class Bill:
    """(site, class) → (messages, bytes), as we add them up."""

    def __init__(self) -> None:
        self.messages: Counter[tuple[str, str]] = Counter()
        self.bytes: Counter[tuple[str, str]] = Counter()

    def add(self, site: str, usage_class: str, size: int, messages: int = 1) -> None:
        self.messages[site, usage_class] += messages
        self.bytes[site, usage_class] += size

    @property
    def sums(self) -> dict[tuple[str, str], tuple[int, int]]:
        return {key: (count, self.bytes[key]) for key, count in self.messages.items()}


async def test_counted_is_what_was_received(world: HttpWorld) -> None:
    acme = await world.tenant()
    bill = Bill()
    # Waiting for the tenant asked for the page, perhaps more than once: those answers are in the bill as well.
    page = await world.reader(acme, "setup", origin=None).chats()
    bill.add("", "replay", page.size)
    known = await settled(world, acme.name)
    asked = known["", "replay"][0] - 1
    bill.add("", "replay", asked * page.size, asked)

    ann, server = world.reader(acme), world.reader(acme, "server", origin=None)
    async with ann.stream() as stream, world.reader(acme, "bo").stream() as other:
        for one in (stream, other):
            await one.until("page")

        chat = json.dumps(new_chat("Ünïcode, so that bytes are not characters")).encode()
        assert (await ann.do(chat)).status == 200
        bill.add(ORIGIN, "publish", len(chat))
        # A repeat, refusals: nothing.
        assert (await ann.do(chat)).status == 200
        assert (await ann.do({**json.loads(chat), "text": "other"})).status == 409
        assert (await ann.do(b"{")).status == 400
        assert (await ann.do(reply("nothing"))).status == 404
        # Spaces are bytes too; a compressed body counts as what it says.
        answer = json.dumps(reply(json.loads(chat)["broadcastId"]), indent=8).encode()
        packed = await server.ask(
            "POST", "/operations", data=gzip.compress(answer), headers={"Content-Encoding": "gzip"}
        )
        assert packed.status == 200
        bill.add("", "publish", len(answer))
        # What changes nothing is accepted, and counts.
        unchanged = {**reply(json.loads(chat)["broadcastId"]), "op": "reopen"}
        assert (await server.do(unchanged)).status == 200
        bill.add("", "publish", len(json.dumps(unchanged).encode()))

        for one in (stream, other):
            while (await one.until("live")).data["seq"] != 2:
                pass
        for who, site in ((ann, ORIGIN), (server, "")):
            whole = await who.chats()
            changed = await who.changes(whole.json["epoch"], 1)
            nothing = await who.changes(whole.json["epoch"], 2, 300)
            for page in (whole, changed, nothing):
                bill.add(site, "replay", page.size)
        # A compressed answer counts as what it says (only large ones are compressed).
        long = json.dumps(new_chat("x" * 3_000)).encode()
        assert (await ann.do(long)).status == 200
        bill.add(ORIGIN, "publish", len(long))
        whole = await ann.chats()
        assert whole.headers["Content-Encoding"] == "gzip" and whole.size > 3_000
        bill.add(ORIGIN, "replay", whole.size)
        for one in (stream, other):
            while (await one.until("live")).data["seq"] != 3:
                pass

    for one in (stream, other):
        for event in one.events:
            match event.event:
                case "page":
                    bill.add(ORIGIN, "replay", len(event.raw))
                case "live":
                    bill.add(ORIGIN, "delivery", len(event.raw), len(event.data["events"]))
                case "presence" | "typing":
                    bill.add(ORIGIN, "presence", len(event.raw))
    # A presence event may have been on its way when we hung up: only that one class may differ, upwards.
    counted = await settled(world, acme.name)
    presence = (ORIGIN, "presence")
    told, billed = bill.sums.get(presence, (0, 0)), counted.get(presence, (0, 0))
    assert {key: value for key, value in counted.items() if key != presence} == {
        key: value for key, value in bill.sums.items() if key != presence
    }
    assert told[0] <= billed[0] <= told[0] + 2


async def settled(world: HttpWorld, tenant: str) -> dict[tuple[str, str], tuple[int, int]]:
    """The tenant's usage, when what was counted before now is sealed: a later count of another tenant is."""
    later = await world.tenant()
    await until(lambda: world.usage(later.name), PATIENCE)
    return world.usage(tenant)
