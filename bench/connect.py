"""CPU of letting a reader in: TCP, upgrade, `hello` with a token, `welcome`, `join`, `page`."""

from collections.abc import Callable

from bench.report import Bar, Figure, Report
from bench.rivals.process import python_server
from bench.world import HOST, World
from parley import metrics

PAGES = 100
AT_ONCE = 32


def run(world: World, quick: bool) -> Report:
    rounds, readers = (3, 400) if quick else (11, 1_000)
    report = Report("connect")
    acme, load = world.account(algorithm="ES256"), world.load()
    gateway, bare = world.gateway(), python_server("aiohttp", 250)
    world.on_end(bare)
    pages = [f"page/{number}" for number in range(PAGES)]
    seen = acme.tokens(readers, "regular")

    def come(tokens: list[str]) -> float:
        began = gateway.cpu
        load.join("readers", gateway, readers, tokens=tokens, pages=pages, at_once=AT_ONCE)
        spent = gateway.cpu - began
        load("close", group="readers")
        gateway.wait_metric(metrics.CONNECTIONS.name, 0)
        gateway.wait_metric(metrics.PAGES.name, 0)  # so that every round begins alike
        return spent * 1e6 / readers

    def upgrade() -> float:
        began = bare.cpu
        load("open", group="bare", host=HOST, port=bare.port, count=readers, how="websocket", at_once=AT_ONCE)
        spent = bare.cpu - began
        load("close", group="bare")
        return spent * 1e6 / readers

    come(seen)
    costs: dict[str, list[float]] = {"seen": [], "new": [], "bare": []}
    for number in range(rounds):
        strangers = acme.tokens(readers, f"stranger-{number}")
        steps: list[tuple[str, Callable[[], float]]] = [
            ("seen", lambda: come(seen)),
            ("new", lambda strangers=strangers: come(strangers)),  # type: ignore[misc]
            ("bare", upgrade),
        ]
        for name, step in steps if number % 2 else reversed(steps):
            costs[name].append(step())
    rival = "aiohttp upgrade alone"
    report.figures += [
        Figure("token seen before", "µs", costs["seen"], rival, costs["bare"], Bar(600, of="value")),
        Figure("new ES256 token", "µs", costs["new"], rival, costs["bare"], Bar(850, of="value")),
    ]
    report.notes.append(f"{readers:,} readers come to {PAGES} pages, {AT_ONCE} at once; their leaving is not in it.")
    return report
