"""2,000 pages with 5 readers each, one change a second on every page, by a reader through `do` and a synced commit."""

import time

from bench import machine
from bench.report import Bar, Figure, Report
from bench.world import World

READERS = 5


def run(world: World, quick: bool) -> Report:
    rounds, pages, seconds = (3, 200, 3.0) if quick else (9, 2_000, 10.0)
    report = Report("spread")
    acme, load = world.account(), world.load()
    gateway = world.gateway()
    readers = pages * READERS
    names = [f"page/{number}" for number in range(pages)]
    load.join("readers", gateway, readers, tokens=acme.tokens(readers), pages=names)
    load("start_chats", group="readers", writers=pages)
    own, bus, database, delivered, acknowledged, median = [], [], [], [], [], []
    for _ in range(rounds):
        began = time.monotonic()
        cpu = gateway.cpu, machine.cpu_seconds(world.valkey.pid), machine.cpu_seconds_of_tree(world.postgres.pid)
        done = load("steady", group="readers", writers=pages, per_second=pages, seconds=seconds)
        took = time.monotonic() - began
        # What is done after the last change is not the load's: its second is in the time, its rest is small.
        share = seconds / done["seconds"] / seconds
        own.append((gateway.cpu - cpu[0]) * share)
        bus.append((machine.cpu_seconds(world.valkey.pid) - cpu[1]) * share)
        database.append((machine.cpu_seconds_of_tree(world.postgres.pid) - cpu[2]) * share)
        delivered.append(done["delivery_ms"]["p99"])
        median.append(done["delivery_ms"]["p50"])
        acknowledged.append(done["ack_ms"]["p99"])
        if done["errors"] or done["deliveries"] != done["sent"] * READERS:
            report.notes.append(
                f"{done['deliveries']} of {done['sent'] * READERS} came in {took:.0f} s; {done['errors']}"
            )
    judged = not quick  # with a tenth of the pages the bars say nothing
    report.figures += [
        Figure("gateway", "cores", own, bar=Bar(0.8, of="value") if judged else None),
        Figure("Valkey", "cores", bus, bar=Bar(0.1, of="value") if judged else None),
        Figure("Postgres", "cores", database),
        Figure("p50 from due to received", "ms", median),
        Figure("p99 from due to received", "ms", delivered),
        Figure("p99 from due to acknowledged", "ms", acknowledged),
    ]
    report.notes.append(f"{pages:,} pages, {READERS} readers each, {pages:,} changes a second for {seconds:g} s.")
    return report
