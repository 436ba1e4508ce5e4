"""A broadcast to 8,000 subscribers: how late the gateway's loop is meanwhile, and another tenant's readers are told.

The other tenant has a page with five readers and 50 changes a second. Delays count from when a change was due to when
a reader has it: through `do`, commit, the bus and the measured gateway.
"""

import subprocess
import sys
import time
from pathlib import Path

from bench import machine
from bench.load import ANCHOR
from bench.report import Bar, Figure, Report, percentile
from bench.watched import late
from bench.world import PYTHONPATH, World

#: The other tenant's page.
READERS, WRITERS, CHANGES = 5, 10, 50
#: Seconds of one measurement, and between two broadcasts in it.
WINDOW, EVERY = 3.0, 0.5
CHAT = "00000000-0000-4000-8000-000000000001"


class IdleLoop:
    """The control: an event loop that only looks at the clock."""

    def __init__(self, file: Path) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "bench.watched", str(file), "idle"], env={"PYTHONPATH": PYTHONPATH}
        )
        machine.pin(self._process.pid, machine.OTHER_CORES)

    def end(self) -> None:
        self._process.kill()
        self._process.wait()


def run(world: World, quick: bool) -> Report:
    rounds, audience = (3, 2_000) if quick else (9, 8_000)
    report = Report("fairness")
    large, small = world.accounts(["large", "small"])
    files = {name: world.directory / f"{name}.lag" for name in ("gateway", "idle")}
    measured = world.gateway(program="bench.watched", arguments=(str(files["gateway"]), "gateway"))
    publishing = world.gateway(cores=machine.OTHER_CORES)
    control = IdleLoop(files["idle"])
    world.on_end(control)
    # The crowd's process gives way: its own work must not delay the clients whose delays are measured.
    crowd, few = world.load(nice=15), world.load()
    crowd.join("crowd", measured, audience, tokens=large.tokens(audience), pages=["large"])
    crowd.join("speakers", publishing, 20, tokens=large.tokens(20, "speaker"), pages=[""])
    crowd(
        "send",
        group="speakers",
        writes=[(0, [{"page": "large", "op": "new-chat", "broadcastId": CHAT, "anchor": ANCHOR, "text": "?"}])],
    )
    crowd("expect", group="crowd", events=audience)
    few.join("small", measured, READERS, tokens=small.tokens(READERS), pages=["small"])
    few.join("writers", publishing, WRITERS, tokens=small.tokens(WRITERS, "writer"), pages=["small"])
    few("start_chats", group="writers", writers=WRITERS)

    told = 1  # the crowd's events so far, each
    quiet, busy, more, lag, control_lag, last = [], [], [], [], [], []
    steady = {"group": "writers", "writers": WRITERS, "per_second": CHANGES, "seconds": WINDOW, "watch": "small"}
    for _ in range(rounds):
        quiet.append(few("steady", **steady)["delivery_ms"]["p99"])
        few.begin("steady", **steady)
        began, windows = time.monotonic(), []
        while (start := time.monotonic()) < began + WINDOW - EVERY:
            operation = {"page": "large", "chat": CHAT, "op": ("resolve", "reopen")[(told - 1) % 2]}
            crowd("send", group="speakers", writes=[(told % 20, [operation])])
            told += 1
            crowd("expect", group="crowd", events=told * audience)
            windows.append((start, time.monotonic()))
            last.append(1000 * (windows[-1][1] - start))
            time.sleep(max(0.0, start + EVERY - time.monotonic()))
        busy.append(few.answer()["delivery_ms"]["p99"])
        more.append(busy[-1] - quiet[-1])
        lag.append(percentile(late(files["gateway"], windows), 0.99))
        control_lag.append(percentile(late(files["idle"], windows), 0.99))
    above = [own - other for own, other in zip(lag, control_lag, strict=True)]
    report.figures += [
        Figure("loop lag p99 during broadcasts", "ms", lag, "idle loop", control_lag),
        Figure("loop lag p99 above an idle loop's", "ms", above, bar=Bar(20, of="value")),
        Figure("other tenant's p99", "ms", busy, "quiet", quiet),
        Figure("other tenant's p99 above quiet", "ms", more, bar=Bar(20, of="value")),
        Figure("until the last of the crowd has it", "ms", last),
    ]
    report.notes.append(f"{audience:,} subscribers, a broadcast every {EVERY:g} s.")
    return report
