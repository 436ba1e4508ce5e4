"""What can happen on the way from clients to gateways."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from kit.faults.fault import Fault
from kit.installation import Installation


@contextmanager
def far_away(i: Installation) -> Iterator[None]:
    for front in i.fronts:
        front.delay(0.2)
    yield
    for front in i.fronts:
        front.heal()


@contextmanager
def cut_often(i: Installation) -> Iterator[None]:
    for _ in range(6):
        for front in i.fronts:
            front.reset()
        time.sleep(0.4)
    yield


@contextmanager
def half_open(i: Installation) -> Iterator[None]:
    """Clients lose their network without a word: the gateways hold connections with nobody at the other end."""
    for front in i.fronts:
        front.half_open()
    yield
    for front in i.fronts:
        front.heal()


@contextmanager
def hole(i: Installation) -> Iterator[None]:
    for front in i.fronts:
        front.hole()
    yield
    for front in i.fronts:
        front.heal()


@contextmanager
def slow_reading(i: Installation) -> Iterator[None]:
    for front in i.fronts:
        front.trickle(2_000)
    yield
    for front in i.fronts:
        front.heal()


FAULTS = [
    Fault("clients are 200 ms away", far_away, "changes come later by that", hold=3.0, in_front=True),
    Fault("clients' connections are reset, again and again", cut_often, "the widget comes back by itself",
          in_front=True, quick=True),
    Fault("half-open clients", half_open, "a client that hears nothing opens a new connection", hold=4.0,
          in_front=True),
    Fault("clients in a black hole", hole, "nothing arrives; the widget comes back when the network does", hold=3.0,
          in_front=True),
    Fault("clients read 2 kB/s", slow_reading, "changes come as fast as they can be read", hold=3.0, in_front=True),
]  # fmt: skip
