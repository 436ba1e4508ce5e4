"""Acknowledged operations a second with 500 writers, fsync on: group commit against one transaction for each."""

from bench import machine
from bench.report import Bar, Figure, Report
from bench.world import GatewayProcess, Load, World

WRITERS = 500
PAGES = 100


def run(world: World, quick: bool) -> Report:
    rounds, seconds = (3, 2.0) if quick else (9, 6.0)
    report = Report("writes")
    acme, load = world.account(), world.load()
    tokens = acme.tokens(WRITERS)
    grouped = world.gateway()
    single = world.gateway(program="bench.rivals.single_commits", DATABASE_POOL="16")
    for name, gateway in (("grouped", grouped), ("single", single)):
        _writers(load, name, gateway, tokens)
        load("flat_out", group=name, writers=WRITERS, seconds=1.0)

    rates: dict[str, list[float]] = {"grouped": [], "single": []}
    cpu: dict[str, list[float]] = {"grouped": [], "single": []}
    p99: list[float] = []
    for number in range(rounds):
        order = [("grouped", grouped), ("single", single)]
        for name, gateway in order if number % 2 else reversed(order):
            began = gateway.cpu
            done = load("flat_out", group=name, writers=WRITERS, seconds=seconds)
            if done["errors"]:
                report.notes.append(f"{name}: refused: {done['errors']}")
            rates[name].append(done["acked"] / done["seconds"])
            cpu[name].append((gateway.cpu - began) * 1e6 / max(1, done["ack_ms"]["n"]))
            if name == "grouped":
                p99.append(done["ack_ms"]["p99"])
    rival = "a transaction each"
    report.figures += [
        Figure("acknowledged operations", "per s", rates["grouped"], rival, rates["single"], Bar(5, ">=")),
        Figure("gateway's CPU", "µs/operation", cpu["grouped"], rival, cpu["single"]),
        Figure("p99 of an acknowledgement", "ms", p99),
    ]
    flushes = world.query(world.postgres.url, "SHOW fsync"), world.query(world.postgres.url, "SHOW synchronous_commit")
    report.notes.append(
        f"{WRITERS} connections, each sends its next reply (100 characters) when the last is acknowledged, to {PAGES} "
        f"pages; fsync {flushes[0]}, synchronous_commit {flushes[1]}. The rival is the same gateway with batches of "
        f"one and 12 transactions at the same time. Clients and database share {len(machine.OTHER_CORES)} core(s)."
    )
    return report


def _writers(load: Load, name: str, gateway: GatewayProcess, tokens: list[str]) -> None:
    """Join nobody: a `do` needs no `join`. The page is the join's, so it joins one that nobody writes to."""
    load.join(name, gateway, WRITERS, tokens=tokens, pages=[f"{name}/{number}" for number in range(PAGES)])
    load("start_chats", group=name, writers=WRITERS)
