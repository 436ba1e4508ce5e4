"""What can happen to billing: readers see nothing of it, and the count stays exact."""

from collections.abc import Iterator
from contextlib import contextmanager

from kit.faults.fault import Fault
from kit.installation import Installation


@contextmanager
def killed(i: Installation) -> Iterator[None]:
    i.billing.kill()
    yield
    i.billing.start()


@contextmanager
def stopped(i: Installation) -> Iterator[None]:
    assert i.billing.stop() == 0
    yield
    i.billing.start()


@contextmanager
def frozen(i: Installation) -> Iterator[None]:
    i.billing.suspend()
    yield
    i.billing.resume()


FAULTS = [
    Fault("billing is killed", killed, "nothing; usage waits on the spools", hold=1.0, bus_only=True),
    Fault("billing is told to stop", stopped, "nothing; usage waits on the spools", hold=1.0, bus_only=True),
    Fault("billing hangs", frozen, "nothing; usage waits on the spools", hold=3.0, bus_only=True),
]
