"""What can happen to a gateway itself."""

import email.utils
import os
import resource
import socket
import time
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from kit.faults.fault import Fault
from kit.installation import Installation

#: Seconds.
HOUR = 3_600
#: File descriptors that are left when they run out: none is, once so many connections have been opened.
SPARE = 4


@contextmanager
def killed(i: Installation) -> Iterator[None]:
    i.gateways[0].kill()
    yield
    i.gateways[0].restart()


@contextmanager
def stopped(i: Installation) -> Iterator[None]:
    i.gateways[0].ask_to_stop()
    yield
    assert i.gateways[0].ended() == 0
    i.gateways[0].restart()


@contextmanager
def frozen(i: Installation) -> Iterator[None]:
    i.gateways[0].suspend()
    yield
    i.gateways[0].resume()


@contextmanager
def twin(i: Installation) -> Iterator[None]:
    """As when an orchestrator starts a pod again that still runs somewhere: same name, same volume."""
    i.add_gateway(SPOOL_DIRECTORY=str(i.gateways[0].spool))
    yield
    i.remove_gateway()


@contextmanager
def no_descriptors(i: Installation) -> Iterator[None]:
    gateway = i.gateways[0]
    limits = resource.prlimit(gateway.pid, resource.RLIMIT_NOFILE)
    used = len(os.listdir(f"/proc/{gateway.pid}/fd"))
    resource.prlimit(gateway.pid, resource.RLIMIT_NOFILE, (used + SPARE, limits[1]))
    with ExitStack() as stack:
        for _ in range(4 * SPARE):
            peer = stack.enter_context(socket.socket())
            peer.settimeout(1.0)
            peer.connect_ex(("127.0.0.1", gateway.port))
        yield
    resource.prlimit(gateway.pid, resource.RLIMIT_NOFILE, limits)


def _clock(seconds: float) -> Fault:
    @contextmanager
    def wrong(i: Installation) -> Iterator[None]:
        i.shims[0].shift_clock(seconds)
        with urllib.request.urlopen(f"{i.gateways[0].url}/healthz/live", timeout=5) as answer:
            said = email.utils.parsedate_to_datetime(answer.headers["Date"]).timestamp()
        assert abs(said - time.time() - seconds) < 60, "the clock is right"
        yield
        i.shims[0].shift_clock(0)

    ahead = "tokens that end within the hour are refused there: `token-expired`, and a client gets a new one"
    behind = "tokens made less than an hour ago are not valid there yet: clients go to another gateway"
    name = f"a gateway's clock jumps an hour {'ahead' if seconds > 0 else 'back'}"
    return Fault(name, wrong, ahead if seconds > 0 else behind, hold=2.0, newcomers=True)


FAULTS = [
    Fault("a gateway is killed", killed, "its readers reconnect elsewhere, and send again what was not acknowledged",
          moved=True, killed=True, doubt=True, quick=True),
    Fault("a gateway is told to stop", stopped, "nothing: they move at random moments of the drain time",
          moved=True, told=True),
    Fault("a gateway hangs", frozen, "changes stand still; impatient clients move", hold=3.0, doubt=True),
    Fault("two gateways with one identity", twin, "nothing", hold=1.0, newcomers=True),
    Fault("a gateway has no file descriptors left", no_descriptors, "newcomers go to another gateway", hold=2.0,
          newcomers=True),
    _clock(HOUR),
    _clock(-HOUR),
]  # fmt: skip
