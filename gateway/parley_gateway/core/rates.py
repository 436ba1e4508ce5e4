"""How often each of many may do something: readers, tenants, addresses."""

from collections import OrderedDict
from collections.abc import Hashable
from typing import Generic, TypeVar

from parley_gateway.core.rate import Rate

#: Names remembered; beyond it the one who was longest silent starts with a full allowance again.
REMEMBERED = 20_000

K = TypeVar("K", bound=Hashable)


class Rates(Generic[K]):
    """One token bucket for each name. `burst_seconds`: how many seconds' worth may come at once."""

    def __init__(self, burst_seconds: float, *, remembered: int = REMEMBERED) -> None:
        self._burst_seconds = burst_seconds
        self._remembered = remembered
        self._rates: OrderedDict[K, Rate] = OrderedDict()

    def take(self, name: K, per_second: float, now: float, *, spare: float = 0.0) -> int:
        """0 when one more is allowed, else the milliseconds after which it will be. `now`: seconds, a steady clock.

        `spare`: as for `Rate.take`.
        """
        rate = self._rates.get(name)
        if rate is None or rate.per_second != per_second:
            rate = self._rates[name] = Rate(per_second, per_second * self._burst_seconds, now)
            if len(self._rates) > self._remembered:
                self._rates.popitem(last=False)
        self._rates.move_to_end(name)
        return rate.take(now, spare)
