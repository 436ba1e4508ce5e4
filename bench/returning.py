"""5,000 clients come back at once; each has missed 20 changes of its page."""

import time
from typing import Any

from bench.report import Bar, Figure, Report
from bench.world import BenchProblem, Load, World
from parley import metrics

MISSED = 20
PER_PAGE = 100
#: Calls of what reads a page for somebody who joins.
READS = """
SELECT coalesce(sum(calls), 0) FROM pg_stat_user_functions WHERE funcname IN ('page_changes', 'page_events')
"""


def run(world: World, quick: bool) -> Report:
    rounds, clients = (3, 1_000) if quick else (9, 5_000)
    report = Report("returning")
    acme, load = world.account(), world.load()
    gateway = world.gateway()
    tokens = acme.tokens(clients)
    pages = [f"page/{number}" for number in range(clients // PER_PAGE)]

    writers, nothing = acme.tokens(len(pages), "writer"), [{"epoch": "", "seq": 0}]
    load.join("writers", gateway, len(pages), tokens=writers, pages=pages, since=nothing)
    load("start_chats", group="writers", writers=len(pages))
    costs: list[float] = []
    queries: list[float] = []
    seconds: list[float] = []
    for _ in range(rounds):
        before = _heads(load)
        load("steady", group="writers", writers=len(pages), per_second=len(pages) * 10, seconds=MISSED / 10)
        heads = _heads(load)
        missed = {heads[page]["seq"] - before[page]["seq"] for page in pages}
        if missed != {MISSED}:
            raise BenchProblem(f"the pages moved on by {sorted(missed)}, not by {MISSED}")
        called, began = _calls(world), gateway.cpu
        since = [before[page] for page in pages]
        done = load.join("back", gateway, clients, tokens=tokens, pages=pages, since=since, at_once=clients)
        costs.append((gateway.cpu - began) * 1e6 / clients)
        seconds.append(done["seconds"])
        queries.append((_calls(world) - called) / len(pages))
        found = load("cursors", group="back")["pages"]
        behind = sum(
            count for page in pages for seq, count in found[page]["seqs"].items() if int(seq) != heads[page]["seq"]
        )
        if behind:
            raise BenchProblem(f"{behind} of {clients} clients are not in sync")
        load("close", group="back")
        gateway.wait_metric(metrics.CONNECTIONS.name, len(pages))
    report.figures += [
        Figure("CPU per client", "µs", costs, bar=Bar(1_000, of="value")),
        Figure("database reads per page", "queries", queries, bar=Bar(3, of="value")),
        Figure("until all are in sync", "s", seconds),
    ]
    report.notes.append(
        f"{clients:,} clients on {len(pages)} pages, {PER_PAGE} each, open their connections as fast as the gateway "
        f"takes them and join with the cursor of {MISSED} changes ago. All were in sync in every round. The bar on "
        f"queries says that they grow with pages, not clients."
    )
    return report


def _calls(world: World) -> float:
    """How often a page was read so far. Postgres's sessions report that within a second."""
    time.sleep(1.2)
    return float(world.query(world.database_url, READS))


def _heads(load: Load) -> dict[str, dict[str, Any]]:
    """Each page's cursor, as its writer sees it."""
    return {
        page: {"epoch": at["epoch"], "seq": int(next(iter(at["seqs"])))}
        for page, at in load("cursors", group="writers")["pages"].items()
    }
