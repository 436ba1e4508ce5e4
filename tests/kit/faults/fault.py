"""What one fault is."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass

from kit.installation import Installation


@dataclass(frozen=True)
class Fault:
    """`begin`: entering it strikes, leaving it mends, `hold` seconds later.

    `seen`: what readers see of it, for the documentation.
    `bus_only`: the database answers all the time, so clients must converge while it lasts, too.
    `moved`: for clients the fault is over as soon as it has happened; it is mended after they converged.
    `told`: the clients of the first gateway are asked to move beforehand.
    `killed`: the first gateway dies with what it had not sealed.
    `doubt`: commits may break off in the middle: such an operation counts once or not at all.
    `newcomers`: some clients are cut once it has struck, so that they come back while it lasts.
    `in_front`: clients reach gateways through proxies, which is where the fault is.
    `quick`: part of `make test`; all others run at night.
    """

    name: str
    begin: Callable[[Installation], AbstractContextManager[None]]
    seen: str
    hold: float = 0.0
    bus_only: bool = False
    moved: bool = False
    told: bool = False
    killed: bool = False
    doubt: bool = False
    newcomers: bool = False
    in_front: bool = False
    quick: bool = False
