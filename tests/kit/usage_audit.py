"""What was counted in an installation, held against what its clients received, with the bounds that faults allow."""

import asyncio
import time
from collections.abc import Callable

from kit.installation import Installation, apart
from kit.load import Load
from kit.tenants import KitTenant
from kit.usage_sums import Bodies, Sums, booked, spooled, sums_of_bodies, told_to
from parley.limits import SEND_BUFFER
from parley.metrics import SPOOL_RECORDS

#: Seconds within which all that was counted is in the ledger once everything runs again.
SETTLED = 20.0
#: Seconds. A killed gateway has sealed whatever is older than this.
UNSEALED = 1.0
WHAT = ("messages", "bytes")

#: From when to when, in monotonic seconds.
Window = tuple[float, float]


class Audit:
    """All that was sealed in this installation so far."""

    def __init__(self, installation: Installation) -> None:
        self._installation = installation
        self._found_dead: Bodies = {}

    def take_spool(self, number: int) -> None:
        """Read the spool of a gateway that was killed just now."""
        for key, body in spooled(self._installation.gateways[number].spool).items():
            assert self._found_dead.setdefault(key, body) == body, (
                f"record {key} is not what it was on the spool before"
            )

    def sealed(self) -> Bodies:
        """Every record, from whichever source; one that is in several is the same in all."""
        every = dict(self._found_dead)
        for tap in self._installation.taps:
            assert not tap.conflicts, f"sent again with other bytes: {tap.conflicts}"
            for key, body in tap.bodies.items():
                assert every.setdefault(key, body) == body, f"record {key} differs between two sources"
        return every

    async def settle(self, tenant: KitTenant) -> Sums:
        """Wait until every sealed record is in the ledger, and hold all sums against each other. What they say."""
        deadline = time.monotonic() + SETTLED
        installation = self._installation
        while True:
            waiting = await apart(lambda: sum(gateway.metric(SPOOL_RECORDS.name) for gateway in installation.gateways))
            records, tables = await booked(installation.postgres.url, tenant.name)
            sealed = self.sealed()  # after it: what is booked was seen on its way before
            if not waiting and records.keys() == sealed.keys():
                break
            assert records.keys() <= sealed.keys(), "the ledger has records that nobody sealed"
            missing = sealed.keys() - records.keys()
            assert time.monotonic() < deadline, f"{waiting} records wait, {len(missing)} are not in the ledger"
            await asyncio.sleep(0.05)
        differing = [key for key, body in records.items() if sealed[key] != body]
        assert not differing, f"booked otherwise than sealed: {differing}"
        counted = sums_of_bodies(sealed.values(), tenant.name)
        for table, sums in tables.items():
            assert sums == counted, table
        for run in {run for run, _ in sealed}:
            numbers = sorted(number for of, number in sealed if of == run)
            assert numbers == list(range(1, len(numbers) + 1)), "a run's numbers have holes"
        return counted

    async def settle_to(
        self, tenant: KitTenant, load: Load, right: Callable[[Sums, Sums], bool] = Sums.__eq__
    ) -> tuple[Sums, Sums]:
        """Wait until what was counted is right for what was received, and is told to the tenant. Both.

        Clients are still there, so one more frame may be counted between the ledger's answer and the tenant's.
        """
        deadline = time.monotonic() + SETTLED
        while True:
            counted, received = await self.settle(tenant), load.sums()
            told = await apart(lambda: told_to(tenant, self._installation.billing))
            if right(counted, received) and told == counted:
                return counted, received
            standing = f"counted {dict(counted)}, received {dict(received)}, told {dict(told)}"
            assert time.monotonic() < deadline, standing
            await asyncio.sleep(0.1)


class Kills:
    """When and which gateway was killed, for the bounds of what that may have cost."""

    def __init__(self) -> None:
        self.killed: list[tuple[float, str]] = []

    def unsealed(self, load: Load) -> Sums:
        """All that clients received that the killed gateways may not have sealed."""
        sums: Sums = Sums()
        for at, url in self.killed:
            for client in load.clients:
                for one in client.received:
                    if one.url == url and one.since < at and one.at >= at - UNSEALED:
                        sums[one.usage_class, "messages"] += one.messages
                        sums[one.usage_class, "bytes"] += one.bytes
        return sums


def in_doubt(load: Load, windows: list[Window]) -> Sums:
    """Operations under way in one of these times: committed and not counted, if the worst happened to all."""
    sums: Sums = Sums()
    for writer in load.writers:
        for identity, (made, acknowledged) in writer.times.items():
            if any(made <= end and acknowledged >= begin for begin, end in windows):
                sums["publish", "messages"] += 1
                sums["publish", "bytes"] += writer.published[identity]
    return sums


def check_bounds(load: Load, counted: Sums, received: Sums, least: Sums) -> None:
    """`least`: what may be missing from the count. What clients may have missed is told by what they caught up with."""
    lost = {
        "publish": 0,
        "delivery": sum(copy.caught_up for client in load.clients for copy in client.copies.values()),
        "replay": sum((client.connections - 1) * len(client.copies) for client in load.clients),
        # At most one a second for each page, and nothing waits longer than a connection lives after its last sign.
        "presence": sum(4 * (client.connections - 1) * len(client.copies) for client in load.clients),
    }
    cuts = sum(client.connections - 1 for client in load.clients)
    for usage_class, messages in lost.items():
        difference = counted[usage_class, "messages"] - received[usage_class, "messages"]
        assert -least[usage_class, "messages"] <= difference <= messages, (usage_class, difference, least, lost)
        difference = counted[usage_class, "bytes"] - received[usage_class, "bytes"]
        most = cuts * SEND_BUFFER.default if messages else 0
        assert -least[usage_class, "bytes"] <= difference <= most, (usage_class, difference, least, most)
