"""One fault under load: what must hold during and after it, and what was measured."""

import asyncio
import time
from dataclasses import dataclass
from pathlib import Path

from kit.faults.fault import Fault
from kit.installation import Installation, apart
from kit.load import Load
from kit.page_truth import check_all, converged
from kit.usage_audit import UNSEALED, Audit, Kills, check_bounds, in_doubt
from kit.usage_sums import Sums

#: Seconds. What the design promises, from the end of a fault.
BAR = 5.0
#: Seconds of load before a fault, and after everybody has converged.
BEFORE, AFTER = 1.0, 0.7
#: Bytes by which a gateway may grow during a fault: some thousand changes that wait, and what a burst leaves behind.
GROWTH = 64 * 1024 * 1024
#: Seconds between looks at memory.
LOOK_EVERY = 0.1


@dataclass
class Outcome:
    """Times in seconds; `behind`: the longest that a change took to reach everybody while the bus was away."""

    name: str
    converged: float
    behind: float | None
    acknowledged: int
    told: int
    grown: int
    uncounted: int

    def __str__(self) -> str:
        behind = "" if self.behind is None else f", meanwhile at most {self.behind:.2f} s behind"
        return (
            f"{self.name}: in sync {self.converged:.2f} s after the end{behind}; {self.acknowledged} acknowledged, "
            f"{self.told} times told to wait, {self.uncounted} not counted, grown by {self.grown / 2**20:.1f} MiB"
        )


class Growth:
    """How much the gateways that run now grow at most."""

    def __init__(self, installation: Installation) -> None:
        self._first = {g.pid: resident(g.pid) for g in installation.gateways if g.running}
        self.most = 0

    def look(self) -> None:
        for pid, first in self._first.items():
            if (now := resident(pid)) > 0:
                self.most = max(self.most, now - first)

    async def watch(self) -> None:
        while True:
            self.look()
            await asyncio.sleep(LOOK_EVERY)


def resident(pid: int) -> int:
    """Bytes that a process holds; 0 when it is not there."""
    try:
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) * 1024
    except OSError:
        pass
    return 0


async def strike(
    fault: Fault, installation: Installation, audit: Audit, *, seed: int, before: float = BEFORE
) -> Outcome:
    """Strike while there is load, mend, and hold everybody and everything against the database and the count."""
    await apart(installation.billing.wait_ready)
    tenant = installation.new_tenant()
    urls = installation.front_urls if fault.in_front else installation.urls
    kills = Kills()
    async with Load(urls, tenant, seed=seed) as load:
        await asyncio.sleep(before)
        acknowledged, struck = load.acknowledged, time.monotonic()
        assert acknowledged, "no load"
        there = [client for client in load.clients if client.url == installation.gateways[0].live_url]
        growth = Growth(installation)
        watch = asyncio.create_task(growth.watch())
        running = fault.begin(installation)
        if fault.killed:
            kills.killed.append((struck, installation.gateways[0].live_url))
        await apart(running.__enter__)
        end = time.monotonic() + fault.hold
        behind, took = None, None
        try:
            if fault.moved:
                await load.until(lambda: not fault.told or all(client.moves for client in there), BAR)
                took = await converged(load, installation.postgres.url, tenant.name, struck, BAR)
            if fault.newcomers:
                load.urls = installation.urls
                for client in load.clients[::3]:
                    await client.cut()
            if fault.bus_only:
                behind = await meanwhile(load, installation, tenant.name, end)
            await asyncio.sleep(max(0.0, end - time.monotonic()))
        finally:
            if fault.newcomers:
                load.urls = urls
            await apart(lambda: running.__exit__(None, None, None))
        mended = time.monotonic()
        if took is None:
            took = await converged(load, installation.postgres.url, tenant.name, mended, BAR)
        await asyncio.sleep(AFTER)
        await check_all(load, installation.postgres.url, tenant.name)
        assert load.acknowledged > acknowledged, "nothing was written after the fault"
        watch.cancel()
        assert growth.most <= GROWTH, f"a gateway grew by {growth.most / 2**20:.0f} MiB"
        await apart(installation.billing.wait_ready)
        least = kills.unsealed(load)
        if fault.doubt:
            least += in_doubt(load, [(struck - UNSEALED, mended)])

        def within(counted: Sums, received: Sums) -> bool:
            return all(counted[key] >= received[key] - least[key] for key in received)

        counted, received = await audit.settle_to(tenant, load, within)
        check_bounds(load, counted, received, least)
        told = sum(client.errors["unavailable"] + client.errors["internal"] for client in load.clients)
        uncounted = sum(max(0, received[key] - counted[key]) for key in received if key[1] == "messages")
        outcome = Outcome(fault.name, took, behind, load.acknowledged, told, growth.most, uncounted)
    assert not (errors := installation.new_errors()), errors
    return outcome


async def meanwhile(load: Load, installation: Installation, tenant: str, end: float) -> float:
    """Look again and again, until `end`, how long what is written takes to reach everybody, those who just came too."""
    longest = 0.0
    for client in load.clients[::3]:
        await client.cut()
    while (now := time.monotonic()) < end:
        longest = max(longest, await converged(load, installation.postgres.url, tenant, now, BAR))
    return longest
