"""How often each reader may ask over HTTP, where there is no connection to count on."""

from collections import OrderedDict

from parley_gateway.core.rate import Rate

#: Readers remembered; beyond it the one who was longest silent starts with a full allowance again.
REMEMBERED = 20_000


class ReaderRates:
    """One token bucket per reader. Time in seconds of a steady clock."""

    def __init__(self, per_second: float, burst: float) -> None:
        self._per_second = per_second
        self._burst = burst
        self._rates: OrderedDict[tuple[str, str], Rate] = OrderedDict()

    def take(self, tenant: str, reader: str, now: float) -> int:
        """0 when one more is allowed, else the milliseconds after which it will be."""
        key = (tenant, reader)
        rate = self._rates.get(key)
        if rate is None:
            rate = self._rates[key] = Rate(self._per_second, self._burst, now)
            if len(self._rates) > REMEMBERED:
                self._rates.popitem(last=False)
        self._rates.move_to_end(key)
        return rate.take(now)
